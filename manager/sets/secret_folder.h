#pragma once

#include <string>

#include "base/file.h"

namespace berth::manager {

// A folder below run/ for secrets that a program wants as files (0600); goes with its owner.
class SecretFolder {
 public:
  // Throws Failure.
  explicit SecretFolder(std::string path) : path_(std::move(path)) {
    or_throw(make_directories(path_, 0700));
  }
  ~SecretFolder() { (void)remove_tree(path_); }
  SecretFolder(const SecretFolder&) = delete;
  // Gives the file's path.
  std::string put(std::string_view name, std::string_view content) const {
    std::string file = path_ + "/" + std::string(name);
    or_throw(write_file_durably(file, content, 0600));
    return file;
  }

 private:
  std::string path_;
};

}  // namespace berth::manager
