// A byte stream to somebody: TCP or Unix, with or without TLS.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/bytes.h"
#include "base/unique_fd.h"
#include "loop/readiness.h"
#include "loop/sync.h"
#include "loop/task.h"
#include "net/address.h"
#include "net/resolver.h"
#include "net/tls.h"

namespace berth::net {

// Owns one connection. One task may read while another writes.
class Stream {
 public:
  Stream(loop::Loop& loop, UniqueFd fd);
  ~Stream();

  // Tries the addresses of `host` in turn. Throws Failure: kNotFound (name), kUnavailable, kTimeout
  // after `limit`.
  static loop::Task<std::unique_ptr<Stream>> connect(loop::Loop& loop, Resolver& resolver, std::string host,
                                                     std::uint16_t port, loop::Duration limit);
  static Result<std::unique_ptr<Stream>> connect_unix(loop::Loop& loop, const std::string& path);

  // TLS handshake on the connected stream, as client with SNI and check of `host`, or as server.
  // Throws Failure: kDenied with the reason if the certificate is not trusted, kUnavailable,
  // kTimeout. If cancelled the stream is useless.
  loop::Task<void> start_tls(TlsContext context, std::string host, loop::Duration limit);
  loop::Task<void> accept_tls(TlsContext context, loop::Duration limit);

  // At least one byte, 0 at the end of the stream. `buffer` must live until the task is done.
  // Throws Failure: kUnavailable (reset), kTimeout after `limit` without a byte.
  loop::Task<std::size_t> read(std::span<std::uint8_t> buffer,
                               std::optional<loop::Duration> limit = std::nullopt);
  // All of it. Throws as read(); `limit` is for each wait for room. If cancelled a part may be sent.
  loop::Task<void> write(Bytes bytes, std::optional<loop::Duration> limit = std::nullopt);
  loop::Task<void> write(std::string text, std::optional<loop::Duration> limit = std::nullopt);

  // Ends our direction (TLS: close_notify).
  void shut_down();
  bool is_tls() const { return ssl_ != nullptr; }
  std::string peer_fingerprint() const;
  int fd() const { return fd_.get(); }

 private:
  enum class Want : std::uint8_t { kRead, kWrite, kOther };
  loop::Task<void> handshake(loop::Duration limit);
  loop::Task<void> wait_for(Want want, std::optional<loop::Duration> limit, const char* what);
  loop::Task<void> wait_a_moment();
  loop::Task<void> wait_readable();
  loop::Task<void> wait_writable();

  loop::Loop& loop_;
  UniqueFd fd_;
  loop::Readiness readiness_;
  ssl_st* ssl_ = nullptr;
};

}  // namespace berth::net
