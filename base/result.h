// What a function that may fail gives back, and the three kinds of failure (docs/architecture.md).
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <exception>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace berth {

// What a program may branch on. The text for people is in Error::detail.
enum class Errc : std::uint8_t {
  kMalformed,  // bytes or text that break their format
  kTooLarge,   // above a limit
  kNotFound,
  kExists,       // the name, path or key is taken
  kDenied,       // not allowed, wrong password, bad signature
  kUnavailable,  // the other side is gone or not ready; trying again may help
  kTimeout,
  kConflict,     // the state does not allow it (now)
  kUnsupported,  // well-formed, but we do not do it
  kNoSpace,      // disk or quota full
  kCancelled,
  kFailed,  // anything else
};

// Stable lower-case word for logs and JSON: "malformed", "too_large", ...
std::string_view name_of(Errc code);

struct Error {
  Errc code = Errc::kFailed;
  std::string detail;

  // Puts `context` and ": " before the detail: "restore team@example.com: read dump: ...".
  Error&& within(std::string_view context) &&;
};

template <class T = void>
using Result = tl::expected<T, Error>;

// return fail(Errc::kMalformed, "header of {} bytes", n);
template <class... Args>
tl::unexpected<Error> fail(Errc code, fmt::format_string<Args...> text, Args&&... args) {
  return tl::unexpected(Error{code, fmt::format(text, std::forward<Args>(args)...)});
}

// Error from errno: "open /x: No such file or directory". kNoSpace for ENOSPC/EDQUOT,
// kNotFound for ENOENT, kDenied for EACCES/EPERM, kExists for EEXIST, else kFailed.
Error errno_error(int number, std::string_view what);
inline tl::unexpected<Error> fail_errno(int number, std::string_view what) {
  return tl::unexpected(errno_error(number, what));
}

// Could not be carried out; travels up to the nearest boundary.
class Failure : public std::exception {
 public:
  explicit Failure(Error error) : error_(std::move(error)) {}
  const Error& error() const noexcept { return error_; }
  const char* what() const noexcept override { return error_.detail.c_str(); }

 private:
  Error error_;
};

template <class... Args>
[[noreturn]] void throw_failure(Errc code, fmt::format_string<Args...> text, Args&&... args) {
  throw Failure(Error{code, fmt::format(text, std::forward<Args>(args)...)});
}

template <class T>
T or_throw(Result<T> result) {
  if (!result) throw Failure(std::move(result.error()));
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

// The Error of whatever is being handled in a catch block: a Failure's own, else kFailed with what().
Error current_error();

}  // namespace berth

#define BERTH_CONCAT_(a, b) a##b
#define BERTH_CONCAT(a, b) BERTH_CONCAT_(a, b)

// BERTH_TRY(auto head, parse_head(bytes));  A statement; passes an error on to the caller.
#define BERTH_TRY(declaration, ...)                                           \
  auto BERTH_CONCAT(try_, __LINE__) = (__VA_ARGS__);                          \
  if (!BERTH_CONCAT(try_, __LINE__))                                          \
    return ::tl::unexpected(std::move(BERTH_CONCAT(try_, __LINE__)).error()); \
  declaration = std::move(*BERTH_CONCAT(try_, __LINE__))

// BERTH_TRY_VOID(check(x));
#define BERTH_TRY_VOID(...) \
  if (auto try_result = (__VA_ARGS__); !try_result) return ::tl::unexpected(std::move(try_result).error())

namespace berth {
// Logs file, line and text, then ends the process (SIGABRT).
[[noreturn]] void check_failed(const char* file, int line, const char* condition);
}  // namespace berth

// Our bug, not the outside's: we do not run on broken invariants with customers' data.
#define BERTH_CHECK(condition) ((condition) ? void() : ::berth::check_failed(__FILE__, __LINE__, #condition))
