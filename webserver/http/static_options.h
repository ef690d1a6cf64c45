// What a service wants for its packed files: the options of a static attach (docs/protocols/link.md).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "wire/http1/head.h"

namespace berth::webserver {

struct StaticOptions {
  static constexpr std::size_t kMaxHeaders = 16, kMaxHeaderBytes = 4096;

  std::string build;       // the running build, hexadecimal; or empty
  http1::Headers headers;  // stand in every answer with a file, names in lower case
  bool redirects_pages =
      false;  // pages outside the running build's directory are answered with a redirect into it
};

// Empty text: no options. kMalformed: no JSON object, or headers that are none, are the webserver's own (content, caching,
// connection) or are too many. A build that is not hexadecimal counts as none.
Result<StaticOptions> parse_static_options(std::string_view json);

// Where a page lies in the running build's directory; nullopt if `relative` (below `path`, as asked for) is no page, is there
// already, or nobody wants redirects. `query`: with its '?', or empty.
std::optional<std::string> redirect_of(const StaticOptions& options, std::string_view path,
                                       std::string_view relative, std::string_view query);

}  // namespace berth::webserver
