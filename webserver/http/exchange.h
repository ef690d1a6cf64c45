// One request of a client and its answer, whatever carries them: HTTP/1.1 or a stream of HTTP/2.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "loop/loop.h"
#include "webserver/http/body_pace.h"
#include "webserver/http/served_files.h"
#include "webserver/http/static_heads.h"
#include "webserver/http/static_pack.h"
#include "webserver/relay/routes.h"
#include "wire/http1/head.h"
#include "wire/link/frame.h"

namespace berth::webserver {

class Connection;
struct Limits;
struct Target;

http1::HeadLimits head_limits(const Limits& limits);

// Routing, limits, the service's part and our own answers stand here, once; how heads and bodies look on the
// wire is the derived classes' (HttpConversation, http2::Exchange). Part of its Connection's Active; goes at the
// upgrade. Never drops itself: the connection frees it at the end of a turn.
class Exchange {
 public:
  explicit Exchange(Connection& connection);
  virtual ~Exchange();
  Exchange(const Exchange&) = delete;

  // --- from the client ---
  virtual std::size_t consume(std::span<std::uint8_t> bytes) = 0;  // gives how many it took; 0: not now
  bool wants_input() const;
  virtual void on_writable() = 0;  // goes on with a file
  virtual void flush() {}          // the turn ends: what waited for more to go with goes now
  void on_deadline();
  void restart_deadline();  // for what is waited for now
  // --- from the service ---
  bool on_accept(const link::Accept& accept);  // true: is a WebSocket now
  void on_data(ByteView bytes, bool is_end);
  void on_close(const link::Close& close);
  void on_lost();

  Connection& connection() const { return connection_; }
  bool is_upgrading() const { return state_ == State::kUpgrading; }
  bool is_answering() const { return state_ != State::kHead && state_ != State::kBody; }
  virtual bool is_between_requests() const = 0;
  bool has_agreed_deflate() const { return !extensions_.empty(); }
  bool wants_passthrough() const { return state_ == State::kPassthrough; }
  virtual void end_after_request() = 0;  // what carries it ends, too

 protected:
  enum class State : std::uint8_t {
    kHead,         // a head is read
    kBody,         // the request's body goes to the service, its answer may come meanwhile
    kAnswering,    // the request is read; the answer is awaited or under way
    kFile,         // a file is being sent
    kUpgrading,    // a WebSocket waits for the service's ACCEPT
    kPassthrough,  // the head has gone to the service as it was
    kEnded,
  };
  // Of the answer. kOpen: its length is not known beforehand.
  enum class BodyMode : std::uint8_t { kNone, kLength, kOpen };

  // --- how it looks on the wire ---
  // Head of an answer that a service gives; its body follows by send_body(). Fails if a field cannot be sent.
  virtual Result<void> send_head(int status, http1::Headers headers) = 0;
  virtual void send_body(ByteView bytes, bool is_end) = 0;
  // A whole answer of our own; for HEAD without the body, whose length `headers` tell.
  virtual Result<void> send_answer(int status, http1::Headers headers, std::string_view body) = 0;
  // A file, from where it is mapped; ends with finish_response().
  virtual Result<void> send_file(int status, http1::Headers headers, ByteView body) = 0;
  // The same with a 200 whose head is known, for as long as this call takes.
  virtual Result<void> send_known_file(const StaticHeads::Head& head, ByteView body) = 0;
  // Is it a proper opening request? kUnsupported: 426; else 400. What accepts it is remembered.
  virtual Result<void> check_websocket(const http1::RequestHead& head) = 0;
  virtual Result<void> send_upgraded(http1::Headers headers) = 0;
  virtual void send_continue() = 0;
  virtual void begin_body(const http1::RequestHead& head) = 0;  // `head` has gone to the service
  virtual void open_passthrough(Attach& attach, const Target& target, std::uint16_t method) = 0;
  virtual void cut() = 0;           // the answer cannot be ended as it began
  virtual void end_exchange() = 0;  // the answer is out

  // --- routing (route.cc) ---
  // `head` stays until this returns. state_ and request_done_ are set.
  void start_request(const http1::RequestHead& head);
  link::Open make_open(Attach& attach, const Target& target, std::uint16_t method);
  void refuse_open(const Error& error);

  // --- answers ---
  // A piece of the request's body, no more than there is credit for. False: the exchange has failed.
  bool take_body(ByteView bytes, bool is_last);
  void respond(int status, std::string_view text, http1::Headers headers = {});
  void fail_response(int status, std::string_view text);  // whatever has been sent: an answer, or a cut
  void finish_response();
  void log_request();
  void begin_next();  // as made anew
  // So many bytes of the file's body are on their way.
  void count_file(std::size_t bytes) { served_->bytes += bytes; }

  Connection& connection_;
  State state_ = State::kHead;
  BodyMode body_mode_ = BodyMode::kNone;
  bool is_head_ = false;         // HEAD
  bool only_websocket_ = false;  // any other answer than a refusal would be taken for one
  bool request_done_ = false;
  bool head_sent_ = false;
  std::uint16_t status_ = 0;
  std::uint64_t body_left_ = 0;   // of an answer with a length
  std::uint64_t body_taken_ = 0;  // of the request
  std::uint64_t body_sent_ = 0;
  BodyPace pace_;           // of the request's body
  std::string peer_;        // as text, once it was needed
  std::string log_line_;    // method and target, with the access log on
  std::string extensions_;  // agreed for the WebSocket that is asked for
  loop::TimePoint began_;
  std::shared_ptr<const StaticPack> pack_;  // while one of its files is sent
  std::shared_ptr<ServedFiles> served_;     // where that is counted

 private:
  void route(const http1::RequestHead& head, const Target& target, std::uint16_t method);
  bool redirect_to_build(const Attach& files, const Target& target, std::string_view relative);
  bool route_websocket(const http1::RequestHead& head, const Target& target);
  void answer_unrouted(std::string_view path);
  void redirect_to_https(const http1::RequestHead& head, const Target& target);
  void open_http(const http1::RequestHead& head, Attach& attach, const Target& target, std::uint16_t method);
  void open_websocket(const http1::RequestHead& head, Attach& attach, const Target& target);
  void respond_file(Attach& attach, const http1::RequestHead& head, const StaticFile& file);
  void on_upgrade_answer(const link::Accept& accept);
  void end_of_answer();  // the service's END
};

}  // namespace berth::webserver
