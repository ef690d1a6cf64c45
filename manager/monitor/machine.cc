#include "manager/monitor/machine.h"

#include <dirent.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>
#include <vector>

#include "base/file.h"
#include "base/text.h"

namespace berth::manager {
namespace {

// The words of a line, however many spaces are between them.
std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  for (const auto word : split(line, ' '))
    if (!trim(word).empty()) words.push_back(trim(word));
  return words;
}

std::uint64_t to_number(std::string_view word) {
  std::uint64_t number = 0;
  std::from_chars(word.data(), word.data() + word.size(), number);
  return number;
}

// "MemTotal:       4039032 kB" in bytes.
std::optional<std::uint64_t> find_kilobytes(std::string_view text, std::string_view name) {
  for (const auto line : split(text, '\n')) {
    if (!line.starts_with(name)) continue;
    const auto words = words_of(line.substr(name.size()));
    if (words.empty()) return std::nullopt;
    return to_number(words.front()) * 1024;
  }
  return std::nullopt;
}

constexpr std::size_t kMostChildren = 10'000;
constexpr std::string_view kWaited = "voluntary_ctxt_switches:";

// Of the process's main thread, which is the one that forks in the programs we watch.
std::vector<pid_t> children_of(pid_t pid) {
  std::vector<pid_t> children;
  const auto text = read_file(fmt::format("/proc/{0}/task/{0}/children", pid), 1 << 20);
  if (!text) return children;
  for (const auto word : words_of(*text)) {
    if (children.size() == kMostChildren) break;
    children.push_back(static_cast<pid_t>(to_number(word)));
  }
  return children;
}

}  // namespace

std::optional<CpuTimes> parse_cpu_times(std::string_view proc_stat) {
  const auto line = proc_stat.substr(0, proc_stat.find('\n'));
  if (!line.starts_with("cpu ")) return std::nullopt;
  const auto words = words_of(line);
  if (words.size() < 9) return std::nullopt;
  // user nice system idle iowait irq softirq steal; guests are in user already
  CpuTimes times;
  times.user = to_number(words[1]) + to_number(words[2]);
  times.system = to_number(words[3]) + to_number(words[6]) + to_number(words[7]);
  times.idle = to_number(words[4]);
  times.wait = to_number(words[5]);
  times.stolen = to_number(words[8]);
  return times;
}

std::optional<MemoryFigures> parse_memory(std::string_view proc_meminfo) {
  const auto total = find_kilobytes(proc_meminfo, "MemTotal:"),
             available = find_kilobytes(proc_meminfo, "MemAvailable:");
  if (!total || !available) return std::nullopt;
  const auto swap = find_kilobytes(proc_meminfo, "SwapTotal:").value_or(0),
             swap_free = find_kilobytes(proc_meminfo, "SwapFree:").value_or(0);
  return MemoryFigures{*total, *available, swap - std::min(swap, swap_free)};
}

std::optional<double> parse_load(std::string_view proc_loadavg) {
  const auto word = proc_loadavg.substr(0, proc_loadavg.find(' '));
  double load = 0;
  const auto end = word.data() + word.size();
  if (word.empty() || std::from_chars(word.data(), end, load).ptr != end) return std::nullopt;
  return load;
}

Traffic parse_network(std::string_view proc_net_dev) {
  Traffic sum;
  for (const auto line : split(proc_net_dev, '\n')) {
    const auto colon = line.find(':');
    if (colon == std::string_view::npos || trim(line.substr(0, colon)) == "lo") continue;
    const auto words = words_of(line.substr(colon + 1));
    if (words.size() < 9) continue;
    sum.in_bytes += to_number(words[0]);
    sum.out_bytes += to_number(words[8]);
  }
  return sum;
}

Traffic parse_disks(std::string_view proc_diskstats, const std::set<std::string, std::less<>>& disks) {
  constexpr std::uint64_t kSector = 512;  // whatever the disk's own is
  Traffic sum;
  for (const auto line : split(proc_diskstats, '\n')) {
    const auto words = words_of(line);
    if (words.size() < 10 || !disks.contains(words[2])) continue;
    sum.in_bytes += to_number(words[5]) * kSector;
    sum.out_bytes += to_number(words[9]) * kSector;
  }
  return sum;
}

std::set<std::string, std::less<>> find_disks(const std::string& sys_block) {
  constexpr std::array<std::string_view, 7> kNot = {"loop", "ram", "zram", "dm-", "md", "sr", "fd"};
  std::set<std::string, std::less<>> disks;
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(sys_block.c_str()), ::closedir);
  if (!folder) return disks;
  while (const dirent* entry = ::readdir(folder.get())) {
    const std::string_view name = entry->d_name;
    const bool is_other =
        std::any_of(kNot.begin(), kNot.end(), [&](auto start) { return name.starts_with(start); });
    if (!name.starts_with('.') && !is_other) disks.emplace(name);
  }
  return disks;
}

std::optional<ProcessTimes> parse_process_times(std::string_view pid_stat) {
  // The name in parentheses may hold anything, so from its end.
  const auto end = pid_stat.rfind(')');
  if (end == std::string_view::npos) return std::nullopt;
  const auto words = words_of(pid_stat.substr(end + 1));  // the first is field 3, the state
  if (words.size() < 18) return std::nullopt;
  return ProcessTimes{to_number(words[11]) + to_number(words[12]),
                      to_number(words[13]) + to_number(words[14]), to_number(words[17])};
}

std::optional<ProcessMemory> parse_process_memory(std::string_view pid_status) {
  const auto anonymous = find_kilobytes(pid_status, "RssAnon:"),
             shared = find_kilobytes(pid_status, "RssShmem:");
  if (!anonymous) return std::nullopt;  // a kernel thread, or a process that just ended
  return ProcessMemory{*anonymous, shared.value_or(0)};
}

std::optional<ProcessFigures> read_process(pid_t pid, bool with_children) {
  std::vector<pid_t> all = {pid};
  if (with_children)
    for (const pid_t child : children_of(pid)) all.push_back(child);
  ProcessFigures figures;
  std::uint64_t shared = 0;
  for (const pid_t one : all) {
    const auto stat = read_file(fmt::format("/proc/{}/stat", one), 4096),
               status = read_file(fmt::format("/proc/{}/status", one), 1 << 16);
    const auto times = stat ? parse_process_times(*stat) : std::nullopt;
    const auto memory = status ? parse_process_memory(*status) : std::nullopt;
    if (!times || !memory) {
      if (one == pid) return std::nullopt;
      continue;
    }
    // What a child has used is told by its parent once it has ended: nothing is counted twice, nothing lost.
    figures.cpu_ticks += times->own_ticks + times->children_ticks;
    figures.tasks += times->threads;
    figures.memory_bytes += memory->anonymous_bytes;
    shared = std::max(shared, memory->shared_bytes);
  }
  figures.memory_bytes += shared;
  return figures;
}

std::optional<std::uint64_t> read_wakeups(pid_t pid) {
  const auto threads = fmt::format("/proc/{}/task", pid);
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(threads.c_str()), ::closedir);
  if (!folder) return std::nullopt;
  std::uint64_t sum = 0;
  while (const dirent* entry = ::readdir(folder.get())) {
    if (entry->d_name[0] == '.') continue;
    const auto status = read_file(fmt::format("{}/{}/status", threads, entry->d_name), 1 << 16);
    if (!status) return std::nullopt;
    for (const auto line : split(*status, '\n'))
      if (line.starts_with(kWaited)) sum += to_number(trim(line.substr(kWaited.size())));
  }
  return sum;
}

}  // namespace berth::manager
