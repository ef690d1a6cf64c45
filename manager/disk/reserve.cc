#include "manager/disk/reserve.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/disk_space.h"
#include "base/file.h"
#include "base/unique_fd.h"

namespace berth::manager {
namespace {

constexpr std::uint64_t kStatBlock = 512;  // stat(2): the unit of st_blocks, whatever the file system

// Not sparse: a file of holes would give nothing back. Where the file system cannot allocate it is written.
Result<void> allocate(int fd, std::uint64_t bytes) {
  if (::fallocate(fd, 0, 0, static_cast<off_t>(bytes)) == 0) return {};
  if (errno != EOPNOTSUPP) return tl::unexpected(errno_error(errno, "allocate the reserve"));
  const std::string zeros(1 << 20, '\0');
  for (std::uint64_t done = 0; done < bytes; done += zeros.size())
    BERTH_TRY_VOID(write_all(
        fd, std::string_view(zeros).substr(0, std::min<std::uint64_t>(zeros.size(), bytes - done))));
  return {};
}

}  // namespace

std::uint64_t reserve_bytes(const std::string& folder) {
  struct stat info{};
  if (::stat((folder + "/" + std::string(kReserveFile)).c_str(), &info) != 0) return 0;
  return static_cast<std::uint64_t>(info.st_blocks) * kStatBlock;
}

Result<void> make_reserve(const std::string& folder, std::uint64_t bytes, double most_percent) {
  const std::string file = folder + "/" + std::string(kReserveFile);
  if (bytes == 0) {
    if (::unlink(file.c_str()) != 0 && errno != ENOENT)
      return tl::unexpected(errno_error(errno, "remove " + file));
    return {};
  }
  const auto present = reserve_bytes(folder);
  if (present >= bytes && present - bytes < kStatBlock * 8) return {};
  if (present > bytes) {
    if (::truncate(file.c_str(), static_cast<off_t>(bytes)) != 0)
      return tl::unexpected(errno_error(errno, "shorten " + file));
    return {};
  }
  BERTH_TRY_VOID(make_directories(folder, 0700));
  if (::unlink(file.c_str()) != 0 && errno != ENOENT)
    return tl::unexpected(errno_error(errno, "remove " + file));
  BERTH_TRY(auto disk, read_disk_space(folder));
  if (disk.free_bytes < bytes)
    return fail(Errc::kNoSpace, "{} bytes are free, the reserve takes {}", disk.free_bytes, bytes);
  disk.used_bytes += bytes;
  disk.free_bytes -= bytes;
  if (disk.used_percent() >= most_percent)
    return fail(Errc::kNoSpace, "with a reserve of {} bytes the disk would be {:.0f} % full", bytes,
                disk.used_percent());
  const std::string making = file + ".new";
  UniqueFd fd(::open(making.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!fd) return tl::unexpected(errno_error(errno, "open " + making));
  auto made = allocate(fd.get(), bytes);
  if (made && ::fsync(fd.get()) != 0) made = tl::unexpected(errno_error(errno, "sync " + making));
  if (made && ::rename(making.c_str(), file.c_str()) != 0)
    made = tl::unexpected(errno_error(errno, "rename " + making));
  if (!made) ::unlink(making.c_str());
  return made;
}

}  // namespace berth::manager
