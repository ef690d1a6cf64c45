// WebSocket client for ws, wss and Unix sockets.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "net/stream.h"
#include "net/url.h"
#include "wire/http1/head.h"
#include "wire/websocket/message_reader.h"

namespace berth::net {

struct WebsocketOptions {
  TlsContext::ClientOptions tls;
  http1::Headers headers;              // further request headers
  std::string unix_socket;             // connect there instead of to the URL's host
  std::size_t max_message = 16 << 20;  // bytes of one message we accept
  std::size_t max_queue_bytes = 64 << 20;
  loop::Duration connect_limit = std::chrono::seconds(10);  // with TLS and handshake
};

struct WebsocketMessage {
  std::string data;
  bool is_text = true;
};

// Owns one connection. One task receives, any may send. Pings are answered while a task receives.
class WebsocketClient {
 public:
  ~WebsocketClient();
  // Throws Failure: as Stream::connect(), kDenied "HTTP 403" if the server refuses the upgrade.
  static loop::Task<std::unique_ptr<WebsocketClient>> connect(loop::Loop& loop, Resolver& resolver,
                                                              std::string url, WebsocketOptions options = {});
  // nullopt at the end; close_code() and close_reason() then say why (1006 without a close frame).
  loop::Task<std::optional<WebsocketMessage>> receive();
  // Queues a message. False if the connection has ended or the queue's bound is crossed (it is then
  // closed).
  bool send(std::string_view data, bool is_text = true);
  bool send_ping(std::string_view data = {});
  // Sends a close frame; receive() ends when the server answers or after 5 s.
  void close(std::uint16_t code = 1000, std::string_view reason = {});
  // Waits until what was queued is sent.
  loop::Task<void> flush();

  std::uint16_t close_code() const { return close_code_; }
  const std::string& close_reason() const { return close_reason_; }
  std::uint64_t pongs_received() const { return pongs_; }
  Stream& stream() { return *stream_; }

 private:
  WebsocketClient(loop::Loop& loop, std::unique_ptr<Stream> stream, std::size_t max_message,
                  std::size_t max_queue);
  void queue_frame(websocket::Opcode opcode, ByteView payload);
  loop::Task<void> write_queue();
  void end(std::uint16_t code, std::string reason);

  loop::Loop& loop_;
  std::unique_ptr<Stream> stream_;
  std::size_t max_queue_;
  websocket::MessageReader reader_;
  Bytes input_;
  std::size_t input_used_ = 0;
  WebsocketMessage partial_;
  Bytes queue_;
  bool close_sent_ = false;
  bool ended_ = false;
  std::uint16_t close_code_ = 1006;
  std::string close_reason_;
  std::uint64_t pongs_ = 0;
  loop::Event queue_filled_;
  loop::Event queue_empty_;
  loop::Timer close_timer_;
  std::optional<loop::Spawned<void>> writer_;
};

}  // namespace berth::net
