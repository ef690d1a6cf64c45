// Listening sockets.
#pragma once

#include <memory>
#include <string>

#include "base/unique_fd.h"
#include "loop/readiness.h"
#include "loop/task.h"
#include "net/address.h"

namespace berth::net {

struct TcpListenOptions {
  bool reuse_port = false;  // SO_REUSEPORT: one listener a reactor
  int backlog = 4096;
  bool v6_only = true;  // for IPv6 addresses
};

// Owns one listening socket and, for a Unix socket, its path, which it removes when it goes (if it
// is still the one it made). One task accepts at a time.
class Listener {
 public:
  // kExists if the port is taken (the detail names the address), kDenied for ports below 1024
  // without the right.
  static Result<std::unique_ptr<Listener>> tcp(loop::Loop& loop, const Address& address,
                                               TcpListenOptions options = {});
  // Replaces a stale socket file atomically, so that the path never shows a socket that refuses;
  // kExists if somebody listens there or it is another kind of file. `mode` is in force before the
  // path can be seen.
  static Result<std::unique_ptr<Listener>> unix_socket(loop::Loop& loop, std::string path, mode_t mode = 0600,
                                                       int backlog = 1024);
  // Takes over a bound and listening descriptor.
  Listener(loop::Loop& loop, UniqueFd fd, std::string unix_path = {});
  ~Listener();

  // The next connection, non-blocking and close-on-exec. Waits out a lack of descriptors; throws
  // Failure only if the listener itself is broken.
  loop::Task<UniqueFd> accept();

  // Lets go of socket and path without closing or removing them: for a successor. No task accepts any more.
  UniqueFd release();

  Address address() const;  // the bound one (port 0 is resolved); TCP only
  int fd() const { return fd_.get(); }

 private:
  loop::Loop& loop_;
  UniqueFd fd_;
  std::string path_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
  loop::Readiness readiness_;
};

// The sockets alone, for callers with their own loop.
Result<UniqueFd> listen_tcp(const Address& address, TcpListenOptions options = {});
Result<UniqueFd> listen_unix(const std::string& path, mode_t mode, int backlog = 1024);
// Of the other end; unspecified for Unix sockets.
Address peer_address(int fd);
Address local_address(int fd);

}  // namespace berth::net
