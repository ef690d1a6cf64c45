#include "capture/packets.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/if_ether.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace berth::capture {
namespace {

constexpr int kBufferBytes = 8 << 20;  // in the kernel, if it may be that large

std::uint16_t u16(ByteView bytes, std::size_t at) {
  return static_cast<std::uint16_t>(bytes[at] << 8 | bytes[at + 1]);
}

std::uint32_t ipv4_of(const sockaddr* address) {
  if (!address || address->sa_family != AF_INET) return 0;
  sockaddr_in in{};
  std::memcpy(&in, address, sizeof in);
  return ntohl(in.sin_addr.s_addr);
}

// ARPHRD_…; nullopt: there is no such interface.
std::optional<int> hardware_of(const std::string& name) {
  const UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  if (name.empty() || name.size() >= sizeof request.ifr_name) return std::nullopt;
  std::memcpy(request.ifr_name, name.data(), name.size());
  if (!fd || ::ioctl(fd.get(), SIOCGIFHWADDR, &request) != 0) return std::nullopt;
  return request.ifr_hwaddr.sa_family;
}

bool has_ethernet_frames(int hardware) { return hardware == ARPHRD_ETHER || hardware == ARPHRD_LOOPBACK; }

}  // namespace

std::vector<rpcap::Interface> find_interfaces(const std::vector<std::string>& names) {
  std::vector<rpcap::Interface> found;
  ifaddrs* all = nullptr;
  if (::getifaddrs(&all) != 0) return found;
  for (const auto* one = all; one; one = one->ifa_next) {
    const std::string name = one->ifa_name;
    if (!(one->ifa_flags & IFF_UP)) continue;
    if (!names.empty() && std::find(names.begin(), names.end(), name) == names.end()) continue;
    if (!has_ethernet_frames(hardware_of(name).value_or(-1))) continue;
    auto known =
        std::find_if(found.begin(), found.end(), [&](const auto& other) { return other.name == name; });
    if (known == found.end())
      known = found.insert(found.end(), {name, name, (one->ifa_flags & IFF_LOOPBACK) != 0, {}});
    if (const auto address = ipv4_of(one->ifa_addr))
      known->addresses.emplace_back(address, ipv4_of(one->ifa_netmask));
  }
  ::freeifaddrs(all);
  return found;
}

bool is_between(ByteView frame, PortPair ports) {
  constexpr std::size_t kEthernet = 14, kIpv6 = 40;
  if (frame.size() < kEthernet) return false;
  std::size_t at = kEthernet;
  auto type = u16(frame, 12);
  if (type == ETH_P_8021Q && frame.size() >= at + kVlanTag) {
    type = u16(frame, 16);
    at += kVlanTag;
  }
  if (type == ETH_P_IP && frame.size() >= at + 20 && frame[at + 9] == IPPROTO_TCP)
    at += static_cast<std::size_t>(frame[at] & 15) * 4;
  else if (type == ETH_P_IPV6 && frame.size() >= at + kIpv6 && frame[at + 6] == IPPROTO_TCP) at += kIpv6;
  else return false;
  if (frame.size() < at + 4) return false;
  const auto from = u16(frame, at), to = u16(frame, at + 2);
  return (from == ports.one && to == ports.other) || (from == ports.other && to == ports.one);
}

void put_back_vlan_tag(std::span<std::uint8_t> room, std::uint16_t protocol, std::uint16_t control) {
  constexpr std::size_t kAddresses = 12;
  std::memmove(room.data(), room.data() + kVlanTag, kAddresses);
  const std::uint16_t tag[] = {protocol, control};
  for (std::size_t i = 0; i < 2; ++i) {
    room[kAddresses + 2 * i] = static_cast<std::uint8_t>(tag[i] >> 8);
    room[kAddresses + 2 * i + 1] = static_cast<std::uint8_t>(tag[i]);
  }
}

Packets::Packets(UniqueFd fd, bool is_loopback)
    : fd_(std::move(fd)), is_loopback_(is_loopback), buffer_(kVlanTag + rpcap::kMaxSnapBytes) {}

