// What the webserver must know before control speaks.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "base/result.h"

namespace berth::webserver {

struct Options {
  std::string root;
  std::optional<std::uint16_t> http;  // absent: off; 0: the kernel chooses
  std::optional<std::uint16_t> https;
  std::string bind;  // address; empty: all, IPv4 and IPv6
  unsigned reactors = 1;
  std::optional<uid_t> uid;  // to become once the ports are bound
  std::optional<gid_t> gid;
  // A socket by which the sockets that listen come from a webserver that runs (inherited.h), instead of being bound.
  std::optional<int> listeners;
  bool help = false, version = false;

  std::string control_path() const { return root + "/run/berth/apps/control.sock"; }
  std::string link_path(unsigned reactor) const {
    return fmt::format("{}/run/berth/apps/link.{}.sock", root, reactor);
  }
};

// `arguments` without argv[0]. kMalformed names the argument. `cores`: default for --reactors.
Result<Options> parse_options(std::span<const char* const> arguments, unsigned cores);
std::string_view usage();
std::string_view version();  // "1.0.0"

}  // namespace berth::webserver
