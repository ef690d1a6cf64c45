// TLS between a connection and its socket, and what is told to clients that speak plain HTTP to the TLS port.
#include <sys/socket.h>

#include <array>
#include <cerrno>

#include "base/log.h"
#include "webserver/http/conversation.h"
#include "webserver/reactor.h"

namespace berth::webserver {
namespace {
constexpr std::size_t kOneRead = 65536;  // a client's share of one turn
// What is sealed before the socket is asked whether it takes it.
constexpr std::size_t kOneSeal = 4 * tls::RecordLayer::kMaxPlain;
}  // namespace

// One recv(), and the handshake's answers. The end of TLS is told when it is read for again, as that of a socket.
Connection::Read Connection::read_tls() {
  if (tls_->state() == TlsLayer::State::kClosed) return {IoStatus::kEnded, {}};
  if (tls_->state() == TlsLayer::State::kFailed) return {IoStatus::kBroken, {}};
  const auto all = reactor().read_buffer();
  const auto buffer = all.first(all.size() / 2), room = all.subspan(all.size() / 2);
  const auto kept = tls_->take_kept(buffer);
  const auto got = ::recv(fd_, buffer.data() + kept, kOneRead, MSG_DONTWAIT);
  const bool is_blocked = got < 0 && (errno == EAGAIN || errno == EINTR);
  if (got <= 0 && !is_blocked) return {IoStatus::kBroken, {}};  // cut off: no close_notify came
  auto& sealed = reactor().sealed();
  sealed.clear();
  const auto size = kept + (got > 0 ? static_cast<std::size_t>(got) : 0);
  const auto plain = tls_->receive(reactor().ciphers(), buffer.first(size), room, sealed);
  send_sealed();
  if (!is_open()) return {IoStatus::kBlocked, {}};
  if (tls_->state() == TlsLayer::State::kFailed) {
    if (phase_ == Phase::kHandshake && tls_->error() == TlsLayer::kHttpRequest) {
      answer_plain_http();
      return {IoStatus::kBlocked, {}};
    }
    BERTH_LOG(kTls, phase_ == Phase::kHandshake ? "handshake failed" : "connection broken",
              {"peer", peer_text()}, {"reason", tls_->error()});
    if (plain.empty()) return {IoStatus::kBroken, {}};
  }
  if (phase_ == Phase::kHandshake && tls_->state() != TlsLayer::State::kHandshake) begin_http();
  if (plain.empty()) return {is_tls_over() ? IoStatus::kEnded : IoStatus::kBlocked, {}};
  return {IoStatus::kDone, plain};
}

void Connection::send_sealed() {
  auto& sealed = reactor().sealed();
  if (sealed.empty()) return;
  const iovec part{sealed.data(), sealed.size()};
  send_bytes(std::span(&part, 1));
}

// As much of `parts` as is sealed at once. What the socket does not take of it is unsent then.
std::size_t Connection::try_send_sealed(std::span<const iovec> parts) {
  std::array<iovec, 8> share;
  std::size_t count = 0, size = 0;
  for (const auto& part : parts.first(std::min(parts.size(), share.size()))) {
    share[count++] = {part.iov_base, std::min(part.iov_len, kOneSeal - size)};
    size += share[count - 1].iov_len;
  }
  auto& sealed = reactor().sealed();
  sealed.clear();
  tls_->seal(reactor().ciphers(), std::span(share).first(count), sealed);
  const iovec all{sealed.data(), sealed.size()};
  const auto result = write_some(std::span(&all, 1));
  if (result.status == IoStatus::kBroken) {
    drop();
    return 0;
  }
  reactor().counters().bytes_out += result.bytes;
  if (result.bytes < sealed.size()) keep_unsent(std::span(&all, 1), result.bytes);
  return size;
}

void Connection::answer_plain_http() {
  tls_.reset();
  set(kTls, false);
  constexpr std::string_view kText =
      "400 Bad Request\nThis port speaks TLS. Use https:// instead of http://.\n";
  phase_ = Phase::kLinger;
  send(
      fmt::format("HTTP/1.1 400 Bad Request\r\nDate: {}\r\nContent-Type: text/plain; charset=utf-8\r\n"
                  "Content-Length: {}\r\nConnection: close\r\n\r\n{}",
                  reactor().date(), kText.size(), kText));
  finish(true);
}

}  // namespace berth::webserver
