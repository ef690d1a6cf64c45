#include "sdk/session/login_throttle.h"

#include <algorithm>

#include "net/address.h"

namespace berth::sdk {

LoginThrottle::Delays LoginThrottle::failed(std::string_view peer, Time now) {
  const std::string address(net::without_port(peer));
  if (!peers_.contains(address)) make_room(now);
  Peer& known = peers_[address];
  if (now - known.last > kForget) known.failures = 0;
  known.last = now;
  ++known.failures;
  const auto doubled = [](std::chrono::milliseconds first, unsigned times,
                          std::chrono::milliseconds longest) {
    return times >= 16 ? longest : std::min(longest, first * (1 << times));
  };
  return {known.failures <= 2 ? std::chrono::milliseconds(0)
                              : doubled(kFirstAnswer, known.failures - 3, kLongestAnswer),
          doubled(kFirstClose, known.failures - 1, kLongestClose)};
}

void LoginThrottle::succeeded(std::string_view peer) { peers_.erase(std::string(net::without_port(peer))); }

void LoginThrottle::make_room(Time now) {
  if (peers_.size() < kMostPeers) return;
  std::erase_if(peers_, [&](const auto& entry) { return now - entry.second.last > kForget; });
  if (peers_.size() < kMostPeers) return;
  peers_.erase(std::min_element(peers_.begin(), peers_.end(),
                                [](const auto& a, const auto& b) { return a.second.last < b.second.last; }));
}

}  // namespace berth::sdk
