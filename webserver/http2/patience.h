// How much of what costs work and asks for nothing an HTTP/2 connection takes from its client.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "loop/loop.h"

namespace berth::webserver::http2 {

// Floods of HTTP/2 are made of frames that are each in order (RFC 9113 section 10.5): resets, SETTINGS, PINGs, empty
// DATA, window updates of one byte. One account pays for all of them; it fills up again with time and with
// requests that are answered. Policy only: whoever finds it empty ends the connection (ENHANCE_YOUR_CALM).
class Patience {
 public:
  static constexpr std::int64_t kFrame = 1;  // that is neither a request nor part of a body
  // A stream that ends before its answer: the work for it was in vain (CVE-2023-44487, CVE-2025-8671).
  static constexpr std::int64_t kReset = 5;
  static constexpr std::int64_t kAnswered = 4;   // earned
  static constexpr std::int64_t kDataFrame = 2;  // earned with each DATA frame sent: its window updates

  // `most`: what it holds when full; a tenth of it comes back each second.
  Patience(std::int64_t most, loop::TimePoint now) : most_(most), left_(most), since_(now) {}

  // False: used up.
  bool spend(std::int64_t cost, loop::TimePoint now) {
    left_ -= cost;
    if (left_ >= 0) return true;
    const auto passed = std::chrono::duration_cast<std::chrono::milliseconds>(now - since_).count();
    left_ = std::min(most_, left_ + most_ / 10 * std::min<std::int64_t>(passed, 60'000) / 1000);
    since_ = now;
    return left_ >= 0;
  }
  void earn(std::int64_t bonus) { left_ = std::min(most_, left_ + bonus); }

 private:
  std::int64_t most_;
  std::int64_t left_;
  loop::TimePoint since_;  // when time was last counted in
};

}  // namespace berth::webserver::http2
