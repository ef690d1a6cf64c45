#include "webserver/connection.h"

#include <sys/socket.h>

#include <cerrno>

#include "base/log.h"
#include "net/listener.h"
#include "webserver/http/conversation.h"
#include "webserver/reactor.h"

namespace berth::webserver {

Active::Active() = default;
Active::~Active() = default;
Connection::Connection() = default;
Connection::~Connection() = default;

void Connection::begin(int fd, Census::Mark peer, bool is_tls) {
  BERTH_CHECK(phase_ == Phase::kFree && !active_ && !ssl_);
  fd_ = fd;
  peer_ = peer;
  flags_ = 0;
  set(kTls, is_tls);
  attach_ = kNoAttach;
  interest_ = kIn;
  reactor().clients().watch(fd, index(), EPOLLIN);
  active();
  if (is_tls) {
    ssl_ = reactor().tls()->accept(fd);
    phase_ = Phase::kHandshake;
    set_deadline(milliseconds(reactor().limits().handshake_ms));
  } else {
    phase_ = Phase::kHttp;
    auto conversation = std::make_unique<HttpConversation>(*this);
    conversation->begin_connection();
    active_->http = std::move(conversation);
  }
}

Reactor& Connection::reactor() const { return ConnectionTable::reactor_of(*this); }
std::uint32_t Connection::index() const { return ConnectionTable::index_of(*this); }

void Connection::watch_for(unsigned interest) {
  if (interest_ == interest) return;
  interest_ = interest & 7;
  reactor().clients().change_interest(fd_, index(),
                                      (interest & kIn ? EPOLLIN : 0U) | (interest & kOut ? EPOLLOUT : 0U) |
                                          (interest & kPeerEnds ? EPOLLRDHUP : 0U));
}

void Connection::recycle() {
  ssl_.reset();
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
  phase_ = Phase::kFree;
  if (active_) active_->deadline.cancel();
  reactor().clients().unwatch(fd_);
  ::close(fd_);
  fd_ = -1;
  reactor().census().leave(peer_);
  reactor().bury(*this);
}

// --- events ---

void Connection::on_io(std::uint32_t events) {
  if (phase_ == Phase::kHandshake) {
    handshake();
    return settle();
  }
  if (events & EPOLLOUT) on_writable();
  if (is_open() && (events & (EPOLLIN | EPOLLHUP | EPOLLERR))) {
    // A client that has gone for good is noticed although nothing is read from it now.
    if (!wants_read() && (events & (EPOLLHUP | EPOLLERR))) drop();
    else if (wants_read()) read_and_serve();
  }
  if (is_open() && (events & EPOLLRDHUP) && !wants_read()) {
    if (phase_ == Phase::kHttp && active_->http->is_upgrading()) drop();
  }
  settle();
}

void Connection::resume() {
  if (!is_open() || phase_ == Phase::kHandshake) return;
  set(kWaitsForLink, false);
  if ((phase_ == Phase::kWebsocket || phase_ == Phase::kPassthrough) && !flush_held()) return settle();
  if (active_ && !active_->unread.empty()) {
    auto bytes = std::move(active_->unread);
    active_->unread.clear();
    const auto used = serve(bytes);
    if (is_open()) keep_unread(ByteView(bytes).subspan(used));
  }
  if (is_open() && ssl_ && wants_read() && SSL_has_pending(ssl_.get())) read_and_serve();
  settle();
}

void Connection::on_deadline() {
  if (!is_open()) return;
  if (phase_ == Phase::kHttp && !has_unsent() && !has(kWriteBlocked)) {
    active_->http->on_deadline();
    return settle();
  }
  drop(phase_ == Phase::kWebsocket ? 1006 : 0);  // does not take what we send, or does not close
}

bool Connection::wants_read() const {
  if (has(kReadEnded)) return false;
  switch (phase_) {
    case Phase::kHttp: return active_->http->wants_input();
    case Phase::kWebsocket:
    case Phase::kPassthrough: return can_send_to_service() && !(active_ && !active_->held.empty());
    case Phase::kWsClosing:
    case Phase::kLinger: return true;
    default: return false;
  }
}

void Connection::settle() {
  if (!is_open()) return;
  give_credit_back();
  unsigned interest = 0;
  if (phase_ == Phase::kHandshake) {
    interest = SSL_want_write(ssl_.get()) ? kOut : kIn;
  } else {
    if (wants_read()) interest |= kIn;
    if (has_unsent() || has(kWriteBlocked) || has(kReadWantsWrite)) interest |= kOut;
    if (phase_ == Phase::kHttp && active_->http->is_upgrading()) interest |= kPeerEnds;
  }
  watch_for(interest);
  if (has_stream() && !has(kWaitsForLink) && attach().link->is_congested()) {
    set(kWaitsForLink);
    attach().link->wait_for_room(*this);
  }
  if (!active_ || (phase_ != Phase::kWebsocket && phase_ != Phase::kPassthrough)) return;
  if (active_->unread.empty() && active_->held.empty() && !active_->reader && !has_unsent()) active_.reset();
}

void Connection::set_deadline(std::chrono::milliseconds after) {
  reactor().wheel().start(active().deadline, after);
}

void Connection::clear_deadline() {
  if (active_) active_->deadline.cancel();
}

void Connection::on_drain() {
  if (phase_ != Phase::kHttp) return;
  if (active_->http->is_between_requests() && !has_unsent()) return drop(0);
  active_->http->end_after_request();
}

// --- reading ---

Connection::IoResult Connection::judge_tls(int returned) {
  switch (SSL_get_error(ssl_.get(), returned)) {
    case SSL_ERROR_WANT_READ: return {IoStatus::kBlocked, 0};
    case SSL_ERROR_WANT_WRITE: return {IoStatus::kBlocked, 0};
    case SSL_ERROR_ZERO_RETURN: return {IoStatus::kEnded, 0};
    default:
      BERTH_LOG(kTls, "connection broken", {"reason", take_tls_error()});
      take_tls_error();
      return {IoStatus::kBroken, 0};
  }
}

Connection::IoResult Connection::read_some(std::span<std::uint8_t> buffer) {
  if (!ssl_) {
    const auto got = ::recv(fd_, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (got > 0) return {IoStatus::kDone, static_cast<std::size_t>(got)};
    if (got == 0) return {IoStatus::kEnded, 0};
    return {errno == EAGAIN || errno == EINTR ? IoStatus::kBlocked : IoStatus::kBroken, 0};
  }
  std::size_t total = 0;
  for (;;) {
    const auto got = SSL_read(ssl_.get(), buffer.data() + total, static_cast<int>(buffer.size() - total));
    if (got > 0) {
      total += static_cast<std::size_t>(got);
      if (total < buffer.size()) continue;
      return {IoStatus::kDone, total};
    }
    const auto result = judge_tls(got);
    set(kReadWantsWrite, result.status == IoStatus::kBlocked && SSL_want_write(ssl_.get()));
    if (total == 0) return result;
    // What came before an end or an error is served first; the next read reports the rest.
    return {IoStatus::kDone, total};
  }
}

void Connection::read_and_serve() {
  constexpr std::size_t kOneRead = 65536;  // a client's share of one turn
  const auto buffer = reactor().read_buffer().first(kOneRead);
  const auto result = read_some(buffer);
  if (result.status == IoStatus::kBlocked) return;
  if (result.status == IoStatus::kBroken) return drop();
  if (result.status == IoStatus::kEnded) return on_read_ended();
  reactor().counters().bytes_in += result.bytes;

  auto bytes = buffer.first(result.bytes);
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
  // epoll does not know what OpenSSL holds.
  if (is_open() && ssl_ && wants_read() && SSL_has_pending(ssl_.get())) reactor().run_soon(*this);
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
      if (active_->http->is_between_requests()) return finish(false);  // and take it slowly
      return drop();
    default: return drop();
  }
}

std::size_t Connection::serve_passthrough(std::span<std::uint8_t> bytes) {
  if (active_ && !active_->held.empty()) return 0;
  return send_to_service(link::Type::kData, 0, bytes.first(std::min(bytes.size(), link::kMaxData)));
}

// --- writing ---

std::span<std::uint8_t> Connection::gather(std::span<const iovec> parts) {
  const auto buffer = reactor().write_buffer();
  std::size_t size = 0;
  for (const auto& part : parts) {
    const auto count = std::min(part.iov_len, buffer.size() - size);
    if (count > 0) std::memcpy(buffer.data() + size, part.iov_base, count);
    size += count;
  }
  return buffer.first(size);
}

Connection::IoResult Connection::write_some(std::span<const iovec> parts) {
  if (!ssl_) {
    msghdr message{};
    message.msg_iov = const_cast<iovec*>(parts.data());
    message.msg_iovlen = parts.size();
    const auto put = ::sendmsg(fd_, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (put >= 0) return {IoStatus::kDone, static_cast<std::size_t>(put)};
    return {errno == EAGAIN || errno == EINTR ? IoStatus::kBlocked : IoStatus::kBroken, 0};
  }
  // One record of up to 16 KiB a call. After "blocked" OpenSSL wants the same bytes again: callers
  // go on where they stopped.
  std::span<const std::uint8_t> bytes;
  if (parts.size() == 1) bytes = {static_cast<const std::uint8_t*>(parts[0].iov_base), parts[0].iov_len};
  else bytes = gather(parts);
  if (bytes.empty()) return {IoStatus::kDone, 0};
  const auto put =
      SSL_write(ssl_.get(), bytes.data(), static_cast<int>(std::min<std::size_t>(bytes.size(), 1 << 30)));
  if (put > 0) return {IoStatus::kDone, static_cast<std::size_t>(put)};
  return judge_tls(put);
}

std::size_t Connection::try_send(std::span<const iovec> parts) {
  constexpr std::size_t kShare = 1 << 18;  // of one turn
  if (!is_open()) return 0;
  set(kWriteBlocked, true);
  if (has_unsent()) return 0;
  std::vector<iovec> rest;
  for (const auto& part : parts)
    if (part.iov_len > 0) rest.push_back(part);
  std::size_t total = 0;
  while (!rest.empty() && total < kShare) {
    const auto result = write_some(rest);
    if (result.status == IoStatus::kBlocked) break;
    if (result.status != IoStatus::kDone) {
      drop();
      return total;
    }
    total += result.bytes;
    auto done = result.bytes;
    while (done > 0) {
      const auto step = std::min(done, rest.front().iov_len);
      rest.front().iov_base = static_cast<char*>(rest.front().iov_base) + step;
      rest.front().iov_len -= step;
      done -= step;
      if (rest.front().iov_len == 0) rest.erase(rest.begin());
    }
  }
  reactor().counters().bytes_out += total;
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
  std::size_t size = 0;
  for (const auto& part : parts) size += part.iov_len;
  std::size_t done = 0;
  if (!has_unsent() && !has(kWriteBlocked)) {
    const auto result = write_some(parts);
    if (result.status == IoStatus::kBroken || result.status == IoStatus::kEnded) return drop();
    done = result.bytes;
    reactor().counters().bytes_out += done;
    if (done == size) return;
  }
  auto& unsent = active().unsent;
  if (!has_unsent()) {
    unsent.clear();
    active_->unsent_begin = 0;
    set_deadline(milliseconds(reactor().limits().stall_ms));
  }
  for (const auto& part : parts) {
    const auto skip = std::min(done, part.iov_len);
    done -= skip;
    const auto* begin = static_cast<const std::uint8_t*>(part.iov_base);
    unsent.insert(unsent.end(), begin + skip, begin + part.iov_len);
  }
  if (ssl_) on_writable();  // a record may have gone and the next may go, too
}

void Connection::on_writable() {
  if (has(kReadWantsWrite)) {
    set(kReadWantsWrite, false);
    read_and_serve();
    if (!is_open()) return;
  }
  while (has_unsent()) {
    auto& active = *active_;
    const iovec part{active.unsent.data() + active.unsent_begin, active.unsent.size() - active.unsent_begin};
    const auto result = write_some(std::span(&part, 1));
    if (result.status == IoStatus::kBlocked) return;
    if (result.status != IoStatus::kDone) return drop();
    reactor().counters().bytes_out += result.bytes;
    active.unsent_begin += result.bytes;
    if (has_unsent()) set_deadline(milliseconds(reactor().limits().stall_ms));
    else all_sent();
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
  clear_deadline();
  if (has(kFinishing)) return finish(has(kFinishUnread));
  if (phase_ == Phase::kHttp) active_->http->restart_deadline();
  if (phase_ == Phase::kWsClosing) set_deadline(milliseconds(reactor().limits().close_ms));
}

void Connection::finish(bool has_unread) {
  if (!is_open()) return;
  set(kFinishing);
  set(kFinishUnread, has_unread);
  if (has_stream()) close_stream(0);
  if (has_unsent()) return;
  if (ssl_) {
    SSL_shutdown(ssl_.get());  // tells the client that nothing is cut off; its answer does not matter
    take_tls_error();
  }
  if (!has_unread && !(active_ && !active_->unread.empty())) return drop(0);
  // Closing now would reset the connection and may take our answer with it.
  ::shutdown(fd_, SHUT_WR);
  if (phase_ == Phase::kWebsocket || phase_ == Phase::kWsClosing) --reactor().counters().websockets;
  phase_ = Phase::kLinger;
  active().unread.clear();
  set_deadline(milliseconds(reactor().limits().close_ms));
}

std::string Connection::peer_text() const { return net::peer_address(fd_).format(); }

}  // namespace berth::webserver
