// The stream behind a Websocket handle.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "berth/app_instance.h"
#include "berth/websocket.h"
#include "loop/sync.h"
#include "sdk/link/attachment.h"
#include "sdk/link/stream.h"
#include "sdk/websocket/peer_address.h"

namespace berth::sdk {

// What all WebSockets of one attach share.
struct WebsocketAttach {
  WebsocketHandler& handler;
  WebsocketLimits limits;
  InstanceCounters& counters;
  std::string where;  // "team@example.com", for logs
};

class WebsocketAttachment final : public Attachment {
 public:
  WebsocketAttachment(const void* owner, InstanceShare& share, link::Grant grant, std::string path,
                      WebsocketAttach shared);
  const WebsocketAttach shared;
};

// Idle it is this record of 80 bytes; what a message needs lives only while there is one. A message that a
// handler deals with at once costs its bytes, our coroutine's frame and the handler's, and nothing else.
class WebsocketStream final : public Stream, public Websocket {
 public:
  WebsocketStream(const Seed& seed, const link::Open& open);
  ~WebsocketStream() override;

  void start() override;
  void on_message(ByteView part, bool is_end, bool is_text) override;
  void on_credit() override;
  void on_gone(std::uint16_t code) override;
  bool is_busy() const override { return has(kRunning); }
  void finish() override;
  void abandon() override;

  // Of Websocket.
  void send(ByteView message, bool is_text);
  loop::Task<void> drained();
  void close(std::uint16_t code, std::string reason);
  void limit_messages(std::size_t bytes);
  bool is_open() const { return link() && !has(kClosing); }
  std::string peer() const { return peer_.format(); }
  std::size_t waiting_bytes() const { return outgoing() ? outgoing()->bytes : 0; }

  WebsocketHandler& handler() const { return attach().handler; }
  // True if a BROADCAST of that size may be sent on our behalf.
  bool can_take(std::size_t bytes) const { return is_open() && !outgoing() && send_credit() >= bytes; }
  void count_sent() { ++attach().counters.messages_out; }
  static WebsocketStream& of(Websocket& socket) { return static_cast<WebsocketStream&>(socket); }

 private:
  enum Bit : std::uint8_t {
    kClosing = 1,  // we said so; what waits still goes out
    kRunning = 2,  // the handler is at work
    kRefused = 4,  // admit() or a limit said no: the handler knows nothing of us
  };
  bool has(Bit bit) const { return kind_bits_ & bit; }
  void set(Bit bit, bool on = true) {
    kind_bits_ = static_cast<std::uint8_t>(on ? kind_bits_ | bit : kind_bits_ & ~bit);
  }

  struct Incoming {
    Bytes bytes;
    bool is_text;
  };
  struct Outgoing {  // while the client is slow
    explicit Outgoing(loop::Loop& loop) : gone(loop) {}
    struct Part {
      Bytes bytes;
      bool is_text;
    };
    std::deque<Part> parts;
    std::size_t sent_of_first = 0;
    std::size_t bytes = 0;
    bool close_after = false;
    std::string reason;  // of the close
    loop::Event gone;    // all is on its way, or nothing will be
  };
  struct Active {  // what an idle one does without
    explicit Active(loop::Loop& loop) : cleanup(loop) {}
    std::unique_ptr<Bytes> assembly;  // parts of a message
    std::vector<Incoming> queue;      // behind a handler that takes its time
    std::size_t next = 0;             // in it
    std::size_t withheld = 0;         // bytes in the queue whose credit is not given back yet
    std::unique_ptr<Outgoing> outgoing;
    loop::Errand errand;  // goes before what it may wait for
    loop::Deferred cleanup;
    bool has_waiting() const { return next < queue.size(); }
  };

  const WebsocketAttach& attach() const {
    return static_cast<const WebsocketAttachment&>(attachment()).shared;
  }
  Outgoing* outgoing() const { return active_ ? active_->outgoing.get() : nullptr; }
  Active& need_active();
  void message_complete(Incoming message);
  // Runs the handler; nullopt: opened().
  void work(std::optional<Incoming> first);
  loop::Errand run(std::optional<Incoming> first);
  std::optional<Incoming> take_next();
  void release_if_idle();
  void drop_outgoing();

  std::unique_ptr<Active> active_;
  std::uint32_t message_limit_;
  PeerAddress peer_;
  std::uint16_t close_code_ = 1006;
};
static_assert(sizeof(WebsocketStream) == 80, "there is one for each session");

}  // namespace berth::sdk
