// A request's body that another task writes piece by piece.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>

#include "loop/sync.h"

namespace berth::net {

// Between the task that makes a body and the HTTP client that sends it: at most kBufferBytes wait here, then the
// maker waits. Outlives the request it is given to; for one request.
class BodyStream {
 public:
  static constexpr std::size_t kBufferBytes = 256 << 10;

  explicit BodyStream(loop::Loop& loop) : room_(loop) { room_.set(); }

  // Takes bytes and waits until there is room for more. Throws Failure(kCancelled) once the request has ended: its
  // own answer or failure tells why.
  loop::Task<void> write(std::string bytes);
  // No more bytes: the request may come to its end.
  void finish();
  // The body will never be whole: the request fails with kCancelled, and a server that minds HTTP drops what it has.
  void abort();

 private:
  friend class Transfer;
  enum class State { kOpen, kFinished, kAborted, kClosed };

  // For the client. Gives the bytes filled; 0 and not is_finished(): call `more` when there are some.
  std::size_t fill(std::span<char> buffer);
  void changed();
  void close();

  loop::Event room_;
  std::string waiting_;
  std::size_t taken_ = 0;  // of waiting_
  State state_ = State::kOpen;
  std::function<void()> more_;
};

}  // namespace berth::net
