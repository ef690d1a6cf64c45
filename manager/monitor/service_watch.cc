#include "manager/monitor/service_watch.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <ctime>
#include <utility>

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "manager/supervise/output_file.h"

namespace berth::manager {
namespace {

using loop::Task;
using std::chrono::nanoseconds;

constexpr std::uint64_t kTellAtPercent = 90;  // of the descriptors
constexpr double kSecondsOfHour = 3'600, kMebibyte = 1 << 20;

nanoseconds time_of(const timespec& time) {
  return std::chrono::seconds(time.tv_sec) + nanoseconds(time.tv_nsec);
}

// Of the log that the service writes itself.
std::vector<LogFileState> log_files(const std::string& folder) {
  std::vector<LogFileState> files;
  DIR* directory = ::opendir(folder.c_str());
  if (!directory) return files;
  while (const dirent* entry = ::readdir(directory)) {
    const std::string_view name = entry->d_name;
    struct stat info{};
    if (name.find(".log") == std::string_view::npos || name.starts_with("output.log") ||
        ::fstatat(::dirfd(directory), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0 ||
        !S_ISREG(info.st_mode))
      continue;
    files.push_back({static_cast<std::uint64_t>(info.st_size), time_of(info.st_mtim)});
  }
  ::closedir(directory);
  return files;
}

std::uint64_t count_entries(const std::string& folder) {
  DIR* directory = ::opendir(folder.c_str());
  if (!directory) return 0;
  std::uint64_t count = 0;
  while (const dirent* entry = ::readdir(directory)) count += entry->d_name[0] != '.';
  ::closedir(directory);
  return count;
}

// Since Linux 6.2 the size of the folder is their number, and nobody has to list them (proc_pid_fd(5)).
std::uint64_t count_descriptors(const std::string& process) {
  struct stat info{};
  if (::stat((process + "/fd").c_str(), &info) == 0 && info.st_size > 0)
    return static_cast<std::uint64_t>(info.st_size);
  return count_entries(process + "/fd");
}

}  // namespace

double log_rate(const std::vector<LogFileState>& files, nanoseconds now) {
  if (files.size() < 2) return 0;
  auto oldest = nanoseconds::max();
  std::uint64_t all = 0, size_of_oldest = 0;
  for (const auto& file : files) {
    all += file.size;
    if (file.changed >= oldest) continue;
    oldest = file.changed;
    size_of_oldest = file.size;
  }
  if (now <= oldest) return 0;
  const auto seconds = std::max(1.0, std::chrono::duration<double>(now - oldest).count());
  return static_cast<double>(all - size_of_oldest) / seconds;
}

std::uint64_t parse_descriptor_limit(std::string_view limits) {
  constexpr std::string_view kName = "Max open files";
  for (const auto line : split(limits, '\n')) {
    if (!line.starts_with(kName)) continue;
    const auto numbers = trim(line.substr(kName.size()));
    const auto soft = parse_integer(numbers.substr(0, numbers.find(' ')));
    return soft && *soft > 0 ? static_cast<std::uint64_t>(*soft) : 0;
  }
  return 0;
}

std::vector<api::Check> find_burdens(const WatchedService& service, const ServiceBurden& burden,
                                     std::uint64_t flood_bytes) {
  std::vector<api::Check> found;
  if (burden.descriptor_limit > 0 && burden.descriptors >= burden.descriptor_limit * kTellAtPercent / 100) {
    api::Check check;
    check.id = "service-descriptors-" + service.id;
    check.severity = api::Severity::kError;
    check.values = {service.title, std::to_string(burden.descriptors),
                    std::to_string(burden.descriptor_limit)};
    check.text = fmt::format("{} has {} of {} files and sockets open.", service.title, burden.descriptors,
                             burden.descriptor_limit);
    check.why = "At its limit it can open no file and no connection any more. Other apps are not concerned.";
    check.fix =
        "Start it again. If that helps for a while only it forgets to close what it opens: tell its maker. "
        "If it needs so many, raise the setting serviceOpenFiles.";
    check.command = fmt::format("berth service restart {}", service.id);
    found.push_back(std::move(check));
  }
  const double an_hour = burden.log_bytes * kSecondsOfHour;
  if (flood_bytes > 0 && an_hour >= static_cast<double>(flood_bytes)) {
    api::Check check;
    check.id = "service-log-" + service.id;
    check.severity = api::Severity::kWarning;
    check.values = {service.title, fmt::format("{:.0f}", an_hour / kMebibyte)};
    check.text =
        fmt::format("{} writes {:.0f} MiB an hour into its log.", service.title, an_hour / kMebibyte);
    check.why = "Its log files stay as small as they are set, so they reach back for moments only.";
    check.fix = "Look at what it writes. Switch its traces off, or tell its maker.";
    check.command = fmt::format("berth log {}", service.id);
    found.push_back(std::move(check));
  }
  return found;
}

ServiceWatch::ServiceWatch(loop::Loop& loop, ServiceWatchSources sources)
    : loop_(loop),
      sources_(std::move(sources)),
      measured_(loop.now()),
      worker_(loop),
      tasks_(loop, "service watch") {}

void ServiceWatch::begin() { tasks_.spawn(go_on()); }

Task<void> ServiceWatch::go_on() {
  for (;;) {
    co_await look();
    co_await loop::sleep_for(loop_, kLook);
  }
}

Task<void> ServiceWatch::look() {
  double seconds = 0;
  if (++looks_ % kLooksToMeasure == 0) {
    seconds = std::max(0.001, std::chrono::duration<double>(loop_.now() - measured_).count());
    measured_ = loop_.now();
  }
  auto call = [services = sources_.services(), known = known_, seconds]() mutable {
    return look_at(std::move(services), std::move(known), seconds);
  };
  known_ = co_await worker_.run(std::move(call));
}

ServiceWatch::AllKnown ServiceWatch::look_at(std::vector<WatchedService> services, AllKnown known,
                                             double measured_seconds) {
  AllKnown after;
  for (auto& service : services) {
    const auto before = known.find(service.id);
    Known one = before == known.end() ? Known() : std::move(before->second);
    const std::string output = service.log_folder + "/output.log";
    const auto size = output_size(output).value_or(0);
    // What was printed before we looked for the first time is nobody's flood of now.
    if (before != known.end()) one.printed += size >= one.output_size ? size - one.output_size : size;
    one.output_size = size;
    if (const auto cut = shorten_output(output); !cut)
      log_warning("what it prints is not bounded", {{"service", service.id}, {"error", cut.error().detail}});
    else if (*cut) one.output_size = 0;
    if (measured_seconds > 0) {
      one.burden.log_bytes = static_cast<double>(std::exchange(one.printed, 0)) / measured_seconds;
      timespec now{};
      ::clock_gettime(CLOCK_REALTIME, &now);
      one.burden.log_bytes += log_rate(log_files(service.log_folder), time_of(now));
      const std::string process = fmt::format("/proc/{}", service.pid);
      one.burden.descriptors = service.pid > 0 ? count_descriptors(process) : 0;
      const auto limits = service.pid > 0 ? read_file(process + "/limits", 1 << 14) : Result<std::string>("");
      one.burden.descriptor_limit = limits ? parse_descriptor_limit(*limits) : 0;
    }
    one.service = std::move(service);
    after[one.service.id] = std::move(one);
  }
  return after;
}

std::vector<api::Check> ServiceWatch::checks() const {
  std::vector<api::Check> found;
  for (const auto& [id, known] : known_)
    for (auto& check : find_burdens(known.service, known.burden, sources_.flood_bytes()))
      found.push_back(std::move(check));
  return found;
}

}  // namespace berth::manager
