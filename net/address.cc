#include "net/address.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>

namespace berth::net {
namespace {

const sockaddr_in& v4(const sockaddr_storage& storage) {
  return reinterpret_cast<const sockaddr_in&>(storage);
}
const sockaddr_in6& v6(const sockaddr_storage& storage) {
  return reinterpret_cast<const sockaddr_in6&>(storage);
}

}  // namespace

Result<Address> Address::parse(std::string_view ip, std::uint16_t port) {
  if (ip.size() >= 2 && ip.front() == '[' && ip.back() == ']') ip = ip.substr(1, ip.size() - 2);
  const std::string text(ip);
  Address address;
  auto& four = reinterpret_cast<sockaddr_in&>(address.storage_);
  if (::inet_pton(AF_INET, text.c_str(), &four.sin_addr) == 1) {
    four.sin_family = AF_INET;
    four.sin_port = htons(port);
    return address;
  }
  auto& six = reinterpret_cast<sockaddr_in6&>(address.storage_);
  if (::inet_pton(AF_INET6, text.c_str(), &six.sin6_addr) == 1) {
    six.sin6_family = AF_INET6;
    six.sin6_port = htons(port);
    return address;
  }
  return fail(Errc::kMalformed, "'{}' is no IP address", text);
}

Address Address::from_native(const sockaddr* native, socklen_t size) {
  Address address;
  std::memcpy(&address.storage_, native, std::min<std::size_t>(size, sizeof address.storage_));
  return address;
}

Address Address::any_v4(std::uint16_t port) { return *parse("0.0.0.0", port); }
Address Address::any_v6(std::uint16_t port) { return *parse("::", port); }
Address Address::loopback(std::uint16_t port) { return *parse("127.0.0.1", port); }

std::string Address::ip() const {
  char text[INET6_ADDRSTRLEN] = "";
  if (family() == AF_INET6) {
    const auto& six = v6(storage_).sin6_addr;
    if (IN6_IS_ADDR_V4MAPPED(&six)) ::inet_ntop(AF_INET, &six.s6_addr[12], text, sizeof text);
    else ::inet_ntop(AF_INET6, &six, text, sizeof text);
  } else if (family() == AF_INET) {
    ::inet_ntop(AF_INET, &v4(storage_).sin_addr, text, sizeof text);
  }
  return text;
}

std::uint16_t Address::port() const {
  if (family() == AF_INET6) return ntohs(v6(storage_).sin6_port);
  return family() == AF_INET ? ntohs(v4(storage_).sin_port) : 0;
}

std::string Address::format() const {
  const std::string text = ip();
  if (text.find(':') != std::string::npos) return fmt::format("[{}]:{}", text, port());
  return fmt::format("{}:{}", text, port());
}

std::string_view without_port(std::string_view peer) {
  const auto colon = peer.rfind(':');
  if (colon == peer.npos) return peer;
  auto address = peer.substr(0, colon);
  if (address.starts_with('[') && address.ends_with(']')) return address.substr(1, address.size() - 2);
  // An IPv6 address without a port.
  return address.find(':') == peer.npos ? address : peer;
}

bool Address::is_loopback() const {
  if (family() == AF_INET6) {
    const auto& six = v6(storage_).sin6_addr;
    return IN6_IS_ADDR_LOOPBACK(&six) || (IN6_IS_ADDR_V4MAPPED(&six) && six.s6_addr[12] == 127);
  }
  return family() == AF_INET && (ntohl(v4(storage_).sin_addr.s_addr) >> 24) == 127;
}

socklen_t Address::native_size() const {
  return family() == AF_INET6 ? sizeof(sockaddr_in6) : sizeof(sockaddr_in);
}

Result<UnixAddress> make_unix_address(const std::string& path) {
  UnixAddress address;
  auto& native = reinterpret_cast<sockaddr_un&>(address.storage);
  native.sun_family = AF_UNIX;
  std::string name = path;
  if (name.size() >= sizeof native.sun_path) {
    const auto slash = path.rfind('/');
    const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
    address.folder = UniqueFd(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    if (!address.folder) return fail_errno(errno, "open " + folder);
    name = fmt::format("/proc/self/fd/{}/{}", address.folder.get(),
                       slash == std::string::npos ? path : path.substr(slash + 1));
    if (name.size() >= sizeof native.sun_path) return fail(Errc::kTooLarge, "socket name too long: {}", path);
  }
  std::memcpy(native.sun_path, name.data(), name.size());
  address.size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size() + 1);
  return address;
}

Result<PeerCredentials> peer_credentials(int fd) {
  ucred native{};
  socklen_t size = sizeof native;
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &native, &size) != 0) return fail_errno(errno, "SO_PEERCRED");
  return PeerCredentials{native.pid, native.uid, native.gid};
}

Result<UniqueFd> connect_unix(const std::string& path) {
  BERTH_TRY(const auto address, make_unix_address(path));
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) return fail_errno(errno, "socket");
  if (::connect(fd.get(), address.native(), address.size) != 0) {
    if (errno == EAGAIN) return fail(Errc::kUnavailable, "connect to {}: its backlog is full", path);
    return fail_errno(errno, "connect to " + path);
  }
  return fd;
}

}  // namespace berth::net
