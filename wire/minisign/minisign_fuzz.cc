// Nothing but the one signature there is verifies; keys are written as they were read.
#include "wire/fuzz.h"
#include "wire/minisign/minisign.h"

using namespace berth;
using namespace berth::minisign;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto kKey =
      parse_public_key("RWQOHDyskSC0RW1KLKI2Z5ejnrGRO2MRStdMR7Lx41DBsm160Y1T8QQC").value();
  const auto text = as_text({data, size});
  // No signature in the corpus is over this content.
  fuzz::require(!verify(kKey, "content that was never signed", text));
  if (const auto key = parse_public_key(text))
    fuzz::require(parse_public_key(format_public_key(*key)).value() == *key);
  if (const auto key = parse_secret_key(text))
    fuzz::require(parse_secret_key(format_secret_key(*key)).value().key == key->key);
  return 0;
}
