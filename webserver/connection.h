// One client's connection: the record that stays, and what it needs only while something is under way.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "loop/loop.h"
#include "webserver/census.h"
#include "webserver/tls/layer.h"
#include "webserver/wheel.h"
#include "wire/link/frame.h"
#include "wire/websocket/message_reader.h"

namespace berth::webserver {

struct Attach;
class Exchange;
struct Inflation;
class Reactor;
namespace http2 {
class Session;
class Stream;
}  // namespace http2

// What an idle WebSocket does without.
struct Active {
  Active();
  ~Active();
  Deadline deadline;
  std::unique_ptr<Exchange> http;         // until the upgrade; of a carried record until its end
  std::unique_ptr<http2::Session> http2;  // with all its streams
  Bytes unread;                           // from the client, not acted upon yet
  Bytes unsent;                           // for the client, not taken by the socket yet
  std::size_t unsent_begin = 0;
  std::unique_ptr<websocket::MessageReader> reader;  // inside a message or frame
  Bytes held;  // read and decoded, but the service has given no credit for it
  std::uint8_t held_flags = 0;
  std::unique_ptr<Inflation> inflation;  // inside a compressed message
};

// A record in the reactor's ConnectionTable; used again for another client after it has gone. Everything here
// happens in the reactor's thread. Data path: on_io → read → serve → (Exchange | MessageReader) →
// Link::append…; back: Link → on_link_… → send.
class Connection final {
 public:
  enum class Phase : std::uint8_t {
    kFree,       // not in use, or gone and waiting for the end of the turn
    kHandshake,  // TLS
    kHttp,
    kHttp2,  // its streams have records of their own
    kWebsocket,
    kWsClosing,  // our close frame is sent, the client's has not come
    kPassthrough,
    kLinger,  // all is said; waits for the client to read it and to close
  };

  Connection();
  ~Connection();
  Connection(const Connection&) = delete;

  // Life, by the reactor.
  void begin(int fd, Census::Mark peer, bool is_tls);
  void recycle();  // frees all; after this the record may begin again
  Phase phase() const { return phase_; }
  bool is_open() const { return phase_ != Phase::kFree; }
  bool is_tls() const { return flags_ & kTls; }
  int fd() const { return fd_; }
  Reactor& reactor() const;     // of the table's page that the record stands in
  std::uint32_t index() const;  // in the table

  void on_io(std::uint32_t events);
  void on_deadline();
  // Goes on with what was held back: input not acted upon, a socket that may have more.
  void resume();

  // --- towards the client ---
  // What the socket does not take at once is copied and goes out later, in order. Never fails: a
  // broken connection is dropped.
  void send(std::span<const iovec> parts);
  void send(ByteView bytes);
  void send(std::string_view text) { send(berth::as_bytes(text)); }
  // Writes as much as the socket takes now and copies nothing: for sources that stay (mapped files).
  // Gives the bytes taken; asks to be told by Exchange::on_writable when there is room again.
  std::size_t try_send(std::span<const iovec> parts);
  bool has_unsent() const { return active_ && active_->unsent_begin < active_->unsent.size(); }
  // Something was read already that epoll will not tell of.
  bool has_unread() const { return (active_ && !active_->unread.empty()) || is_tls_over(); }
  // Ends it cleanly once all is sent. `has_unread`: the client may still be sending, so wait for it.
  void finish(bool has_unread);
  bool is_finishing() const { return has(kFinishing); }
  // Ends it now. A stream that is open is closed towards the service with `code`.
  void drop(std::uint16_t code = 1006);
  // Does what a state machine is waiting for, restarting the deadline.
  void set_deadline(std::chrono::milliseconds after);
  void clear_deadline();

  // --- HTTP/2 (connection_http2.cc) ---
  void begin_http2();  // instead of HTTP/1.1, once the handshake has chosen it
  // try_send(), and what is left is copied as send() does. `parts` are used up.
  void send_parts(std::vector<iovec>& parts);
  // A record without descriptor for a stream of `carrier`'s, whose socket it shares.
  void begin_carried(Connection& carrier, std::int32_t stream);
  bool is_carried() const { return has(kCarried); }
  http2::Stream& carried() const;  // of a carried record, until the end of the turn in which it goes
  void receive_carried(std::span<std::uint8_t> bytes);
  void after_carried_output();

  // --- the stream to a service, if there is one ---
  bool has_stream() const { return attach_ != kNoAttach; }
  std::uint32_t stream_id() const;
  Attach& attach() const;
  // OPEN. kUnavailable: the service takes no more streams now (503). kTooLarge: the head does not fit (431).
  Result<void> open_stream(Attach& attach, const link::Open& open);
  // Sends `bytes` (as many as there is credit for, at most kMaxData) to the service and gives how many.
  std::size_t send_to_service(link::Type type, std::uint8_t flags, ByteView bytes);
  bool can_send_to_service() const;
  std::size_t credit() const { return may_send_; }  // bytes it takes now
  void hold(ByteView bytes, std::uint8_t flags);  // goes to the service before anything else, as credit comes
  void close_stream(std::uint16_t code, std::string_view reason = {});  // CLOSE, then forgets it
  void forget_stream();                                                 // has ended on both sides

