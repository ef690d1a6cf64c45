// Memory that a burst of connections leaves behind goes back to the system.
#pragma once

#include <cstdint>
#include <functional>

#include "loop/loop.h"

namespace berth::webserver {

// malloc keeps freed pages that lie between what stays allocated: after some thousand handshakes tens of bytes for
// each connection that lives on. Owned by a reactor.
class HeapRelief {
 public:
  static constexpr std::uint64_t kBurst = 256;  // connections; fewer leave less than it costs to look
  static constexpr std::chrono::seconds kQuiet{1};

  // `relieve`: malloc_trim(3), but in tests.
  explicit HeapRelief(loop::Loop& loop, std::function<void()> relieve = give_back)
      : timer_(loop), relieve_(std::move(relieve)) {}

  // A connection has come.
  void note() {
    if (++count_ >= kBurst && !timer_.is_running()) wait();
  }

 private:
  static void give_back();
  void wait() {
    timer_.start(kQuiet, [this, before = count_] { look(before); });
  }
  void look(std::uint64_t before);

  loop::Timer timer_;
  const std::function<void()> relieve_;
  std::uint64_t count_ = 0;  // since the last relief
};

}  // namespace berth::webserver
