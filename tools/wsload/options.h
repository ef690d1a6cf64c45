// What one run of wsload shall do.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "net/url.h"

namespace berth::wsload {

struct Options {
  enum class Mode : std::uint8_t { kIdle, kEcho, kFlood, kBurst, kReceive, kServe };
  Mode mode{};

  net::Url url;                   // all but serve; the host is a numeric IPv4 address
  std::size_t connections = 100;  // open at once; with burst: under way at once
  std::size_t size = 64;          // bytes of a message
  std::chrono::milliseconds warm_up{500};
  std::chrono::milliseconds run{2000};     // measured; with idle: the longest hold
  std::chrono::milliseconds limit{60000};  // of the whole run
  std::size_t most = 0;                    // echoes, connections or broadcasts; 0: time alone ends it
  std::size_t talkers = 0;                 // idle: so many of the connections echo once a second
  std::size_t ahead = 64;                  // flood: messages under way on each connection
  bool resume = false;                     // burst: later handshakes resume the latest session
  bool tls12 = false;                      // nothing newer
  std::vector<pid_t> pids;                 // whose CPU time is measured as well

  std::string listen;  // serve: "127.0.0.1:9001", or
  std::string unix_path;
};

// `arguments` without argv[0]. kMalformed names the argument.
Result<Options> parse_options(std::span<const char* const> arguments);
std::string_view usage();

}  // namespace berth::wsload
