#include "wire/http1/head.h"

#include <llhttp.h>

#include <charconv>

#include "base/text.h"

namespace berth::http1 {
namespace {

// "METHOD " and " HTTP/1.1\r\n" around the target; the longest method llhttp knows has 11 letters.
constexpr std::size_t kAroundTarget = 32;
constexpr int kMostBlankLines = 4;

// What llhttp finds in one head.
struct Found {
  std::string target, reason;
  Headers headers;
  bool complete = false;
};

Found& found_of(llhttp_t* parser) { return *static_cast<Found*>(parser->data); }

int on_url(llhttp_t* parser, const char* at, std::size_t length) {
  found_of(parser).target.append(at, length);
  return 0;
}
int on_status(llhttp_t* parser, const char* at, std::size_t length) {
  found_of(parser).reason.append(at, length);
  return 0;
}
int on_header_field(llhttp_t* parser, const char* at, std::size_t length) {
  found_of(parser).headers.emplace_back(to_lower({at, length}), std::string());
  return 0;
}
int on_header_value(llhttp_t* parser, const char* at, std::size_t length) {
  found_of(parser).headers.back().second.append(at, length);
  return 0;
}
int on_headers_complete(llhttp_t* parser) {
  found_of(parser).complete = true;
  return 1;  // the body is BodyDecoder's
}

const llhttp_settings_t& settings() {
  static const llhttp_settings_t kSettings = [] {
    llhttp_settings_t made;
    llhttp_settings_init(&made);
    made.on_url = on_url;
    made.on_status = on_status;
    made.on_header_field = on_header_field;
    made.on_header_value = on_header_value;
    made.on_headers_complete = on_headers_complete;
    return made;
  }();
  return kSettings;
}

std::size_t count_of(const Headers& headers, std::string_view name) {
  return static_cast<std::size_t>(std::count_if(headers.begin(), headers.end(),
                                                [&](const auto& header) { return header.first == name; }));
}

std::optional<std::uint64_t> parse_length(std::string_view text) {
  std::uint64_t value = 0;
  if (text.empty() || text.front() == '+') return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool keeps_alive(const Headers& headers, std::uint8_t minor) {
  if (has_token(headers, "connection", "close")) return false;
  return minor == 1 || has_token(headers, "connection", "keep-alive");
}

// Transfer-Encoding (RFC 9112 section 6.1): 0 if it is chunked and nothing else. 400 if the last coding is
// another, or chunked comes twice: then nobody knows where the body ends. 501 for codings before chunked.
int judge_codings(const Headers& headers) {
  const auto all = find_list(headers, "transfer-encoding").value_or("");
  const auto codings = split(all, ',');
  const auto chunked = std::count_if(codings.begin(), codings.end(), [](std::string_view coding) {
    return equal_ignoring_case(trim(coding), "chunked");
  });
  if (chunked != 1 || !equal_ignoring_case(trim(codings.back()), "chunked")) return 400;
  return codings.size() == 1 ? 0 : 501;
}

}  // namespace

std::optional<std::string_view> find_header(const Headers& headers, std::string_view name) {
  for (const auto& [key, value] : headers)
    if (key == name) return value;
  return std::nullopt;
}

std::optional<std::string> find_list(const Headers& headers, std::string_view name) {
  std::optional<std::string> all;
  for (const auto& [key, value] : headers) {
    if (key != name) continue;
    if (all) all->append(", ").append(value);
    else all = value;
  }
  return all;
}

bool has_token(const Headers& headers, std::string_view name, std::string_view token) {
  for (const auto& [key, value] : headers) {
    if (key != name) continue;
    for (const auto part : split(value, ','))
      if (equal_ignoring_case(trim(part), token)) return true;
  }
  return false;
}

template <class Head>
template <class... Args>
tl::unexpected<Error> HeadParser<Head>::refuse(int status, fmt::format_string<Args...> text, Args&&... args) {
  error_status_ = status;
  const Errc code = status == 414 || status == 431 ? Errc::kTooLarge
                    : status >= 500                ? Errc::kUnsupported
                                                   : Errc::kMalformed;
  return fail(code, text, std::forward<Args>(args)...);
}

template <class Head>
Result<std::size_t> HeadParser<Head>::feed(ByteView bytes) {
  const std::string_view input = as_text(bytes);
  constexpr std::size_t kUsualHead = 1024;  // bytes
  if (buffer_.empty()) buffer_.reserve(std::min(input.size(), kUsualHead));
  std::size_t used = 0;
  while (used < input.size() && !done_) {
    const auto end = input.find('\n', used);
    const bool is_line = end != std::string_view::npos;
    const std::size_t next = is_line ? end + 1 : input.size();
    buffer_.append(input, used, next - used);
    used = next;
    BERTH_TRY_VOID(check_size());
    if (!is_line) break;
    BERTH_TRY(const bool is_end, take_line());
    if (is_end) {
      BERTH_TRY_VOID(parse());
      done_ = true;
    }
  }
  return used;
}

template <class Head>
Result<void> HeadParser<Head>::check_size() {
  if (std::is_same_v<Head, RequestHead> && lines_ == 0 &&
      buffer_.size() > limits_.target_bytes + kAroundTarget)
    return refuse(414, "request target above {} bytes", limits_.target_bytes);
  if (buffer_.size() > limits_.head_bytes) return refuse(431, "head above {} bytes", limits_.head_bytes);
  return {};
}

// The checks that are ours, on the line that just ended: where llhttp is lenient, or where others are
// and would see another message than we do.
template <class Head>
Result<bool> HeadParser<Head>::take_line() {
  const auto line = std::string_view(buffer_).substr(line_begin_);
  if (line.size() < 2 || line[line.size() - 2] != '\r') return refuse(400, "line ends without CR");
  if (lines_ == 0 && std::is_same_v<Head, RequestHead>) lower_minor_version();
  const auto content = line.substr(0, line.size() - 2);
  for (const char c : content) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && byte != '\t') || byte == 0x7f) return refuse(400, "control character in the head");
  }
  if (content.empty()) {
    if (lines_ > 0) return true;
    if (++blank_lines_ > kMostBlankLines || std::is_same_v<Head, ResponseHead>)
      return refuse(400, "blank lines before the first line");
    buffer_.clear();
    return false;
  }
  if (lines_ == 0 && std::is_same_v<Head, RequestHead>) {
    if (std::count(content.begin(), content.end(), ' ') != 2 || content.find('\t') != std::string_view::npos)
      return refuse(400, "request line is not method, target and version");
  } else if (lines_ > 0 && (content.front() == ' ' || content.front() == '\t')) {
    return refuse(400, "folded header line");
  } else if (lines_ > 0 && content.front() == ':') {
    return refuse(400, "header without a name");
  }
  if (lines_++ > limits_.header_count) return refuse(431, "more than {} header lines", limits_.header_count);
  line_begin_ = buffer_.size();
  return false;
}

