// Paths of attaches and of requests.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace berth::webserver {

// "/", or "/a/b": no empty part, no "." or "..", no trailing slash, no control character, at most 8192 bytes.
bool is_attach_path(std::string_view path);

// True if `path` is `prefix` or below it, by segment: "/a" covers "/a" and "/a/b", not "/ab".
bool is_below(std::string_view path, std::string_view prefix);

// What stands below `prefix` in `path`, without the slash between. `path` must be below it.
std::string_view relative_to(std::string_view path, std::string_view prefix);

// A request target (RFC 9112 section 3.2) taken apart.
struct Target {
  std::string path;        // decoded, begins with '/'; "*" for the asterisk form
  std::string_view raw;    // path and query as sent. Borrowed from the target
  std::string_view query;  // without '?'. Borrowed from the target
  std::string_view host;   // of the absolute form, which counts instead of the Host field. Borrowed likewise
  // Origin form: `raw`, with the slash that the absolute form may leave out.
  std::string origin() const {
    return raw.starts_with('?') || raw.empty() ? "/" + std::string(raw) : std::string(raw);
  }
};
// Origin, absolute and asterisk form. nullopt for anything else, for fragments, bad escapes, NUL, a bad host, and
// for paths with "." or ".." parts: clients resolve those themselves, what still has them means harm.
std::optional<Target> parse_target(std::string_view target);

}  // namespace berth::webserver
