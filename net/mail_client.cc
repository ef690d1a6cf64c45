#include "net/mail_client.h"

#include <cstring>
#include <optional>

#include "base/log.h"
#include "base/text.h"
#include "net/curl_multi.h"

namespace berth::net {
namespace {

constexpr std::size_t kMaxWords = 512;  // of a server's answer

bool is_address(std::string_view text) {
  if (text.empty() || text.size() > 320 || text.find('@') == std::string_view::npos) return false;
  for (const char c : text)
    if (static_cast<unsigned char>(c) <= ' ' || c == '<' || c == '>' || c == 0x7f) return false;
  return true;
}

// One mail on its way; lives in the frame of send().
class Transfer {
 public:
  explicit Transfer(MailRequest wanted) : request_(std::move(wanted)), easy_(curl_easy_init()) {
    BERTH_CHECK(easy_ != nullptr);
  }
  ~Transfer() {
    curl_easy_cleanup(easy_);
    curl_slist_free_all(recipients_);
  }
  Transfer(const Transfer&) = delete;

  CURL* easy() const { return easy_; }
  void set_up();
  [[noreturn]] void throw_error(CURLcode code) const;

 private:
  template <class T>
  void set(CURLoption option, T value) {
    BERTH_CHECK(curl_easy_setopt(easy_, option, value) == CURLE_OK);
  }
  static std::size_t on_read(char* data, std::size_t size, std::size_t count, void* self);
  static std::size_t on_words(char* data, std::size_t size, std::size_t count, void* self);

  MailRequest request_;
  CURL* easy_;
  curl_slist* recipients_ = nullptr;
  std::size_t sent_ = 0;
  std::string words_;  // the server's last line
  std::optional<CertificatePin> pin_;
  char error_buffer_[CURL_ERROR_SIZE] = "";
};

void Transfer::set_up() {
  if (!is_address(request_.from)) throw_failure(Errc::kMalformed, "\"{}\" is no mail address", request_.from);
  if (request_.recipients.empty()) throw_failure(Errc::kMalformed, "a mail needs a recipient");
  for (const auto& recipient : request_.recipients) {
    if (!is_address(recipient)) throw_failure(Errc::kMalformed, "\"{}\" is no mail address", recipient);
    recipients_ = curl_slist_append(recipients_, fmt::format("<{}>", recipient).c_str());
  }
  const std::string helo = request_.helo.empty() ? "localhost" : percent_encode(request_.helo);
  const std::string host =
      request_.host.find(':') == std::string::npos ? request_.host : fmt::format("[{}]", request_.host);
  const std::string url = fmt::format(
      "{}://{}:{}/{}", request_.security == MailSecurity::kTls ? "smtps" : "smtp", host, request_.port, helo);
  if (curl_easy_setopt(easy_, CURLOPT_URL, url.c_str()) != CURLE_OK)
    throw_failure(Errc::kMalformed, "\"{}\" is no mail server", request_.host);
  set(CURLOPT_PROTOCOLS_STR, "smtp,smtps");
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_PROXY, "");
  set(CURLOPT_ERRORBUFFER, error_buffer_);
  set(CURLOPT_TIMEOUT_MS, static_cast<long>(request_.limit.count()));
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(request_.limit.count()));
  // A connection that another request secured or logged in is none for this one.
  set(CURLOPT_FRESH_CONNECT, 1L);
  set(CURLOPT_FORBID_REUSE, 1L);
  switch (request_.security) {
    case MailSecurity::kStartTls:
    case MailSecurity::kTls: set(CURLOPT_USE_SSL, static_cast<long>(CURLUSESSL_ALL)); break;
    case MailSecurity::kOpportunistic: set(CURLOPT_USE_SSL, static_cast<long>(CURLUSESSL_TRY)); break;
    case MailSecurity::kPlain: set(CURLOPT_USE_SSL, static_cast<long>(CURLUSESSL_NONE)); break;
  }
  if (!request_.ca_file.empty()) set(CURLOPT_CAINFO, request_.ca_file.c_str());
  if (!request_.pinned_fingerprint.empty()) {
    pin_.emplace(request_.pinned_fingerprint);
    pin_->apply(easy_);
  }
  if (!request_.user.empty()) {
    set(CURLOPT_USERNAME, request_.user.c_str());
    if (!request_.token.empty()) set(CURLOPT_XOAUTH2_BEARER, request_.token.c_str());
    else set(CURLOPT_PASSWORD, request_.password.c_str());
  }
  set(CURLOPT_MAIL_FROM, fmt::format("<{}>", request_.from).c_str());
  set(CURLOPT_MAIL_RCPT, recipients_);
  set(CURLOPT_UPLOAD, 1L);
  set(CURLOPT_READFUNCTION, &Transfer::on_read);
  set(CURLOPT_READDATA, static_cast<void*>(this));
  set(CURLOPT_HEADERFUNCTION, &Transfer::on_words);
  set(CURLOPT_HEADERDATA, static_cast<void*>(this));
}

