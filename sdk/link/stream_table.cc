#include "sdk/link/stream_table.h"

#include "base/result.h"

namespace berth::sdk {
namespace {

constexpr std::size_t kSmallest = 16;

}  // namespace

std::size_t StreamTable::find_place(std::uint32_t id) const {
  const auto tag = hash_of(id) & 0xffff;
  auto at = home_of(id);
  while (places_[at] != 0 && (places_[at] >> kPointerBits != tag || stream_of(places_[at])->id() != id))
    at = after(at);
  return at;
}

Stream* StreamTable::find(std::uint32_t id) const {
  if (size_ == 0) return nullptr;
  return stream_of(places_[find_place(id)]);
}

void StreamTable::add(std::unique_ptr<Stream> stream) {
  if (5 * (size_ + 1) > 4 * places_.size()) resize(std::max(kSmallest, places_.size() + places_.size() / 2));
  const auto id = stream->id();
  const auto pointer = reinterpret_cast<Place>(stream.release());
  BERTH_CHECK(pointer >> kPointerBits == 0);
  auto& place = places_[find_place(id)];
  BERTH_CHECK(place == 0);
  place = pointer | Place{hash_of(id) & 0xffff} << kPointerBits;
  ++size_;
}

std::unique_ptr<Stream> StreamTable::take(std::uint32_t id) {
  if (size_ == 0) return nullptr;
  auto hole = find_place(id);
  std::unique_ptr<Stream> stream(stream_of(std::exchange(places_[hole], 0)));
  if (!stream) return nullptr;
  // Whoever stands behind and would be found no more moves up.
  const auto distance = [&](std::size_t from, std::size_t to) {
    return to >= from ? to - from : to + places_.size() - from;
  };
  for (auto at = after(hole); places_[at] != 0; at = after(at)) {
    if (distance(home_of(stream_of(places_[at])->id()), at) < distance(hole, at)) continue;
    places_[hole] = std::exchange(places_[at], 0);
    hole = at;
  }
  --size_;
  if (places_.size() > kSmallest && 5 * size_ < places_.size())
    resize(std::max(kSmallest, places_.size() / 2));
  return stream;
}

std::vector<std::unique_ptr<Stream>> StreamTable::take_all() {
  std::vector<std::unique_ptr<Stream>> all;
  all.reserve(size_);
  for_each([&](Stream& stream) { all.emplace_back(&stream); });
  places_ = {};
  size_ = 0;
  return all;
}

void StreamTable::resize(std::size_t size) {
  const auto old = std::exchange(places_, std::vector<Place>(size));
  for (const auto place : old)
    if (place != 0) places_[find_place(stream_of(place)->id())] = place;
}

}  // namespace berth::sdk
