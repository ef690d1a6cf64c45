#include "manager/monitor/file_system_watch.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <set>

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "wire/json/json.h"

namespace berth::manager {
namespace {

using loop::Task;

constexpr std::size_t kMostRecords = 10'000, kMostText = 400;

// "\040" and the like of mountinfo.
std::string unescape(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool is_escape = text[i] == '\\' && i + 3 < text.size() && text[i + 1] >= '0' && text[i + 1] <= '3';
    if (!is_escape) {
      plain += text[i];
      continue;
    }
    int letter = 0;
    for (int digit = 1; digit <= 3; ++digit)
      letter = letter * 8 + (text[i + static_cast<std::size_t>(digit)] - '0');
    plain += static_cast<char>(letter);
    i += 3;
  }
  return plain;
}

std::string printable(std::string_view text) {
  std::string clean(text.substr(0, kMostText));
  std::replace_if(
      clean.begin(), clean.end(), [](char letter) { return static_cast<unsigned char>(letter) < 32; }, ' ');
  return clean;
}

// "vda1" of "(device vda1)" or "(vda1)".
std::string device_in_parentheses(std::string_view text) {
  const auto open = text.find('('), close = text.find(')');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open) return {};
  auto inside = text.substr(open + 1, close - open - 1);
  if (inside.starts_with("device ")) inside.remove_prefix(7);
  return inside.size() <= 64 ? std::string(inside) : std::string();
}

std::string name_by_link(const std::string& link) {
  std::array<char, 4096> target{};
  const auto size = ::readlink(link.c_str(), target.data(), target.size());
  if (size <= 0 || size == static_cast<ssize_t>(target.size())) return {};
  const std::string_view text(target.data(), static_cast<std::size_t>(size));
  return std::string(text.substr(text.rfind('/') + 1));
}

// "254:1" of the file systems that hold these folders.
std::set<std::string, std::less<>> numbers_of(const std::vector<std::string>& folders) {
  std::set<std::string, std::less<>> numbers;
  struct stat info{};
  for (const auto& folder : folders)
    if (::stat(folder.c_str(), &info) == 0)
      numbers.insert(fmt::format("{}:{}", major(info.st_dev), minor(info.st_dev)));
  return numbers;
}

std::string text_of(const FileSystem& file_system, std::uint64_t errors) {
  return fmt::format("Broken file system: {} error{} on {}, mounted at {}.", errors, errors == 1 ? "" : "s",
                     file_system.source, file_system.mounted);
}

}  // namespace

std::vector<FileSystem> find_ext4(std::string_view mountinfo,
                                  const std::function<std::string(std::string_view)>& name_of_device) {
  std::vector<FileSystem> found;
  std::set<std::string> seen;
  for (const auto line : split(mountinfo, '\n')) {
    const auto dash = line.find(" - ");
    if (dash == std::string_view::npos) continue;
    const auto fields = split(line.substr(0, dash), ' '), ends = split(line.substr(dash + 3), ' ');
    if (fields.size() < 5 || ends.size() < 2 || ends[0] != "ext4") continue;
    const auto device = name_of_device(fields[2]);
    if (device.empty() || !seen.insert(device).second) continue;
    found.push_back({device, unescape(ends[1]), unescape(fields[4])});
  }
  return found;
}

std::optional<KernelComplaint> parse_kernel_record(std::string_view record) {
  const auto semicolon = record.find(';');
  if (semicolon == std::string_view::npos) return std::nullopt;
  auto text = record.substr(semicolon + 1);
  text = text.substr(0, text.find('\n'));  // behind it come continuation lines
  const bool is_error = text.starts_with("EXT4-fs error ") || text.starts_with("EXT4-fs (") ||
                        text.starts_with("Aborting journal on device ") || text.starts_with("JBD2: ");
  if (!is_error) return std::nullopt;
  // Of what a file system says about itself only this is a failure.
  if (text.starts_with("EXT4-fs (") &&
      text.find("Remounting filesystem read-only") == std::string_view::npos &&
      text.find("error") == std::string_view::npos && text.find("failed") == std::string_view::npos)
    return std::nullopt;
  std::string device = device_in_parentheses(text);
  constexpr std::string_view kAborting = "Aborting journal on device ";
  if (text.starts_with(kAborting))
    device = std::string(
        text.substr(kAborting.size()).substr(0, text.substr(kAborting.size()).find_first_of("-. ")));
  if (device.empty()) return std::nullopt;
  return KernelComplaint{std::move(device), printable(text)};
}

FileSystemWatch::FileSystemWatch(loop::Loop& loop, FileSystemSources sources)
    : loop_(loop), sources_(std::move(sources)), tasks_(loop, "file systems") {
  const auto text = read_file(sources_.memory, 1 << 16);
  const auto kept =
      text ? json::parse_object(*text) : Result<json::Object>(fail(Errc::kNotFound, "nothing yet"));
  if (!kept) return;
  for (const auto& [device, errors] : *kept)
    if (errors.is_int64() && errors.get_int64() > 0)
      told_[std::string(device)] = static_cast<std::uint64_t>(errors.get_int64());
}