// A later HTTP/1.x is to be taken as the highest one known (RFC 9110 section 2.5), and to be passed on as that.
template <class Head>
void HeadParser<Head>::lower_minor_version() {
  constexpr std::string_view kVersion = " HTTP/1.x\r\n";
  const auto begin = buffer_.size() - std::min(buffer_.size(), kVersion.size());
  if (!std::string_view(buffer_).substr(begin).starts_with(kVersion.substr(0, 8))) return;
  char& minor = buffer_[buffer_.size() - 3];
  if (minor >= '2' && minor <= '9') minor = '1';
}

template <class Head>
Result<void> HeadParser<Head>::parse() {
  constexpr bool kIsRequest = std::is_same_v<Head, RequestHead>;
  llhttp_t parser;
  Found found;
  llhttp_init(&parser, kIsRequest ? HTTP_REQUEST : HTTP_RESPONSE, &settings());
  parser.data = &found;
  found.headers.reserve(lines_);
  const auto error = llhttp_execute(&parser, buffer_.data(), buffer_.size());
  if (!found.complete) {
    const char* reason = llhttp_get_error_reason(&parser);
    const int status = error == HPE_INVALID_METHOD ? 501 : error == HPE_INVALID_VERSION ? 505 : 400;
    return refuse(status, "{}", reason && *reason ? reason : llhttp_errno_name(error));
  }
  if (parser.http_major != 1 || parser.http_minor > 1)
    return refuse(505, "HTTP/{}.{} is not spoken here", parser.http_major, parser.http_minor);
  for (auto& [name, value] : found.headers)
    if (const auto trimmed = trim(value); trimmed.size() < value.size()) value = std::string(trimmed);
  head_.minor = parser.http_minor;
  head_.headers = std::move(found.headers);
  head_.keep_alive = keeps_alive(head_.headers, head_.minor);
  if constexpr (kIsRequest) {
    head_.method = llhttp_method_name(static_cast<llhttp_method_t>(parser.method));
    head_.target = std::move(found.target);
  } else {
    head_.status = parser.status_code;
    head_.reason = std::move(found.reason);
  }
  return check(head_);
}

