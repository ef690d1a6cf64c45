#include "sandbox/layers/own_network.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/bytes.h"
#include "base/unique_fd.h"

namespace berth::sandbox {
namespace {

constexpr const char* kInside = "eth0";
constexpr std::uint8_t kPrefix = 30;  // two ends, network and broadcast

// One request of rtnetlink(7): its header, then attributes, which may hold others.
class Request {
 public:
  template <class T>
  Request(std::uint16_t type, std::uint16_t flags, const T& fixed) {
    append(nlmsghdr{.nlmsg_len = 0,
                    .nlmsg_type = type,
                    .nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | NLM_F_ACK | flags),
                    .nlmsg_seq = 1,
                    .nlmsg_pid = 0});
    append(fixed);
  }
  template <class T>
  void append(const T& value) {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(&value);
    bytes_.insert(bytes_.end(), bytes, bytes + sizeof value);
    align();
  }
  template <class T>
  void attribute(std::uint16_t type, const T& value) {
    const auto at = begin(type);
    append(value);
    end(at);
  }
  void text(std::uint16_t type, std::string_view value) {
    const auto at = begin(type);
    bytes_.insert(bytes_.end(), value.begin(), value.end());
    bytes_.push_back(0);
    end(at);
  }
  std::size_t begin(std::uint16_t type) {
    const auto at = bytes_.size();
    append(rtattr{.rta_len = 0, .rta_type = type});
    return at;
  }
  void end(std::size_t at) {
    const auto length = static_cast<std::uint16_t>(bytes_.size() - at);
    std::memcpy(bytes_.data() + at, &length, sizeof length);
    align();
  }
  ByteView finish() {
    const auto length = static_cast<std::uint32_t>(bytes_.size());
    std::memcpy(bytes_.data(), &length, sizeof length);
    return bytes_;
  }

 private:
  void align() { bytes_.resize(NLMSG_ALIGN(bytes_.size())); }
  Bytes bytes_;
};

// The interfaces, addresses and routes of the network namespace in which it was opened.
class RouteSocket {
 public:
  static Result<RouteSocket> open() {
    RouteSocket made;
    made.fd_ = UniqueFd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
    if (!made.fd_) return fail_errno(errno, "netlink socket");
    return made;
  }
  Result<void> ask(Request request, std::string_view what) {
    const auto bytes = request.finish();
    if (::send(fd_.get(), bytes.data(), bytes.size(), 0) < 0) return fail_errno(errno, what);
    alignas(nlmsghdr) char answer[4096];
    const auto got = ::recv(fd_.get(), answer, sizeof answer, 0);
    if (got < 0) return fail_errno(errno, what);
    const auto* header = reinterpret_cast<const nlmsghdr*>(answer);
    if (static_cast<std::size_t>(got) < NLMSG_LENGTH(sizeof(nlmsgerr)) || header->nlmsg_type != NLMSG_ERROR)
      return fail(Errc::kFailed, "{}: unexpected answer of the kernel", what);
    nlmsgerr told;
    std::memcpy(&told, NLMSG_DATA(header), sizeof told);
    if (told.error != 0) return fail_errno(-told.error, what);
    return {};
  }
  Result<void> bring_up(const char* name) {
    ifinfomsg link{};
    link.ifi_index = static_cast<int>(::if_nametoindex(name));
    link.ifi_flags = link.ifi_change = IFF_UP;
    return ask(Request(RTM_NEWLINK, 0, link), std::string("bring up ") + name);
  }
  Result<void> give_address(const char* name, const std::string& address) {
    in_addr number{};
    if (::inet_pton(AF_INET, address.c_str(), &number) != 1)
      return fail(Errc::kMalformed, "\"{}\" is no address", address);
    ifaddrmsg message{};
    message.ifa_family = AF_INET;
    message.ifa_prefixlen = kPrefix;
    message.ifa_index = ::if_nametoindex(name);
    Request request(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, message);
    request.attribute(IFA_LOCAL, number);
    request.attribute(IFA_ADDRESS, number);
    return ask(std::move(request), "address of " + std::string(name));
  }

