#include "net/listener.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>

#include "base/bytes.h"
#include "loop/sync.h"

namespace berth::net {
namespace {

Result<void> set_option(int fd, int level, int option, int value, const char* name) {
  if (::setsockopt(fd, level, option, &value, sizeof value) != 0) return fail_errno(errno, name);
  return {};
}

}  // namespace

Result<UniqueFd> listen_tcp(const Address& address, TcpListenOptions options) {
  UniqueFd fd(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return fail_errno(errno, "socket");
  BERTH_TRY_VOID(set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1, "SO_REUSEADDR"));
  if (options.reuse_port) BERTH_TRY_VOID(set_option(fd.get(), SOL_SOCKET, SO_REUSEPORT, 1, "SO_REUSEPORT"));
  if (address.family() == AF_INET6)
    BERTH_TRY_VOID(set_option(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, options.v6_only, "IPV6_V6ONLY"));
  if (::bind(fd.get(), address.native(), address.native_size()) != 0) {
    if (errno == EADDRINUSE) return fail(Errc::kExists, "address {} is taken", address.format());
    return fail_errno(errno, fmt::format("bind {}", address.format()));
  }
  if (::listen(fd.get(), options.backlog) != 0) {
    if (errno == EADDRINUSE) return fail(Errc::kExists, "address {} is taken", address.format());
    return fail_errno(errno, fmt::format("listen on {}", address.format()));
  }
  return fd;
}

Result<UniqueFd> listen_unix(const std::string& path, mode_t mode, int backlog) {
  struct stat info{};
  if (::lstat(path.c_str(), &info) == 0) {
    if (!S_ISSOCK(info.st_mode)) return fail(Errc::kExists, "{} is there but is no socket", path);
    const auto alive = connect_unix(path);
    if (alive || alive.error().detail.find("backlog") != std::string::npos)
      return fail(Errc::kExists, "somebody listens on {} already", path);
  }
  // Bound under another name and renamed: the path shows a socket that listens, with its mode, or
  // the old one, never one that refuses.
  const std::string temporary = fmt::format("{}.{}", path, random_hex(4));
  BERTH_TRY(const auto address, make_unix_address(temporary));
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return fail_errno(errno, "socket");
  if (::bind(fd.get(), address.native(), address.size) != 0) return fail_errno(errno, "bind " + temporary);
  const auto finish = [&]() -> Result<void> {
    if (::chmod(temporary.c_str(), mode) != 0) return fail_errno(errno, "chmod " + temporary);
    if (::listen(fd.get(), backlog) != 0) return fail_errno(errno, "listen on " + path);
    if (::rename(temporary.c_str(), path.c_str()) != 0) return fail_errno(errno, "rename to " + path);
    return {};
  };
  if (auto done = finish(); !done) {
    ::unlink(temporary.c_str());
    return tl::unexpected(std::move(done.error()));
  }
  return fd;
}

Result<std::unique_ptr<Listener>> Listener::tcp(loop::Loop& loop, const Address& address,
                                                TcpListenOptions options) {
  BERTH_TRY(auto fd, listen_tcp(address, options));
  return std::make_unique<Listener>(loop, std::move(fd));
}

Result<std::unique_ptr<Listener>> Listener::unix_socket(loop::Loop& loop, std::string path, mode_t mode,
                                                        int backlog) {
  BERTH_TRY(auto fd, listen_unix(path, mode, backlog));
  return std::make_unique<Listener>(loop, std::move(fd), std::move(path));
}

Listener::Listener(loop::Loop& loop, UniqueFd fd, std::string unix_path)
    : loop_(loop), fd_(std::move(fd)), path_(std::move(unix_path)), readiness_(loop, fd_.get()) {
  struct stat info{};
  if (!path_.empty() && ::lstat(path_.c_str(), &info) == 0) {
    device_ = info.st_dev;
    inode_ = info.st_ino;
  }
}

Listener::~Listener() {
  struct stat info{};
  if (path_.empty() || ::lstat(path_.c_str(), &info) != 0) return;
  if (info.st_dev == device_ && info.st_ino == inode_) ::unlink(path_.c_str());
}

loop::Task<UniqueFd> Listener::accept() {
  for (;;) {
    UniqueFd peer(::accept4(fd_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (peer) co_return peer;
    switch (errno) {
      case EAGAIN: co_await readiness_.readable(); break;
      case EMFILE:
      case ENFILE:
      case ENOBUFS:
      case ENOMEM:
        // Others give descriptors back; level-triggered readiness would only spin here.
        co_await loop::sleep_for(loop_, std::chrono::milliseconds(100));
        break;
      case EINTR:
      case ECONNABORTED:
      case EPERM:
      case EPROTO:
      case ENETDOWN:
      case ENOPROTOOPT:
      case EHOSTDOWN:
      case ENONET:
      case EHOSTUNREACH:
      case EOPNOTSUPP:
      case ENETUNREACH: break;  // this connection's trouble, accept(2): go on with the next
      default: throw Failure(errno_error(errno, "accept"));
    }
  }
}

UniqueFd Listener::release() {
  path_.clear();
  UniqueFd given(::fcntl(fd_.get(), F_DUPFD_CLOEXEC, 3));
  if (!given) throw Failure(errno_error(errno, "duplicate a listening socket"));
  return given;
}

Address Listener::address() const { return local_address(fd_.get()); }

Address local_address(int fd) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0 || storage.ss_family == AF_UNIX)
    return {};
  return Address::from_native(reinterpret_cast<sockaddr*>(&storage), size);
}

Address peer_address(int fd) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  if (::getpeername(fd, reinterpret_cast<sockaddr*>(&storage), &size) != 0 || storage.ss_family == AF_UNIX)
    return {};
  return Address::from_native(reinterpret_cast<sockaddr*>(&storage), size);
}

}  // namespace berth::net
