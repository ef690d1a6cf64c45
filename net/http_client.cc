#include "net/http_client.h"

#include <curl/curl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <algorithm>
#include <map>
#include <set>

#include "base/bytes.h"
#include "base/text.h"
#include "loop/sync.h"

namespace berth::net {
namespace {

constexpr std::uint64_t kMaxErrorBody = 64 << 10;
constexpr std::size_t kMaxHeaders = 200;
constexpr std::chrono::milliseconds kProgressInterval{200};

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

std::optional<std::string_view> HttpResponse::find(std::string_view name) const {
  for (const auto& [key, value] : headers)
    if (equal_ignoring_case(key, name)) return value;
  return std::nullopt;
}

// One request while it runs; lives in the frame of fetch().
class Transfer {
 public:
  Transfer(loop::Loop& loop, HttpRequest wanted) : request(std::move(wanted)), done(loop) {
    easy = curl_easy_init();
    BERTH_CHECK(easy != nullptr);
  }
  ~Transfer() {
    if (request.body_stream) request.body_stream->close();
    curl_easy_cleanup(easy);
    curl_slist_free_all(header_list_);
  }
  Transfer(const Transfer&) = delete;

  void set_up();
  void throw_error(CURLcode code) const;

  HttpRequest request;
  HttpResponse response;
  CURL* easy = nullptr;
  loop::Event done;
  CURLcode result = CURLE_OK;

 private:
  template <class T>
  void set(CURLoption option, T value) {
    BERTH_CHECK(curl_easy_setopt(easy, option, value) == CURLE_OK);
  }
  static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* self);
  static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* self);
  std::size_t read_stream(std::span<char> buffer);
  static std::size_t on_read(char* data, std::size_t size, std::size_t count, void* self);
  static int on_progress(void* self, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
                         curl_off_t up);
  static CURLcode on_tls(CURL* easy, void* context, void* self);
  static int check_pin(X509_STORE_CTX* store, void* self);
  bool take(std::string_view data);

  curl_slist* header_list_ = nullptr;
  std::uint64_t received_ = 0;
  std::size_t body_sent_ = 0;
  loop::TimePoint last_progress_{};
  bool too_large_ = false, cancelled_ = false, bad_pin_ = false;
  std::exception_ptr thrown_;
  char error_buffer_[CURL_ERROR_SIZE] = "";
};

