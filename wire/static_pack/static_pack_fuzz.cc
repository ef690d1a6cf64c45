// An opened pack points into its memory only and finds each of its entries.
#include "wire/fuzz.h"
#include "wire/static_pack/pack.h"

using namespace berth;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto pack = static_pack::Pack::open({data, size});
  if (!pack) return 0;
  std::uint32_t sum = 0;
  for (const auto& entry : pack->entries()) {
    fuzz::require(pack->find(entry.path) == &entry);
    fuzz::require(entry.smallest(0).coding == static_pack::Coding::kIdentity);
    for (const auto& variant : entry.variants)
      if (!variant.bytes.empty())
        sum += variant.bytes.front() + variant.bytes.back();  // ASan sees what is outside
  }
  volatile std::uint32_t sink = sum;
  (void)sink;
  return 0;
}
