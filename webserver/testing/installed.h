// For tests with foreign programs, which skip what is not there.
#pragma once

#include <fmt/format.h>

#include <cstdlib>
#include <string>

namespace berth::webserver::testing {

// `program` is found on PATH.
inline bool is_installed(const std::string& program) {
  return std::system(fmt::format("command -v {} >/dev/null 2>&1", program).c_str()) == 0;
}

}  // namespace berth::webserver::testing
