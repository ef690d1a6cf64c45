#include "manager/supervise/output_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/file.h"
#include "base/log.h"

namespace berth::manager {
namespace {

struct Place {
  UniqueFd folder;
  std::string name;
};

Result<Place> open_place(const std::string& path) {
  const auto slash = path.rfind('/');
  const std::string folder = path.substr(0, slash);
  Place place{UniqueFd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)),
              path.substr(slash + 1)};
  if (!place.folder) return fail_errno(errno, "open " + folder);
  return place;
}

bool is_plain(const struct stat& info) { return S_ISREG(info.st_mode) && info.st_nlink == 1; }

// O_NONBLOCK: a pipe must not hold us up.
constexpr int kSafely = O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;

Result<UniqueFd> open_plain(const Place& place, int flags) {
  UniqueFd fd(::openat(place.folder.get(), place.name.c_str(), flags | kSafely, 0640));
  if (!fd) return fail_errno(errno, "open " + place.name);
  struct stat info{};
  if (::fstat(fd.get(), &info) != 0) return fail_errno(errno, "fstat " + place.name);
  if (!is_plain(info)) return fail(Errc::kDenied, "{} is no plain file", place.name);
  return fd;
}

}  // namespace

Result<UniqueFd> open_output(const std::string& path, std::optional<uid_t> owner) {
  BERTH_TRY(const Place place, open_place(path));
  struct stat info{};
  if (::fstatat(place.folder.get(), place.name.c_str(), &info, AT_SYMLINK_NOFOLLOW) == 0) {
    if (!is_plain(info)) {
      log_warning("removed, for it is no plain file", {{"path", path}});
      if (::unlinkat(place.folder.get(), place.name.c_str(), S_ISDIR(info.st_mode) ? AT_REMOVEDIR : 0) != 0)
        return fail_errno(errno, "remove " + path);
    } else if (static_cast<std::uint64_t>(info.st_size) > kOutputBytes) {
      const std::string older = place.name + ".1";
      // If it cannot be kept it goes on growing from here, and is shortened while it is written.
      if (::renameat(place.folder.get(), place.name.c_str(), place.folder.get(), older.c_str()) != 0)
        log_warning("old output is not put aside", {{"path", path}, {"errno", errno}});
    }
  }
  BERTH_TRY(UniqueFd fd, open_plain(place, O_WRONLY | O_CREAT | O_APPEND));
  if (owner && ::fchown(fd.get(), *owner, static_cast<gid_t>(-1)) != 0)
    return fail_errno(errno, "chown " + path);
  // Its readers and writers may wait.
  ::fcntl(fd.get(), F_SETFL, O_APPEND);
  return fd;
}

std::optional<std::uint64_t> output_size(const std::string& path) {
  struct stat info{};
  if (::lstat(path.c_str(), &info) != 0 || !is_plain(info)) return std::nullopt;
  return static_cast<std::uint64_t>(info.st_size);
}

Result<bool> shorten_output(const std::string& path) {
  const auto size = output_size(path);
  if (!size || *size <= kOutputBytes) return false;
  BERTH_TRY(const Place place, open_place(path));
  BERTH_TRY(const UniqueFd fd, open_plain(place, O_RDWR));
  struct stat info{};
  if (::fstat(fd.get(), &info) != 0) return fail_errno(errno, "fstat " + path);
  std::string end(kOutputBytes, '\0');
  const auto got = ::pread(fd.get(), end.data(), end.size(), info.st_size - static_cast<off_t>(end.size()));
  // First the room, then the copy: it is most wanted when the disk is full.
  if (::ftruncate(fd.get(), 0) != 0) return fail_errno(errno, "truncate " + path);
  if (got < 0) return fail_errno(errno, "read " + path);
  end.resize(static_cast<std::size_t>(got));
  const std::string older = place.name + ".1";
  ::unlinkat(place.folder.get(), older.c_str(), 0);
  const UniqueFd copy(
      ::openat(place.folder.get(), older.c_str(), O_WRONLY | O_CREAT | O_EXCL | kSafely, 0640));
  if (!copy) return fail_errno(errno, "make " + path + ".1");
  if (::fchown(copy.get(), info.st_uid, info.st_gid) != 0 && errno != EPERM)
    return fail_errno(errno, "chown " + path + ".1");
  BERTH_TRY_VOID(write_all(copy.get(), end));
  return true;
}

}  // namespace berth::manager
