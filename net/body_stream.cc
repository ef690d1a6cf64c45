#include "net/body_stream.h"

#include <algorithm>

#include "base/result.h"

namespace berth::net {

loop::Task<void> BodyStream::write(std::string bytes) {
  BERTH_CHECK(state_ == State::kOpen || state_ == State::kClosed);
  if (state_ == State::kOpen && !bytes.empty()) {
    waiting_.erase(0, taken_);
    taken_ = 0;
    waiting_ += bytes;
    if (waiting_.size() >= kBufferBytes) room_.reset();
    changed();
  }
  co_await room_.wait();
  if (state_ == State::kClosed) throw_failure(Errc::kCancelled, "the request ended before its body");
}

void BodyStream::finish() {
  if (state_ != State::kOpen) return;
  state_ = State::kFinished;
  changed();
}

void BodyStream::abort() {
  if (state_ != State::kOpen) return;
  state_ = State::kAborted;
  changed();
}

std::size_t BodyStream::fill(std::span<char> buffer) {
  const auto size = std::min(buffer.size(), waiting_.size() - taken_);
  std::copy_n(waiting_.data() + taken_, size, buffer.data());
  taken_ += size;
  if (waiting_.size() - taken_ < kBufferBytes) room_.set();
  return size;
}

void BodyStream::changed() {
  if (more_) more_();
}

void BodyStream::close() {
  if (state_ == State::kOpen) state_ = State::kClosed;
  more_ = nullptr;
  room_.set();
}

}  // namespace berth::net
