// Any bytes as set.json: what is taken is taken again after it was written anew.
#include "manager/sets/manifest.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace berth;
  const auto read = manager::parse_manifest({reinterpret_cast<const char*>(data), size});
  if (!read) return 0;
  const auto text = manager::format_manifest(*read);
  const auto again = manager::parse_manifest(text);
  BERTH_CHECK(again && manager::format_manifest(*again) == text);
  return 0;
}
