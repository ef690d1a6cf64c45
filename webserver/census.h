// How many connections there are, in all and of each peer. The one thing reactors share: touched
// when a connection comes and when it goes, never between.
#pragma once

#include <netinet/in.h>

#include <cstdint>
#include <mutex>
#include <vector>

#include "webserver/page_allocator.h"

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
  // A peer by 32 bits of a keyed hash, which is what a connection keeps of it. Two peers with the same mark (one
  // pair in 4 billion, and nobody can aim at it) are counted together.
  using Mark = std::uint32_t;
  struct Entry {
    Verdict verdict;
    Mark mark = 0;  // kWelcome: for leave()
  };
  // `secret`: nobody outside knows it; equal ones give equal marks.
  explicit Census(std::uint64_t secret = make_secret());

  // Counts a connection in unless a limit is reached. Thread-safe.
  Entry enter(const PeerKey& peer, std::uint64_t limit, std::uint64_t limit_per_peer);
  void leave(Mark mark);
  std::uint64_t connections();
  std::size_t peers();
  std::size_t bytes();  // of its table

 private:
  static std::uint64_t make_secret();
  Mark mark_of(const PeerKey& peer) const;

  // Open addressing with linear probing: 8 bytes a place, at most seven eighths full, grown by a quarter, and small
  // again when few are left: 9 to 12 bytes a peer while they come.
  struct Place {
    Mark mark = 0;            // 0: free
    std::uint32_t count = 0;  // connections
  };
  std::size_t home_of(Mark mark) const;
  std::size_t next(std::size_t at) const { return at + 1 < places_.size() ? at + 1 : 0; }
  Place& find(Mark mark);  // its place, or the free one where it would stand
  void erase(Place& place);
  void resize(std::size_t size);  // rounded up to whole pages

  static constexpr std::size_t kPage = 512;  // places
  const std::uint64_t secret_;
  std::mutex mutex_;
  std::uint64_t total_ = 0;
  std::size_t peers_ = 0;
  std::vector<Place, PageAllocator<Place>> places_;
};

}  // namespace berth::webserver