 private:
  UniqueFd fd_;
};

// The wire: one end here, the other in the namespace `outside`.
Result<void> make_wire(RouteSocket& inside, const std::string& outer_name, int outside) {
  Request request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, ifinfomsg{});
  request.text(IFLA_IFNAME, kInside);
  const auto info = request.begin(IFLA_LINKINFO);
  request.text(IFLA_INFO_KIND, "veth");
  const auto data = request.begin(IFLA_INFO_DATA);
  const auto peer = request.begin(VETH_INFO_PEER);
  request.append(ifinfomsg{});
  request.text(IFLA_IFNAME, outer_name);
  request.attribute(IFLA_NET_NS_FD, outside);
  request.end(peer);
  request.end(data);
  request.end(info);
  return inside.ask(std::move(request), "veth");
}

Result<void> set_up_inside(const OwnNetwork& network, int outside) {
  BERTH_TRY(auto routes, RouteSocket::open());
  BERTH_TRY_VOID(make_wire(routes, network.interface, outside));
  BERTH_TRY_VOID(routes.bring_up("lo"));
  BERTH_TRY_VOID(routes.give_address(kInside, network.address));
  BERTH_TRY_VOID(routes.bring_up(kInside));
  in_addr gateway{};
  if (::inet_pton(AF_INET, network.gateway.c_str(), &gateway) != 1)
    return fail(Errc::kMalformed, "\"{}\" is no address", network.gateway);
  rtmsg route{};
  route.rtm_family = AF_INET;
  route.rtm_table = RT_TABLE_MAIN;
  route.rtm_protocol = RTPROT_BOOT;
  route.rtm_scope = RT_SCOPE_UNIVERSE;
  route.rtm_type = RTN_UNICAST;
  Request request(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, route);
  request.attribute(RTA_GATEWAY, gateway);
  return routes.ask(std::move(request), "default route");
}

Result<void> set_up_outside(const OwnNetwork& network) {
  BERTH_TRY(auto routes, RouteSocket::open());
  BERTH_TRY_VOID(routes.give_address(network.interface.c_str(), network.gateway));
  return routes.bring_up(network.interface.c_str());
}

// That of the service's last run goes with its namespace, which the kernel takes apart when it finds the time.
Result<void> remove_left_over(const std::string& interface) {
  if (::if_nametoindex(interface.c_str()) == 0) return {};
  BERTH_TRY(auto routes, RouteSocket::open());
  Request request(RTM_DELLINK, 0, ifinfomsg{});
  request.text(IFLA_IFNAME, interface);
  if (auto gone = routes.ask(std::move(request), "remove " + interface);
      !gone && ::if_nametoindex(interface.c_str()) != 0)
    return gone;
  return {};
}

Result<void> set_up(const OwnNetwork& network, int outside) {
  BERTH_TRY_VOID(set_up_inside(network, outside));
  const UniqueFd inside(::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
  if (!inside) return fail_errno(errno, "own network namespace");
  if (::setns(outside, CLONE_NEWNET) != 0) return fail_errno(errno, "go out");
  auto done = set_up_outside(network);
  if (::setns(inside.get(), CLONE_NEWNET) != 0) return fail_errno(errno, "go in");
  return done;
}

}  // namespace

Result<void> make_own_network(const OwnNetwork& network) {
  const UniqueFd outside(::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
  if (!outside) return fail_errno(errno, "the machine's network namespace");
  BERTH_TRY_VOID(remove_left_over(network.interface));
  if (::unshare(CLONE_NEWNET) != 0) return fail_errno(errno, "new network namespace");
  auto done = set_up(network, outside.get());
  if (!done && ::setns(outside.get(), CLONE_NEWNET) != 0)
    return fail_errno(errno, "back to the machine's network");
  return done;
}

}  // namespace berth::sandbox
