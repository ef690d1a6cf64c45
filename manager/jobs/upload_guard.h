#pragma once

#include <unistd.h>

#include <string>

namespace berth::manager {

// Removes an uploaded file, unless a job took it over.
struct UploadGuard {
  std::string file;
  bool keep = false;
  ~UploadGuard() {
    if (!keep) ::unlink(file.c_str());
  }
};

}  // namespace berth::manager
