#include "webserver/census.h"

#include <bit>
#include <cstring>
#include <initializer_list>
#include <random>
#include <utility>

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

Census::Census(std::uint64_t secret) : secret_(secret), places_(kSmallest) {}

std::uint64_t Census::make_secret() {
  std::random_device device;
  return std::uint64_t{device()} << 32 | device();
}

Census::Mark Census::mark_of(const PeerKey& peer) const {
  // Rounds of multiplying and folding with the secret between (as in MurmurHash3's finaliser).
  auto hash = peer.prefix ^ secret_ ^ (peer.is_ipv4 ? 0x9e3779b97f4a7c15U : 0);
  for (const auto factor : {0xff51afd7ed558ccdU, 0xc4ceb9fe1a85ec53U, 0xd6e8feb86659fd93U}) {
    hash = (hash ^ hash >> 32) * factor;
    hash += std::rotl(secret_, 23);
  }
  const auto mark = static_cast<Mark>(hash ^ hash >> 32);
  return mark == 0 ? 1 : mark;
}

Census::Place& Census::find(Mark mark) {
  const auto mask = places_.size() - 1;
  auto at = mark & mask;
  while (places_[at].mark != mark && places_[at].mark != 0) at = (at + 1) & mask;
  return places_[at];
}

void Census::erase(Place& place) {
  // Whoever stands behind and would be found no more moves up.
  const auto mask = places_.size() - 1;
  auto hole = static_cast<std::size_t>(&place - places_.data());
  for (auto at = (hole + 1) & mask; places_[at].mark != 0; at = (at + 1) & mask) {
    const auto home = places_[at].mark & mask;
    if (((at - home) & mask) < ((at - hole) & mask)) continue;
    places_[hole] = places_[at];
    hole = at;
  }
  places_[hole] = {};
}

void Census::resize(std::size_t size) {
  const auto old = std::exchange(places_, std::vector<Place>(size));
  for (const auto& place : old)
    if (place.mark != 0) find(place.mark) = place;
}

Census::Entry Census::enter(const PeerKey& peer, std::uint64_t limit, std::uint64_t limit_per_peer) {
  const std::scoped_lock lock(mutex_);
  if (total_ >= limit) return {Verdict::kFull};
  const auto mark = mark_of(peer);
  auto* place = &find(mark);
  if (place->count >= limit_per_peer) return {Verdict::kPeerFull};
  if (place->mark == 0) {
    if (3 * (peers_ + 1) > 2 * places_.size()) {
      resize(2 * places_.size());
      place = &find(mark);
    }
    place->mark = mark;
    ++peers_;
  }
  ++place->count;
  ++total_;
  return {Verdict::kWelcome, mark};
}

void Census::leave(Mark mark) {
  const std::scoped_lock lock(mutex_);
  auto& place = find(mark);
  BERTH_CHECK(place.count > 0 && total_ > 0);
  --total_;
  if (--place.count > 0) return;
  erase(place);
  --peers_;
  if (places_.size() > kSmallest && 8 * peers_ < places_.size()) resize(places_.size() / 2);
}

std::uint64_t Census::connections() {
  const std::scoped_lock lock(mutex_);
  return total_;
}

std::size_t Census::peers() {
  const std::scoped_lock lock(mutex_);
  return peers_;
}

}  // namespace berth::webserver
