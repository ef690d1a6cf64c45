#include "net/stream.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <cerrno>
#include <climits>

#include "base/log.h"

namespace berth::net {
namespace {

loop::Task<UniqueFd> connect_address(loop::Loop& loop, Address address) {
  UniqueFd fd(::socket(address.family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd) throw Failure(errno_error(errno, "socket"));
  if (::connect(fd.get(), address.native(), address.native_size()) != 0) {
    if (errno != EINPROGRESS) throw Failure(errno_error(errno, "connect to " + address.format()));
    {
      loop::Readiness readiness(loop, fd.get());
      co_await readiness.writable();
    }
    int error = 0;
    socklen_t size = sizeof error;
    ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
    if (error != 0) throw Failure(errno_error(error, "connect to " + address.format()));
  }
  const int on = 1;
  ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  co_return fd;
}

loop::Task<UniqueFd> connect_first(loop::Loop& loop, Resolver& resolver, std::string host,
                                   std::uint16_t port) {
  const auto addresses = co_await resolver.look_up(host, port);
  Error last{Errc::kNotFound, "host '" + host + "' has no address"};
  for (const auto& address : addresses) {
    try {
      auto fd = co_await connect_address(loop, address);
      BERTH_LOG(kTcp, "connected", {"host", host}, {"address", address.ip()}, {"port", port});
      co_return fd;
    } catch (const Failure& failure) {
      BERTH_LOG(kTcp, "not connected", {"host", host}, {"address", address.ip()}, {"port", port},
                {"error", failure.error().detail});
      last = failure.error();  // the next address may work; the last one's trouble is told
    }
  }
  throw Failure(Error{last.code == Errc::kNotFound ? last.code : Errc::kUnavailable, last.detail});
}

}  // namespace

Stream::Stream(loop::Loop& loop, UniqueFd fd)
    : loop_(loop), fd_(std::move(fd)), readiness_(loop, fd_.get()) {}

Stream::~Stream() {
  if (ssl_) SSL_free(ssl_);
}

loop::Task<std::unique_ptr<Stream>> Stream::connect(loop::Loop& loop, Resolver& resolver, std::string host,
                                                    std::uint16_t port, loop::Duration limit) {
  auto connecting = connect_first(loop, resolver, host, port);
  auto fd = co_await loop::with_timeout(loop, limit, std::move(connecting), "connecting to " + host);
  co_return std::make_unique<Stream>(loop, std::move(fd));
}

Result<std::unique_ptr<Stream>> Stream::connect_unix(loop::Loop& loop, const std::string& path) {
  BERTH_TRY(auto fd, net::connect_unix(path));
  return std::make_unique<Stream>(loop, std::move(fd));
}

loop::Task<void> Stream::start_tls(TlsContext context, std::string host, loop::Duration limit) {
  BERTH_CHECK(!ssl_);
  ssl_ = SSL_new(context.get());
  SSL_set_fd(ssl_, fd_.get());
  SSL_set_connect_state(ssl_);
  if (Address::parse(host, 0)) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_), host.c_str());
  } else {
    SSL_set_tlsext_host_name(ssl_, host.c_str());
    SSL_set1_host(ssl_, host.c_str());
  }
  auto shaking = handshake(limit);
  co_await shaking;
}

loop::Task<void> Stream::accept_tls(TlsContext context, loop::Duration limit) {
  BERTH_CHECK(!ssl_);
  ssl_ = SSL_new(context.get());
  SSL_set_fd(ssl_, fd_.get());
  SSL_set_accept_state(ssl_);
  auto shaking = handshake(limit);
  co_await shaking;
}

loop::Task<void> Stream::handshake(loop::Duration limit) {
  const auto deadline = loop_.now() + limit;
  for (;;) {
    ERR_clear_error();
    const int done = SSL_do_handshake(ssl_);
    if (done == 1) co_return;
    const int error = SSL_get_error(ssl_, done);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
      const auto want = error == SSL_ERROR_WANT_READ ? Want::kRead : Want::kWrite;
      co_await wait_for(want, deadline - loop_.now(), "TLS handshake");
      continue;
    }
    const long verdict = SSL_get_verify_result(ssl_);
    if (verdict != X509_V_OK)
      throw_failure(Errc::kDenied, "certificate not trusted: {}", X509_verify_cert_error_string(verdict));
    throw_failure(
        Errc::kUnavailable, "TLS handshake failed: {}",
        error == SSL_ERROR_SYSCALL || error == SSL_ERROR_ZERO_RETURN ? "connection closed" : openssl_error());
  }
}

