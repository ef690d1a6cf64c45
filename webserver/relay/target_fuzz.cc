// What is taken for a request's target has a path without dots that leave it, and means the same in origin form.
#include "base/text.h"
#include "webserver/relay/paths.h"
#include "wire/fuzz.h"

using namespace berth;
using namespace berth::webserver;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = as_text({data, size});
  if (is_attach_path(text)) {
    fuzz::require(is_below(text, text) && is_below(text, "/") && relative_to(text, text).empty());
    fuzz::require(text.size() == 1 || relative_to(text, "/") == text.substr(1));
  }
  const auto target = parse_target(text);
  if (!target || target->path == "*") return 0;
  fuzz::require(target->path.starts_with('/') && target->path.find('\0') == target->path.npos);
  for (const auto part : split(target->path, '/')) fuzz::require(part != "." && part != "..");
  fuzz::require(target->query.empty() || text.ends_with(target->query));
  const auto origin = target->origin();
  const auto again = parse_target(origin);
  fuzz::require(again && again->path == target->path && again->query == target->query);
  fuzz::require(again->host.empty() && again->origin() == origin);
  return 0;
}