void FileSystemWatch::begin() { tasks_.spawn(go_on()); }

Task<void> FileSystemWatch::go_on() {
  for (;;) {
    look();
    co_await loop::sleep_for(loop_, kLook);
  }
}

// The kernel gives one record a read, and what it still knows of the past at first.
void FileSystemWatch::read_kernel_log() {
  if (!kernel_log_)
    kernel_log_ = UniqueFd(::open(sources_.kernel_log.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  std::array<char, 8192> record;
  for (std::size_t i = 0; kernel_log_ && i < kMostRecords; ++i) {
    const auto got = ::read(kernel_log_.get(), record.data(), record.size());
    if (got < 0 && errno == EPIPE) continue;  // overtaken: the next one is the oldest that is left
    if (got <= 0) return;
    auto complaint = parse_kernel_record(std::string_view(record.data(), static_cast<std::size_t>(got)));
    if (!complaint || (complaints_.size() >= 100 && !complaints_.contains(complaint->device))) continue;
    auto& known = complaints_[complaint->device];
    known.text = std::move(complaint->text);
    ++known.count;
  }
}

void FileSystemWatch::look() {
  read_kernel_log();
  const auto mountinfo = read_file(sources_.mountinfo, 4 << 20);
  if (!mountinfo) return;
  std::map<std::string, Broken> broken;
  bool has_news = false;
  const auto wanted = numbers_of(sources_.folders);
  const auto name_of_device = [&](std::string_view number) {
    if (!wanted.empty() && !wanted.contains(number)) return std::string();
    return name_by_link(sources_.devices + "/" + std::string(number));
  };
  for (auto& file_system : find_ext4(*mountinfo, name_of_device)) {
    const std::string device = file_system.device;
    const auto said = complaints_.find(device);
    const auto count = read_file(fmt::format("{}/{}/errors_count", sources_.ext4, device), 64);
    const auto counted = count ? parse_integer(trim(*count)) : std::nullopt;
    // Where the count cannot be read what the kernel said is counted.
    const auto now = counted ? static_cast<std::uint64_t>(std::max<std::int64_t>(0, *counted))
                     : said == complaints_.end() ? 0
                                                 : said->second.count;
    auto& told = told_[device];
    if (now < told) has_news = true;  // repaired
    if (now > 0) {
      broken[device] = {file_system, now, said == complaints_.end() ? std::string() : said->second.text};
    }
    if (now > told) {
      has_news = true;
      const auto& one = broken[device];
      log_error("broken file system",
                {{"device", device}, {"mounted", file_system.mounted}, {"errors", now}});
      Condition condition;
      condition.key = "file-system/" + device;
      condition.code = alarm_code::kFileSystem;
      condition.severity = api::AlarmSeverity::kCritical;
      condition.source = "platform";
      condition.text = text_of(file_system, now);
      condition.details = one.last_text;
      condition.fix =
          "Make a backup now and look whether the disk fails. Then stop the platform and repair the file "
          "system "
          "from a rescue system; if it cannot be repaired: new disk, new installation, restore.";
      condition.command = fmt::format("e2fsck -p -f {}", file_system.source);
      sources_.tell(std::move(condition));
    }
    told = now;
  }
  broken_ = std::move(broken);
  if (has_news) remember();
}

void FileSystemWatch::remember() {
  json::Object kept;
  for (const auto& [device, errors] : told_)
    if (errors > 0) kept[device] = static_cast<std::int64_t>(errors);
  const auto folder = sources_.memory.substr(0, sources_.memory.rfind('/'));
  auto written = make_directories(folder, 0700);
  if (written) written = write_file_durably(sources_.memory, json::serialize(kept), 0600);
  // On a broken disk it may not go, and then it is told again after the next start.
  if (!written) log_warning("told errors of file systems are not kept", {{"error", written.error().detail}});
}

std::vector<api::Check> FileSystemWatch::checks() const {
  std::vector<api::Check> found;
  for (const auto& [device, one] : broken_) {
    api::Check check;
    check.id = "file-system-" + device;
    check.severity = api::Severity::kError;
    check.values = {std::to_string(one.errors), one.file_system.source, one.file_system.mounted};
    check.text = text_of(one.file_system, one.errors);
    check.why = "What is read from it may be wrong, what is written may be lost.";
    check.fix =
        "Make a backup now and look whether the disk fails. Then stop the platform and repair the file "
        "system from a "
        "rescue system; if it cannot be repaired: new disk, new installation, restore.";
    check.command = fmt::format("e2fsck -p -f {}", one.file_system.source);
    found.push_back(std::move(check));
  }
  return found;
}

}  // namespace berth::manager
