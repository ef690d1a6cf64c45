#include "base/result.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <system_error>

#include "base/log.h"

namespace berth {

std::string_view name_of(Errc code) {
  switch (code) {
    case Errc::kMalformed: return "malformed";
    case Errc::kTooLarge: return "too_large";
    case Errc::kNotFound: return "not_found";
    case Errc::kExists: return "exists";
    case Errc::kDenied: return "denied";
    case Errc::kUnavailable: return "unavailable";
    case Errc::kTimeout: return "timeout";
    case Errc::kConflict: return "conflict";
    case Errc::kUnsupported: return "unsupported";
    case Errc::kNoSpace: return "no_space";
    case Errc::kCancelled: return "cancelled";
    case Errc::kFailed: return "failed";
  }
  return "failed";
}

Error&& Error::within(std::string_view context) && {
  detail.insert(0, fmt::format("{}: ", context));
  return std::move(*this);
}

Error errno_error(int number, std::string_view what) {
  Errc code = Errc::kFailed;
  switch (number) {
    case ENOSPC:
    case EDQUOT: code = Errc::kNoSpace; break;
    case ENOENT: code = Errc::kNotFound; break;
    case EACCES:
    case EPERM: code = Errc::kDenied; break;
    case EEXIST: code = Errc::kExists; break;
    case ETIMEDOUT: code = Errc::kTimeout; break;
    case ECONNREFUSED:
    case ECONNRESET:
    case EPIPE: code = Errc::kUnavailable; break;
    default: break;
  }
  return {code, fmt::format("{}: {}", what, std::generic_category().message(number))};
}

Error current_error() {
  try {
    throw;
  } catch (const Failure& failure) {
    return failure.error();
  } catch (const std::exception& other) {
    return {Errc::kFailed, other.what()};
  } catch (...) {
    return {Errc::kFailed, "unknown exception"};
  }
}

void check_failed(const char* file, int line, const char* condition) {
  log_line(LogLevel::kError, fmt::format("broken invariant, ending: {} ({}:{})", condition, file, line));
  std::abort();
}

}  // namespace berth
