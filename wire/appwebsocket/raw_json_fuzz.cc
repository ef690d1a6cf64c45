// A member found raw is part of the text and JSON itself; the shortest form of the shortest form is the same.
#include "wire/appwebsocket/check_build.h"
#include "wire/appwebsocket/http_login.h"
#include "wire/appwebsocket/raw_json.h"
#include "wire/fuzz.h"
#include "wire/json/json.h"

using namespace berth;
using namespace berth::appwebsocket;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto text = as_text({data, size});
  if (const auto minimal = to_minimal(text)) {
    fuzz::require(to_minimal(*minimal) == minimal);
    // What we take for JSON, Boost.JSON takes too (but for numbers beyond double).
    const auto parsed = json::parse(text);
    fuzz::require(parsed || parsed.error().code == Errc::kTooLarge ||
                  text.find_first_of("eE0123456789") != text.npos);
  }
  if (const auto raw = find_raw_member(text, "info")) {
    fuzz::require(raw->data() >= text.data() && raw->data() + raw->size() <= text.data() + text.size());
    fuzz::require(to_minimal(*raw).has_value());
    if (const auto object = json::parse_object(text)) {
      const auto* member = json::find(*object, "info");
      const auto parsed = json::parse(*raw);
      fuzz::require(member && parsed && json::serialize(*parsed) == json::serialize(*member));
    }
  }
  if (const auto changed = check_build(text, "1a2b")) fuzz::require(!check_build(*changed, "1a2b"));
  (void)parse_http_login(text);
  return 0;
}
