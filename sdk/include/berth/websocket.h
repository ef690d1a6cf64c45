// WebSockets of an instance, without login: the handler and the handle.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "loop/task.h"

namespace berth::sdk {

class WebsocketStream;

// What comes with the upgrade.
struct Upgrade {
  std::string peer;       // "127.0.0.1:51234"
  std::string target;     // path and query as sent
  std::string path;       // below the attach path, decoded, no leading slash
  std::string protocols;  // Sec-WebSocket-Protocol as sent
  std::string host;
  bool is_tls = false;
};

// One open WebSocket. Lives from WebsocketHandler::opened() until closed() has returned.
// Costs a small record while nothing happens: no task waits for the next message.
class Websocket {
 public:
  // Queues a whole message; sent as the client takes it. Above `send_limit` bytes waiting the
  // socket is closed with 1013: who does not read cannot make us keep everything.
  void send_text(std::string_view message);
  void send_binary(ByteView message);
  // Waits until everything sent so far is on its way. Use it between the parts of large answers.
  // Returns at once if the socket is closed.
  loop::Task<void> drained();
  // `code` of RFC 6455 section 7.4. What was sent before still goes out.
  void close(std::uint16_t code = 1000, std::string reason = {});
  // Messages above `bytes` close with 1009, from the next part on. For strangers less than what was attached.
  void limit_messages(std::size_t bytes);
  bool is_open() const;
  std::string peer() const;  // "127.0.0.1:51234"
  std::size_t waiting_bytes() const;

  // State of the application for this socket; goes with it.
  struct Data {
    virtual ~Data() = default;
  };
  std::unique_ptr<Data> data;

 private:
  friend class WebsocketStream;
  Websocket() = default;
  ~Websocket() = default;
  Websocket(const Websocket&) = delete;
};

struct WebsocketLimits {
  std::size_t message_bytes = 1 << 20;  // larger messages close with 1009
  std::size_t send_bytes = 4 << 20;     // waiting for a slow client
  bool compress = true;                 // large messages, by the webserver, for clients that want it
};

// The same message to many sockets, with one copy on each link instead of one a socket. Otherwise as if it
// was sent to each.
void broadcast_text(std::span<Websocket* const> sockets, std::string_view message);
void broadcast_binary(std::span<Websocket* const> sockets, ByteView message);

// What an application does with the sockets of one path. Must outlive the attach.
// The calls for one socket come one after another, those of different sockets side by side.
// An exception that leaves a call is logged and closes that socket with 1011.
class WebsocketHandler {
 public:
  virtual ~WebsocketHandler() = default;
  // Before the upgrade is answered. 0 accepts, an HTTP status refuses.
  virtual std::uint16_t admit(const Upgrade& upgrade) { return 0; }
  virtual loop::Task<void> opened(Websocket& socket) { co_return; }
  // A whole message. The next one of this socket waits until the task is done. If the client goes meanwhile, what
  // came whole is still worked off, for at most 30 s, before closed(): closing a tab right after "save" loses nothing.
  virtual loop::Task<void> received(Websocket& socket, Bytes message, bool is_text) = 0;
  // After the last task of the socket ended; `code` as the client or the webserver gave it.
  virtual void closed(Websocket& socket, std::uint16_t code) {}
};

}  // namespace berth::sdk
