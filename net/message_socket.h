// Control messages over a Unix stream socket (docs/protocols/control.md).
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "loop/readiness.h"
#include "loop/sync.h"
#include "net/address.h"
#include "wire/control/frame.h"
#include "wire/json/json.h"

namespace berth::net {

struct Message {
  json::Object body;
  std::vector<UniqueFd> descriptors;  // that came with it; `mt` says what they are
};

struct MessageSocketLimits {
  std::size_t max_frame = control::kMaxFrame;
  std::size_t max_queue_bytes = 64 << 20;  // waiting to be sent; above it the socket is closed
  std::size_t max_descriptors = 16;        // in one message
};

// Owns one connection. One task receives; any task may send.
class MessageSocket {
 public:
  MessageSocket(loop::Loop& loop, UniqueFd socket, MessageSocketLimits limits = {});
  ~MessageSocket();
  // Errors as connect_unix().
  static Result<std::unique_ptr<MessageSocket>> connect(loop::Loop& loop, const std::string& path,
                                                        MessageSocketLimits limits = {});

  // The next message; nullopt once the peer has closed (or reset) the connection or close() was
  // called. Throws Failure: kMalformed or kTooLarge for what is no control frame, a cut-off
  // included. If cancelled nothing is lost.
  loop::Task<std::optional<Message>> receive();

  // Queues a message, never waits. False if the socket is closed, or is now because the queue's
  // bound was crossed or the message is larger than a frame: receive() then ends too.
  bool send(const json::Object& body, std::vector<UniqueFd> descriptors = {});

  // Waits until everything queued is in the kernel. False if the socket closed first.
  loop::Task<bool> flush();

  void close();
  bool is_open() const { return open_ && !broken_; }
  std::size_t queued_bytes() const { return queued_bytes_; }
  const PeerCredentials& peer() const { return peer_; }
  int fd() const { return fd_.get(); }

 private:
  struct Outgoing {
    Bytes bytes;
    std::size_t sent = 0;
    std::vector<UniqueFd> descriptors;
  };
  struct Arrived {  // descriptors that came with the bytes [begin, end) of the stream
    std::uint64_t begin, end;
    std::vector<UniqueFd> descriptors;
  };
  loop::Task<void> write_queue();
  bool write_some();  // false on EAGAIN or when the queue is empty
  void read_some();
  std::optional<Message> take();
  void match_descriptors(Message& message);

  loop::Loop& loop_;
  MessageSocketLimits limits_;
  UniqueFd fd_;
  PeerCredentials peer_;
  bool open_ = true;
  bool ended_ = false;   // the peer closed
  bool broken_ = false;  // nothing can be sent any more
  control::Decoder decoder_;
  std::deque<Arrived> arrived_;
  std::deque<Outgoing> queue_;
  std::size_t queued_bytes_ = 0;
  loop::Readiness readiness_;
  loop::Event queue_filled_;
  loop::Event queue_empty_;
  std::optional<loop::Spawned<void>> writer_;
};

}  // namespace berth::net
