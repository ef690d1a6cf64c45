#include "cli/partial_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "base/file.h"

namespace berth::cli {
namespace {

std::string folder_of(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

Result<PartialFile> PartialFile::make(std::string path, mode_t mode) {
  std::string partial = path + ".part.XXXXXX";
  UniqueFd fd(::mkostemp(partial.data(), O_CLOEXEC));
  if (!fd) return fail_errno(errno, fmt::format("create {}", path));
  if (::fchmod(fd.get(), mode) != 0) {
    const int error = errno;
    ::unlink(partial.c_str());
    return fail_errno(error, fmt::format("chmod {}", partial));
  }
  return PartialFile(std::move(path), std::move(partial), std::move(fd));
}

PartialFile::PartialFile(PartialFile&& other) noexcept
    : path_(std::move(other.path_)), partial_(std::exchange(other.partial_, {})), fd_(std::move(other.fd_)) {}

PartialFile::~PartialFile() {
  if (!partial_.empty()) ::unlink(partial_.c_str());
}

Result<void> PartialFile::commit() {
  if (::fsync(fd_.get()) != 0) return fail_errno(errno, fmt::format("write {}", path_));
  if (::rename(partial_.c_str(), path_.c_str()) != 0)
    return fail_errno(errno, fmt::format("rename to {}", path_));
  partial_.clear();
  return sync_directory(folder_of(path_));
}

}  // namespace berth::cli
