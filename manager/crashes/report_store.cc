#include "manager/crashes/report_store.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <map>
#include <tuple>

#include "archive/zstd_file.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "wire/json/json.h"

namespace berth::manager {
namespace {

constexpr std::string_view kReport = ".json", kTrace = ".trace.zst", kCore = ".core.zst";
constexpr std::size_t kReportBytes = 256 << 10, kGroupsBytes = 4 << 20, kTraceBytes = 32 << 20;

struct Entry {
  std::string folder, name;
  timespec changed{};
  std::uint64_t size = 0;
  std::string path() const { return folder + "/" + name; }
};

bool is_newer(const Entry& one, const Entry& other) {
  return std::pair(one.changed.tv_sec, one.changed.tv_nsec) >
         std::pair(other.changed.tv_sec, other.changed.tv_nsec);
}

// Plain files of `folder`, newest first.
std::vector<Entry> files_of(const std::string& folder) {
  std::vector<Entry> files;
  DIR* directory = ::opendir(folder.c_str());
  if (!directory) return files;
  while (const dirent* entry = ::readdir(directory)) {
    struct stat info{};
    if (::fstatat(::dirfd(directory), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0 ||
        !S_ISREG(info.st_mode))
      continue;
    files.push_back({folder, entry->d_name, info.st_mtim, static_cast<std::uint64_t>(info.st_blocks) * 512});
  }
  ::closedir(directory);
  std::sort(files.begin(), files.end(), is_newer);
  return files;
}

std::vector<std::string> folders_of(const std::string& folder) {
  std::vector<std::string> names;
  DIR* directory = ::opendir(folder.c_str());
  if (!directory) return names;
  while (const dirent* entry = ::readdir(directory)) {
    struct stat info{};
    if (entry->d_name[0] == '.') continue;
    if (::fstatat(::dirfd(directory), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISDIR(info.st_mode))
      names.emplace_back(entry->d_name);
  }
  ::closedir(directory);
  std::sort(names.begin(), names.end());
  return names;
}

std::string_view without(std::string_view name, std::string_view suffix) {
  return name.substr(0, name.size() - suffix.size());
}

Result<std::string> read_compressed(const std::string& path, std::size_t limit) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return fail_errno(errno, "open " + path);
  try {
    archive::ZstdReader reader(fd.get());
    std::string text;
    std::vector<char> piece(256 << 10);
    for (std::size_t got; (got = reader.read(piece)) > 0 && text.size() < limit;)
      text.append(piece.data(), got);
    return text;
  } catch (const Failure& failure) {
    return tl::unexpected(failure.error());
  }
}

Result<void> write_compressed(const std::string& path, std::string_view text) {
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd) return fail_errno(errno, "open " + path);
  try {
    archive::ZstdWriter writer(fd.get(), 3);
    writer.write(text);
    writer.finish();
    return {};
  } catch (const Failure& failure) {
    return tl::unexpected(failure.error());
  }
}

void drop(const Entry& entry) {
  if (::unlink(entry.path().c_str()) != 0 && errno != ENOENT)
    log_warning("old report stays", {{"file", entry.path()}, {"error", errno_error(errno, "remove").detail}});
}

}  // namespace

std::string make_report_id(const std::string& service, std::chrono::system_clock::time_point at,
                           std::uint64_t pid) {
  const auto seconds = std::chrono::system_clock::to_time_t(at);
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  return fmt::format("{}-{:04}{:02}{:02}-{:02}{:02}{:02}-{}", service, utc.tm_year + 1900, utc.tm_mon + 1,
                     utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec, pid);
}

bool is_report_id(std::string_view id) {
  if (id.empty() || id.size() > 200 || id[0] == '.') return false;
  for (const char c : id)
    if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
          c == '_' || c == '.'))
      return false;
  const auto service = service_of_report(id);
  return !service.empty() && service[0] != '.';
}

std::string service_of_report(std::string_view id) {
  for (int parts = 0; parts < 3; ++parts) {
    const auto dash = id.rfind('-');
    if (dash == std::string_view::npos) return {};
    id = id.substr(0, dash);
  }
  return std::string(id);
}

