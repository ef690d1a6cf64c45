#include "tools/wsload/client.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "wire/websocket/handshake.h"

namespace berth::wsload {

namespace ws = websocket;

namespace {

constexpr std::string_view kKey =
    "dGhlIHNhbXBsZSBub25jZQ==";  // of RFC 6455 section 1.3; one is as good as another
constexpr std::array<std::uint8_t, 4> kMask{0x37, 0xfa, 0x21, 0x3d};

// 127.1.0.1 and on: 62,500 addresses, each with all its ports.
sockaddr_in source_address(std::uint32_t number) {
  const std::uint32_t low = number % 250 + 1, high = number / 250 % 250;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(127u << 24 | 1u << 16 | high << 8 | low);
  return address;
}

}  // namespace

Target::Target(loop::Loop& loop, const net::Url& url, bool is_tls12)
    : loop_(loop),
      address_(or_throw(net::Address::parse(url.host, url.port))),
      request_(fmt::format("GET {} HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                           "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {}\r\n\r\n",
                           url.target, url.authority(), kKey)),
      buffer_(std::make_unique_for_overwrite<std::uint8_t[]>(kBuffer)) {
  if (!url.is_secure()) return;
  tls_.reset(SSL_CTX_new(TLS_client_method()));
  BERTH_CHECK(tls_);
  // Load is measured here, not trust: the certificate is made for the run.
  SSL_CTX_set_verify(tls_.get(), SSL_VERIFY_NONE, nullptr);
  if (is_tls12) SSL_CTX_set_max_proto_version(tls_.get(), TLS1_2_VERSION);
  SSL_CTX_set_mode(tls_.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                   SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  SSL_CTX_set_session_cache_mode(tls_.get(), SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_set_app_data(tls_.get(), this);
  SSL_CTX_sess_set_new_cb(tls_.get(), on_session);
}

int Target::on_session(SSL* ssl, SSL_SESSION* session) {
  auto& target = *static_cast<Target*>(SSL_CTX_get_app_data(SSL_get_SSL_CTX(ssl)));
  if (!target.keeps_sessions_) return 0;
  target.session_.reset(session);
  return 1;  // it is ours
}

void Client::connect(std::uint32_t number) {
  release();
  fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  state_ = State::kConnecting;
  sent_at = loop::Clock::now();
  if (fd_ < 0) return end(errno_error(errno, "socket").detail);
  const int on = 1;
  ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(fd_, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  const auto source = source_address(number);
  if (::bind(fd_, reinterpret_cast<const sockaddr*>(&source), sizeof source) != 0)
    return end(errno_error(errno, "bind").detail);
  const int result = ::connect(fd_, target_.address().native(), target_.address().native_size());
  if (result != 0 && errno != EINPROGRESS) return end(errno_error(errno, "connect").detail);
  target_.loop().watch(fd_, EPOLLOUT, *this);
  watching_ = true;
}

void Client::on_io(std::uint32_t events) {
  if (state_ == State::kConnecting) {
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) return end(errno_error(error, "connect").detail);
    if (!target_.tls()) return upgrade();
    ssl_.reset(SSL_new(target_.tls()));
    BERTH_CHECK(ssl_ && SSL_set_fd(ssl_.get(), fd_) == 1);
    SSL_set_connect_state(ssl_.get());
    if (target_.session()) {
      // A copy: OpenSSL marks one of TLS 1.3 as used up, and many connections resume the same here.
      SSL_SESSION* copy = SSL_SESSION_dup(target_.session());
      BERTH_CHECK(copy && SSL_set_session(ssl_.get(), copy) == 1);
      SSL_SESSION_free(copy);
    }
    state_ = State::kTls;
  }
  if (state_ == State::kTls) return handshake();
  if ((events & EPOLLOUT) && !unsent_.empty()) flush();
  if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) read();
}

void Client::handshake() {
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_.get());
  if (result == 1) return upgrade();
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ: return target_.loop().change_interest(fd_, EPOLLIN);
    case SSL_ERROR_WANT_WRITE: return target_.loop().change_interest(fd_, EPOLLOUT);
    default: return end("TLS handshake failed");
  }
}

void Client::upgrade() {
  state_ = State::kUpgrading;
  target_.loop().change_interest(fd_, EPOLLIN);
  write(as_bytes(target_.upgrade_request()));
}

