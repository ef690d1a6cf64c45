// How long a peer waits after wrong passwords.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

namespace berth::sdk {

// Policy without a clock. A peer is an address; its ports do not matter. The first two failures are answered at once
// (people mistype), later answers come slower each time, and the socket is closed a growing while after the answer. A
// login that works starts afresh. Others are never held up: only failures wait.
class LoginThrottle {
 public:
  using Time = std::chrono::steady_clock::time_point;
  struct Delays {
    std::chrono::milliseconds answer;  // before AppLoginResult
    std::chrono::milliseconds close;   // between it and the close
  };
  static constexpr std::chrono::milliseconds kFirstClose{100}, kLongestClose{10'000};
  static constexpr std::chrono::milliseconds kFirstAnswer{250}, kLongestAnswer{8'000};
  static constexpr std::chrono::minutes kForget{15};
  static constexpr std::size_t kMostPeers = 10'000;  // above it the stalest is forgotten

  // `peer`: "192.0.2.1:51234" or "[2001:db8::1]:443".
  Delays failed(std::string_view peer, Time now);
  void succeeded(std::string_view peer);
  std::size_t known_peers() const { return peers_.size(); }

 private:
  struct Peer {
    unsigned failures = 0;
    Time last;
  };
  void make_room(Time now);
  std::unordered_map<std::string, Peer> peers_;
};

}  // namespace berth::sdk
