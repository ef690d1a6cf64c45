#include "webserver/http/static_options.h"

#include <algorithm>
#include <array>

#include "base/text.h"
#include "wire/json/json.h"

namespace berth::webserver {
namespace {

bool is_hexadecimal(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789abcdefABCDEF") == text.npos;
}

// A service that could set these could break the framing or the caching of its own files.
bool is_ours(std::string_view name) {
  constexpr std::array<std::string_view, 12> kOurs = {
      "accept-ranges", "cache-control", "connection", "date",    "etag",    "keep-alive",
      "server",        "set-cookie",    "te",         "trailer", "upgrade", "vary"};
  return name.starts_with("content-length") || name.starts_with("content-encoding") ||
         name.starts_with("content-range") || name.starts_with("content-type") ||
         name.starts_with("transfer-") || std::find(kOurs.begin(), kOurs.end(), name) != kOurs.end();
}

bool is_name(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
  });
}

bool is_value(std::string_view value) {
  return std::all_of(value.begin(), value.end(), [](char c) { return c >= 0x20 && c < 0x7f; });
}

// A decoded path as a URL writes it.
std::string encode_path(std::string_view path) {
  std::string encoded;
  for (const auto part : split(path, '/')) {
    if (part.data() != path.data()) encoded += '/';
    encoded += percent_encode(part);
  }
  return encoded;
}

}  // namespace

Result<StaticOptions> parse_static_options(std::string_view json) {
  StaticOptions options;
  if (json.empty()) return options;
  BERTH_TRY(const auto object, json::parse_object(json));
  options.build = json::get_string(object, "build");
  if (!is_hexadecimal(options.build)) options.build.clear();
  options.redirects_pages = json::get_bool(object, "redirectPages");
  const auto* headers = json::find_object(object, "headers");
  if (!headers) return options;
  std::size_t bytes = 0;
  for (const auto& [key, value] : *headers) {
    auto name = to_lower(key);
    if (!is_name(name) || !value.is_string() || !is_value(value.get_string()))
      return fail(Errc::kMalformed, "header '{}' is malformed", name);
    if (is_ours(name)) return fail(Errc::kMalformed, "header '{}' is the webserver's own", name);
    bytes += name.size() + value.get_string().size();
    options.headers.emplace_back(std::move(name), std::string(value.get_string()));
  }
  if (options.headers.size() > StaticOptions::kMaxHeaders || bytes > StaticOptions::kMaxHeaderBytes)
    return fail(Errc::kTooLarge, "more than {} headers or {} bytes of them", StaticOptions::kMaxHeaders,
                StaticOptions::kMaxHeaderBytes);
  return options;
}

std::optional<std::string> redirect_of(const StaticOptions& options, std::string_view path,
                                       std::string_view relative, std::string_view query) {
  if (!options.redirects_pages || options.build.empty()) return std::nullopt;
  const auto slash = relative.find('/');
  const auto first = relative.substr(0, slash);
  if (slash != relative.npos && first == options.build) return std::nullopt;
  // The directory of another build gives way to the running one's.
  const auto page = slash != relative.npos && is_hexadecimal(first) ? relative.substr(slash + 1) : relative;
  if (!page.ends_with(".htm") && !page.ends_with(".html")) return std::nullopt;
  return fmt::format("{}/{}/{}{}", path == "/" ? "" : encode_path(path), options.build, encode_path(page),
                     query);
}

}  // namespace berth::webserver
