// The stream behind a Websocket handle.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "berth/app_instance.h"
#include "berth/websocket.h"
#include "loop/sync.h"
#include "sdk/link/stream.h"

namespace berth::sdk {

// What all WebSockets of one attach share; as long as the attachment lives.
struct WebsocketAttach {
  WebsocketHandler& handler;
  WebsocketLimits limits;
  InstanceCounters& counters;
  std::string where;  // "team@example.com", for logs
};

// Idle it is this record; what a message needs (queue, task, assembly) lives only while there is one.
class WebsocketStream : public Stream {
 public:
  WebsocketStream(const Seed& seed, const WebsocketAttach& attach, const link::Open& open);
  ~WebsocketStream() override;

  void start() override;
  void on_message(ByteView part, bool is_end, bool is_text) override;
  void on_credit() override;
  void on_gone(std::uint16_t code) override;
  bool is_busy() const override;
  void finish() override;
  void abandon() override;

  // Of Websocket.
  void send(ByteView message, bool is_text);
  loop::Task<void> drained();
  void close(std::uint16_t code, std::string reason);
  void limit_messages(std::size_t bytes) { message_limit_ = bytes; }
  bool is_open() const { return link() && !closing_; }
  const std::string& peer() const { return peer_; }
  std::size_t waiting_bytes() const { return outgoing_ ? outgoing_->bytes : 0; }

  // True if a BROADCAST of that size may be sent on our behalf.
  bool can_take(std::size_t bytes) const { return is_open() && !outgoing_ && send_credit() >= bytes; }
  void count_sent() { ++attach_.counters.messages_out; }
  static WebsocketStream& of(Websocket& socket) { return socket.stream_; }

 private:
  struct Incoming {
    Bytes bytes;
    bool is_text;
  };
  struct Work {  // while something is to be done
    explicit Work(loop::Loop& loop) : cleanup(loop) {}
    bool wants_opening = false;
    std::deque<Incoming> queue;
    std::size_t withheld = 0;  // bytes in the queue whose credit is not given back yet
    std::unique_ptr<loop::Spawned<void>> task;
    loop::Deferred cleanup;
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

  void message_complete(Bytes message, bool is_text);
  void work();
  loop::Task<void> run();
  loop::Task<void> run_one(Incoming incoming);
  Work& need_work();
  void drop_outgoing();

  const WebsocketAttach& attach_;
  std::string peer_;
  Websocket handle_;
  std::unique_ptr<Bytes> assembly_;  // parts of a message
  std::unique_ptr<Work> work_;
  std::unique_ptr<Outgoing> outgoing_;
  std::size_t message_limit_;
  std::uint16_t close_code_ = 1006;
  bool closing_ = false;  // we said so; what waits still goes out
  bool running_ = false;  // the task is
  bool refused_ = false;  // admit() said no: the handler knows nothing of us
};

}  // namespace berth::sdk
