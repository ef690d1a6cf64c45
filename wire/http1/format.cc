#include <array>
#include <ctime>

#include "base/text.h"
#include "wire/http1/body.h"
#include "wire/http1/head.h"

namespace berth::http1 {
namespace {

// Characters of a token (RFC 9110 section 5.6.2), and of a field value (section 5.5).
constexpr std::array<bool, 256> make_set(std::string_view extra) {
  std::array<bool, 256> set{};
  for (char c = '0'; c <= '9'; ++c) set[static_cast<unsigned char>(c)] = true;
  for (char c = 'a'; c <= 'z'; ++c) set[static_cast<unsigned char>(c)] = true;
  for (char c = 'A'; c <= 'Z'; ++c) set[static_cast<unsigned char>(c)] = true;
  for (const char c : extra) set[static_cast<unsigned char>(c)] = true;
  return set;
}
constexpr auto kToken = make_set("!#$%&'*+-.^_`|~");

bool is_token(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](unsigned char c) { return kToken[c]; });
}

bool is_value(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](unsigned char c) { return (c >= 0x20 && c != 0x7f) || c == '\t'; });
}

void append_canonical(std::string& out, std::string_view name) {
  const auto begin = out.size();
  bool at_start = true;
  for (char c : name) {
    if (at_start && c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
    else if (!at_start && c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
    at_start = c == '-';
    out += c;
  }
  const auto written = std::string_view(out).substr(begin);
  constexpr std::string_view kSocket = "Sec-Websocket-";
  if (written == "Etag" || written == "Te") out[begin + 1] = static_cast<char>(out[begin + 1] - 32);
  else if (written == "Www-Authenticate") out[begin + 1] = out[begin + 2] = 'W';
  else if (written.starts_with(kSocket)) out[begin + 7] = 'S';
}

Result<void> append_headers(std::string& out, const Headers& headers) {
  for (const auto& [name, value] : headers) {
    if (!is_token(name)) return fail(Errc::kMalformed, "'{}' is no header name", name);
    if (!is_value(value)) return fail(Errc::kMalformed, "value of header {} has control characters", name);
    append_canonical(out, name);
    out += ": ";
    out += value;
    out += "\r\n";
  }
  out += "\r\n";
  return {};
}

constexpr std::size_t kUsualHead = 384;  // bytes
constexpr std::array<const char*, 7> kDays{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<const char*, 12> kMonths{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                              "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

}  // namespace

std::string canonical_name(std::string_view name) {
  std::string out;
  append_canonical(out, name);
  return out;
}

Result<std::string> format_response_head(int status, const Headers& headers, std::string_view reason) {
  if (status < 100 || status > 999) return fail(Errc::kMalformed, "status {}", status);
  if (!is_value(reason)) return fail(Errc::kMalformed, "reason has control characters");
  std::string out;
  out.reserve(kUsualHead);
  fmt::format_to(std::back_inserter(out), "HTTP/1.1 {} {}\r\n", status,
                 reason.empty() ? reason_phrase(status) : reason);
  BERTH_TRY_VOID(append_headers(out, headers));
  return out;
}

Result<std::string> format_request_head(std::string_view method, std::string_view target,
                                        const Headers& headers) {
  if (!is_token(method)) return fail(Errc::kMalformed, "'{}' is no method", method);
  const bool is_target = !target.empty() && std::all_of(target.begin(), target.end(),
                                                        [](unsigned char c) { return c > 0x20 && c < 0x7f; });
  if (!is_target) return fail(Errc::kMalformed, "'{}' is no request target", target);
  std::string out = fmt::format("{} {} HTTP/1.1\r\n", method, target);
  BERTH_TRY_VOID(append_headers(out, headers));
  return out;
}

void append_chunk(std::string& out, std::string_view data) {
  BERTH_CHECK(!data.empty());
  fmt::format_to(std::back_inserter(out), "{:x}\r\n", data.size());
  out += data;
  out += "\r\n";
}

std::string_view reason_phrase(int status) {
  switch (status) {
    case 100: return "Continue";
    case 101: return "Switching Protocols";
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 205: return "Reset Content";
    case 206: return "Partial Content";
    case 207: return "Multi-Status";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 303: return "See Other";
    case 304: return "Not Modified";
    case 307: return "Temporary Redirect";
    case 308: return "Permanent Redirect";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 402: return "Payment Required";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 406: return "Not Acceptable";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 410: return "Gone";
    case 411: return "Length Required";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 416: return "Range Not Satisfiable";
    case 417: return "Expectation Failed";
    case 421: return "Misdirected Request";
    case 422: return "Unprocessable Content";
    case 423: return "Locked";
    case 424: return "Failed Dependency";
    case 426: return "Upgrade Required";
    case 428: return "Precondition Required";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 451: return "Unavailable For Legal Reasons";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    case 507: return "Insufficient Storage";
    default: return "Unknown";
  }
}

std::string format_date(std::int64_t seconds) {
  const auto time = static_cast<std::time_t>(seconds);
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT",
                     kDays[static_cast<std::size_t>(parts.tm_wday)], parts.tm_mday,
                     kMonths[static_cast<std::size_t>(parts.tm_mon)], parts.tm_year + 1900, parts.tm_hour,
                     parts.tm_min, parts.tm_sec);
}

std::optional<std::int64_t> parse_date(std::string_view text) {
  // "Sun, 06 Nov 1994 08:49:37 GMT"
  if (text.size() != 29 || text.substr(25) != " GMT") return std::nullopt;
  std::tm parts{};
  const auto number = [&](std::size_t at, std::size_t length) {
    const auto digits = text.substr(at, length);
    for (const char c : digits)
      if (c < '0' || c > '9') return -1;
    return static_cast<int>(*parse_integer(digits));
  };
  parts.tm_mday = number(5, 2);
  parts.tm_year = number(12, 4) - 1900;
  parts.tm_hour = number(17, 2);
  parts.tm_min = number(20, 2);
  parts.tm_sec = number(23, 2);
  const auto month = std::find(kMonths.begin(), kMonths.end(), text.substr(8, 3));
  if (month == kMonths.end()) return std::nullopt;
  parts.tm_mon = static_cast<int>(month - kMonths.begin());
  if (parts.tm_mday < 1 || parts.tm_year < -1900 || parts.tm_hour < 0 || parts.tm_min < 0 || parts.tm_sec < 0)
    return std::nullopt;
  const auto seconds = static_cast<std::int64_t>(::timegm(&parts));
  // What is spelt otherwise (day 31 of a short month, wrong week day) is not a date.
  return format_date(seconds) == text ? std::optional(seconds) : std::nullopt;
}

}  // namespace berth::http1
