#include "manager/platform/log_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "base/file.h"

namespace berth::manager {

Result<LogFile> LogFile::open(std::string folder, std::uint64_t limit_bytes, int count) {
  BERTH_TRY_VOID(make_directories(folder, 0750));
  LogFile file(folder + "/manager.log", limit_bytes, count);
  BERTH_TRY_VOID(file.open_file());
  return file;
}

Result<void> LogFile::open_file() {
  fd_ = UniqueFd(::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640));
  if (!fd_) return fail_errno(errno, "open " + path_);
  struct stat info{};
  size_ = ::fstat(fd_.get(), &info) == 0 ? static_cast<std::uint64_t>(info.st_size) : 0;
  return {};
}

void LogFile::rotate() {
  for (int i = count_ - 1; i > 0; --i) {
    const std::string from = i == 1 ? path_ : fmt::format("{}.{}", path_, i - 1);
    ::rename(from.c_str(), fmt::format("{}.{}", path_, i).c_str());
  }
  if (auto opened = open_file(); !opened)
    std::fprintf(stderr, "manager log: %s\n", opened.error().detail.c_str());
}

void LogFile::write(LogLevel level, std::string_view line) {
  const std::string text = fmt::format("{} manager@ {}\n", log_time_stamp(), line);
  if (size_ + text.size() > limit_bytes_) rotate();
  if (fd_ && ::write(fd_.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size()))
    size_ += text.size();
  if (level >= LogLevel::kWarning) std::fputs(text.c_str(), stderr);
}

}  // namespace berth::manager
