#pragma once

#include <string>

#include "base/result.h"

namespace berth::cli {

// The first line of a file, without its line end; "-" reads stdin. At most 4096 bytes; kMalformed
// if it is empty or longer. Secrets never stand in the command line, where everybody can read them.
Result<std::string> read_secret(const std::string& path);

}  // namespace berth::cli
