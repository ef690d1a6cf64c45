// For tests and fuzzers: OpenSSL's client in memory, and a server's certificate.
#pragma once

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "webserver/tls/server.h"

namespace berth::webserver::testing {

class OpensslPeer {
 public:
  // `context`: of a client; borrowed.
  explicit OpensslPeer(SSL_CTX* context, SSL_SESSION* session = nullptr)
      : ssl_(SSL_new(context)), in_(BIO_new(BIO_s_mem())), out_(BIO_new(BIO_s_mem())) {
    SSL_set_bio(ssl_.get(), in_, out_);
    SSL_set_connect_state(ssl_.get());
    if (session) SSL_set_session(ssl_.get(), session);
  }
  SSL* ssl() { return ssl_.get(); }

  // Bytes from the server; then handshakes and reads on. What was read is in text().
  void receive(ByteView bytes) {
    if (!bytes.empty()) BIO_write(in_, bytes.data(), static_cast<int>(bytes.size()));
    ERR_clear_error();
    if (!SSL_is_init_finished(ssl_.get())) judge(SSL_do_handshake(ssl_.get()));
    char buffer[20000];
    for (int got = 1; SSL_is_init_finished(ssl_.get()) && !has_failed_ && got > 0;) {
      ERR_clear_error();
      got = SSL_read(ssl_.get(), buffer, sizeof buffer);
      if (got > 0) text_.append(buffer, static_cast<std::size_t>(got));
      else judge(got);
    }
  }
  // False: not now (the handshake is not through) or never more.
  bool send(std::string_view text) {
    ERR_clear_error();
    if (text.empty()) return true;
    const int put = SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size()));
    judge(put);
    return put > 0;
  }
  void update_keys(bool asks) {
    SSL_key_update(ssl_.get(), asks ? SSL_KEY_UPDATE_REQUESTED : SSL_KEY_UPDATE_NOT_REQUESTED);
    judge(SSL_do_handshake(ssl_.get()));
  }
  void shutdown() { SSL_shutdown(ssl_.get()); }
  // Bytes for the server.
  Bytes take() {
    Bytes bytes(BIO_ctrl_pending(out_));
    if (!bytes.empty()) BIO_read(out_, bytes.data(), static_cast<int>(bytes.size()));
    return bytes;
  }
  const std::string& text() const { return text_; }
  bool has_failed() const { return has_failed_; }
  bool is_closed() const { return SSL_get_shutdown(ssl_.get()) & SSL_RECEIVED_SHUTDOWN; }

 private:
  void judge(int result) {
    if (result > 0) return;
    const int error = SSL_get_error(ssl_.get(), result);
    if (error == SSL_ERROR_SSL || error == SSL_ERROR_SYSCALL) has_failed_ = true;
  }
  SslPointer ssl_;
  BIO* in_;
  BIO* out_;
  std::string text_;
  bool has_failed_ = false;
};

}  // namespace berth::webserver::testing
