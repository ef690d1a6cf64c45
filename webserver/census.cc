#include "webserver/census.h"

#include <cstring>

#include "base/result.h"

namespace berth::webserver {

PeerKey PeerKey::of(const sockaddr_storage& address) {
  PeerKey key;
  if (address.ss_family == AF_INET) {
    sockaddr_in v4;
    std::memcpy(&v4, &address, sizeof v4);
    key.is_ipv4 = true;
    key.prefix = v4.sin_addr.s_addr;
    return key;
  }
  if (address.ss_family != AF_INET6) return key;
  sockaddr_in6 v6;
  std::memcpy(&v6, &address, sizeof v6);
  if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
    std::uint32_t v4;
    std::memcpy(&v4, v6.sin6_addr.s6_addr + 12, 4);
    key.is_ipv4 = true;
    key.prefix = v4;
    return key;
  }
  std::memcpy(&key.prefix, v6.sin6_addr.s6_addr, 8);
  return key;
}

Census::Verdict Census::enter(const PeerKey& peer, std::uint64_t limit, std::uint64_t limit_per_peer) {
  const std::scoped_lock lock(mutex_);
  if (total_ >= limit) return Verdict::kFull;
  auto& count = peers_[peer];
  if (count >= limit_per_peer) {
    if (count == 0) peers_.erase(peer);
    return Verdict::kPeerFull;
  }
  ++count;
  ++total_;
  return Verdict::kWelcome;
}

void Census::leave(const PeerKey& peer) {
  const std::scoped_lock lock(mutex_);
  const auto found = peers_.find(peer);
  BERTH_CHECK(found != peers_.end() && total_ > 0);
  --total_;
  if (--found->second == 0) peers_.erase(found);
}

std::uint64_t Census::connections() {
  const std::scoped_lock lock(mutex_);
  return total_;
}

}  // namespace berth::webserver
