// IP and Unix socket addresses as values.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace berth::net {

// An IPv4 or IPv6 address with a port.
class Address {
 public:
  Address() = default;  // unspecified: 0.0.0.0 port 0
  // Numeric only, "127.0.0.1" or "::1" (brackets allowed); kMalformed else. No name lookup.
  static Result<Address> parse(std::string_view ip, std::uint16_t port);
  static Address from_native(const sockaddr* address, socklen_t size);
  static Address any_v4(std::uint16_t port);
  static Address any_v6(std::uint16_t port);
  static Address loopback(std::uint16_t port);  // 127.0.0.1

  std::string ip() const;  // "127.0.0.1", "::1"; an IPv4-mapped IPv6 address as IPv4
  std::uint16_t port() const;
  std::string format() const;  // "127.0.0.1:443", "[::1]:443"
  bool is_loopback() const;
  int family() const { return storage_.ss_family; }
  const sockaddr* native() const { return reinterpret_cast<const sockaddr*>(&storage_); }
  socklen_t native_size() const;

 private:
  sockaddr_storage storage_{.ss_family = AF_INET};
};

// The address of what format() wrote: "127.0.0.1" of "127.0.0.1:51234", "::1" of "[::1]:51234". Ports of clients change with
// every connection; who they are does not. Borrowed from `peer`.
std::string_view without_port(std::string_view peer);

// A sockaddr for a Unix socket path of any length: paths above 107 bytes go through an open
// descriptor of their folder, which `folder` keeps until bind(2) or connect(2) is done.
struct UnixAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
  UniqueFd folder;
  const sockaddr* native() const { return reinterpret_cast<const sockaddr*>(&storage); }
};
Result<UnixAddress> make_unix_address(const std::string& path);

// Who is at the other end of a Unix socket when it was connected (SO_PEERCRED, unix(7)).
struct PeerCredentials {
  pid_t pid = 0;
  uid_t uid = static_cast<uid_t>(-1);
  gid_t gid = static_cast<gid_t>(-1);
};
Result<PeerCredentials> peer_credentials(int fd);

// Connects a non-blocking Unix stream socket, at once. kUnavailable if nobody listens or the
// backlog is full, kNotFound if the path is not there, kDenied by its mode.
Result<UniqueFd> connect_unix(const std::string& path);

}  // namespace berth::net
