// Latencies in buckets that grow with the value: 1/64 of the value or 1 µs, whatever is more.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

namespace berth::wsload {

class Histogram {
 public:
  void add(std::uint64_t microseconds) {
    ++counts_[index_of(microseconds)];
    ++total_;
    if (microseconds > largest_) largest_ = microseconds;
  }
  std::uint64_t count() const { return total_; }
  std::uint64_t largest() const { return largest_; }
  // The value that `share` (0..1) of all values do not exceed, up to the width of its bucket.
  std::uint64_t percentile(double share) const {
    const auto wanted = static_cast<std::uint64_t>(share * static_cast<double>(total_) + 0.999999);
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      seen += counts_[i];
      if (seen >= wanted && seen > 0) return end_of(i) < largest_ ? end_of(i) : largest_;
    }
    return largest_;
  }

 private:
  static constexpr std::size_t kSteps = 64;  // a power of two is divided into
  static constexpr std::size_t kPowers = 40;

  static std::size_t index_of(std::uint64_t value) {
    if (value < kSteps) return static_cast<std::size_t>(value);
    const auto power = static_cast<std::size_t>(std::bit_width(value)) - 7;  // value >> power is 64..127
    const auto index = power * kSteps + static_cast<std::size_t>(value >> power);
    return index < kSteps * kPowers ? index : kSteps * kPowers - 1;
  }
  static std::uint64_t end_of(std::size_t index) {
    if (index < 2 * kSteps) return index;
    const auto power = index / kSteps - 1;
    return ((std::uint64_t{index % kSteps + kSteps + 1}) << power) - 1;
  }

  std::array<std::uint64_t, kSteps * kPowers> counts_{};
  std::uint64_t total_ = 0, largest_ = 0;
};

}  // namespace berth::wsload
