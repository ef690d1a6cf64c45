#pragma once

#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace berth::cli {

// A file that appears whole or not at all: written beside its place, put there by commit(), removed
// if that is not called.
class PartialFile {
 public:
  static Result<PartialFile> make(std::string path, mode_t mode = 0600);
  PartialFile(PartialFile&& other) noexcept;
  PartialFile& operator=(PartialFile&&) = delete;
  ~PartialFile();
  int fd() const { return fd_.get(); }
  // Flushes it to the disk and gives it its name, over an older file of that name.
  Result<void> commit();

 private:
  PartialFile(std::string path, std::string partial, UniqueFd fd)
      : path_(std::move(path)), partial_(std::move(partial)), fd_(std::move(fd)) {}
  std::string path_, partial_;
  UniqueFd fd_;
};

}  // namespace berth::cli
