#pragma once

#include <string>
#include <string_view>

#include "base/log.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace berth::manager {

// The manager's own log: a file of at most `limit_bytes` and `count` - 1 older ones (".1" is the newest of them). Warnings and
// errors go to stderr too, so that somebody at the console sees them. May be used from any thread only through the log sink's lock.
class LogFile {
 public:
  // Makes the folder. kDenied, kNoSpace, ….
  static Result<LogFile> open(std::string folder, std::uint64_t limit_bytes = 1 << 20, int count = 5);
  // A full disk loses lines, nothing else.
  void write(LogLevel level, std::string_view line);

 private:
  LogFile(std::string path, std::uint64_t limit_bytes, int count)
      : path_(std::move(path)), limit_bytes_(limit_bytes), count_(count) {}
  Result<void> open_file();
  void rotate();
  std::string path_;
  std::uint64_t limit_bytes_;
  int count_;
  UniqueFd fd_;
  std::uint64_t size_ = 0;
};

}  // namespace berth::manager
