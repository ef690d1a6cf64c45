// One stream of an HTTP/2 connection (RFC 9113 section 5): an exchange and, after an extended CONNECT (RFC 8441), the
// bytes of its WebSocket.
#pragma once

#include <sys/types.h>

#include "webserver/http/exchange.h"

namespace berth::webserver::http2 {

class Session;

// Belongs to a Connection of its own, a record without descriptor ("carried"): ids on the link, credit, exchange and
// WebSocket are the same code as for a client with a socket. What it has for the client waits in
// the record's `unsent`, or is the rest of a file, until the session fetches it as DATA.
class Stream final : public Exchange {
 public:
  // `session` outlives me but for the destructor.
  Stream(Connection& record, Session& session, std::int32_t id);

  std::int32_t id() const { return id_; }
  // The request's head is whole. `has_ended`: no body follows. `refusal`: a status that answers it, or 0.
  void start(const http1::RequestHead& head, bool has_ended, int refusal, std::string_view reason);
  // The client has ended its direction (END_STREAM).
  void end_of_input();
  // Bytes of the client have been dealt with: gives their share of the window back.
  void taken(std::size_t bytes);

  // --- for the session ---
  // How many of at most `most` bytes are there for a DATA frame; `is_last`: and nothing after them.
  std::size_t available(std::size_t most, bool& is_last) const;
  // The next `count` of them; they stay until the end of the turn.
  ByteView fetch(std::size_t count);
  void after_output();  // some have left
  void release();       // its record goes
  const std::string& peer_text() const;
  void has_output();  // there is something new to fetch, or nothing will come any more

  std::uint32_t reset_code() const { return reset_code_; }
  bool is_answered() const { return answered_; }
  std::size_t place = 0;  // in the session's list

  std::size_t consume(std::span<std::uint8_t> bytes) override;
  void on_writable() override {}
  bool is_between_requests() const override { return false; }
  void end_after_request() override {}  // other streams go on

 private:
  Result<void> send_head(int status, http1::Headers headers) override;
  void send_body(ByteView bytes, bool is_end) override;
  Result<void> send_answer(int status, http1::Headers headers, std::string_view body) override;
  Result<void> send_file(int status, http1::Headers headers, ByteView body) override;
  Result<void> send_known_file(const StaticHeads::Head& head, ByteView body) override;
  Result<void> check_websocket(const http1::RequestHead& head) override;
  Result<void> send_upgraded(http1::Headers headers) override;
  void send_continue() override;
  void begin_body(const http1::RequestHead&) override {}
  void open_passthrough(Attach& attach, const Target& target, std::uint16_t method) override;
  void cut() override;
  void end_exchange() override;

  Result<void> give_file(int status, const http1::Headers& headers, ByteView body);

  Session& session_;
  const std::int32_t id_;
  std::uint32_t reset_code_;  // should it go before its end
  bool input_ended_ = false;
  bool input_told_ = false;  // and who it is for knows
  bool output_ended_ = false;
  bool answered_ = false;  // nothing of it was in vain
  ByteView file_left_;
};

}  // namespace berth::webserver::http2
