// A ring that a foreign process wrote: whatever it holds, reading it ends, and gives no more than it holds.
#include "base/flight_recorder.h"

#include <cstring>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace berth;
  // The input lies in a ring of the smallest size, repeated, so that most of it is read.
  std::string memory(kFlightHeaderBytes + kFlightSmallest, '\0');
  const std::uint64_t ring = kFlightSmallest;
  std::uint64_t next = 0;
  if (size >= 8) std::memcpy(&next, data, 8);
  std::memcpy(memory.data(), "BERTHFR1", 8);
  std::memcpy(memory.data() + 8, &ring, 8);
  std::memcpy(memory.data() + 16, &next, 8);
  for (std::size_t i = 0; size > 8 && i < kFlightSmallest; ++i)
    memory[kFlightHeaderBytes + i] = static_cast<char>(data[8 + i % (size - 8)]);
  (void)parse_flight_recorder({reinterpret_cast<const char*>(data), size});
  const auto tape = parse_flight_recorder(memory);
  if (!tape) __builtin_trap();
  std::size_t held = 0;
  for (const auto& entry : tape->entries) held += kFlightEntryBytes + entry.text.size();
  if (held > kFlightSmallest) __builtin_trap();
  return 0;
}
