// What a core dump tells in its notes, which come first in the file and are there even where it was cut off (elf(5), core(5)).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace berth::crash {

struct CoreNotes {
  int signal = 0;                              // that ended it
  int signal_code = 0;                         // si_code of siginfo_t
  std::optional<std::uint64_t> fault_address;  // si_addr, of signals that have one
  std::vector<std::int32_t> threads;  // their ids as the process saw them; the one that crashed first
  std::string program;                // the first 15 bytes of its name
};

// Bytes at the front of a core file in which the notes are looked for.
inline constexpr std::size_t kNotesWithin = 4 << 20;

// Of a 64-bit core file of this machine's byte order; `front` may be cut anywhere. kMalformed if it is none, or if its notes lie
// behind what is there.
Result<CoreNotes> parse_core_notes(ByteView front);

}  // namespace berth::crash
