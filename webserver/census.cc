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

Census::Census(std::uint64_t secret) : secret_(secret), places_(kPage) {}

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

std::size_t Census::home_of(Mark mark) const {
  return static_cast<std::size_t>(std::uint64_t{mark} * places_.size() >> 32);
}

Census::Place& Census::find(Mark mark) {
  auto at = home_of(mark);
  while (places_[at].mark != mark && places_[at].mark != 0) at = next(at);
  return places_[at];
}

void Census::erase(Place& place) {
  // Whoever stands behind and would be found no more moves up.
  const auto distance = [size = places_.size()](std::size_t from, std::size_t to) {
    return to >= from ? to - from : to + size - from;
  };
  auto hole = static_cast<std::size_t>(&place - places_.data());
  for (auto at = next(hole); places_[at].mark != 0; at = next(at)) {
    if (distance(home_of(places_[at].mark), at) < distance(hole, at)) continue;
    places_[hole] = places_[at];
    hole = at;
  }
  places_[hole] = {};
}

void Census::resize(std::size_t size) {
  size = (size + kPage - 1) / kPage * kPage;
  const auto old = std::exchange(places_, decltype(places_)(size));
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
    if (8 * (peers_ + 1) > 7 * places_.size()) {
      resize(places_.size() + places_.size() / 4);
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
  if (places_.size() > kPage && 4 * peers_ < places_.size()) resize(places_.size() / 2);
}

std::uint64_t Census::connections() {
  const std::scoped_lock lock(mutex_);
  return total_;
}

std::size_t Census::peers() {
  const std::scoped_lock lock(mutex_);
  return peers_;
}

std::size_t Census::bytes() {
  const std::scoped_lock lock(mutex_);
  return places_.size() * sizeof(Place);
}

}  // namespace berth::webserver
