// Room that is kept for an emergency: a file that can be emptied.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace berth::manager {

// In var/lib/berth/reserve; berth emergency free-space empties it without the manager, so the name is known there, too.
inline constexpr std::string_view kReserveFile = "empty_if_no_space";

// Bytes that the file really takes on the disk; 0 if there is none.
std::uint64_t reserve_bytes(const std::string& folder);

// Makes the file with `bytes` allocated, unless it is there. kNoSpace if less than `bytes` are free, or above
// `most_percent` of the disk would be used then; the folder is left without it. A larger one is shortened; `bytes` 0 takes it away. Blocks: from a
// helper thread.
Result<void> make_reserve(const std::string& folder, std::uint64_t bytes, double most_percent);

}  // namespace berth::manager
