// The streams of one link by their ids: 10 to 15 bytes a stream, where a std::unordered_map takes 40.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "sdk/link/stream.h"

namespace berth::sdk {

// Owns its streams. Open addressing with linear probing, at most four fifths full. A place holds the
// pointer (48 bits are all that user space has on x86-64 and arm64) and 16 bits of the id's hash, so that
// streams passed by on the way to another are not touched.
class StreamTable {
 public:
  StreamTable() = default;
  StreamTable(StreamTable&& other) noexcept
      : places_(std::exchange(other.places_, {})), size_(std::exchange(other.size_, 0)) {}
  StreamTable& operator=(StreamTable&& other) noexcept {
    std::swap(places_, other.places_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~StreamTable() { take_all(); }

  Stream* find(std::uint32_t id) const;
  void add(std::unique_ptr<Stream> stream);        // its id is not in yet
  std::unique_ptr<Stream> take(std::uint32_t id);  // null if it is not in
  std::vector<std::unique_ptr<Stream>> take_all();
  std::size_t size() const { return size_; }

  template <class Call>
  void for_each(Call call) const {  // which must not change the table
    for (const auto place : places_)
      if (place != 0) call(*stream_of(place));
  }

 private:
  using Place = std::uint64_t;  // 0: free
  static constexpr unsigned kPointerBits = 48;
  static Stream* stream_of(Place place) {
    return reinterpret_cast<Stream*>(place & ((Place{1} << kPointerBits) - 1));
  }
  // Fibonacci hashing: the high bits choose the place, the low ones are kept with it.
  static std::uint32_t hash_of(std::uint32_t id) { return id * 0x9e3779b1U; }
  std::size_t home_of(std::uint32_t id) const { return std::uint64_t{hash_of(id)} * places_.size() >> 32; }
  std::size_t find_place(std::uint32_t id) const;  // of the stream, or the free one where it would stand
  std::size_t after(std::size_t at) const { return at + 1 == places_.size() ? 0 : at + 1; }
  void resize(std::size_t size);

  std::vector<Place> places_;
  std::size_t size_ = 0;
};

}  // namespace berth::sdk