void Transfer::set_up() {
  set(CURLOPT_URL, request.url.c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_PRIVATE, static_cast<void*>(this));
  set(CURLOPT_ERRORBUFFER, error_buffer_);
  set(CURLOPT_FOLLOWLOCATION, request.max_redirects > 0 ? 1L : 0L);
  set(CURLOPT_MAXREDIRS, static_cast<long>(request.max_redirects));
  set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(request.connect_limit.count()));
  set(CURLOPT_TIMEOUT_MS, static_cast<long>(request.limit.count()));
  set(CURLOPT_LOW_SPEED_LIMIT, 1L);
  set(CURLOPT_LOW_SPEED_TIME, static_cast<long>(request.stall_limit.count()));
  set(CURLOPT_USERAGENT, "berth");
  set(CURLOPT_PROXY, "");  // no proxy from the environment unless there is a setting for it
  set(CURLOPT_WRITEFUNCTION, &Transfer::on_body);
  set(CURLOPT_WRITEDATA, static_cast<void*>(this));
  set(CURLOPT_HEADERFUNCTION, &Transfer::on_header);
  set(CURLOPT_HEADERDATA, static_cast<void*>(this));
  set(CURLOPT_XFERINFOFUNCTION, &Transfer::on_progress);
  set(CURLOPT_XFERINFODATA, static_cast<void*>(this));
  set(CURLOPT_NOPROGRESS, 0L);
  if (!request.unix_socket.empty()) set(CURLOPT_UNIX_SOCKET_PATH, request.unix_socket.c_str());

  const bool has_body = request.read_body || request.body_stream || !request.body.empty() ||
                        request.method == "POST" || request.method == "PUT" || request.method == "PATCH";
  if (has_body) {
    set(CURLOPT_UPLOAD, 1L);
    set(CURLOPT_READFUNCTION, &Transfer::on_read);
    set(CURLOPT_READDATA, static_cast<void*>(this));
    if (request.body_stream) {
      set(CURLOPT_FOLLOWLOCATION, 0L);  // the body cannot be sent twice
      request.body_stream->more_ = [this] { curl_easy_pause(easy, CURLPAUSE_CONT); };
    } else if (!request.read_body) {
      set(CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    } else if (request.body_size) {
      set(CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(*request.body_size));
    }
  } else if (request.method == "HEAD") {
    set(CURLOPT_NOBODY, 1L);
  }
  set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
  const auto add_header = [&](const std::string& line) {
    header_list_ = curl_slist_append(header_list_, line.c_str());
  };
  add_header("Expect:");  // no waiting for 100: our servers answer early if they must
  for (const auto& [name, value] : request.headers) {
    if ((name + value).find_first_of("\r\n") != std::string::npos)
      throw_failure(Errc::kMalformed, "header {} has a line end", name);
    add_header(value.empty() ? name + ";" : name + ": " + value);
  }
  set(CURLOPT_HTTPHEADER, header_list_);

  if (!request.user.empty()) {
    set(CURLOPT_USERNAME, request.user.c_str());
    set(CURLOPT_PASSWORD, request.password.c_str());
    set(CURLOPT_HTTPAUTH, request.auth == HttpRequest::Auth::kDigest ? CURLAUTH_DIGEST : CURLAUTH_BASIC);
  }
  if (!request.ca_file.empty()) set(CURLOPT_CAINFO, request.ca_file.c_str());
  if (!request.pinned_fingerprint.empty()) {
    if (bare_hex(request.pinned_fingerprint).size() != 64)
      throw_failure(Errc::kMalformed, "a certificate fingerprint has 64 hexadecimal digits");
    set(CURLOPT_SSL_VERIFYHOST, 0L);
    set(CURLOPT_SSL_CTX_FUNCTION, &Transfer::on_tls);
    set(CURLOPT_SSL_CTX_DATA, static_cast<void*>(this));
    // Not shared: a connection that another request opened was not checked against this pin.
    set(CURLOPT_FRESH_CONNECT, 1L);
    set(CURLOPT_FORBID_REUSE, 1L);
    set(CURLOPT_SSL_SESSIONID_CACHE, 0L);
  } else if (!request.verify) {
    set(CURLOPT_SSL_VERIFYPEER, 0L);
    set(CURLOPT_SSL_VERIFYHOST, 0L);
  }
}

CURLcode Transfer::on_tls(CURL*, void* context, void* self) {
  auto* native = static_cast<SSL_CTX*>(context);
  SSL_CTX_set_verify(native, SSL_VERIFY_PEER, nullptr);
  SSL_CTX_set_cert_verify_callback(native, &Transfer::check_pin, self);
  return CURLE_OK;
}

int Transfer::check_pin(X509_STORE_CTX* store, void* self) {
  auto& transfer = *static_cast<Transfer*>(self);
  X509* leaf = X509_STORE_CTX_get0_cert(store);
  std::array<std::uint8_t, 32> hash{};
  unsigned size = 0;
  if (leaf) X509_digest(leaf, EVP_sha256(), hash.data(), &size);
  const bool is_pinned =
      leaf && equal_in_constant_time(format_hex(hash), bare_hex(transfer.request.pinned_fingerprint));
  transfer.bad_pin_ = !is_pinned;
  X509_STORE_CTX_set_error(store, is_pinned ? X509_V_OK : X509_V_ERR_CERT_REJECTED);
  return is_pinned ? 1 : 0;
}

bool Transfer::take(std::string_view data) {
  long status = 0;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
  const bool is_success = status >= 200 && status < 300;
  if (!is_success) {
    const auto room = kMaxErrorBody - std::min<std::uint64_t>(kMaxErrorBody, response.body.size());
    response.body.append(data.substr(0, static_cast<std::size_t>(room)));
    return true;
  }
  received_ += data.size();
  if (received_ > request.limit_bytes) {
    too_large_ = true;
    return false;
  }
  if (!request.on_data) {
    response.body.append(data);
    return true;
  }
  cancelled_ = !request.on_data(data);
  return !cancelled_;
}

