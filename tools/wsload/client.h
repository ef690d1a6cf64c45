// One WebSocket client connection: connect, TLS, upgrade, messages. Callbacks on a loop.
#pragma once

#include <openssl/ssl.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "loop/loop.h"
#include "net/address.h"
#include "net/url.h"
#include "wire/websocket/message_reader.h"

namespace berth::wsload {

class Client;

// Told what happens to a client. May close() it, but not destroy it.
class ClientObserver {
 public:
  virtual void on_open(Client& client) = 0;
  // A whole message; borrowed for the call.
  virtual void on_message(Client& client, ByteView message) = 0;
  // The connection is over. `error`: empty if the server ended it properly.
  virtual void on_closed(Client& client, std::string_view error) = 0;

 protected:
  ~ClientObserver() = default;
};

// What all clients of a run share. Must outlive them.
class Target {
 public:
  // `is_tls12`: offers nothing newer.
  Target(loop::Loop& loop, const net::Url& url, bool is_tls12);
  loop::Loop& loop() { return loop_; }
  SSL_CTX* tls() { return tls_.get(); }  // null: plain
  const net::Address& address() const { return address_; }
  const std::string& upgrade_request() const { return request_; }
  std::span<std::uint8_t> buffer() { return {buffer_.get(), kBuffer}; }
  Bytes& scratch() { return scratch_; }

  // The last session a server gave, for resumption; null if none was kept.
  SSL_SESSION* session() const { return session_.get(); }
  void keep_sessions() { keeps_sessions_ = true; }

 private:
  static constexpr std::size_t kBuffer = 1 << 18;
  struct ContextFree {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
  };
  struct SessionFree {
    void operator()(SSL_SESSION* session) const { SSL_SESSION_free(session); }
  };
  static int on_session(SSL* ssl, SSL_SESSION* session);

  loop::Loop& loop_;
  net::Address address_;
  std::string request_;
  std::unique_ptr<SSL_CTX, ContextFree> tls_;
  std::unique_ptr<SSL_SESSION, SessionFree> session_;
  bool keeps_sessions_ = false;
  std::unique_ptr<std::uint8_t[]> buffer_;
  Bytes scratch_;
};

class Client final : public loop::IoHandler {
 public:
  Client(Target& target, ClientObserver& observer) : target_(target), observer_(observer) {}
  ~Client() { release(); }
  Client(const Client&) = delete;

  // Connects from 127.1.x.y, derived from `number`, so that ports do not run out. May begin again
  // once it is over.
  void connect(std::uint32_t number);
  void send(ByteView message);  // one masked binary message
  // Says goodbye (RFC 6455 section 5.5.1) and waits for the server's; then on_closed().
  void close();
  bool is_open() const { return state_ == State::kOpen; }
  bool was_resumed() const { return ssl_ && SSL_session_reused(ssl_.get()) == 1; }

  std::uint32_t number = 0;    // the owner's
  std::uint64_t sequence = 0;  // of the message under way
  loop::TimePoint sent_at;     // it, or the connect

 private:
  enum class State : std::uint8_t { kIdle, kConnecting, kTls, kUpgrading, kOpen, kClosing };
  struct SslFree {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };

  void on_io(std::uint32_t events) override;
  void handshake();
  void upgrade();
  void read();
  std::size_t serve_head(std::span<std::uint8_t> bytes);
  std::size_t serve_frames(std::span<std::uint8_t> bytes);
  long receive(std::span<std::uint8_t> buffer);  // 0 at the end, -1 not now, -2 broken
  void write(ByteView bytes);
  void flush();
  void end(std::string_view error);
  void release();

  Target& target_;
  ClientObserver& observer_;
  int fd_ = -1;
  State state_ = State::kIdle;
  bool watching_ = false;
  std::unique_ptr<SSL, SslFree> ssl_;
  std::unique_ptr<websocket::MessageReader> reader_;  // inside a message
  Bytes unread_, unsent_, message_;
};

}  // namespace berth::wsload