  // --- from the service, by its Link ---
  void on_link_accept(const link::Accept& accept);
  void on_link_data(ByteView bytes, bool is_end);
  // `frame`: the payload with at least 12 writable bytes in front of it.
  void on_link_message(std::uint8_t flags, std::span<std::uint8_t> payload);
  void on_link_broadcast(ByteView frame);
  bool deflates() const { return flags_ & kDeflate; }  // permessage-deflate was agreed
  void on_link_close(const link::Close& close);
  void on_link_credit(std::uint32_t bytes);
  void on_link_lost();
  void on_grant_removed();
  void settle();    // at the end of each entry: interest, credit, idle memory
  void go_away();   // the webserver ends now: WebSockets are told
  void on_drain();  // the webserver shall end: what is idle goes
  // Takes `bytes` off what the service may send. False: it had no credit for them.
  bool take_credit(std::size_t bytes);

  Active& active();
  std::string peer_text() const;  // "127.0.0.1:51234", "[::1]:51234"

  static constexpr std::uint32_t kNoAttach = ~std::uint32_t{0};
  // Stream ids: index of the record in the low bits, a generation above. Never 0: generations begin with 1.
  static constexpr unsigned kIndexBits = 21;

 private:
  friend class ConnectionTable;
  enum Flag : std::uint16_t {
    kTls = 1,
    kUnwantedInput = 2,  // came while nothing was to be read
    kCarried = 4,        // a stream of HTTP/2
    kWriteBlocked = 8,   // try_send() waits for room
    kFinishing = 0x10,   // finish() was called
    kFinishUnread = 0x20,
    kReadEnded = 0x40,      // the client has closed its direction
    kWaitsForLink = 0x80,   // in the link's list of those that wait for room
    kWeEnded = 0x100,       // passthrough: END to the service
    kServiceEnded = 0x200,  // passthrough: END from the service
    kInMessage = 0x400,     // websocket: between parts of a message to the client
    kDeflate = 0x800,       // websocket: permessage-deflate
    kDeflating = 0x1000,    // websocket: that message is compressed
  };

  enum class IoStatus : std::uint8_t { kDone, kBlocked, kEnded, kBroken };
  struct Read {
    IoStatus status;
    std::span<std::uint8_t> bytes;  // in the reactor's read buffer
  };
  struct Written {
    IoStatus status;
    std::size_t bytes;
  };
  Read read_some();
  Written write_some(std::span<const iovec> parts);
  void send_bytes(std::span<const iovec> parts);  // as they are, to the socket
  void keep_unsent(std::span<const iovec> parts, std::size_t skip);

  // TLS (connection_tls.cc).
  Read read_tls();
  void send_sealed();  // what stands in the reactor's buffer
  std::size_t try_send_sealed(std::span<const iovec> parts);
  bool is_tls_over() const { return tls_ && tls_->state() >= TlsLayer::State::kClosed; }
  void begin_http();
  void answer_plain_http();
  void read_and_serve();
  std::size_t serve(std::span<std::uint8_t> bytes);
  std::size_t serve_websocket(std::span<std::uint8_t> bytes);
  std::size_t serve_passthrough(std::span<std::uint8_t> bytes);
  void on_writable();
  void on_read_ended();
  void become_websocket();
  void become_passthrough();
  bool wants_read() const;
  void give_credit_back();
  void fail_websocket(std::uint16_t code, std::string_view reason);
  void send_close_frame(std::uint16_t code, std::string_view reason);
  void keep_unread(ByteView bytes);
  void all_sent();
  bool is_holding() const;  // something for the service waits for its credit
  bool flush_held();
  bool inflate_to_service(ByteView bytes, bool is_last, bool is_text);
  bool flush_inflation();
  std::span<std::uint8_t> deflate_for_client(std::span<std::uint8_t> part, bool is_last, bool& is_compressed);
  void send_carried(std::span<const iovec> parts);
  void finish_carried();
  void drop_carried();

  bool has(Flag flag) const { return flags_ & flag; }
  void set(Flag flag, bool on = true) {
    flags_ = (on ? flags_ | flag : flags_ & ~static_cast<unsigned>(flag)) & 0x3fff;
  }
  // What epoll watches for, in three bits.
  enum Interest : std::uint8_t { kIn = 1, kOut = 2, kPeerEnds = 4 };
  void watch_for(unsigned interest);

  std::unique_ptr<TlsLayer> tls_;
  std::unique_ptr<Active> active_;
  int fd_ = -1;                        // of a free record: the next free one of its page
  Census::Mark peer_ = 0;              // whose it is
  std::uint32_t attach_ = kNoAttach;   // slot in the reactor's AttachTable
  std::uint32_t may_send_ = 0;         // credit that the service has given us
  std::uint32_t taken_ = 0;            // of the credit we gave: used and not given back yet
  std::uint32_t generation_ : 11 = 0;  // the high bits of the stream id
  std::uint32_t interest_ : 3 = 0;
  std::uint32_t flags_ : 14 = 0;
  Phase phase_ : 4 = Phase::kFree;
};
static_assert(sizeof(Connection) == 40, "what an idle connection costs");

}  // namespace berth::webserver