std::size_t Transfer::on_body(char* data, std::size_t size, std::size_t count, void* self) {
  auto& transfer = *static_cast<Transfer*>(self);
  try {
    return transfer.take({data, size * count}) ? size * count : CURL_WRITEFUNC_ERROR;
  } catch (...) {
    transfer.thrown_ = std::current_exception();  // not through libcurl's C frames
    return CURL_WRITEFUNC_ERROR;
  }
}

std::size_t Transfer::on_header(char* data, std::size_t size, std::size_t count, void* self) {
  auto& transfer = *static_cast<Transfer*>(self);
  const std::string_view line(data, size * count);
  if (line.starts_with("HTTP/")) {  // a further answer: after a redirect or a 1xx
    transfer.response.headers.clear();
    transfer.response.body.clear();
  } else if (const auto colon = line.find(':'); colon != std::string_view::npos) {
    if (transfer.response.headers.size() >= kMaxHeaders) return 0;
    transfer.response.headers.emplace_back(to_lower(line.substr(0, colon)), trim(line.substr(colon + 1)));
  }
  return size * count;
}

std::size_t Transfer::read_stream(std::span<char> buffer) {
  const std::size_t size = request.body_stream->fill(buffer);
  if (size > 0) return size;
  switch (request.body_stream->state_) {
    case BodyStream::State::kFinished: return 0;
    case BodyStream::State::kAborted: cancelled_ = true; return CURL_READFUNC_ABORT;
    default: return CURL_READFUNC_PAUSE;
  }
}

std::size_t Transfer::on_read(char* data, std::size_t size, std::size_t count, void* self) {
  auto& transfer = *static_cast<Transfer*>(self);
  if (transfer.request.body_stream) return transfer.read_stream({data, size * count});
  try {
    if (transfer.request.read_body) return transfer.request.read_body({data, size * count});
  } catch (...) {
    transfer.thrown_ = std::current_exception();
    return CURL_READFUNC_ABORT;
  }
  const auto left =
      std::string_view(transfer.request.body).substr(transfer.body_sent_).substr(0, size * count);
  std::copy(left.begin(), left.end(), data);
  transfer.body_sent_ += left.size();
  return left.size();
}

int Transfer::on_progress(void* self, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
                          curl_off_t up) {
  auto& transfer = *static_cast<Transfer*>(self);
  const auto now = loop::Clock::now();
  if (!transfer.request.on_progress || now - transfer.last_progress_ < kProgressInterval) return 0;
  transfer.last_progress_ = now;
  const bool is_upload = up_total > 0 && up < up_total;
  try {
    transfer.request.on_progress(static_cast<std::uint64_t>(is_upload ? up : down),
                                 static_cast<std::uint64_t>(is_upload ? up_total : down_total));
  } catch (...) {
    transfer.thrown_ = std::current_exception();
    return 1;
  }
  return 0;
}

void Transfer::throw_error(CURLcode code) const {
  if (thrown_) std::rethrow_exception(thrown_);
  const std::string text = *error_buffer_ ? error_buffer_ : curl_easy_strerror(code);
  const auto& url = request.url;
  if (too_large_) throw_failure(Errc::kTooLarge, "{}: answer above {} bytes", url, request.limit_bytes);
  if (cancelled_) throw_failure(Errc::kCancelled, "{}: cancelled", url);
  if (bad_pin_) throw_failure(Errc::kDenied, "{}: the server's certificate is not the pinned one", url);
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST: throw_failure(Errc::kNotFound, "{}: {}", url, text);
    case CURLE_OPERATION_TIMEDOUT: throw_failure(Errc::kTimeout, "{}: {}", url, text);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR: throw_failure(Errc::kDenied, "{}: certificate not trusted: {}", url, text);
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_TOO_MANY_REDIRECTS: throw_failure(Errc::kMalformed, "{}: {}", url, text);
    default: throw_failure(Errc::kUnavailable, "{}: {}", url, text);
  }
}

