// TLS of one connection as a filter: bytes of the socket in, bytes of the application out, and back. No I/O.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <variant>

#include "base/bytes.h"
#include "webserver/tls/server.h"
#include "wire/tls/record_layer.h"

namespace berth::webserver {

// OpenSSL does the handshake. After one of TLS 1.3 its keys go over to our own RecordLayer and the SSL object is freed: an
// idle connection keeps 232 bytes instead of 14 kB (docs/decisions/0011-own-record-layer.md). TLS 1.2 keeps its SSL, and so
// does everything when the setting compactTls is off. Belongs to its Connection.
class TlsLayer {
 public:
  enum class State : std::uint8_t {
    kHandshake,
    kOpen,
    kClosed,  // the client's close_notify came: it sends no more, we still may
    kFailed,  // what was broken is in error(); the client has been told in `out`
  };

  // `compact`: take over after the handshake.
  TlsLayer(std::shared_ptr<const TlsServer> server, bool compact);
  ~TlsLayer();
  TlsLayer(const TlsLayer&) = delete;

  // Settings of a context whose connections are TlsLayers.
  static void prepare(SSL_CTX* context);

  State state() const;
  bool has_taken_over() const { return records() != nullptr; }

  // ALPN has chosen "h2". Once the handshake is through.
  bool has_chosen_http2() const;

  // Of the bytes received last, those that are not a whole record yet: moves them to the front of `buffer`, which holds
  // tls::RecordLayer::kMaxRecord, and says how many. What is received next goes behind them.
  std::size_t take_kept(std::span<std::uint8_t> buffer);
  // Takes all of `input` and gives the application's bytes in it, which stand in `input` or in `room`; `room` is at
  // least as large. What must be sent now is appended to `out`. Look at state() afterwards: the bytes came before it.
  std::span<std::uint8_t> receive(tls::Ciphers& ciphers, std::span<std::uint8_t> input,
                                  std::span<std::uint8_t> room, Bytes& out);
  // In state kFailed: why, for the log. "http request": the client does not speak TLS at all.
  const std::string& error() const { return std::get<Failed>(what_).reason; }
  static constexpr std::string_view kHttpRequest = "http request";

  // Appends `parts`, protected, to `out`. Nothing before the handshake is through or after close().
  void seal(tls::Ciphers& ciphers, std::span<const iovec> parts, Bytes& out);
  // Appends close_notify, once.
  void close(tls::Ciphers& ciphers, Bytes& out);

 private:
  struct Opening;  // OpenSSL's part
  struct Failed {
    std::string reason;
  };
  // Of a connection that has chosen HTTP/2: which one it is takes no byte more.
  struct Http2Records : tls::RecordLayer {
    using RecordLayer::RecordLayer;
  };
  const tls::RecordLayer* records() const {
    if (const auto* found = std::get_if<tls::RecordLayer>(&what_)) return found;
    return std::get_if<Http2Records>(&what_);
  }
  tls::RecordLayer* records() { return const_cast<tls::RecordLayer*>(std::as_const(*this).records()); }

  std::span<std::uint8_t> receive_by_openssl(tls::Ciphers& ciphers, std::span<std::uint8_t> input,
                                             std::span<std::uint8_t> room, Bytes& out);
  std::span<std::uint8_t> receive_by_records(tls::Ciphers& ciphers, std::span<std::uint8_t> input,
                                             Bytes& out);
  bool take_over();
  void fail(std::string reason);

  std::variant<std::unique_ptr<Opening>, tls::RecordLayer, Http2Records, Failed> what_;
  std::unique_ptr<Bytes> kept_;
};
static_assert(sizeof(TlsLayer) <= 232, "what an idle wss:// connection costs");

}  // namespace berth::webserver
