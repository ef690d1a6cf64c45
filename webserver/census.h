// How many connections there are, in all and of each peer. The one thing reactors share: touched
// when a connection comes and when it goes, never between.
#pragma once

#include <netinet/in.h>

#include <array>
#include <cstdint>
#include <mutex>
#include <unordered_map>

namespace berth::webserver {

// What counts as one peer: an IPv4 address or the /64 of an IPv6 address.
struct PeerKey {
  std::uint64_t prefix = 0;  // network byte order read as it stands; IPv4 in the low half
  bool is_ipv4 = false;
  static PeerKey of(const sockaddr_storage& address);
  bool operator==(const PeerKey&) const = default;
};

class Census {
 public:
  enum class Verdict : std::uint8_t { kWelcome, kFull, kPeerFull };
  // Counts a connection in unless a limit is reached. Thread-safe.
  Verdict enter(const PeerKey& peer, std::uint64_t limit, std::uint64_t limit_per_peer);
  void leave(const PeerKey& peer);
  std::uint64_t connections();

 private:
  struct Hash {
    std::size_t operator()(const PeerKey& key) const { return key.prefix * 0x9e3779b97f4a7c15U >> 20; }
  };
  std::mutex mutex_;
  std::uint64_t total_ = 0;
  std::unordered_map<PeerKey, std::uint32_t, Hash> peers_;
};

}  // namespace berth::webserver
