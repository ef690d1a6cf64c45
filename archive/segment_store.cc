#include "archive/segment_store.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <optional>

#include "archive/zstd_file.h"
#include "base/disk_space.h"
#include "base/file.h"

namespace berth::archive {
namespace {

constexpr std::size_t kPiece = 1 << 20;
constexpr std::string_view kSuffix = ".zst";

std::string folder_of(const std::string& archive) { return archive + "/wal"; }

UniqueFd open_to_read(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) throw Failure(errno_error(errno, "open " + path));
  return fd;
}

UniqueFd open_new(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!fd) throw Failure(errno_error(errno, "open " + path));
  return fd;
}

std::size_t read_plain(int fd, std::vector<char>& piece) {
  for (;;) {
    const auto got = ::read(fd, piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw Failure(errno_error(errno, "read"));
    return static_cast<std::size_t>(got);
  }
}

bool has_same_content(const std::string& stored, const std::string& source) {
  const auto stored_fd = open_to_read(stored), source_fd = open_to_read(source);
  ZstdReader reader(stored_fd.get());
  std::vector<char> ours(kPiece), theirs(kPiece);
  for (;;) {
    const auto theirs_size = read_plain(source_fd.get(), theirs);
    const auto ours_size = reader.read(std::span(ours).first(std::max<std::size_t>(theirs_size, 1)));
    if (ours_size != theirs_size || !std::equal(ours.begin(), ours.begin() + ours_size, theirs.begin()))
      return false;
    if (theirs_size == 0) return true;
  }
}

void store(const std::string& archive, const std::string& source, const std::string& target,
           std::uint64_t reserve_bytes) {
  const std::string folder = folder_of(archive);
  const auto free_bytes = or_throw(read_disk_space(folder)).free_bytes;
  if (free_bytes < reserve_bytes)
    throw_failure(Errc::kNoSpace, "{} MiB are free, {} MiB must stay so", free_bytes >> 20,
                  reserve_bytes >> 20);
  // A name of its own: what a power cut leaves is overwritten by the next try.
  const std::string making = folder + "/." + target.substr(target.rfind('/') + 1) + ".tmp";
  struct Remover {
    const std::string& path;
    ~Remover() { ::unlink(path.c_str()); }
  } remover{making};
  {
    const auto from = open_to_read(source), to = open_new(making);
    ZstdWriter writer(to.get());
    std::vector<char> piece(kPiece);
    while (const auto size = read_plain(from.get(), piece)) writer.write(std::span(piece).first(size));
    writer.finish();
    if (::fdatasync(to.get()) != 0) throw Failure(errno_error(errno, "sync " + making));
  }
  if (::rename(making.c_str(), target.c_str()) != 0) throw Failure(errno_error(errno, "rename to " + target));
  or_throw(sync_directory(folder));
}

// Segments that wait to be archived.
std::size_t count_pending(const std::string& log_folder) {
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir((log_folder + "/archive_status").c_str()),
                                                   ::closedir);
  if (!folder) return 0;
  std::size_t count = 0;
  while (const dirent* entry = ::readdir(folder.get()))
    if (std::string_view(entry->d_name).ends_with(".ready")) ++count;
  return count;
}

}  // namespace

Pushed push_segment(const std::string& archive, const std::string& source, PushLimits limits) {
  const auto slash = source.rfind('/');
  const std::string name = slash == std::string::npos ? source : source.substr(slash + 1);
  if (!is_log_file_name(name)) throw_failure(Errc::kMalformed, "{} is no file of the log", name);
  const std::string target = folder_of(archive) + "/" + name + std::string(kSuffix);
  std::optional<Error> error;
  try {
    if (path_exists(target)) {
      if (has_same_content(target, source)) return Pushed::kThereAlready;
      throw_failure(Errc::kExists, "the archive holds another {}", name);
    }
    store(archive, source, target, limits.reserve_bytes);
    return Pushed::kStored;
  } catch (const Failure& failure) {
    error = failure.error();
  }
  const std::string log_folder = slash == std::string::npos ? "." : source.substr(0, slash);
  if (count_pending(log_folder) <= limits.pending) throw Failure(std::move(*error));
  return Pushed::kGivenUp;
}

bool fetch_segment(const std::string& archive, const std::string& live, const std::string& name,
                   const std::string& target) {
  if (!is_log_file_name(name)) throw_failure(Errc::kMalformed, "{} is no file of the log", name);
  const std::string stored = folder_of(archive) + "/" + name + std::string(kSuffix);
  std::vector<char> piece(kPiece);
  // It may be archived, and go from the live log, while we look: hence the second look.
  for (const bool from_archive : {true, false, true}) {
    const std::string path = from_archive ? stored : live + "/" + name;
    const UniqueFd from(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!from && errno == ENOENT) continue;
    if (!from) throw Failure(errno_error(errno, "open " + path));
    const auto to = open_new(target);
    if (from_archive) {
      ZstdReader reader(from.get());
      try {
        while (const auto size = reader.read(piece)) or_throw(write_all(to.get(), {piece.data(), size}));
      } catch (const Failure& failure) {
        Error error = failure.error();
        throw Failure(std::move(error).within(stored));
      }
    } else {
      while (const auto size = read_plain(from.get(), piece))
        or_throw(write_all(to.get(), {piece.data(), size}));
    }
    return true;
  }
  return false;
}

std::vector<StoredSegment> list_segments(const std::string& archive) {
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(folder_of(archive).c_str()), ::closedir);
  std::vector<StoredSegment> all;
  if (!folder) return all;
  while (const dirent* entry = ::readdir(folder.get())) {
    const std::string_view file(entry->d_name);
    if (!file.ends_with(kSuffix)) continue;
    const auto name = parse_segment_name(file.substr(0, file.size() - kSuffix.size()));
    struct stat info{};
    if (!name || ::fstatat(::dirfd(folder.get()), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0) continue;
    all.push_back({*name, std::chrono::sys_seconds(std::chrono::seconds(info.st_mtim.tv_sec)),
                   static_cast<std::uint64_t>(info.st_size)});
  }
  std::sort(all.begin(), all.end(), [](const StoredSegment& a, const StoredSegment& b) {
    return a.name.number != b.name.number ? a.name.number < b.name.number : a.name.timeline > b.name.timeline;
  });
  const auto same = [](const StoredSegment& a, const StoredSegment& b) {
    return a.name.number == b.name.number;
  };
  all.erase(std::unique(all.begin(), all.end(), same), all.end());
  return all;
}

void remove_segments_before(const std::string& archive, std::uint64_t first) {
  const std::string path = folder_of(archive);
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(path.c_str()), ::closedir);
  if (!folder) return;
  std::vector<std::string> names;
  while (const dirent* entry = ::readdir(folder.get())) {
    const std::string_view file(entry->d_name);
    if (!file.ends_with(kSuffix)) continue;
    // Also "….partial" and "….backup" of that number.
    const auto name = parse_segment_name(file.substr(0, 24));
    if (name && name->number < first) names.emplace_back(file);
  }
  for (const auto& name : names)
    if (::unlinkat(::dirfd(folder.get()), name.c_str(), 0) != 0 && errno != ENOENT)
      throw Failure(errno_error(errno, "remove " + name));
}

}  // namespace berth::archive
