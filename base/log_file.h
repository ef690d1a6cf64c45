// A program's log file with rotation: services and the manager write theirs through it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace berth {

// "<folder>/<name>.log", older ones "<name>.log.1" (the last) to "<name>.log.<files - 1>". From several threads only
// through the log sink, which lets one in at a time.
class LogFile {
 public:
  // Makes the folder (0750) if need be. kDenied, kNoSpace, … if the file cannot be opened.
  static Result<std::unique_ptr<LogFile>> open(std::string folder, std::string name,
                                               std::uint64_t limit_bytes, int files);

  // One line with time stamp "MM-DD hh:mm:ss.mmm". A line that cannot be written is counted; the count is
  // written before the next line that can.
  void write(std::string_view line);
  void set_limits(std::uint64_t limit_bytes, int files);
  const std::string& path() const { return path_; }

 private:
  LogFile(std::string path, UniqueFd fd, std::uint64_t size, std::uint64_t limit_bytes, int files)
      : path_(std::move(path)), fd_(std::move(fd)), size_(size), limit_bytes_(limit_bytes), files_(files) {}
  void rotate();
  bool put(std::string_view text);

  std::string path_;
  UniqueFd fd_;
  std::uint64_t size_;
  std::uint64_t limit_bytes_;
  int files_;
  std::uint64_t lost_ = 0;
};

}  // namespace berth
