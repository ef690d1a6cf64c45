// Texts of the login that come as a query, as hexadecimal digits or as a page's URL; what we encrypt we read again.
#include "base/text.h"
#include "wire/appwebsocket/check_build.h"
#include "wire/appwebsocket/http_login.h"
#include "wire/fuzz.h"

using namespace berth;
using namespace berth::appwebsocket;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = as_text({data, size});
  if (const auto request = parse_http_login(text))
    if (const auto* login = std::get_if<HttpLoginRequest>(&*request)) {
      const auto digest = make_digest(login->login, login->challenge, "pwd");
      fuzz::require(verify_digest(login->login, login->challenge, "pwd", digest));
    }
  if (const auto place = check_build(text, "1f")) {
    fuzz::require(!check_build(*place, "1f"));
    fuzz::require(place->size() <= text.size() + 3);
  }
  const SessionKey key("0123456789012345", "pwd");
  (void)key.decrypt("seed", text);
  if (is_valid_utf8(text)) fuzz::require(key.decrypt("seed", key.encrypt("seed", text)) == std::string(text));
  return 0;
}
