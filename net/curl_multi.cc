#include "net/curl_multi.h"

#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "base/bytes.h"
#include "base/text.h"

namespace berth::net {
namespace {

void start_curl_once() {
  static const CURLcode kStarted = curl_global_init(CURL_GLOBAL_DEFAULT);
  BERTH_CHECK(kStarted == CURLE_OK);
}

std::string bare_hex(std::string_view fingerprint) {
  std::string out;
  for (const char c : to_lower(fingerprint))
    if (c != ':' && c != ' ') out += c;
  return out;
}

}  // namespace

class CurlMulti::Watch final : public loop::IoHandler {
 public:
  Watch(CurlMulti& owner, int fd) : owner_(owner), fd_(fd) {}
  void on_io(std::uint32_t events) override {
    const int bits = (events & EPOLLIN ? CURL_CSELECT_IN : 0) | (events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                     (events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
    owner_.act(fd_, bits);  // may remove this watch
  }

 private:
  CurlMulti& owner_;
  int fd_;
};

// In the multi handle as long as it lives: a cancelled task takes its transfer out.
struct CurlMulti::Running {
  Running(loop::Loop& loop, CURLM* in_multi, CURL* of_easy) : multi(in_multi), easy(of_easy), done(loop) {
    BERTH_CHECK(curl_easy_setopt(easy, CURLOPT_PRIVATE, static_cast<void*>(this)) == CURLE_OK);
    BERTH_CHECK(curl_multi_add_handle(multi, easy) == CURLM_OK);
  }
  ~Running() { curl_multi_remove_handle(multi, easy); }
  Running(const Running&) = delete;
  CURLM* multi;
  CURL* easy;
  loop::Event done;
  CURLcode result = CURLE_OK;
};

CurlMulti::CurlMulti(loop::Loop& loop) : loop_(loop), timer_(loop), collect_(loop) {
  start_curl_once();
  multi_ = curl_multi_init();
  BERTH_CHECK(multi_ != nullptr);
  curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &CurlMulti::on_socket);
  curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
  curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &CurlMulti::on_timer);
  curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
  curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, 16L);
}

CurlMulti::~CurlMulti() {
  curl_multi_cleanup(multi_);
  watches_.clear();
}

loop::Task<CURLcode> CurlMulti::perform(CURL* easy) {
  Running running(loop_, multi_, easy);
  co_await running.done.wait();
  co_return running.result;
}

int CurlMulti::on_socket(CURL*, curl_socket_t fd, int what, void* self, void*) {
  static_cast<CurlMulti*>(self)->watch(fd, what);
  return 0;
}

int CurlMulti::on_timer(CURLM*, long milliseconds, void* self) {
  auto& multi = *static_cast<CurlMulti*>(self);
  if (milliseconds < 0) multi.timer_.cancel();
  else
    multi.timer_.start(std::chrono::milliseconds(milliseconds),
                       [&multi] { multi.act(CURL_SOCKET_TIMEOUT, 0); });
  return 0;
}

void CurlMulti::watch(int fd, int what) {
  auto found = watches_.find(fd);
  if (what == CURL_POLL_REMOVE) {
    if (found == watches_.end()) return;
    loop_.unwatch(fd);
    retired_.push_back(std::move(found->second));  // it may be the one that is calling
    watches_.erase(found);
    return;
  }
  const std::uint32_t interest =
      (what & CURL_POLL_IN ? EPOLLIN : 0u) | (what & CURL_POLL_OUT ? EPOLLOUT : 0u);
  if (found == watches_.end()) {
    auto& made = watches_[fd] = std::make_unique<Watch>(*this, fd);
    loop_.watch(fd, interest, *made);
  } else {
    loop_.change_interest(fd, interest);
  }
}

void CurlMulti::act(int fd, int bits) {
  int running = 0;
  curl_multi_socket_action(multi_, fd, bits, &running);
  collect_.schedule([this] { collect(); });
}

void CurlMulti::collect() {
  retired_.clear();
  int left = 0;
  while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
    if (message->msg != CURLMSG_DONE) continue;
    void* pointer = nullptr;
    curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &pointer);
    auto& running = *static_cast<Running*>(pointer);
    running.result = message->data.result;
    running.done.set();
  }
}

CertificatePin::CertificatePin(const std::string& fingerprint) : hex_(bare_hex(fingerprint)) {
  if (hex_.size() != 64)
    throw_failure(Errc::kMalformed, "a certificate fingerprint has 64 hexadecimal digits");
}

void CertificatePin::apply(CURL* easy) {
  const auto set = [&](CURLoption option, auto value) {
    BERTH_CHECK(curl_easy_setopt(easy, option, value) == CURLE_OK);
  };
  set(CURLOPT_SSL_VERIFYHOST, 0L);
  set(CURLOPT_SSL_CTX_FUNCTION, &CertificatePin::on_tls);
  set(CURLOPT_SSL_CTX_DATA, static_cast<void*>(this));
  set(CURLOPT_FRESH_CONNECT, 1L);
  set(CURLOPT_FORBID_REUSE, 1L);
  set(CURLOPT_SSL_SESSIONID_CACHE, 0L);
}

CURLcode CertificatePin::on_tls(CURL*, void* context, void* self) {
  auto* native = static_cast<SSL_CTX*>(context);
  SSL_CTX_set_verify(native, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_cert_verify_callback(native, &CertificatePin::check, self);
  return CURLE_OK;
}

int CertificatePin::check(X509_STORE_CTX* store, void* self) {
  auto& pin = *static_cast<CertificatePin*>(self);
  X509* leaf = X509_STORE_CTX_get0_cert(store);
  std::array<std::uint8_t, 32> hash{};
  unsigned size = 0;
  if (leaf) X509_digest(leaf, EVP_sha256(), hash.data(), &size);
  const bool is_pinned = leaf && equal_in_constant_time(format_hex(hash), pin.hex_);
  pin.is_broken_ = !is_pinned;
  X509_STORE_CTX_set_error(store, is_pinned ? X509_V_OK : X509_V_ERR_CERT_REJECTED);
  return is_pinned ? 1 : 0;
}

}  // namespace berth::net
