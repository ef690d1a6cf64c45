#pragma once

#include <string>

namespace berth::manager {

// Where a file is sent by HTTP PUT, and what proves us and the server.
struct UploadPlace {
  std::string url;
  std::string user, password;
  bool digest = false;
  std::string fingerprint;  // of the server's certificate; empty: the system's roots decide
};

}  // namespace berth::manager
