#include "webserver/tls/layer.h"

#include <openssl/err.h>

#include <algorithm>
#include <cstring>

#include "wire/tls/record_layer.h"

namespace berth::webserver {
namespace {

// A traffic secret as OpenSSL tells it.
struct Secret {
  std::array<std::uint8_t, 48> bytes{};
  std::size_t size = 0;
  ~Secret() { OPENSSL_cleanse(bytes.data(), bytes.size()); }
  ByteView view() const { return std::span(bytes).first(size); }

  // Hexadecimal digits without their copy in a std::string, which would not be erased.
  void parse(std::string_view digits) {
    size = 0;
    if (digits.size() % 2 != 0 || digits.size() > 2 * bytes.size()) return;
    for (std::size_t i = 0; i < digits.size(); i += 2) {
      const int high = OPENSSL_hexchar2int(static_cast<unsigned char>(digits[i]));
      const int low = OPENSSL_hexchar2int(static_cast<unsigned char>(digits[i + 1]));
      if (high < 0 || low < 0) return;
      bytes[i / 2] = static_cast<std::uint8_t>(high << 4 | low);
    }
    size = digits.size() / 2;
  }
};

// What the BIO of an SSL reads and writes during one call.
struct Exchange {
  std::span<std::uint8_t> input;
  Bytes* out;
};

int bio_read(BIO* bio, char* to, int size) {
  auto* exchange = static_cast<Exchange*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  if (!exchange || exchange->input.empty()) {
    BIO_set_retry_read(bio);
    return -1;
  }
  const auto count = std::min(exchange->input.size(), static_cast<std::size_t>(std::max(size, 0)));
  std::memcpy(to, exchange->input.data(), count);
  exchange->input = exchange->input.subspan(count);
  return static_cast<int>(count);
}

int bio_write(BIO* bio, const char* from, int size) {
  auto* exchange = static_cast<Exchange*>(BIO_get_data(bio));
  BIO_clear_retry_flags(bio);
  if (!exchange) return -1;
  exchange->out->insert(exchange->out->end(), from, from + size);
  return size;
}

long bio_control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

const BIO_METHOD* exchange_method() {
  static BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "exchange");
    BERTH_CHECK(made && BIO_meth_set_read(made, bio_read) && BIO_meth_set_write(made, bio_write) &&
                BIO_meth_set_ctrl(made, bio_control));
    return made;
  }();
  return method;
}

}  // namespace

struct TlsLayer::Opening {
  std::shared_ptr<const TlsServer> server;  // its callbacks are called during the handshake
  SslPointer ssl;
  BIO* bio = nullptr;  // of the SSL
  bool compact = false;
  bool is_through = false;  // the handshake
  Secret client_secret, server_secret;
  std::uint64_t records_sent = 0;  // under server_secret

  Opening(std::shared_ptr<const TlsServer> made_by, bool take_over)
      : server(std::move(made_by)),
        ssl(server->accept()),
        bio(BIO_new(exchange_method())),
        compact(take_over) {
    BERTH_CHECK(bio);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl.get(), bio, bio);
    SSL_set_app_data(ssl.get(), this);
  }

  // For as long as it lives the SSL reads and writes here.
  struct Connected {
    Connected(BIO* bio, Exchange& exchange) : bio(bio) {
      ERR_clear_error();
      BIO_set_data(bio, &exchange);
    }
    ~Connected() { BIO_set_data(bio, nullptr); }
    BIO* bio;
  };

  // Lines of the key log: "LABEL client_random secret", in hexadecimal digits. OpenSSL formats each line digit by digit, which
  // costs more than deriving the secret: so it is asked for lines only while one that we need is due. No other handshake can
  // come between: the context belongs to one reactor, and lines are wanted and told within one call.
  static void on_secret(const SSL* ssl, const char* text) {
    auto* opening = static_cast<Opening*>(SSL_get_app_data(ssl));
    const std::string_view line(text);
    const auto digits = line.substr(line.rfind(' ') + 1);
    if (line.starts_with("CLIENT_TRAFFIC_SECRET_0 ")) opening->client_secret.parse(digits);
    else if (line.starts_with("SERVER_TRAFFIC_SECRET_0 ")) opening->server_secret.parse(digits);
    else return;  // the exporter's secret comes before the server's
    SSL_CTX_set_keylog_callback(SSL_get_SSL_CTX(ssl), nullptr);
  }
  // Each side's traffic secret comes next after its Finished was sent or read.
  static void on_message(int is_write, int, int type, const void* message, std::size_t size, SSL* ssl,
                         void*) {
    auto* opening = static_cast<Opening*>(SSL_get_app_data(ssl));
    if (is_write && type == SSL3_RT_HEADER && opening->server_secret.size > 0) ++opening->records_sent;
    const bool is_finished = type == SSL3_RT_HANDSHAKE && size > 0 &&
                             *static_cast<const std::uint8_t*>(message) == SSL3_MT_FINISHED;
    if (is_finished && opening->compact && SSL_version(ssl) == TLS1_3_VERSION)
      SSL_CTX_set_keylog_callback(SSL_get_SSL_CTX(ssl), on_secret);
  }
};

