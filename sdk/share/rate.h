// How often something may happen: a token bucket. Pure; its time is whatever the caller says.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "loop/loop.h"

namespace berth::sdk {

// A value. Without a rate everything may happen. With one, what was not used in the last second may be used at once.
class Rate {
 public:
  // Tokens a second; 0: no limit. A bucket that is set anew is full.
  void set(std::uint32_t per_second, loop::TimePoint now) {
    if (per_second == per_second_) return;
    per_second_ = per_second;
    tokens_ = per_second;
    at_ = now;
  }
  std::uint32_t per_second() const { return per_second_; }

  // Takes up to `wanted` (at least 1) tokens and returns how many there were; 0: none before next().
  std::uint32_t take(std::uint32_t wanted, loop::TimePoint now) {
    if (per_second_ == 0) return wanted;
    fill(now);
    const auto taken = std::min(wanted, static_cast<std::uint32_t>(tokens_));
    tokens_ -= taken;
    return taken;
  }
  void give_back(std::uint32_t tokens) {
    if (per_second_ != 0) tokens_ = std::min<double>(tokens_ + tokens, per_second_);
  }
  // When there will be a token again; `now` if there is one.
  loop::TimePoint next(loop::TimePoint now) {
    if (per_second_ == 0) return now;
    fill(now);
    if (tokens_ >= 1) return now;
    const std::chrono::duration<double> wait((1 - tokens_) / per_second_);
    return now + std::chrono::ceil<std::chrono::microseconds>(wait);
  }

 private:
  void fill(loop::TimePoint now) {
    const std::chrono::duration<double> passed = now - at_;
    if (passed.count() <= 0) return;
    tokens_ = std::min<double>(tokens_ + passed.count() * per_second_, per_second_);
    at_ = now;
  }

  std::uint32_t per_second_ = 0;
  double tokens_ = 0;
  loop::TimePoint at_{};
};

}  // namespace berth::sdk