Result<std::string> ReportStore::path_of(const std::string& id, std::string_view suffix) const {
  if (!is_report_id(id)) return fail(Errc::kNotFound, "there is no report {}", id);
  return fmt::format("{}/{}/{}{}", folder_, service_of_report(id), id, suffix);
}

Result<void> ReportStore::make_folder(const std::string& service) const {
  BERTH_TRY_VOID(make_directories(folder_, 0700));
  return make_directories(folder_ + "/" + service, 0700);
}

Result<void> ReportStore::put(const api::CrashReport& report, const std::vector<std::string>& trace,
                              const ReportLimits& limits) {
  BERTH_TRY_VOID(make_folder(report.service));
  BERTH_TRY(const auto path, path_of(report.id, kReport));
  if (!trace.empty()) {
    std::string text;
    for (const auto& line : trace) text += line + '\n';
    BERTH_TRY(const auto file, path_of(report.id, kTrace));
    BERTH_TRY_VOID(write_compressed(file, text));
  }
  BERTH_TRY_VOID(write_file_durably(path, json::serialize(api::to_json(report)), 0600));
  if (report.cause == api::ReportCause::kCrash) count(report);
  prune(limits);
  return {};
}

Result<api::CrashReport> ReportStore::get(const std::string& id) const {
  BERTH_TRY(const auto path, path_of(id, kReport));
  const auto text = read_file(path, kReportBytes);
  if (!text) return fail(Errc::kNotFound, "there is no report {}", id);
  BERTH_TRY(const auto value, json::parse(*text));
  BERTH_TRY(auto report, api::from_json<api::CrashReport>(value));
  if (report.core_bytes > 0 && !path_exists(or_throw(path_of(id, kCore)))) {
    report.core_bytes = 0;
    report.core_note = "its core dump was removed to make room for newer ones";
  }
  return report;
}

std::vector<api::CrashReport> ReportStore::list(const std::string& wanted) const {
  std::vector<api::CrashReport> reports;
  for (const auto& service : folders_of(folder_)) {
    if (!wanted.empty() && service != wanted) continue;
    for (const auto& file : files_of(folder_ + "/" + service)) {
      if (!std::string_view(file.name).ends_with(kReport)) continue;
      const std::string id(without(file.name, kReport));
      if (!is_report_id(id) || service_of_report(id) != service) continue;
      auto report = get(id);
      if (!report) continue;  // not ours, or half removed
      report->stack.clear();
      reports.push_back(std::move(*report));
    }
  }
  std::sort(reports.begin(), reports.end(), [](const auto& one, const auto& other) {
    return std::tie(one.at, one.id) > std::tie(other.at, other.id);
  });
  return reports;
}

std::vector<std::string> ReportStore::trace(const std::string& id) const {
  std::vector<std::string> lines;
  const auto path = path_of(id, kTrace);
  if (!path) return lines;
  const auto text = read_compressed(*path, kTraceBytes);
  if (!text) return lines;
  for (const auto line : split(*text, '\n')) lines.emplace_back(line);
  if (!lines.empty() && lines.back().empty()) lines.pop_back();
  return lines;
}

Result<UniqueFd> ReportStore::open_core(const std::string& id) const {
  BERTH_TRY(const auto path, path_of(id, kCore));
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) return fail(Errc::kNotFound, "there is no core dump of {}", id);
  return fd;
}

std::vector<api::CrashGroup> ReportStore::groups() const {
  std::vector<api::CrashGroup> groups;
  const auto text = read_file(folder_ + "/groups.json", kGroupsBytes);
  if (!text) return groups;
  const auto object = json::parse_object(*text);
  if (!object) return groups;
  if (const auto* list = json::find_array(*object, "groups"))
    for (const auto& entry : *list)
      if (auto group = api::from_json<api::CrashGroup>(entry)) groups.push_back(std::move(*group));
  std::sort(groups.begin(), groups.end(), [](const auto& one, const auto& other) {
    return std::tie(one.last_at, one.group) > std::tie(other.last_at, other.group);
  });
  for (auto& group : groups)
    if (!group.last_report.empty() && !get(group.last_report)) group.last_report.clear();
  return groups;
}

