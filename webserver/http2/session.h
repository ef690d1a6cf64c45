// An HTTP/2 connection (RFC 9113): frames, flow control and HPACK are nghttp2's, streams and floods ours.
#pragma once

#include <nghttp2/nghttp2.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "webserver/http2/head.h"
#include "webserver/http2/patience.h"
#include "wire/http1/head.h"

namespace berth::webserver {
class Connection;
}

namespace berth::webserver::http2 {

class Stream;

// Part of its Connection's Active, until the connection ends. Data path: Connection::serve → receive → (nghttp2) →
// Stream → Link; back: Link → the stream's record → flush → (nghttp2) → Connection::try_send. What a turn brings for
// all streams leaves in few writes at its end.
class Session {
 public:
  explicit Session(Connection& connection);
  ~Session();
  Session(const Session&) = delete;

  // From the client. All of it is taken; what breaks the protocol ends the connection after a GOAWAY.
  void receive(std::span<std::uint8_t> bytes);
  bool wants_input() const;
  // Writes what is there until the socket is full; ends the connection when all is said.
  void flush();
  void on_deadline();
  void restart_deadline();
  void drain();         // GOAWAY; streams that are open end in peace (RFC 9113 section 6.8)
  void go_away();       // the webserver ends now: WebSockets are told
  void drop_streams();  // the connection has gone
  std::size_t stream_count() const { return streams_.size(); }
  const std::string& peer_text();

  // --- for streams ---
  // An answer's head. kMalformed if a field cannot be sent.
  Result<void> submit(Stream& stream, int status, const http1::Headers& headers, bool has_body);
  void submit_continue(Stream& stream);
  void resume(Stream& stream);
  void consumed(Stream& stream, std::size_t bytes);
  // Its record goes. The client is told unless the stream has ended.
  void forget(Stream& stream);

 private:
  struct Callbacks;
  struct SessionFree {
    void operator()(nghttp2_session* session) const { nghttp2_session_del(session); }
  };
  // Output that is collected: a piece of `small_`, or bytes that stay until the end of the turn.
  struct Piece {
    const std::uint8_t* external;  // null: in small_
    std::size_t begin, size;
  };

  void schedule();
  void deliver(Stream& stream, std::span<std::uint8_t> bytes);
  void add_small(ByteView bytes);
  bool collect();  // true: there is something
  void spend(std::int64_t cost);
  void end(std::uint32_t code);  // GOAWAY, and no more input counts
  bool was_skipped(std::int32_t id) const;
  void on_request(std::int32_t id, bool has_ended);
  void on_closed(std::int32_t id);
  void end_if_done();

  Connection& connection_;
  std::unique_ptr<nghttp2_session, SessionFree> session_;
  std::unique_ptr<HeadReader> reader_;  // while a request's head comes: one at a time (RFC 9113 section 4.3)
  std::vector<Stream*> streams_;
  std::vector<Stream*> moved_;  // that gave something in this flush
  std::vector<Piece> pieces_;
  Bytes small_;
  std::size_t collected_ = 0;
  Patience patience_;
  std::string peer_text_;
  std::int32_t last_ = 0, opened_ = 0;  // the client's highest stream, and how many it has opened
  bool in_headers_ = false;             // between the first and the last frame of a field block
  bool scheduled_ = false;
  bool draining_ = false;
  bool ended_ = false;  // GOAWAY for good: no more input counts
};

}  // namespace berth::webserver::http2
