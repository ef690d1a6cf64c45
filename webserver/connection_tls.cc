// The TLS handshake of a connection, and what is told to clients that speak plain HTTP to the TLS port.
#include <openssl/err.h>
#include <sys/socket.h>

#include "base/log.h"
#include "webserver/http/conversation.h"
#include "webserver/reactor.h"

namespace berth::webserver {

void Connection::handshake() {
  ERR_clear_error();
  const auto result = SSL_do_handshake(ssl_.get());
  if (result == 1) {
    phase_ = Phase::kHttp;
    auto conversation = std::make_unique<HttpConversation>(*this);
    conversation->begin_connection();
    active_->http = std::move(conversation);
    // The request may have come with the end of the handshake.
    return read_and_serve();
  }
  const auto error = SSL_get_error(ssl_.get(), result);
  if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return;
  const auto reason = ERR_GET_REASON(ERR_peek_error());
  if (error == SSL_ERROR_SSL && (reason == SSL_R_HTTP_REQUEST || reason == SSL_R_HTTPS_PROXY_REQUEST))
    return answer_plain_http();
  BERTH_LOG(kTls, "handshake failed", {"peer", peer_text()}, {"reason", take_tls_error()});
  take_tls_error();
  drop();
}

void Connection::answer_plain_http() {
  take_tls_error();
  ssl_.reset();
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
