// HTTP/1.1 with one client: request after request, until the connection ends or becomes a WebSocket.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "loop/loop.h"
#include "webserver/http/static_pack.h"
#include "webserver/relay/routes.h"
#include "wire/http1/body.h"
#include "wire/http1/head.h"
#include "wire/link/frame.h"

namespace berth::webserver {

class Connection;
struct Target;

// Part of its Connection's Active; goes at the upgrade. Never drops itself: the connection frees it at
// the end of a turn.
class HttpConversation {
 public:
  explicit HttpConversation(Connection& connection);

  // --- from the client ---
  void begin_connection();                             // starts the deadline for the first head
  std::size_t consume(std::span<std::uint8_t> bytes);  // gives how many it took; 0: not now
  bool wants_input() const;
  void on_writable();  // goes on with a file
  void on_deadline();
  void restart_deadline();  // for what is waited for now
  // --- from the service ---
  bool on_accept(const link::Accept& accept);  // true: is a WebSocket now
  void on_data(ByteView bytes, bool is_end);
  void on_close(const link::Close& close);
  void on_lost();

  bool is_upgrading() const { return state_ == State::kUpgrading; }
  bool is_answering() const { return state_ != State::kHead && state_ != State::kBody; }
  bool is_between_requests() const { return state_ == State::kHead && parser_.is_empty(); }
  bool wants_passthrough() const { return state_ == State::kPassthrough; }
  void end_after_request() {
    keep_alive_ = false;
    ends_ = true;
  }

 private:
  enum class State : std::uint8_t {
    kHead,         // a head is read
    kBody,         // the request's body goes to the service, its answer may come meanwhile
    kAnswering,    // the request is read; the answer is awaited or under way
    kFile,         // a file is being sent
    kUpgrading,    // a WebSocket waits for the service's ACCEPT
    kPassthrough,  // the head has gone to the service as it was
    kEnded,
  };
  enum class BodyMode : std::uint8_t { kNone, kLength, kChunked, kUntilClose };  // of the answer

  // Routing (route.cc).
  void start_request();
  void route(const Target& target, std::uint16_t method);
  bool route_websocket(const Target& target);
  void answer_unrouted(std::string_view path);
  void redirect_to_https(const Target& target);
  void open_http(Attach& attach, const Target& target, std::uint16_t method);
  void open_websocket(Attach& attach, const Target& target, std::string key);
  void open_passthrough(Attach& attach, const Target& target, std::uint16_t method);
  link::Open make_open(Attach& attach, const Target& target, std::uint16_t method, bool keeps_upgrade);
  void refuse_open(const Error& error);

  // Answers (conversation.cc).
  std::size_t consume_head(std::span<std::uint8_t> bytes);
  std::size_t consume_body(std::span<std::uint8_t> bytes);
  void respond(int status, std::string_view text, http1::Headers headers = {});
  void respond_file(Attach& attach, const http1::RequestHead& head, std::string_view relative);
  void continue_file();
  void add_common(http1::Headers& headers) const;  // Date, Connection
  void end_of_answer();                            // the service's END
  void finish_response();
  void next_request();
  void log_request();
  void fail_response(int status, std::string_view text);  // whatever has been sent: an answer, or a cut

  Connection& connection_;
  State state_ = State::kHead;
  BodyMode body_mode_ = BodyMode::kNone;
  bool first_ = true;  // no request was answered yet
  bool keep_alive_ = true;
  bool ends_ = false;     // drain
  bool is_head_ = false;  // HEAD
  bool request_done_ = false;
  bool head_sent_ = false;
  std::uint8_t minor_ = 1;  // HTTP/1.minor of the request
  std::uint16_t status_ = 0;
  std::uint64_t body_left_ = 0;   // of an answer with a length
  std::uint64_t body_taken_ = 0;  // of the request
  std::uint64_t body_sent_ = 0;
  http1::RequestParser parser_;
  http1::BodyDecoder decoder_;
  std::string websocket_key_;
  std::string log_line_;  // method and target, with the access log on
  loop::TimePoint began_;
  std::shared_ptr<const StaticPack> pack_;  // while one of its files is sent
  std::string file_head_;
  ByteView file_left_;
};

}  // namespace berth::webserver
