#include "manager/move/startup_packet.h"

// Any cut of the input asks for more or says the same.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace berth;
  const ByteView input(data, size);
  const auto whole = manager::parse_startup_packet(input);
  if (!whole || !*whole) return 0;
  const auto bytes = (*whole)->bytes;
  BERTH_CHECK(bytes <= size);
  for (std::size_t have = 0; have < std::min<std::size_t>(bytes, 64); ++have) {
    const auto part = manager::parse_startup_packet(input.first(have));
    BERTH_CHECK(part && !*part);
  }
  const auto exact = manager::parse_startup_packet(input.first(bytes));
  BERTH_CHECK(exact && *exact && (*exact)->user == (*whole)->user);
  return 0;
}