// libcurl's multi interface on our loop: it tells which descriptors and which timer it wants.
class HttpClient::Impl {
 public:
  explicit Impl(loop::Loop& loop) : loop_(loop), timer_(loop), collect_(loop) {
    start_curl_once();
    multi_ = curl_multi_init();
    BERTH_CHECK(multi_ != nullptr);
    curl_multi_setopt(multi_, CURLMOPT_SOCKETFUNCTION, &Impl::on_socket);
    curl_multi_setopt(multi_, CURLMOPT_SOCKETDATA, this);
    curl_multi_setopt(multi_, CURLMOPT_TIMERFUNCTION, &Impl::on_timer);
    curl_multi_setopt(multi_, CURLMOPT_TIMERDATA, this);
    curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, 16L);
  }
  ~Impl() {
    curl_multi_cleanup(multi_);
    watches_.clear();
  }

  loop::Task<HttpResponse> fetch(HttpRequest request) {
    Transfer transfer(loop_, std::move(request));
    transfer.set_up();
    Registered registered(*this, transfer);
    co_await transfer.done.wait();
    registered.remove();
    if (transfer.result != CURLE_OK) transfer.throw_error(transfer.result);
    long status = 0;
    char* url = nullptr;
    curl_easy_getinfo(transfer.easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(transfer.easy, CURLINFO_EFFECTIVE_URL, &url);
    transfer.response.status = static_cast<int>(status);
    transfer.response.url = url ? url : transfer.request.url;
    co_return std::move(transfer.response);
  }

 private:
  class Watch final : public loop::IoHandler {
   public:
    Watch(Impl& owner, int fd) : owner_(owner), fd_(fd) {}
    void on_io(std::uint32_t events) override {
      const int bits = (events & EPOLLIN ? CURL_CSELECT_IN : 0) | (events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                       (events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
      owner_.act(fd_, bits);  // may remove this watch
    }

   private:
    Impl& owner_;
    int fd_;
  };

  // In the multi handle as long as it lives: a cancelled task takes its request out.
  class Registered {
   public:
    Registered(Impl& owner, Transfer& transfer) : owner_(owner), transfer_(transfer) {
      BERTH_CHECK(curl_multi_add_handle(owner_.multi_, transfer_.easy) == CURLM_OK);
    }
    ~Registered() { remove(); }
    void remove() {
      if (!std::exchange(removed_, true)) curl_multi_remove_handle(owner_.multi_, transfer_.easy);
    }

   private:
    Impl& owner_;
    Transfer& transfer_;
    bool removed_ = false;
  };

  static int on_socket(CURL*, curl_socket_t fd, int what, void* self, void*) {
    static_cast<Impl*>(self)->watch(fd, what);
    return 0;
  }
  static int on_timer(CURLM*, long milliseconds, void* self) {
    auto& impl = *static_cast<Impl*>(self);
    if (milliseconds < 0) impl.timer_.cancel();
    else
      impl.timer_.start(std::chrono::milliseconds(milliseconds),
                        [&impl] { impl.act(CURL_SOCKET_TIMEOUT, 0); });
    return 0;
  }

  void watch(int fd, int what) {
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

  void act(int fd, int bits) {
    int running = 0;
    curl_multi_socket_action(multi_, fd, bits, &running);
    collect_.schedule([this] { collect(); });
  }

  void collect() {
    retired_.clear();
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      void* transfer_pointer = nullptr;
      curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer_pointer);
      auto& transfer = *static_cast<Transfer*>(transfer_pointer);
      transfer.result = message->data.result;
      transfer.done.set();
    }
  }

  loop::Loop& loop_;
  CURLM* multi_ = nullptr;
  std::map<int, std::unique_ptr<Watch>> watches_;
  std::vector<std::unique_ptr<Watch>> retired_;
  loop::Timer timer_;
  loop::Deferred collect_;
};

HttpClient::HttpClient(loop::Loop& loop) : impl_(std::make_unique<Impl>(loop)) {}
HttpClient::~HttpClient() = default;

loop::Task<HttpResponse> HttpClient::fetch(HttpRequest request) { return impl_->fetch(std::move(request)); }

}  // namespace berth::net