void ReportStore::write_groups(const std::vector<api::CrashGroup>& groups) const {
  json::Object object{{"groups", api::to_json(groups)}};
  if (const auto written = write_file_durably(folder_ + "/groups.json", json::serialize(object), 0600);
      !written)
    log_warning("crashes are not counted", {{"error", written.error().detail}});
}

void ReportStore::count(const api::CrashReport& report) {
  auto groups = this->groups();
  auto found = std::find_if(groups.begin(), groups.end(),
                            [&report](const auto& group) { return group.group == report.group; });
  if (found == groups.end()) {
    groups.push_back({report.group, report.service});
    found = groups.end() - 1;
    found->first_at = report.at;
  }
  ++found->count;
  found->text = report.text;
  found->last_at = report.at;
  found->last_report = report.id;
  found->place = report.place;
  if (!report.build.empty() &&
      std::find(found->builds.begin(), found->builds.end(), report.build) == found->builds.end())
    found->builds.push_back(report.build);
  std::sort(groups.begin(), groups.end(), [](const auto& one, const auto& other) {
    return std::tie(one.last_at, one.group) > std::tie(other.last_at, other.group);
  });
  if (groups.size() > ReportLimits::kGroups) groups.resize(ReportLimits::kGroups);
  write_groups(groups);
}

std::uint64_t ReportStore::remove(const std::string& id) {
  const auto path = path_of(id, kReport);
  if (!path || ::unlink(path->c_str()) != 0) return 0;
  for (const auto suffix : {kTrace, kCore})
    ::unlink(or_throw(path_of(id, suffix)).c_str());  // either may be absent
  return 1;
}

std::uint64_t ReportStore::remove_group(const std::string& wanted) {
  std::uint64_t removed = 0;
  for (const auto& report : list())
    if (report.group == wanted) removed += remove(report.id);
  auto groups = this->groups();
  std::erase_if(groups, [&wanted](const auto& group) { return group.group == wanted; });
  write_groups(groups);
  return removed;
}

std::uint64_t ReportStore::remove_all() {
  std::uint64_t removed = 0;
  for (const auto& service : folders_of(folder_)) {
    const std::string folder = folder_ + "/" + service;
    for (const auto& file : files_of(folder)) {
      removed += file.name.ends_with(kReport);
      drop(file);
    }
    ::rmdir(folder.c_str());
  }
  write_groups({});
  return removed;
}

std::uint64_t ReportStore::prune(const ReportLimits& limits) const {
  std::vector<Entry> cores, traces;
  std::uint64_t bytes = 0;
  for (const auto& service : folders_of(folder_)) {
    std::size_t reports = 0, kept_cores = 0;
    std::vector<std::string> gone;
    const auto files = files_of(folder_ + "/" + service);
    for (const auto& file : files) {
      if (!std::string_view(file.name).ends_with(kReport)) continue;
      if (++reports <= limits.reports) {
        bytes += file.size;
        continue;
      }
      drop(file);
      gone.emplace_back(without(file.name, kReport));
    }
    for (const auto& file : files) {
      const std::string_view name = file.name;
      if (name.ends_with(kReport)) continue;
      if (name.ends_with(kTrace)) {
        if (std::find(gone.begin(), gone.end(), without(name, kTrace)) != gone.end()) {
          drop(file);
          continue;
        }
        traces.push_back(file);
      } else if (++kept_cores > limits.cores ||
                 (name.ends_with(kCore) &&
                  std::find(gone.begin(), gone.end(), without(name, kCore)) != gone.end())) {
        drop(file);
        continue;
      } else {
        cores.push_back(file);
      }
      bytes += file.size;
    }
  }
  // The oldest core dumps first, then the oldest traces.
  for (auto* list : {&cores, &traces}) {
    std::sort(list->begin(), list->end(), is_newer);
    for (; bytes > limits.bytes && !list->empty(); list->pop_back()) {
      drop(list->back());
      bytes -= std::min(bytes, list->back().size);
    }
  }
  return bytes;
}

}  // namespace berth::manager
