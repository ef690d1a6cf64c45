// Range headers come from anybody.
#include "base/bytes.h"
#include "base/result.h"
#include "berth/http.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 4) return 0;
  const std::uint64_t body = std::uint64_t{data[0]} << (data[1] % 56);
  const auto ranges = berth::sdk::parse_ranges(berth::as_text({data + 2, size - 2}), body);
  if (!ranges) return 0;
  for (const auto& range : *ranges) BERTH_CHECK(range.first <= range.last && range.last < body);
  return 0;
}
