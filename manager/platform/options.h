#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace berth::manager {

// Command line of berth-manager: what must be known before the database is there.
struct Options {
  std::string root;
  int http = 8080, https = 8443;  // 0: any free port, -1: none
  std::string bind;
  std::string password_file;
  std::string store;      // as given; "demo" is resolved
  std::string store_key;  // of the demo store
  bool help = false, version = false;
  bool self_check = false;  // only tell whether this program could take over a platform with these options
};

std::string_view usage();
// `program`: path of this binary. kMalformed with a text for the terminal.
Result<Options> parse_options(const std::vector<std::string>& arguments, const std::string& program);

}  // namespace berth::manager