Result<std::unique_ptr<Packets>> Packets::open(const std::string& interface, bool promiscuous) {
  const auto hardware = hardware_of(interface);
  if (!hardware) return fail(Errc::kNotFound, "no interface {}", interface);
  if (!has_ethernet_frames(*hardware)) return fail(Errc::kNotFound, "{} has no Ethernet frames", interface);
  // Without a protocol it gets nothing until it is bound to its interface.
  UniqueFd fd(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd) return fail_errno(errno, "packet socket");
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);
  address.sll_ifindex = static_cast<int>(::if_nametoindex(interface.c_str()));
  // Bound to none it would get the packets of all.
  if (address.sll_ifindex == 0) return fail(Errc::kNotFound, "no interface {}", interface);
  if (::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &kBufferBytes, sizeof kBufferBytes) != 0)
    ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUF, &kBufferBytes, sizeof kBufferBytes);
  const int on = 1;
  if (::setsockopt(fd.get(), SOL_SOCKET, SO_TIMESTAMP, &on, sizeof on) != 0)
    return fail_errno(errno, "time stamps");
  // How long a packet was that the filter has cut.
  if (::setsockopt(fd.get(), SOL_PACKET, PACKET_AUXDATA, &on, sizeof on) != 0)
    return fail_errno(errno, "lengths of packets");
  // What goes over loopback is seen when it leaves and when it arrives: once is enough, also in the counts. An old kernel
  // does not know how; next() leaves it out.
  if (*hardware == ARPHRD_LOOPBACK)
    (void)::setsockopt(fd.get(), SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on);
  if (promiscuous) {
    packet_mreq request{};
    request.mr_ifindex = address.sll_ifindex;
    request.mr_type = PACKET_MR_PROMISC;
    if (::setsockopt(fd.get(), SOL_PACKET, PACKET_ADD_MEMBERSHIP, &request, sizeof request) != 0)
      return fail_errno(errno, "promiscuous mode of " + interface);
  }
  // Nothing comes before the filter is there.
  const sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
  const sock_fprog program{1, const_cast<sock_filter*>(&nothing)};
  if (::setsockopt(fd.get(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) != 0)
    return fail_errno(errno, "filter");
  if (::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return fail_errno(errno, "bind to " + interface);
  return std::unique_ptr<Packets>(new Packets(std::move(fd), *hardware == ARPHRD_LOOPBACK));
}

Result<void> Packets::set_filter(const std::vector<sock_filter>& filter) {
  std::vector<sock_filter> program = filter;
  if (program.empty()) program.push_back(BPF_STMT(BPF_RET | BPF_K, rpcap::kMaxSnapBytes));
  const sock_fprog attached{static_cast<unsigned short>(program.size()), program.data()};
  if (::setsockopt(fd_.get(), SOL_SOCKET, SO_ATTACH_FILTER, &attached, sizeof attached) != 0)
    return fail(Errc::kMalformed, "the kernel does not take this filter");
  return {};
}

Result<std::optional<Packets::Got>> Packets::next(std::uint32_t snap_bytes) {
  for (;;) {
    sockaddr_ll from{};
    const auto room = std::span(buffer_).subspan(kVlanTag);
    iovec place{room.data(), std::min<std::size_t>(snap_bytes, room.size())};
    alignas(cmsghdr) char control[128];
    msghdr message{};
    message.msg_name = &from;
    message.msg_namelen = sizeof from;
    message.msg_iov = &place;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    // MSG_TRUNC: as long as it was, whatever room there is.
    const auto size = ::recvmsg(fd_.get(), &message, MSG_TRUNC | MSG_DONTWAIT);
    if (size < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN || errno == EWOULDBLOCK) return std::nullopt;
      return fail_errno(errno, "the interface");
    }
    if (is_loopback_ && from.sll_pkttype == PACKET_OUTGOING) continue;
    Got got;
    got.wire_bytes = static_cast<std::uint32_t>(size);
    got.bytes = ByteView(room).first(std::min<std::size_t>(static_cast<std::size_t>(size), place.iov_len));
    for (auto* part = CMSG_FIRSTHDR(&message); part; part = CMSG_NXTHDR(&message, part)) {
      if (part->cmsg_level == SOL_SOCKET && part->cmsg_type == SCM_TIMESTAMP) {
        timeval at{};
        std::memcpy(&at, CMSG_DATA(part), sizeof at);
        got.seconds = static_cast<std::uint32_t>(at.tv_sec);
        got.microseconds = static_cast<std::uint32_t>(at.tv_usec);
      } else if (part->cmsg_level == SOL_PACKET && part->cmsg_type == PACKET_AUXDATA) {
        tpacket_auxdata about{};
        std::memcpy(&about, CMSG_DATA(part), sizeof about);
        got.wire_bytes = std::max(got.wire_bytes, about.tp_len);
        if ((about.tp_status & TP_STATUS_VLAN_VALID) && got.bytes.size() >= 12) {
          const bool has_protocol = (about.tp_status & TP_STATUS_VLAN_TPID_VALID) != 0;
          put_back_vlan_tag(buffer_, has_protocol ? about.tp_vlan_tpid : ETH_P_8021Q, about.tp_vlan_tci);
          got.wire_bytes += kVlanTag;
          got.bytes =
              ByteView(buffer_).first(std::min<std::size_t>(got.bytes.size() + kVlanTag, place.iov_len));
        }
      }
    }
    return std::optional(got);
  }
}

std::uint32_t Packets::buffer_bytes() const {
  int doubled = 0;  // socket(7), SO_RCVBUF
  socklen_t size = sizeof doubled;
  ::getsockopt(fd_.get(), SOL_SOCKET, SO_RCVBUF, &doubled, &size);
  return static_cast<std::uint32_t>(doubled / 2);
}

Packets::Counts Packets::count() {
  tpacket_stats stats{};
  socklen_t size = sizeof stats;
  // The kernel counts anew after each question.
  if (::getsockopt(fd_.get(), SOL_PACKET, PACKET_STATISTICS, &stats, &size) == 0) {
    counts_.received += stats.tp_packets;
    counts_.dropped += stats.tp_drops;
  }
  return counts_;
}

}  // namespace berth::capture