void TlsLayer::prepare(SSL_CTX* context) { SSL_CTX_set_msg_callback(context, Opening::on_message); }

TlsLayer::TlsLayer(std::shared_ptr<const TlsServer> server, bool compact)
    : what_(std::make_unique<Opening>(std::move(server), compact)) {}

TlsLayer::~TlsLayer() = default;

bool TlsLayer::has_chosen_http2() const {
  if (has_taken_over()) return std::holds_alternative<Http2Records>(what_);
  const auto* opening = std::get_if<std::unique_ptr<Opening>>(&what_);
  if (!opening) return false;
  const unsigned char* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected((*opening)->ssl.get(), &name, &size);
  return std::string_view(reinterpret_cast<const char*>(name), size) == "h2";
}

TlsLayer::State TlsLayer::state() const {
  if (std::holds_alternative<Failed>(what_)) return State::kFailed;
  if (const auto* taken = records())
    return taken->state() == tls::RecordLayer::State::kOpen ? State::kOpen : State::kClosed;
  const auto& opening = *std::get<std::unique_ptr<Opening>>(what_);
  if (!opening.is_through) return State::kHandshake;
  return SSL_get_shutdown(opening.ssl.get()) & SSL_RECEIVED_SHUTDOWN ? State::kClosed : State::kOpen;
}

void TlsLayer::fail(std::string reason) { what_.emplace<Failed>(std::move(reason)); }

std::size_t TlsLayer::take_kept(std::span<std::uint8_t> buffer) {
  if (!kept_) return 0;
  const auto size = kept_->size();
  std::copy(kept_->begin(), kept_->end(), buffer.begin());
  kept_.reset();
  return size;
}

std::span<std::uint8_t> TlsLayer::receive(tls::Ciphers& ciphers, std::span<std::uint8_t> input,
                                          std::span<std::uint8_t> room, Bytes& out) {
  if (std::holds_alternative<Failed>(what_)) return {};
  if (has_taken_over()) return receive_by_records(ciphers, input, out);
  return receive_by_openssl(ciphers, input, room, out);
}

std::span<std::uint8_t> TlsLayer::receive_by_openssl(tls::Ciphers& ciphers, std::span<std::uint8_t> input,
                                                     std::span<std::uint8_t> room, Bytes& out) {
  auto& opening = *std::get<std::unique_ptr<Opening>>(what_);
  SSL* ssl = opening.ssl.get();
  Exchange exchange{input, &out};
  std::size_t size = 0;
  int result = 0;
  {
    const Opening::Connected connected(opening.bio, exchange);
    if (!opening.is_through) {
      result = SSL_do_handshake(ssl);
      opening.is_through = result == 1;
    }
    if (opening.is_through && !(opening.compact && SSL_version(ssl) == TLS1_3_VERSION)) {
      // All that came is read: plaintext is shorter than its records.
      while (size < room.size() &&
             (result = SSL_read(ssl, room.data() + size, static_cast<int>(room.size() - size))) > 0)
        size += static_cast<std::size_t>(result);
    }
  }
  if (opening.is_through && opening.compact && SSL_version(ssl) == TLS1_3_VERSION) {
    if (!take_over()) {
      fail("the keys cannot be taken over");
      return {};
    }
    return receive_by_records(ciphers, exchange.input, out);
  }
  const auto error = result > 0 ? SSL_ERROR_NONE : SSL_get_error(ssl, result);
  if (error == SSL_ERROR_SSL || error == SSL_ERROR_SYSCALL) {
    const auto reason = ERR_GET_REASON(ERR_peek_error());
    const bool is_http = reason == SSL_R_HTTP_REQUEST || reason == SSL_R_HTTPS_PROXY_REQUEST;
    fail(is_http ? std::string(kHttpRequest) : take_tls_error());
  }
  ERR_clear_error();
  return room.first(size);
}

