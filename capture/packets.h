// Packets of one network interface, by a packet socket (packet(7)).
#pragma once

#include <linux/filter.h>

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "capture/rpcap.h"

namespace berth::capture {

// Interfaces with Ethernet frames that are up (loopback has them, too); of these names only, if there are some.
std::vector<rpcap::Interface> find_interfaces(const std::vector<std::string>& names);

// TCP over IPv4 or IPv6 in an Ethernet frame between these two ports, in either direction: what the capture itself makes would
// be captured again, without end.
struct PortPair {
  std::uint16_t one = 0, other = 0;
};
bool is_between(ByteView frame, PortPair ports);

// The kernel takes the VLAN tag out of a frame (packet(7), PACKET_AUXDATA). Puts it back: `room` begins with kVlanTag free
// bytes, then comes the frame of at least 12 bytes, which begins at the front of `room` afterwards.
inline constexpr std::size_t kVlanTag = 4;
void put_back_vlan_tag(std::span<std::uint8_t> room, std::uint16_t protocol, std::uint16_t control);

class Packets {
 public:
  // Needs CAP_NET_RAW. kNotFound: no such interface; kDenied; kMalformed: the kernel does not take the filter.
  static Result<std::unique_ptr<Packets>> open(const std::string& interface, bool promiscuous);
  // In force from the next packet on; empty: everything.
  Result<void> set_filter(const std::vector<sock_filter>& filter);

  struct Got {
    std::uint32_t seconds = 0, microseconds = 0, wire_bytes = 0;
    ByteView bytes;  // until the next call
  };
  // nullopt: none waits. At most `snap_bytes` of a packet. Fails when the interface goes away.
  Result<std::optional<Got>> next(std::uint32_t snap_bytes);
  // Since it was opened: seen by the filter, and of these lost for want of room.
  struct Counts {
    std::uint32_t received = 0, dropped = 0;
  };
  Counts count();
  int fd() const { return fd_.get(); }
  // What the kernel keeps while the client is slow: 8 MiB with CAP_NET_ADMIN, else at most net.core.rmem_max.
  std::uint32_t buffer_bytes() const;

 private:
  Packets(UniqueFd fd, bool is_loopback);
  UniqueFd fd_;
  bool is_loopback_;
  Counts counts_;
  Bytes buffer_;
};

}  // namespace berth::capture
