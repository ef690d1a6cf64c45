#include "webserver/relay/paths.h"

#include "base/text.h"
#include "wire/http1/head.h"

namespace berth::webserver {
namespace {

bool has_dot_part(std::string_view path) {
  std::size_t begin = 0;
  while (begin <= path.size()) {
    const auto end = std::min(path.find('/', begin), path.size());
    const auto part = path.substr(begin, end - begin);
    if (part == "." || part == "..") return true;
    begin = end + 1;
  }
  return false;
}

}  // namespace

bool is_attach_path(std::string_view path) {
  if (path == "/") return true;
  if (path.empty() || path.front() != '/' || path.back() == '/' || path.size() > 8192) return false;
  if (path.find("//") != path.npos || has_dot_part(path)) return false;
  for (const char c : path)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return false;
  return true;
}

bool is_below(std::string_view path, std::string_view prefix) {
  if (prefix == "/") return path.starts_with('/');
  return path.starts_with(prefix) && (path.size() == prefix.size() || path[prefix.size()] == '/');
}

std::string_view relative_to(std::string_view path, std::string_view prefix) {
  path.remove_prefix(prefix == "/" ? 0 : prefix.size());
  if (path.starts_with('/')) path.remove_prefix(1);
  return path;
}

std::optional<Target> parse_target(std::string_view target) {
  Target parsed;
  if (target == "*") {
    parsed.path = "*";
    parsed.raw = target;
    return parsed;
  }
  if (!target.starts_with('/')) {  // absolute form, as to a proxy
    const auto scheme = target.find("://");
    if (scheme == target.npos) return std::nullopt;
    const auto name = target.substr(0, scheme);
    if (!equal_ignoring_case(name, "http") && !equal_ignoring_case(name, "https")) return std::nullopt;
    target.remove_prefix(scheme + 3);
    parsed.host = target.substr(0, target.find_first_of("/?#"));
    // No user in it (RFC 9110 section 4.2.4), and not empty (section 4.2.1).
    if (parsed.host.empty() || parsed.host.front() == ':' || !http1::is_host(parsed.host))
      return std::nullopt;
    target.remove_prefix(parsed.host.size());
  }
  if (target.find('#') != target.npos) return std::nullopt;
  parsed.raw = target;
  const auto question = target.find('?');
  if (question != target.npos) parsed.query = target.substr(question + 1);
  auto path = percent_decode(target.substr(0, question));
  if (!path || path->find('\0') != path->npos || has_dot_part(*path)) return std::nullopt;
  parsed.path = path->empty() ? "/" : std::move(*path);
  return parsed;
}

}  // namespace berth::webserver