// OpenSSL may want the other direction for its own records (a key update). Another task may be waiting
// for that one already, and only one can: so look again soon. It is rare.
loop::Task<void> Stream::wait_a_moment() { co_await loop::sleep_for(loop_, std::chrono::milliseconds(5)); }
loop::Task<void> Stream::wait_readable() { co_await readiness_.readable(); }
loop::Task<void> Stream::wait_writable() { co_await readiness_.writable(); }

loop::Task<void> Stream::wait_for(Want want, std::optional<loop::Duration> limit, const char* what) {
  auto waiting = want == Want::kRead    ? wait_readable()
                 : want == Want::kWrite ? wait_writable()
                                        : wait_a_moment();
  if (!limit) {
    co_await waiting;
    co_return;
  }
  auto limited =
      loop::with_timeout(loop_, std::max(*limit, loop::Duration::zero()), std::move(waiting), what);
  co_await limited;
}

loop::Task<std::size_t> Stream::read(std::span<std::uint8_t> buffer, std::optional<loop::Duration> limit) {
  for (;;) {
    auto want = Want::kRead;
    if (ssl_) {
      ERR_clear_error();
      const int got =
          SSL_read(ssl_, buffer.data(), static_cast<int>(std::min<std::size_t>(buffer.size(), INT_MAX)));
      if (got > 0) co_return static_cast<std::size_t>(got);
      const int number = errno;
      const int error = SSL_get_error(ssl_, got);
      if (error == SSL_ERROR_ZERO_RETURN) co_return 0;
      if (error == SSL_ERROR_WANT_WRITE) want = Want::kOther;
      else if (error == SSL_ERROR_SYSCALL) throw Failure(errno_error(number ? number : ECONNRESET, "read"));
      else if (error != SSL_ERROR_WANT_READ) throw_failure(Errc::kUnavailable, "read: {}", openssl_error());
    } else {
      const auto got = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
      if (got >= 0) co_return static_cast<std::size_t>(got);
      if (errno == EINTR) continue;
      if (errno != EAGAIN) throw Failure(errno_error(errno, "read"));
    }
    co_await wait_for(want, limit, "read");
  }
}

loop::Task<void> Stream::write(Bytes bytes, std::optional<loop::Duration> limit) {
  std::size_t sent = 0;
  while (sent < bytes.size()) {
    auto want = Want::kWrite;
    if (ssl_) {
      ERR_clear_error();
      const int put = SSL_write(ssl_, bytes.data() + sent,
                                static_cast<int>(std::min<std::size_t>(bytes.size() - sent, INT_MAX)));
      if (put > 0) {
        sent += static_cast<std::size_t>(put);
        continue;
      }
      const int number = errno;
      const int error = SSL_get_error(ssl_, put);
      if (error == SSL_ERROR_WANT_READ) want = Want::kOther;
      else if (error == SSL_ERROR_SYSCALL) throw Failure(errno_error(number ? number : EPIPE, "write"));
      else if (error != SSL_ERROR_WANT_WRITE) throw_failure(Errc::kUnavailable, "write: {}", openssl_error());
    } else {
      const auto put = ::send(fd_.get(), bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      if (put >= 0) {
        sent += static_cast<std::size_t>(put);
        continue;
      }
      if (errno == EINTR) continue;
      if (errno != EAGAIN) throw Failure(errno_error(errno, "write"));
    }
    co_await wait_for(want, limit, "write");
  }
}

loop::Task<void> Stream::write(std::string text, std::optional<loop::Duration> limit) {
  auto writing = write(Bytes(text.begin(), text.end()), limit);
  co_await writing;
}

void Stream::shut_down() {
  if (ssl_) {
    ERR_clear_error();
    SSL_shutdown(ssl_);
    ERR_clear_error();
  }
  ::shutdown(fd_.get(), SHUT_WR);
}

std::string Stream::peer_fingerprint() const { return net::peer_fingerprint(ssl_); }

}  // namespace berth::net
