#include "base/log_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "base/file.h"
#include "base/log.h"

namespace berth {
namespace {

Result<UniqueFd> open_log(const std::string& path, int flags) {
  UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | flags, 0640));
  if (!fd) return fail_errno(errno, "open " + path);
  return fd;
}

}  // namespace

Result<std::unique_ptr<LogFile>> LogFile::open(std::string folder, std::string name,
                                               std::uint64_t limit_bytes, int files) {
  BERTH_TRY_VOID(make_directories(folder, 0750));
  const std::string path = folder + "/" + name + ".log";
  BERTH_TRY(auto fd, open_log(path, 0));
  struct stat info{};
  const std::uint64_t size = ::fstat(fd.get(), &info) == 0 ? static_cast<std::uint64_t>(info.st_size) : 0;
  return std::unique_ptr<LogFile>(new LogFile(path, std::move(fd), size, limit_bytes, files));
}

void LogFile::set_limits(std::uint64_t limit_bytes, int files) {
  limit_bytes_ = limit_bytes;
  files_ = files;
}

void LogFile::write(std::string_view line) {
  std::string text = fmt::format("{} {}\n", log_time_stamp(), line);
  if (size_ > 0 && size_ + text.size() > limit_bytes_) rotate();
  if (lost_ > 0 && put(fmt::format("{} {} lines could not be written\n", log_time_stamp(), lost_))) lost_ = 0;
  if (!put(text)) ++lost_;
}

bool LogFile::put(std::string_view text) {
  if (!write_all(fd_.get(), text)) return false;
  size_ += text.size();
  return true;
}

void LogFile::rotate() {
  for (int number = files_ - 2; number >= 0; --number) {
    const std::string from = number == 0 ? path_ : fmt::format("{}.{}", path_, number);
    ::rename(from.c_str(), fmt::format("{}.{}", path_, number + 1).c_str());  // absent ones are fine
  }
  // With a single file it begins anew. If no new file can be had the old one goes on.
  auto next = open_log(path_, files_ <= 1 ? O_TRUNC : 0);
  if (!next) return;
  fd_ = std::move(*next);
  size_ = 0;
}

}  // namespace berth
