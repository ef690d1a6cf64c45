// A disk that is full when a test wants it.
#pragma once

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "base/file.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "loop/process.h"

namespace berth::manager {

// Makes a folder a file system of `mib` MiB of its own, with what the folder held. Nobody uses the folder meanwhile. Root only.
// Its end takes the file system away, with what is in it.
class SmallDisk {
 public:
  SmallDisk(std::string folder, unsigned mib) : folder_(std::move(folder)) {
    struct stat info{};
    if (::stat(folder_.c_str(), &info) != 0) throw Failure(errno_error(errno, folder_));
    const std::string held = folder_ + ".held";
    std::filesystem::rename(folder_, held);
    std::filesystem::create_directory(folder_);
    const auto options =
        fmt::format("size={}m,mode={:o},uid={},gid={}", mib, info.st_mode & 07777, info.st_uid, info.st_gid);
    if (::mount("tmpfs", folder_.c_str(), "tmpfs", 0, options.c_str()) != 0)
      throw Failure(errno_error(errno, "mount " + folder_));
    copy_owned(held, folder_);
    std::filesystem::remove_all(held);
  }
  ~SmallDisk() { ::umount2(folder_.c_str(), MNT_DETACH); }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

  // Until not a byte goes in.
  void fill() {
    const UniqueFd ballast(::open(ballast_name().c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    const std::string page(4096, 'x');
    ::lseek(ballast.get(), 0, SEEK_END);
    while (::write(ballast.get(), page.data(), page.size()) > 0) {}
  }
  void make_room() { ::unlink(ballast_name().c_str()); }

 private:
  std::string ballast_name() const { return folder_ + "/ballast"; }
  static void copy_owned(const std::filesystem::path& from, const std::filesystem::path& to) {
    for (const auto& entry : std::filesystem::directory_iterator(from)) {
      const auto target = to / entry.path().filename();
      struct stat info{};
      if (::lstat(entry.path().c_str(), &info) != 0) throw Failure(errno_error(errno, entry.path().string()));
      if (entry.is_directory()) {
        std::filesystem::create_directory(target);
        copy_owned(entry.path(), target);
      } else {
        std::filesystem::copy_file(entry.path(), target);
      }
      if (::chmod(target.c_str(), info.st_mode & 07777) != 0 ||
          ::chown(target.c_str(), info.st_uid, info.st_gid) != 0)
        throw Failure(errno_error(errno, target.string()));
    }
  }
  const std::string folder_;
};

}  // namespace berth::manager
