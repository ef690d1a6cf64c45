// Bytes in both directions with flow control, driven by one task: HTTP exchanges and passthrough.
#pragma once

#include <deque>
#include <memory>
#include <string>

#include "base/bytes.h"
#include "loop/sync.h"
#include "sdk/link/stream.h"

namespace berth::sdk {

class BodyStream : public Stream {
 public:
  BodyStream(const Seed& seed, const link::Open& open);

  void start() override;
  void on_data(ByteView data, bool is_last) override;
  void on_credit() override;
  void on_gone(std::uint16_t code) override;
  bool is_busy() const override { return task_ && !task_->is_done() && !lost_; }
  void finish() override;

  const std::string& peer() const { return peer_; }
  // Next bytes, empty at the end. Credit goes back as they are taken.
  loop::Task<Bytes> read();
  // Waits for room. If the stream is lost meanwhile the task is cancelled.
  loop::Task<void> write(ByteView bytes, bool is_last = false);  // the bytes outlive the task
  // The last (empty) part of our direction.
  void write_end();
  bool is_input_ended() const { return input_ended_ && input_.empty(); }
  bool has_input_ended() const { return input_ended_; }

 protected:
  // The work; must not throw.
  virtual loop::Task<void> run() = 0;
  // The task is cancelled at the end of the turn.
  void give_up() { lost_ = true; }

 private:
  std::string peer_;
  std::deque<Bytes> input_;
  bool input_ended_;
  bool lost_ = false;
  loop::Event arrived_;
  loop::Event room_;
  std::unique_ptr<loop::Spawned<void>> task_;
};

}  // namespace berth::sdk
