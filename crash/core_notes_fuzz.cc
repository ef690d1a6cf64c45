// A core dump's front, which an app may have written by hand.
#include "crash/core_notes.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto notes = berth::crash::parse_core_notes({data, size});
  // No more threads than status notes fit in.
  if (notes && notes->threads.size() > size / 12) __builtin_trap();
  return 0;
}
