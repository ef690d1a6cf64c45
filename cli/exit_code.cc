#include "cli/exit_code.h"

namespace berth::cli {

ExitCode exit_code_of(Errc code) {
  switch (code) {
    case Errc::kNotFound: return ExitCode::kNotFound;
    case Errc::kExists:
    case Errc::kConflict: return ExitCode::kConflict;
    case Errc::kDenied: return ExitCode::kDenied;
    case Errc::kTimeout: return ExitCode::kTimeout;
    case Errc::kMalformed:
    case Errc::kTooLarge:
    case Errc::kUnavailable:
    case Errc::kUnsupported:
    case Errc::kNoSpace:
    case Errc::kCancelled:
    case Errc::kFailed: return ExitCode::kFailed;
  }
  return ExitCode::kFailed;
}

}  // namespace berth::cli
