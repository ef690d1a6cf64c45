#include "webserver/ports.h"

#include <dirent.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cerrno>
#include <charconv>
#include <memory>
#include <set>

#include "base/bytes.h"
#include "base/file.h"
#include "base/text.h"
#include "net/listener.h"

namespace berth::webserver {
namespace {

// Inodes of sockets that listen on `port` (proc(5): /proc/net/tcp, state 0A).
std::set<std::string> listening_inodes(std::uint16_t port) {
  std::set<std::string> inodes;
  for (const auto* table : {"/proc/net/tcp", "/proc/net/tcp6"}) {
    const auto text = read_file(table);
    if (!text) continue;
    for (const auto line : split(*text, '\n')) {
      std::vector<std::string_view> fields;
      for (const auto field : split(line, ' '))
        if (!field.empty()) fields.push_back(field);
      if (fields.size() < 10 || fields[3] != "0A") continue;
      const auto colon = fields[1].rfind(':');
      unsigned number = 0;
      if (colon == fields[1].npos) continue;
      const auto digits = fields[1].substr(colon + 1);
      std::from_chars(digits.data(), digits.data() + digits.size(), number, 16);
      if (number == port) inodes.emplace(fields[9]);
    }
  }
  return inodes;
}

struct DirectoryClose {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

template <class Call>
void for_each_entry(const std::string& path, Call call) {
  const std::unique_ptr<DIR, DirectoryClose> directory(::opendir(path.c_str()));
  if (!directory) return;
  while (const auto* entry = ::readdir(directory.get())) call(std::string(entry->d_name));
}

// What accepted sockets inherit, so that nobody has to set it on each: no waiting for more to send, and
// finding out within two minutes that a silent client is no longer there, at no cost of ours.
void set_inherited_options(int fd) {
  const auto set = [fd](int level, int option, int value) {
    ::setsockopt(fd, level, option, &value, sizeof value);
  };
  set(IPPROTO_TCP, TCP_NODELAY, 1);
  set(SOL_SOCKET, SO_KEEPALIVE, 1);
  set(IPPROTO_TCP, TCP_KEEPIDLE, 60);  // seconds
  set(IPPROTO_TCP, TCP_KEEPINTVL, 15);
  set(IPPROTO_TCP, TCP_KEEPCNT, 4);
}

Error describe(Error error, std::uint16_t port, std::string_view option) {
  if (error.code == Errc::kExists) {
    const auto holder = find_port_holder(port);
    return {Errc::kExists, fmt::format("port {} is taken{}; choose another with {} PORT", port,
                                       holder.empty() ? "" : " by " + holder, option)};
  }
  if (error.code == Errc::kDenied && port < 1024)
    return {Errc::kDenied,
            fmt::format("port {} needs root; choose one from 1024 up with {} PORT", port, option)};
  return std::move(error).within(std::string(option));
}

}  // namespace

std::string find_port_holder(std::uint16_t port) {
  const auto inodes = listening_inodes(port);
  if (inodes.empty()) return {};
  std::string holder;
  for_each_entry("/proc", [&](const std::string& pid) {
    if (!holder.empty() || pid.find_first_not_of("0123456789") != pid.npos) return;
    const auto folder = "/proc/" + pid + "/fd";
    for_each_entry(folder, [&](const std::string& fd) {
      char target[64];
      const auto size = ::readlink((folder + "/" + fd).c_str(), target, sizeof target);
      std::string_view link(target, size > 0 ? static_cast<std::size_t>(size) : 0);
      if (!holder.empty() || !link.starts_with("socket:[") || !link.ends_with(']')) return;
      if (!inodes.contains(std::string(link.substr(8, link.size() - 9)))) return;
      const auto name = read_file("/proc/" + pid + "/comm");
      holder = fmt::format("{} (process {})", name ? trim(*name) : "a program", pid);
    });
  });
  return holder;
}

Result<BoundPort> bind_port(const std::string& bind, std::uint16_t port, unsigned count,
                            std::string_view option) {
  const auto open = [&](std::uint16_t number, bool shared) -> Result<UniqueFd> {
    net::TcpListenOptions options;
    options.reuse_port = shared;
    options.v6_only = false;
    if (!bind.empty()) {
      BERTH_TRY(const auto address, net::Address::parse(bind, number));
      return net::listen_tcp(address, options);
    }
    auto both = net::listen_tcp(net::Address::any_v6(number), options);
    if (both || both.error().code == Errc::kExists || both.error().code == Errc::kDenied) return both;
    return net::listen_tcp(net::Address::any_v4(number), options);  // no IPv6 here
  };
  // SO_REUSEPORT would let us in beside another program of the same user that has it set, too. So the
  // port is tried without it first.
  {
    auto alone = open(port, false);
    if (!alone) return tl::unexpected(describe(std::move(alone.error()), port, option));
    if (port == 0) port = net::local_address(alone->get()).port();
  }
  BoundPort bound{port, {}};
  for (unsigned i = 0; i < count; ++i) {
    auto socket = open(port, true);
    if (!socket) return tl::unexpected(describe(std::move(socket.error()), port, option));
    set_inherited_options(socket->get());
    bound.sockets.push_back(std::move(*socket));
  }
  return bound;
}

Result<UniqueFd> bind_link_socket(const std::string& path) {
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return fail_errno(errno, "socket");
  struct stat there{};
  if (::lstat(path.c_str(), &there) == 0 && !S_ISSOCK(there.st_mode))
    return fail(Errc::kExists, "{} is there and is no socket", path);
  const auto temporary = fmt::format("{}.{}", path, random_hex(4));
  BERTH_TRY(const auto address, net::make_unix_address(temporary));
  if (::bind(fd.get(), address.native(), address.size) != 0) return fail_errno(errno, "bind " + temporary);
  if (::chmod(temporary.c_str(), 0666) != 0 || ::rename(temporary.c_str(), path.c_str()) != 0) {
    const int number = errno;
    ::unlink(temporary.c_str());
    return fail_errno(number, "put in place " + path);
  }
  return fd;
}

}  // namespace berth::webserver
