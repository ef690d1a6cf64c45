#include "base/disk_space.h"

#include <sys/statvfs.h>

#include <cerrno>

namespace berth {

Result<DiskSpace> read_disk_space(const std::string& path) {
  struct statvfs figures{};
  if (::statvfs(path.c_str(), &figures) != 0) return fail_errno(errno, path);
  const auto bytes = [&](auto blocks) { return static_cast<std::uint64_t>(blocks) * figures.f_frsize; };
  return DiskSpace{bytes(figures.f_blocks), bytes(figures.f_blocks - figures.f_bfree),
                   bytes(figures.f_bavail)};
}

}  // namespace berth
