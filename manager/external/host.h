// The place of a database server as people write it: DNS name, IPv4 or IPv6 address, with or without a port.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace berth::manager {

struct DatabaseHost {
  std::string name;  // of IPv6 addresses without brackets
  int port = 0;
  bool operator==(const DatabaseHost&) const = default;
};

// "db.example.com", "192.0.2.7:5433", "[2001:db8::7]:5433", "[::1]", and bare IPv6 "2001:db8::7", which has the default
// port. Names are lower-cased. kMalformed says what is wrong: empty, socket paths, ports outside 1 to 65535, …
Result<DatabaseHost> parse_database_host(std::string_view text, int default_port);
// The shortest form that reads back as the same.
std::string format_database_host(const DatabaseHost& host, int default_port);

}  // namespace berth::manager