template <class Head>
Result<void> HeadParser<Head>::check(RequestHead& head) {
  const auto& headers = head.headers;
  if (head.target.size() > limits_.target_bytes)
    return refuse(414, "request target above {} bytes", limits_.target_bytes);
  const auto hosts = count_of(headers, "host");
  if (hosts > 1 || (hosts == 0 && head.minor == 1))
    return refuse(400, "exactly one Host expected, {} found", hosts);
  if (!is_host(head.host())) return refuse(400, "bad Host");
  const auto lengths = count_of(headers, "content-length");
  if (count_of(headers, "transfer-encoding") > 0) {
    if (lengths > 0) return refuse(400, "Content-Length beside Transfer-Encoding");
    if (head.minor == 0) return refuse(400, "Transfer-Encoding in HTTP/1.0");
    if (const int status = judge_codings(headers))
      return refuse(status, "transfer coding other than chunked");
    head.framing = Framing::kChunked;
  } else if (lengths > 0) {
    const auto length = parse_length(*find_header(headers, "content-length"));
    if (lengths > 1 || !length) return refuse(400, "bad Content-Length");
    head.content_length = *length;
    head.framing = *length > 0 ? Framing::kLength : Framing::kNone;
  }
  head.expects_continue = head.minor == 1 && has_token(headers, "expect", "100-continue");
  head.wants_websocket = head.method == "GET" && head.minor == 1 &&
                         has_token(headers, "upgrade", "websocket") &&
                         has_token(headers, "connection", "upgrade");
  return {};
}

template <class Head>
Result<void> HeadParser<Head>::check(ResponseHead& head) {
  const auto& headers = head.headers;
  const auto codings = count_of(headers, "transfer-encoding");
  const auto lengths = count_of(headers, "content-length");
  if (head.status < 100) return refuse(400, "status {}", head.status);
  if (codings > 0 && lengths > 0) return refuse(400, "Content-Length beside Transfer-Encoding");
  const auto length = lengths > 0 ? parse_length(*find_header(headers, "content-length")) : std::nullopt;
  if (lengths > 1 || (lengths == 1 && !length)) return refuse(400, "bad Content-Length");
  const bool has_no_body =
      head.status < 200 || head.status == 204 || head.status == 304 || answers_head_request_;
  head.content_length = length.value_or(0);
  if (has_no_body) {
    head.framing = Framing::kNone;
  } else if (codings > 0) {
    if (codings > 1 || !equal_ignoring_case(*find_header(headers, "transfer-encoding"), "chunked"))
      return refuse(501, "transfer coding other than chunked");
    head.framing = Framing::kChunked;
  } else if (length) {
    head.framing = *length > 0 ? Framing::kLength : Framing::kNone;
  } else {
    head.framing = Framing::kUntilClose;
    head.keep_alive = false;
  }
  return {};
}

template class HeadParser<RequestHead>;
template class HeadParser<ResponseHead>;

}  // namespace berth::http1
