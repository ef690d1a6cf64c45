// HTTP/1.1 with one client: request after request, until the connection ends or becomes a WebSocket.
#pragma once

#include <string>

#include "webserver/http/exchange.h"
#include "wire/http1/body.h"

namespace berth::webserver {

class HttpConversation final : public Exchange {
 public:
  explicit HttpConversation(Connection& connection);

  void begin_connection();  // starts the deadline for the first head
  std::size_t consume(std::span<std::uint8_t> bytes) override;
  void on_writable() override;
  void flush() override;
  bool is_between_requests() const override { return state_ == State::kHead && parser_.is_empty(); }
  void end_after_request() override {
    keep_alive_ = false;
    ends_ = true;
  }

 private:
  std::size_t consume_head(std::span<std::uint8_t> bytes);
  void take_other_form(http1::RequestHead& head);
  std::size_t consume_body(std::span<std::uint8_t> bytes);
  Result<void> send_head(int status, http1::Headers headers) override;
  void send_body(ByteView bytes, bool is_end) override;
  Result<void> send_answer(int status, http1::Headers headers, std::string_view body) override;
  Result<void> send_file(int status, http1::Headers headers, ByteView body) override;
  Result<void> send_known_file(const StaticHeads::Head& head, ByteView body) override;
  Result<void> check_websocket(const http1::RequestHead& head) override;
  Result<void> send_upgraded(http1::Headers headers) override;
  void send_continue() override;
  void begin_body(const http1::RequestHead& head) override;
  void open_passthrough(Attach& attach, const Target& target, std::uint16_t method) override;
  void cut() override;
  void end_exchange() override;

  void continue_file();
  void after_file(std::size_t sent);
  void add_common(http1::Headers& headers) const;  // Date, Connection

  bool first_ = true;  // no request was answered yet
  bool keep_alive_ = true;
  bool ends_ = false;  // drain
  bool is_chunked_ = false;
  std::uint8_t minor_ = 1;  // HTTP/1.minor of the request
  http1::RequestParser parser_;
  http1::BodyDecoder decoder_;
  std::string websocket_key_;
  std::string head_;  // of an answer; goes out with the first bytes of its body
  ByteView file_left_;
};

}  // namespace berth::webserver