long Client::receive(std::span<std::uint8_t> buffer) {
  if (!ssl_) {
    const auto got = ::recv(fd_, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (got >= 0) return got;
    return errno == EAGAIN || errno == EINTR ? -1 : -2;
  }
  ERR_clear_error();
  const int got = SSL_read(ssl_.get(), buffer.data(), static_cast<int>(buffer.size()));
  if (got > 0) return got;
  switch (SSL_get_error(ssl_.get(), got)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE: return -1;
    case SSL_ERROR_ZERO_RETURN: return 0;
    default: return -2;
  }
}

void Client::read() {
  do {
    const auto buffer = target_.buffer();
    std::copy(unread_.begin(), unread_.end(), buffer.begin());
    const auto got = receive(buffer.subspan(unread_.size()));
    if (got == -1) return;
    if (got <= 0) {
      if (state_ == State::kClosing) return end("");
      return end(got == 0 ? "closed by the server" : "connection reset");
    }
    const auto bytes = buffer.first(unread_.size() + static_cast<std::size_t>(got));
    unread_.clear();
    const auto used = state_ == State::kUpgrading ? serve_head(bytes) : serve_frames(bytes);
    if (state_ == State::kIdle) return;
    unread_.assign(bytes.begin() + static_cast<std::ptrdiff_t>(used), bytes.end());
    if (unread_.empty()) unread_.shrink_to_fit();
  } while (ssl_ && SSL_has_pending(ssl_.get()));
}

std::size_t Client::serve_head(std::span<std::uint8_t> bytes) {
  http1::ResponseParser parser;
  const auto used = parser.feed(bytes);
  if (!used) return end(used.error().detail), 0;
  if (!parser.is_done()) return 0;  // all of it again with more behind it
  if (const auto fine = ws::check_response(parser.head(), kKey); !fine) return end(fine.error().detail), 0;
  state_ = State::kOpen;
  observer_.on_open(*this);
  if (state_ == State::kIdle) return 0;
  return *used + serve_frames(bytes.subspan(*used));
}

std::size_t Client::serve_frames(std::span<std::uint8_t> bytes) {
  ws::MessageReader fresh(ws::MessageReader::Role::kClient, 64 << 20);
  ws::MessageReader& reader = reader_ ? *reader_ : fresh;
  std::size_t used = 0;
  while (used < bytes.size()) {
    const auto step = reader.next(bytes.subspan(used));
    if (!step) return end(step.error().detail), used;
    used += step->consumed;
    if (!step->event) {
      if (step->consumed == 0) break;
      continue;
    }
    const auto& event = *step->event;
    if (event.kind == ws::MessageReader::Kind::kClose) {
      const bool is_ours = state_ == State::kClosing;
      return end(is_ours ? "" : fmt::format("closed with {}", event.close_code)), used;
    }
    if (event.kind != ws::MessageReader::Kind::kData) continue;
    if (!event.is_final || !message_.empty())
      message_.insert(message_.end(), event.data.begin(), event.data.end());
    if (!event.is_final) continue;
    const auto whole = std::exchange(message_, {});
    observer_.on_message(*this, whole.empty() ? event.data : ByteView(whole));
    if (state_ == State::kIdle) return used;
  }
  if (&reader == &fresh) {
    if (!reader.is_idle()) reader_ = std::make_unique<ws::MessageReader>(reader);
  } else if (reader.is_idle()) {
    reader_.reset();
  }
  return used;
}

void Client::send(ByteView message) {
  auto& frame = target_.scratch();
  frame.clear();
  ws::append_masked_frame(frame, ws::Opcode::kBinary, message, kMask);
  write(frame);
}

void Client::close() {
  if (state_ != State::kOpen) return;
  state_ = State::kClosing;
  auto& frame = target_.scratch();
  frame.clear();
  ws::append_masked_frame(frame, ws::Opcode::kClose, ws::make_close_payload(1000), kMask);
  write(frame);
}

void Client::write(ByteView bytes) {
  unsent_.insert(unsent_.end(), bytes.begin(), bytes.end());
  flush();
}

void Client::flush() {
  while (!unsent_.empty()) {
    long put = 0;
    if (ssl_) {
      ERR_clear_error();
      put = SSL_write(ssl_.get(), unsent_.data(), static_cast<int>(unsent_.size()));
      if (put <= 0) {
        const int error = SSL_get_error(ssl_.get(), static_cast<int>(put));
        if (error != SSL_ERROR_WANT_WRITE && error != SSL_ERROR_WANT_READ)
          break;  // reading tells what is wrong
      }
    } else {
      put = ::send(fd_, unsent_.data(), unsent_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    if (put <= 0) {
      if (!ssl_ && errno != EAGAIN) break;
      return target_.loop().change_interest(fd_, EPOLLIN | EPOLLOUT);
    }
    unsent_.erase(unsent_.begin(), unsent_.begin() + put);
  }
  unsent_.clear();
  if (unsent_.capacity() > 256) unsent_.shrink_to_fit();
  target_.loop().change_interest(fd_, EPOLLIN);
}

void Client::end(std::string_view error) {
  const std::string why(error);
  release();
  observer_.on_closed(*this, why);
}

void Client::release() {
  if (std::exchange(watching_, false)) target_.loop().unwatch(fd_);
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
  state_ = State::kIdle;
  // Without this OpenSSL takes the connection for broken off and its session for one that cannot be resumed.
  if (ssl_) SSL_set_shutdown(ssl_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
  ssl_.reset();
  reader_.reset();
  unread_ = {};
  unsent_ = {};
  message_ = {};
}

}  // namespace berth::wsload
