#include "webserver/connection.h"

#include <sys/socket.h>

#include <cerrno>

#include "base/log.h"
#include "net/listener.h"
#include "webserver/http/conversation.h"
#include "webserver/http2/session.h"
#include "webserver/http2/stream.h"
#include "webserver/reactor.h"

namespace berth::webserver {
namespace {
constexpr std::size_t kOneRead = 65536;  // a client's share of one turn
}

Active::Active() = default;
Active::~Active() = default;
Connection::Connection() = default;
Connection::~Connection() = default;

void Connection::begin(int fd, Census::Mark peer, bool is_tls) {
  BERTH_CHECK(phase_ == Phase::kFree && !active_ && !tls_);
  fd_ = fd;
  peer_ = peer;
  flags_ = 0;
  set(kTls, is_tls);
  attach_ = kNoAttach;
  interest_ = kIn;
  reactor().clients().watch(fd, index(), EPOLLIN);
  active();
  if (is_tls) {
    tls_ = reactor().make_tls();
    phase_ = Phase::kHandshake;
    set_deadline(milliseconds(reactor().limits().handshake_ms));
  } else {
    begin_http();
  }
}

void Connection::begin_http() {
  if (tls_ && tls_->has_chosen_http2()) return begin_http2();
  phase_ = Phase::kHttp;
  auto conversation = std::make_unique<HttpConversation>(*this);
  conversation->begin_connection();
  active_->http = std::move(conversation);
}

Reactor& Connection::reactor() const { return ConnectionTable::reactor_of(*this); }
std::uint32_t Connection::index() const { return ConnectionTable::index_of(*this); }

void Connection::watch_for(unsigned interest) {
  if (interest_ == interest) return set(kUnwantedInput, false);
  // Input that is not wanted for a while, as between a request and its answer, mostly does not come: it stays watched
  // until some does (on_io). The end of the client's direction shows as input, too.
  if ((interest_ & kIn) && !has(kUnwantedInput) && ((interest ^ interest_) & kOut) == 0) return;
  set(kUnwantedInput, false);
  interest_ = interest & 7;
  reactor().clients().change_interest(fd_, index(),
                                      (interest & kIn ? EPOLLIN : 0U) | (interest & kOut ? EPOLLOUT : 0U) |
                                          (interest & kPeerEnds ? EPOLLRDHUP : 0U));
}

void Connection::recycle() {
  if (tls_) reactor().ciphers().forget_keys();
  tls_.reset();
  active_.reset();
}

Active& Connection::active() {
  if (!active_) {
    active_ = std::make_unique<Active>();
    active_->deadline.owner = this;
  }
  return *active_;
}

void Connection::drop(std::uint16_t code) {
  if (phase_ == Phase::kFree) return;
  if (has_stream()) close_stream(code);
  if (phase_ == Phase::kWebsocket || phase_ == Phase::kWsClosing) --reactor().counters().websockets;
  const bool has_streams = phase_ == Phase::kHttp2;
  phase_ = Phase::kFree;
  if (active_) active_->deadline.cancel();
  if (is_carried()) {
    drop_carried();
    return reactor().bury(*this);
  }
  if (has_streams) active_->http2->drop_streams();
  --reactor().counters().connections;
  ::close(fd_);  // nobody else has it: epoll forgets it by itself
  fd_ = -1;
  reactor().census().leave(peer_);
  reactor().bury(*this);
}

// --- events ---

void Connection::on_io(std::uint32_t events) {
  if (events & EPOLLOUT) on_writable();
  if (is_open() && (events & (EPOLLIN | EPOLLHUP | EPOLLERR))) {
    // A client that has gone for good is noticed although nothing is read from it now.
    if (!wants_read() && (events & (EPOLLHUP | EPOLLERR))) drop();
    else if (wants_read()) read_and_serve();
    else set(kUnwantedInput);
  }
  if (is_open() && (events & EPOLLRDHUP) && !wants_read()) {
    if (phase_ == Phase::kHttp && active_->http->is_upgrading()) drop();
  }
  settle();
}

void Connection::resume() {
  if (!is_open() || phase_ == Phase::kHandshake) return;
  set(kWaitsForLink, false);
  if (phase_ == Phase::kHttp) active_->http->flush();
  if (!is_open()) return;
  if ((phase_ == Phase::kWebsocket || phase_ == Phase::kPassthrough) && !flush_held()) return settle();
  if (active_ && !active_->unread.empty()) {
    auto bytes = std::move(active_->unread);
    active_->unread.clear();
    const auto used = serve(bytes);
    if (is_open()) keep_unread(ByteView(bytes).subspan(used));
    if (is_carried()) carried().taken(is_open() ? used : bytes.size());
  }
  if (is_open() && is_tls_over() && wants_read()) read_and_serve();
  settle();
}

void Connection::on_deadline() {
  if (!is_open()) return;
  if (phase_ == Phase::kHttp && !has_unsent() && !has(kWriteBlocked)) {
    active_->http->on_deadline();
    return settle();
  }
  if (phase_ == Phase::kHttp2 && !has_unsent()) {
    active_->http2->on_deadline();
    return settle();
  }
  drop(phase_ == Phase::kWebsocket ? 1006 : 0);  // does not take what we send, or does not close
}

bool Connection::wants_read() const {
  if (has(kReadEnded)) return false;
  // Some input is answered whatever else waits (a KeyUpdate of TLS 1.3, a renegotiation of 1.2): a client
  // that does not read must not make that grow.
  const auto most_unsent = static_cast<std::size_t>(reactor().limits().stream_buffer_bytes) + 2 * kOneRead;
  if (active_ && active_->unsent.size() - active_->unsent_begin > most_unsent) return false;
  switch (phase_) {
    case Phase::kHttp: return active_->http->wants_input();
    case Phase::kHttp2: return active_->http2->wants_input();
    case Phase::kWebsocket:
    case Phase::kPassthrough: return can_send_to_service() && !is_holding();
    case Phase::kHandshake:
    case Phase::kWsClosing:
    case Phase::kLinger: return true;
    default: return false;
  }
}

void Connection::settle() {
  if (!is_open()) return;
  give_credit_back();
  if (phase_ == Phase::kHttp2) {
    active_->http2->flush();
    if (!is_open()) return;
  }
  unsigned interest = 0;
  if (wants_read()) interest |= kIn;
  if (has_unsent() || has(kWriteBlocked)) interest |= kOut;
  if (phase_ == Phase::kHttp && active_->http->is_upgrading()) interest |= kPeerEnds;
  if (!is_carried()) watch_for(interest);
  if (has_stream() && !has(kWaitsForLink) && attach().link->is_congested()) {
    set(kWaitsForLink);
    attach().link->wait_for_room(*this);
  }
  if (!active_ || is_carried() || (phase_ != Phase::kWebsocket && phase_ != Phase::kPassthrough)) return;
  if (active_->unread.empty() && active_->held.empty() && !active_->reader && !active_->inflation &&
      !has_unsent())
    active_.reset();
}

void Connection::set_deadline(std::chrono::milliseconds after) {
  reactor().wheel().start(active().deadline, after);
}

void Connection::clear_deadline() {
  if (active_) active_->deadline.cancel();
}

void Connection::on_drain() {
  if (phase_ == Phase::kHttp2) return active_->http2->drain();
  if (phase_ != Phase::kHttp) return;
  // A request may be on its way: it is served, as the last one. Who has none within a moment is closed.
  if (active_->http->is_between_requests() && !has_unsent())
    return set_deadline(milliseconds(reactor().limits().close_ms));
  active_->http->end_after_request();
}

// --- reading ---

Connection::Read Connection::read_some() {
  if (tls_ && phase_ != Phase::kLinger) return read_tls();
  const auto buffer = reactor().read_buffer().first(kOneRead);
  const auto got = ::recv(fd_, buffer.data(), buffer.size(), MSG_DONTWAIT);
  if (got > 0) return {IoStatus::kDone, buffer.first(static_cast<std::size_t>(got))};
  if (got == 0) return {IoStatus::kEnded, {}};
  return {errno == EAGAIN || errno == EINTR ? IoStatus::kBlocked : IoStatus::kBroken, {}};
}

void Connection::read_and_serve() {
  const auto result = read_some();
  if (result.status == IoStatus::kBlocked) return;
  if (result.status == IoStatus::kBroken) return drop();
  if (result.status == IoStatus::kEnded) return on_read_ended();
  const auto bytes = result.bytes;
  reactor().counters().bytes_in += bytes.size();

  if (active_ && !active_->unread.empty()) {
    auto joined = std::move(active_->unread);
    active_->unread.clear();
    joined.insert(joined.end(), bytes.begin(), bytes.end());
    const auto used = serve(joined);
    if (is_open()) keep_unread(ByteView(joined).subspan(used));
  } else {
    const auto used = serve(bytes);
    if (is_open()) keep_unread(bytes.subspan(used));
  }
  // epoll does not tell of an end that came with the last bytes.
  if (is_open() && is_tls_over() && wants_read()) reactor().run_soon(*this);
}

void Connection::keep_unread(ByteView bytes) {
  if (bytes.empty() || phase_ == Phase::kLinger) return;
  auto& unread = active().unread;
  unread.insert(unread.begin(), bytes.begin(), bytes.end());
}

std::size_t Connection::serve(std::span<std::uint8_t> bytes) {
  std::size_t used = 0;
  while (used < bytes.size() && is_open()) {
    const auto rest = bytes.subspan(used);
    std::size_t taken = 0;
    switch (phase_) {
      case Phase::kHttp:
        taken = active_->http->consume(rest);
        if (phase_ == Phase::kHttp && active_->http->wants_passthrough()) become_passthrough();
        break;
      case Phase::kHttp2:
        active_->http2->receive(rest);
        taken = rest.size();
        break;
      case Phase::kWebsocket:
      case Phase::kWsClosing: taken = serve_websocket(rest); break;
      case Phase::kPassthrough: taken = serve_passthrough(rest); break;
      case Phase::kLinger: taken = rest.size(); break;
      default: break;
    }
    if (taken == 0) break;
    used += taken;
  }
  return used;
}

void Connection::on_read_ended() {
  set(kReadEnded);
  switch (phase_) {
    case Phase::kPassthrough:
      send_to_service(link::Type::kData, link::kFlagEnd, {});
      set(kWeEnded);
      if (has(kServiceEnded)) {
        forget_stream();
        finish(false);
      }
      return;
    case Phase::kHttp:
      if (active_->http->is_answering()) return;  // a client may close its direction and wait for the answer
      if (!active_->http->is_between_requests()) return drop();
      // Requests that came before the end have their turn first, then the end is read once more.
      if (!active_->unread.empty()) return set(kReadEnded, false);
      return finish(false);  // and it may take its answers slowly
    default: return drop();
  }
}

std::size_t Connection::serve_passthrough(std::span<std::uint8_t> bytes) {
  if (active_ && !active_->held.empty()) return 0;
  return send_to_service(link::Type::kData, 0, bytes.first(std::min(bytes.size(), link::kMaxData)));
}

// --- writing ---

Connection::Written Connection::write_some(std::span<const iovec> parts) {
  ssize_t put = 0;
  if (parts.size() == 1) {  // most: a WebSocket message with its header in front of it
    put = ::send(fd_, parts[0].iov_base, parts[0].iov_len, MSG_NOSIGNAL | MSG_DONTWAIT);
  } else {
    msghdr message{};
    message.msg_iov = const_cast<iovec*>(parts.data());
    message.msg_iovlen = parts.size();
    put = ::sendmsg(fd_, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
  }
  if (put >= 0) return {IoStatus::kDone, static_cast<std::size_t>(put)};
  return {errno == EAGAIN || errno == EINTR ? IoStatus::kBlocked : IoStatus::kBroken, 0};
}

std::size_t Connection::try_send(std::span<const iovec> parts) {
  constexpr std::size_t kShare = 1 << 18;  // of one turn
  if (!is_open()) return 0;
  set(kWriteBlocked, true);
  if (has_unsent()) return 0;
  std::vector<iovec> rest;
  rest.reserve(parts.size());
  for (const auto& part : parts)
    if (part.iov_len > 0) rest.push_back(part);
  std::size_t total = 0;
  while (!rest.empty() && total < kShare && !has_unsent()) {
    auto done = std::size_t{0};
    if (tls_) {
      done = try_send_sealed(rest);
      if (!is_open()) return total;
    } else {
      const auto result = write_some(rest);
      if (result.status == IoStatus::kBlocked) break;
      if (result.status != IoStatus::kDone) {
        drop();
        return total;
      }
      done = result.bytes;
      reactor().counters().bytes_out += done;
    }
    total += done;
    while (done > 0) {
      const auto step = std::min(done, rest.front().iov_len);
      rest.front().iov_base = static_cast<char*>(rest.front().iov_base) + step;
      rest.front().iov_len -= step;
      done -= step;
      if (rest.front().iov_len == 0) rest.erase(rest.begin());
    }
  }
  if (rest.empty()) set(kWriteBlocked, false);
  else set_deadline(milliseconds(reactor().limits().stall_ms));
  return total;
}

void Connection::send(ByteView bytes) {
  const iovec part{const_cast<std::uint8_t*>(bytes.data()), bytes.size()};
  send(std::span(&part, 1));
}

void Connection::send(std::span<const iovec> parts) {
  if (!is_open()) return;
  if (is_carried()) return send_carried(parts);
  if (!tls_) return send_bytes(parts);
  auto& sealed = reactor().sealed();
  sealed.clear();
  tls_->seal(reactor().ciphers(), parts, sealed);
  send_sealed();
}

void Connection::send_bytes(std::span<const iovec> parts) {
  std::size_t size = 0;
  for (const auto& part : parts) size += part.iov_len;
  std::size_t done = 0;
  if (!has_unsent() && !has(kWriteBlocked)) {
    const auto result = write_some(parts);
    if (result.status == IoStatus::kBroken) return drop();
    done = result.bytes;
    reactor().counters().bytes_out += done;
    if (done == size) return;
  }
  keep_unsent(parts, done);
}

void Connection::keep_unsent(std::span<const iovec> parts, std::size_t skip) {
  auto& unsent = active().unsent;
  if (!has_unsent()) {
    unsent.clear();
    active_->unsent_begin = 0;
    if (phase_ != Phase::kHandshake) set_deadline(milliseconds(reactor().limits().stall_ms));
  }
  for (const auto& part : parts) {
    const auto skipped = std::min(skip, part.iov_len);
    skip -= skipped;
    const auto* begin = static_cast<const std::uint8_t*>(part.iov_base);
    unsent.insert(unsent.end(), begin + skipped, begin + part.iov_len);
  }
}

void Connection::on_writable() {
  while (has_unsent()) {
    auto& active = *active_;
    const iovec part{active.unsent.data() + active.unsent_begin, active.unsent.size() - active.unsent_begin};
    const auto result = write_some(std::span(&part, 1));
    if (result.status == IoStatus::kBlocked) return;
    if (result.status != IoStatus::kDone) return drop();
    reactor().counters().bytes_out += result.bytes;
    active.unsent_begin += result.bytes;
    if (!has_unsent()) all_sent();
    else if (phase_ != Phase::kHandshake) set_deadline(milliseconds(reactor().limits().stall_ms));
    if (!is_open()) return;
  }
  if (has(kWriteBlocked)) {
    set(kWriteBlocked, false);
    if (phase_ == Phase::kHttp) active_->http->on_writable();
  }
}

void Connection::all_sent() {
  active_->unsent = {};
  active_->unsent_begin = 0;
  if (phase_ == Phase::kHandshake) return;  // it has a deadline as a whole
  clear_deadline();
  if (has(kFinishing)) return finish(has(kFinishUnread));
  if (phase_ == Phase::kHttp) active_->http->restart_deadline();
  if (phase_ == Phase::kHttp2) active_->http2->restart_deadline();
  if (phase_ == Phase::kWsClosing) set_deadline(milliseconds(reactor().limits().close_ms));
}

void Connection::finish(bool has_unread) {
  if (!is_open()) return;
  set(kFinishing);
  set(kFinishUnread, has_unread);
  if (is_carried()) return finish_carried();
  if (has_stream()) close_stream(0);
  if (has_unsent()) return;
  if (tls_) {  // tells the client that nothing is cut off
    reactor().sealed().clear();
    tls_->close(reactor().ciphers(), reactor().sealed());
    send_sealed();
    if (!is_open() || has_unsent()) return;
  }
  if (!has_unread && !(active_ && !active_->unread.empty())) return drop(0);
  // Closing now would reset the connection and may take our answer with it.
  ::shutdown(fd_, SHUT_WR);
  if (phase_ == Phase::kWebsocket || phase_ == Phase::kWsClosing) --reactor().counters().websockets;
  phase_ = Phase::kLinger;
  active().unread.clear();
  set_deadline(milliseconds(reactor().limits().close_ms));
}

std::string Connection::peer_text() const {
  if (is_carried()) return carried().peer_text();
  return net::peer_address(fd_).format();
}

}  // namespace berth::webserver
