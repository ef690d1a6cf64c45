#pragma once

#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace berth::manager {

// A new file in `folder` that has no name, so that nothing of it stays whatever happens.
Result<UniqueFd> make_unnamed_file(const std::string& folder);

}  // namespace berth::manager
