#include "sdk/http/body_stream.h"

#include "sdk/link/link_client.h"

namespace berth::sdk {

BodyStream::BodyStream(const Seed& seed, const link::Open& open)
    : Stream(seed),
      peer_(open.peer),
      input_ended_(open.kind == link::Kind::kHttp && !(open.bits & link::kOpenHasBody)),
      arrived_(client().loop()),
      room_(client().loop()) {}

void BodyStream::start() { task_ = std::make_unique<loop::Spawned<void>>(client().loop(), run()); }

void BodyStream::on_data(ByteView data, bool is_last) {
  if (input_ended_) return;
  if (!data.empty()) input_.emplace_back(data.begin(), data.end());
  if (is_last) input_ended_ = true;
  arrived_.set();
}

void BodyStream::on_credit() { room_.set(); }

void BodyStream::on_gone(std::uint16_t) { lost_ = true; }

void BodyStream::finish() { task_.reset(); }

loop::Task<Bytes> BodyStream::read() {
  while (input_.empty()) {
    if (input_ended_) co_return Bytes{};
    arrived_.reset();
    co_await arrived_.wait();
  }
  Bytes next = std::move(input_.front());
  input_.pop_front();
  give_credit(next.size());
  co_return std::move(next);
}

loop::Task<void> BodyStream::write(ByteView bytes, bool is_last) {
  while (!bytes.empty()) {
    // After a loss the task only waits to be cancelled.
    const auto sent = link() ? send_part(link::Type::kData, 0, is_last ? link::kFlagEnd : 0, bytes) : 0;
    bytes = bytes.subspan(sent);
    if (bytes.empty()) break;
    room_.reset();
    co_await room_.wait();
  }
}

void BodyStream::write_end() {
  if (link()) send_part(link::Type::kData, 0, link::kFlagEnd, {});
}

}  // namespace berth::sdk
