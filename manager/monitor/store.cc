#include "manager/monitor/store.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>

#include "base/file.h"
#include "base/log.h"

namespace berth::manager {
namespace {

constexpr std::string_view kSuffix = ".ring";

// Of a file by its name, as file_of() gives it.
SubjectKind kind_of(std::string_view name) {
  if (name.starts_with("instance-")) return SubjectKind::kInstance;
  if (name.starts_with("service-")) return SubjectKind::kService;
  if (name == "webserver.ring") return SubjectKind::kWebserver;
  if (name == "postgres.ring") return SubjectKind::kPostgres;
  if (name == "manager.ring") return SubjectKind::kManager;
  return SubjectKind::kPlatform;
}

std::vector<std::string> ring_files(const std::string& folder) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(folder.c_str()), ::closedir);
  if (!directory) return names;
  while (const dirent* entry = ::readdir(directory.get()))
    if (std::string_view(entry->d_name).ends_with(kSuffix)) names.emplace_back(entry->d_name);
  return names;
}

}  // namespace

Resolution resolve(const RingLayout& layout, std::int64_t now, std::int64_t from, std::int64_t to,
                   std::int64_t points) {
  std::size_t level = 0;
  // The finest that still has the beginning; a span that is asked for as "the last 24 hours" has moved on a little.
  while (level + 1 < layout.levels.size() &&
         now - from > layout.levels[level].span() - layout.levels[level].step)
    ++level;
  const std::int64_t step = layout.levels[level].step,
                     steps = std::max<std::int64_t>(1, (to - from + step - 1) / step);
  return {level, step * std::max<std::int64_t>(1, (steps + points - 1) / points)};
}

MonitorStore::MonitorStore(std::string folder) : folder_(std::move(folder)), markers_(folder_ + "/markers") {}

Result<void> MonitorStore::scan() {
  if (is_scanned_) return {};
  BERTH_TRY_VOID(make_directories(folder_, 0700));
  for (const auto& name : ring_files(folder_)) {
    present_[name] = full_size(layout_of(kind_of(name)));
    full_bytes_ += present_[name];
  }
  is_scanned_ = true;
  return {};
}

MarkerLog& MonitorStore::markers() {
  (void)scan();  // makes the folder
  return markers_;
}

RingFile& MonitorStore::file(const Subject& subject) {
  auto& file = files_[subject].file;
  if (!file) file = std::make_unique<RingFile>(folder_ + "/" + file_of(subject), layout_of(subject.kind));
  return *file;
}

Result<void> MonitorStore::add(const Subject& subject, std::int64_t now, const std::vector<float>& values,
                               std::uint64_t most_bytes) {
  BERTH_TRY_VOID(scan());
  const std::string name = file_of(subject);
  if (!present_.contains(name)) {
    const auto bytes = full_size(layout_of(subject.kind));
    if (full_bytes_ + bytes > most_bytes) {
      if (left_out_.emplace(subject, true).second && left_out_.size() == 1)
        log_warning("no room for further records of the monitoring", {{"most_bytes", most_bytes}});
      return {};
    }
    present_[name] = bytes;
    full_bytes_ += bytes;
  }
  left_out_.erase(subject);
  auto& ring = file(subject);
  auto added = ring.add(now, values);
  files_[subject].added = now;
  // There may be thousands of them.
  if (subject.kind == SubjectKind::kInstance || !added) ring.close();
  return added;
}

Result<Curves> MonitorStore::read(const Subject& subject, std::int64_t now, std::int64_t from,
                                  std::int64_t to, std::int64_t points) {
  const auto layout = layout_of(subject.kind);
  const auto [level, step] = resolve(layout, now, from, to, points);
  Curves curves;
  curves.step = step;
  curves.from = from / step * step;
  const auto steps = static_cast<std::size_t>((to - curves.from + step - 1) / step);
  const std::size_t columns = layout.columns.size();
  constexpr float kUnknown = std::numeric_limits<float>::quiet_NaN();
  curves.mean.assign(columns, std::vector<float>(steps, kUnknown));
  curves.has_peaks = step > layout.levels.front().step;
  if (curves.has_peaks) curves.peak = curves.mean;
  BERTH_TRY_VOID(scan());
  if (!present_.contains(file_of(subject))) return curves;
  auto& ring = file(subject);
  const auto rows = ring.read(level, curves.from, to);
  if (subject.kind == SubjectKind::kInstance) ring.close();
  if (!rows) return tl::unexpected(rows.error());
  for (std::size_t first = 0; first < rows->size();) {
    const std::int64_t at = (*rows)[first].at / step * step;
    std::size_t end = first;
    while (end < rows->size() && (*rows)[end].at < at + step) ++end;
    const auto merged = aggregate(at, columns, std::span(*rows).subspan(first, end - first));
    const auto index = static_cast<std::size_t>((at - curves.from) / step);
    for (std::size_t column = 0; column < columns && index < steps; ++column) {
      curves.mean[column][index] = merged.mean[column];
      if (curves.has_peaks) curves.peak[column][index] = merged.peak[column];
    }
    first = end;
  }
  return curves;
}

void MonitorStore::purge(std::int64_t now) {
  std::erase_if(files_, [&](const auto& entry) { return entry.second.added != now; });
  std::set<std::string> used;
  for (const auto& [subject, open] : files_) used.insert(file_of(subject));
  for (const auto& name : ring_files(folder_)) {
    struct stat info{};
    const std::string path = folder_ + "/" + name;
    if (used.contains(name) || ::stat(path.c_str(), &info) != 0 || now - info.st_mtime <= kRecordedSeconds)
      continue;
    ::unlink(path.c_str());
    if (const auto found = present_.find(name); found != present_.end()) {
      full_bytes_ -= found->second;
      present_.erase(found);
    }
  }
}

MonitorStore::Space MonitorStore::space() const {
  Space space;
  space.full_bytes = full_bytes_;
  space.subjects = present_.size();
  space.left_out = left_out_.size();
  for (const auto& name : ring_files(folder_)) {
    struct stat info{};
    if (::stat((folder_ + "/" + name).c_str(), &info) == 0)
      space.bytes += static_cast<std::uint64_t>(info.st_blocks) * 512;
  }
  return space;
}

}  // namespace berth::manager
