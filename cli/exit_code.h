#pragma once

#include "base/result.h"

namespace berth::cli {

// What scripts may branch on; documented in README and `berth --help`, never changed.
enum class ExitCode : int {
  kOk = 0,
  kFailed = 1,
  kUsage = 2,
  kNotFound = 3,
  kConflict = 4,  // taken, or the state does not allow it
  kDenied = 5,
  kTimeout = 6,
  kDegraded = 7,  // only of `status`: the platform runs, but something is wrong
};

ExitCode exit_code_of(Errc code);

// The command line itself is wrong: kUsage.
class UsageError : public Failure {
 public:
  using Failure::Failure;
};

template <class... Args>
[[noreturn]] void throw_usage(fmt::format_string<Args...> text, Args&&... args) {
  throw UsageError(Error{Errc::kMalformed, fmt::format(text, std::forward<Args>(args)...)});
}

}  // namespace berth::cli