std::size_t Transfer::on_read(char* data, std::size_t size, std::size_t count, void* self) {
  auto& transfer = *static_cast<Transfer*>(self);
  const auto left =
      std::string_view(transfer.request_.message).substr(transfer.sent_).substr(0, size * count);
  std::memcpy(data, left.data(), left.size());
  transfer.sent_ += left.size();
  return left.size();
}

std::size_t Transfer::on_words(char* data, std::size_t size, std::size_t count, void* self) {
  auto& transfer = *static_cast<Transfer*>(self);
  transfer.words_ = trim(std::string_view(data, std::min(size * count, kMaxWords)));
  return size * count;
}

void Transfer::throw_error(CURLcode code) const {
  std::string text = *error_buffer_ ? error_buffer_ : curl_easy_strerror(code);
  long status = 0;
  curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
  // The server's own words help more than libcurl's; 334 is a question of the login, in base64.
  if (status >= 400 && words_.starts_with(std::to_string(status))) text = words_;
  const auto where = fmt::format("{}:{}", request_.host, request_.port);
  if (pin_ && pin_->is_broken())
    throw_failure(Errc::kDenied, "{}: the server's certificate is not the pinned one", where);
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST: throw_failure(Errc::kNotFound, "{}: {}", where, text);
    case CURLE_OPERATION_TIMEDOUT: throw_failure(Errc::kTimeout, "{}: {}", where, text);
    case CURLE_LOGIN_DENIED: throw_failure(Errc::kDenied, "{}: login refused: {}", where, text);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR: throw_failure(Errc::kDenied, "{}: certificate not trusted: {}", where, text);
    case CURLE_USE_SSL_FAILED: throw_failure(Errc::kUnsupported, "{}: offers no TLS", where);
    case CURLE_URL_MALFORMAT: throw_failure(Errc::kMalformed, "{}: {}", where, text);
    default: break;
  }
  // 5yz: refused for good (RFC 5321 section 4.2.1), but 530 and 535 are about who we are.
  if (status == 530 || status == 535) throw_failure(Errc::kDenied, "{}: {}", where, text);
  if (status >= 500 && status < 600) throw_failure(Errc::kMalformed, "{}: {}", where, text);
  throw_failure(Errc::kUnavailable, "{}: {}", where, text);
}

}  // namespace

class MailClient::Impl {
 public:
  explicit Impl(loop::Loop& loop) : multi_(loop) {}
  loop::Task<void> send(MailRequest request) {
    const auto server = fmt::format("{}:{}", request.host, request.port);
    const auto recipients = request.recipients.size();
    Transfer transfer(std::move(request));
    transfer.set_up();
    const CURLcode result = co_await multi_.perform(transfer.easy());
    BERTH_LOG(kSmtp, result == CURLE_OK ? "mail sent" : "mail not sent", {"server", server},
              {"recipients", recipients}, {"result", ::curl_easy_strerror(result)});
    if (result != CURLE_OK) transfer.throw_error(result);
  }

 private:
  CurlMulti multi_;
};

MailClient::MailClient(loop::Loop& loop) : impl_(std::make_unique<Impl>(loop)) {}
MailClient::~MailClient() = default;
loop::Task<void> MailClient::send(MailRequest request) { return impl_->send(std::move(request)); }

}  // namespace berth::net
