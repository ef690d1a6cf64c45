#include "base/file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>

#include "base/bytes.h"

namespace berth {
namespace {

std::string parent_of(const std::string& path) {
  const auto slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

}  // namespace

Result<std::string> read_file(const std::string& path, std::size_t limit_bytes) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return fail_errno(errno, "open " + path);
  std::string content;
  char buffer[65536];
  for (;;) {
    const auto got = ::read(fd.get(), buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(errno, "read " + path);
    if (got == 0) return content;
    content.append(buffer, static_cast<std::size_t>(got));
    if (content.size() > limit_bytes)
      return fail(Errc::kTooLarge, "{} is larger than {} bytes", path, limit_bytes);
  }
}

Result<void> write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto put = ::write(fd, bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return fail_errno(errno, "write");
    bytes.remove_prefix(static_cast<std::size_t>(put));
  }
  return {};
}

Result<void> sync_directory(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return fail_errno(errno, "open " + path);
  if (::fsync(fd.get()) != 0) return fail_errno(errno, "fsync " + path);
  return {};
}

Result<void> write_file_durably(const std::string& path, std::string_view content, mode_t mode) {
  const std::string temporary = fmt::format("{}.{}.tmp", path, random_hex(6));
  UniqueFd fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd) return fail_errno(errno, "create " + temporary);
  const auto write_it = [&]() -> Result<void> {
    if (::fchmod(fd.get(), mode) != 0) return fail_errno(errno, "chmod " + temporary);
    if (auto put = write_all(fd.get(), content); !put)
      return tl::unexpected(std::move(put.error()).within(temporary));
    if (::fsync(fd.get()) != 0) return fail_errno(errno, "fsync " + temporary);
    if (::rename(temporary.c_str(), path.c_str()) != 0) return fail_errno(errno, "rename to " + path);
    return sync_directory(parent_of(path));
  };
  auto written = write_it();
  if (!written) ::unlink(temporary.c_str());
  return written;
}

Result<void> make_directories(const std::string& path, mode_t mode) {
  if (path.empty() || path == "/" || path == ".") return {};
  struct stat info{};
  if (::stat(path.c_str(), &info) == 0) {
    if (S_ISDIR(info.st_mode)) return {};
    return fail(Errc::kExists, "{} is there but is not a folder", path);
  }
  BERTH_TRY_VOID(make_directories(parent_of(path), mode));
  if (::mkdir(path.c_str(), mode) != 0 && errno != EEXIST) return fail_errno(errno, "mkdir " + path);
  if (::chmod(path.c_str(), mode) != 0) return fail_errno(errno, "chmod " + path);
  return {};
}

Result<void> remove_tree(const std::string& path) {
  std::error_code error;
  std::filesystem::remove_all(path, error);
  if (error) return fail_errno(error.value(), "remove " + path);
  return {};
}

bool path_exists(const std::string& path) {
  struct stat info{};
  return ::lstat(path.c_str(), &info) == 0;
}

}  // namespace berth
