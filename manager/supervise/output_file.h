// The file that takes what a program prints past its own log (stdout and stderr).
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace berth::manager {

// The folder belongs to the program: it may have put a link, a pipe or a second name of another file in the place of this one,
// and whoever opens it here is root. All but a plain file with one name is removed, nothing is followed.
inline constexpr std::uint64_t kOutputBytes = 1 << 20;

// For appending, 0640, of `owner` if there is one. One above kOutputBytes becomes "PATH.1" before.
Result<UniqueFd> open_output(const std::string& path, std::optional<uid_t> owner);

// What lies at `path` now, in bytes; nullopt: no plain file.
std::optional<std::uint64_t> output_size(const std::string& path);

// For one that goes on being written: above kOutputBytes its end is kept as "PATH.1" and it starts at 0 again (its writers
// append). What is printed in between may be lost. True if it did.
Result<bool> shorten_output(const std::string& path);

}  // namespace berth::manager