// OpenSSL reads no more from its BIO than it needs (no read-ahead), so what follows the client's Finished is still ours;
// and it has sent its tickets before it calls the handshake done, each in a record of its own.
bool TlsLayer::take_over() {
  const bool is_http2 = has_chosen_http2();
  const auto opening = std::move(std::get<std::unique_ptr<Opening>>(what_));
  SSL* ssl = opening->ssl.get();
  const auto suite = tls::find_suite(SSL_CIPHER_get_protocol_id(SSL_get_current_cipher(ssl)));
  if (!suite || SSL_has_pending(ssl) || opening->client_secret.size != tls::secret_size(*suite) ||
      opening->server_secret.size != tls::secret_size(*suite))
    return false;
  const auto read = tls::derive_keys(*suite, opening->client_secret.view(), 0);
  const auto write = tls::derive_keys(*suite, opening->server_secret.view(), opening->records_sent);
  if (is_http2) what_.emplace<Http2Records>(*suite, read, write);
  else what_.emplace<tls::RecordLayer>(*suite, read, write);
  return true;
}

std::span<std::uint8_t> TlsLayer::receive_by_records(tls::Ciphers& ciphers, std::span<std::uint8_t> input,
                                                     Bytes& out) {
  auto& taken = *records();
  const auto opened = taken.open(ciphers, input);
  const auto rest = input.subspan(opened.consumed);
  if (!rest.empty()) kept_ = std::make_unique<Bytes>(rest.begin(), rest.end());
  const auto alert = taken.alert();
  switch (taken.state()) {
    case tls::RecordLayer::State::kOpen:
    case tls::RecordLayer::State::kClosed: break;
    case tls::RecordLayer::State::kPeerFailed:
      fail(fmt::format("the client sent alert {}", static_cast<int>(alert)));
      break;
    case tls::RecordLayer::State::kFailed:
      taken.seal_alert(ciphers, alert, out);
      fail(fmt::format("alert {} sent", static_cast<int>(alert)));
      break;
  }
  return opened.plain;
}

void TlsLayer::seal(tls::Ciphers& ciphers, std::span<const iovec> parts, Bytes& out) {
  if (std::holds_alternative<Failed>(what_)) return;
  if (auto* taken = records()) return taken->seal(ciphers, parts, out);
  auto& opening = *std::get<std::unique_ptr<Opening>>(what_);
  if (!opening.is_through) return;
  // OpenSSL makes one record of a call's bytes, so parts are gathered.
  Bytes gathered;
  ByteView bytes;
  if (parts.size() == 1) {
    bytes = {static_cast<const std::uint8_t*>(parts[0].iov_base), parts[0].iov_len};
  } else {
    for (const auto& part : parts) {
      const auto* begin = static_cast<const std::uint8_t*>(part.iov_base);
      gathered.insert(gathered.end(), begin, begin + part.iov_len);
    }
    bytes = gathered;
  }
  if (bytes.empty()) return;
  bool is_written = false;
  {
    Exchange exchange{{}, &out};
    const Opening::Connected connected(opening.bio, exchange);
    std::size_t written = 0;
    is_written = SSL_write_ex(opening.ssl.get(), bytes.data(), bytes.size(), &written) == 1;
  }
  if (!is_written) fail(take_tls_error());
}

void TlsLayer::close(tls::Ciphers& ciphers, Bytes& out) {
  if (auto* taken = records()) return taken->seal_alert(ciphers, tls::Alert::kCloseNotify, out);
  auto* opening = std::get_if<std::unique_ptr<Opening>>(&what_);
  if (!opening || SSL_get_shutdown((*opening)->ssl.get()) & SSL_SENT_SHUTDOWN) return;
  Exchange exchange{{}, &out};
  const Opening::Connected connected((*opening)->bio, exchange);
  SSL_shutdown((*opening)->ssl.get());  // the client's answer does not matter
  ERR_clear_error();
}

}  // namespace berth::webserver
