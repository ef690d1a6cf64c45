// Binding the ports, and saying who holds one that is taken.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace berth::webserver {

struct BoundPort {
  std::uint16_t port = 0;
  std::vector<UniqueFd> sockets;  // one a reactor, listening
};

// `count` sockets on one port with SO_REUSEPORT. `bind`: address, or empty for all of IPv6 and IPv4. kExists
// if anybody listens there, by whatever means; the detail names the holder where it can be found and
// `option` as what to change. kDenied for a port below 1024 without the right.
Result<BoundPort> bind_port(const std::string& bind, std::uint16_t port, unsigned count,
                            std::string_view option);

// "nginx (process 1234)"; empty if nobody listens on TCP `port` or /proc does not tell.
std::string find_port_holder(std::uint16_t port);

// A Unix socket that is bound to `path` with mode 0666 but does not listen yet: to be done while there is
// the right to write in the folder. A socket file that is there is replaced.
Result<UniqueFd> bind_link_socket(const std::string& path);

}  // namespace berth::webserver
