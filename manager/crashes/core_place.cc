#include "manager/crashes/core_place.h"

#include <dirent.h>
#include <elf.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/file.h"
#include "base/text.h"

namespace berth::manager {

CorePlace parse_core_pattern(std::string_view pattern) {
  pattern = trim(pattern);
  CorePlace place;
  if (pattern.empty()) {
    place.why = "the system writes no core dumps (kernel.core_pattern is empty)";
  } else if (pattern.starts_with('|')) {
    place.why = fmt::format(
        "the system hands core dumps to {} (kernel.core_pattern)",
        trim(pattern.substr(1, pattern.find(' ') == std::string_view::npos ? std::string_view::npos
                                                                           : pattern.find(' ') - 1)));
  } else if (pattern.find('/') != std::string_view::npos) {
    place.why = fmt::format("the system writes core dumps to {} (kernel.core_pattern)", pattern);
  } else {
    place.prefix = pattern.substr(0, pattern.find('%'));
    if (place.prefix.empty()) {
      // Any file of the service would look like one.
      place.why = fmt::format("core dumps have no fixed name (kernel.core_pattern is {})", pattern);
    } else {
      place.is_beside = true;
    }
  }
  return place;
}

CorePlace read_core_place() {
  const auto pattern = read_file("/proc/sys/kernel/core_pattern", 4096);
  if (pattern) return parse_core_pattern(*pattern);
  CorePlace place;
  place.why = "kernel.core_pattern cannot be read: " + pattern.error().detail;
  return place;
}

Result<UniqueFd> take_core(const std::string& folder, const std::string& prefix, uid_t uid) {
  DIR* directory = ::opendir(folder.c_str());
  if (!directory) return fail_errno(errno, "open " + folder);
  struct Close {
    DIR* directory;
    ~Close() { ::closedir(directory); }
  } const closing{directory};
  UniqueFd newest;
  timespec newest_time{};
  while (const dirent* entry = ::readdir(directory)) {
    if (!std::string_view(entry->d_name).starts_with(prefix)) continue;
    // O_NONBLOCK: a pipe of that name must not hold us up.
    UniqueFd fd(::openat(::dirfd(directory), entry->d_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    struct stat info{};
    if (!fd || ::fstat(fd.get(), &info) != 0 || !S_ISREG(info.st_mode) || info.st_nlink != 1 ||
        (info.st_uid != uid && info.st_uid != ::geteuid()))
      continue;
    // Only what says that it is a core dump: an app may have programs of its own that begin alike.
    unsigned char head[18] = {};
    if (::pread(fd.get(), head, sizeof head, 0) != sizeof head || std::memcmp(head, ELFMAG, SELFMAG) != 0 ||
        (head[16] | head[17] << 8) != ET_CORE)
      continue;
    ::unlinkat(::dirfd(directory), entry->d_name, 0);
    if (newest && std::pair(info.st_mtim.tv_sec, info.st_mtim.tv_nsec) <=
                      std::pair(newest_time.tv_sec, newest_time.tv_nsec))
      continue;
    newest = std::move(fd);
    newest_time = info.st_mtim;
  }
  if (!newest) return fail(Errc::kNotFound, "the kernel left no core dump");
  return newest;
}

}  // namespace berth::manager
