#include "net/http_client.h"

#include <algorithm>

#include "base/text.h"
#include "net/curl_multi.h"

namespace berth::net {
namespace {

constexpr std::uint64_t kMaxErrorBody = 64 << 10;
constexpr std::size_t kMaxHeaders = 200;
constexpr std::chrono::milliseconds kProgressInterval{200};

}  // namespace

std::optional<std::string_view> HttpResponse::find(std::string_view name) const {
  for (const auto& [key, value] : headers)
    if (equal_ignoring_case(key, name)) return value;
  return std::nullopt;
}

// One request while it runs; lives in the frame of fetch().
class Transfer {
 public:
  explicit Transfer(HttpRequest wanted) : request(std::move(wanted)) {
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

 private:
  template <class T>
  void set(CURLoption option, T value) {
    BERTH_CHECK(curl_easy_setopt(easy, option, value) == CURLE_OK);
  }
  static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* self);
  static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* self);
  std::size_t read_stream(std::span<char> buffer);
  static std::size_t on_read(char* data, std::size_t size, std::size_t count, void* self);
  static int on_seek(void* self, curl_off_t offset, int origin);
  static int on_progress(void* self, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
                         curl_off_t up);
  bool take(std::string_view data);

  curl_slist* header_list_ = nullptr;
  std::uint64_t received_ = 0;
  std::size_t body_sent_ = 0;
  loop::TimePoint last_progress_{};
  bool too_large_ = false, cancelled_ = false;
  std::optional<CertificatePin> pin_;
  std::exception_ptr thrown_;
  char error_buffer_[CURL_ERROR_SIZE] = "";
};

void Transfer::set_up() {
  set(CURLOPT_URL, request.url.c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_ERRORBUFFER, error_buffer_);
  set(CURLOPT_FOLLOWLOCATION, request.max_redirects > 0 ? 1L : 0L);
  // libcurl counts being asked who we are as a redirect, too.
  if (request.max_redirects > 0) set(CURLOPT_MAXREDIRS, static_cast<long>(request.max_redirects));
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
    set(CURLOPT_SEEKFUNCTION, &Transfer::on_seek);
    set(CURLOPT_SEEKDATA, static_cast<void*>(this));
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
    const auto digest = CURLAUTH_DIGEST, basic = CURLAUTH_BASIC;
    set(CURLOPT_HTTPAUTH, request.auth == HttpRequest::Auth::kDigest ? digest
                          : request.auth == HttpRequest::Auth::kAny  ? digest | basic
                                                                     : basic);
  }
  if (!request.ca_file.empty()) set(CURLOPT_CAINFO, request.ca_file.c_str());
  if (!request.pinned_fingerprint.empty()) {
    pin_.emplace(request.pinned_fingerprint);
    pin_->apply(easy);
  } else if (!request.verify) {
    set(CURLOPT_SSL_VERIFYPEER, 0L);
    set(CURLOPT_SSL_VERIFYHOST, 0L);
  }
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

// A body that was sent before the server asked who we are is sent again.
int Transfer::on_seek(void* self, curl_off_t offset, int origin) {
  auto& transfer = *static_cast<Transfer*>(self);
  if (transfer.request.read_body || transfer.request.body_stream || origin != SEEK_SET || offset < 0 ||
      static_cast<std::size_t>(offset) > transfer.request.body.size())
    return CURL_SEEKFUNC_CANTSEEK;
  transfer.body_sent_ = static_cast<std::size_t>(offset);
  return CURL_SEEKFUNC_OK;
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
  if (pin_ && pin_->is_broken())
    throw_failure(Errc::kDenied, "{}: the server's certificate is not the pinned one", url);
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

class HttpClient::Impl {
 public:
  explicit Impl(loop::Loop& loop) : multi_(loop) {}

  loop::Task<HttpResponse> fetch(HttpRequest request) {
    Transfer transfer(std::move(request));
    transfer.set_up();
    const CURLcode result = co_await multi_.perform(transfer.easy);
    if (result != CURLE_OK) transfer.throw_error(result);
    long status = 0;
    char* url = nullptr;
    curl_easy_getinfo(transfer.easy, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(transfer.easy, CURLINFO_EFFECTIVE_URL, &url);
    transfer.response.status = static_cast<int>(status);
    transfer.response.url = url ? url : transfer.request.url;
    co_return std::move(transfer.response);
  }

 private:
  CurlMulti multi_;
};

HttpClient::HttpClient(loop::Loop& loop) : impl_(std::make_unique<Impl>(loop)) {}
HttpClient::~HttpClient() = default;

loop::Task<HttpResponse> HttpClient::fetch(HttpRequest request) { return impl_->fetch(std::move(request)); }

}  // namespace berth::net
