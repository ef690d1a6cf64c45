// What is taken for a URL reads the same when it is put together again.
#include "net/url.h"
#include "wire/fuzz.h"

using namespace berth;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto url = net::parse_url(as_text({data, size}));
  if (!url) return 0;
  fuzz::require(!url->host.empty() && url->port != 0 && url->target.starts_with('/'));
  const auto again = net::parse_url(url->scheme + "://" + url->authority() + url->target);
  fuzz::require(again && again->scheme == url->scheme && again->host == url->host);
  fuzz::require(again->port == url->port && again->target == url->target);
  return 0;
}
