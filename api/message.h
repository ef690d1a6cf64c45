// Messages as whole JSON objects with `mt` and `src`, and failures as answers
// (docs/protocols/manager.md).
#pragma once

#include "api/json.h"

namespace berth::api {

// What stands in every message beside its own members.
struct Envelope {
  std::string mt;
  std::optional<std::string> src;  // echoed in the answer and in what a subscription brings
};

// kMalformed without a text `mt` or with a foreign `src`.
Result<Envelope> parse_envelope(const JsonObject& message);

// The members of a message; whether `mt` fits is the caller's to know.
template <Message T>
Result<T> parse_message(const JsonObject& message) {
  auto result = detail::read_fields<T>(message);
  if (!result) {
    Error error = std::move(result.error());
    if (error.detail.starts_with('.')) error.detail.erase(0, 1);
    return tl::unexpected(std::move(error).within(T::kMt));
  }
  return result;
}

template <Message T>
JsonObject format_message(const T& message, const std::optional<std::string>& src = std::nullopt) {
  JsonObject object;
  object["mt"] = boost::json::string_view(T::kMt.data(), T::kMt.size());
  if (src) object["src"] = *src;
  detail::write_fields(object, message);
  return object;
}

// The word of `errorCode` and back. Unknown words are kFailed.
Errc parse_error_code(std::string_view word);

// {"mt": mt, "src": src, "error": text, "errorCode": word}: the answer `mt` in place of its members.
JsonObject format_failure(std::string_view mt, const Error& error, const std::optional<std::string>& src);

// The Error that `message` tells if it is a failure (it has `errorCode`, or `mt` "Error", or an
// `error` in an answer of the original's messages).
std::optional<Error> find_failure(const JsonObject& message);

// The answer of a request: its members, or the Error it tells.
template <Message T>
Result<T> parse_answer(const JsonObject& message) {
  if (auto error = find_failure(message)) return tl::unexpected(std::move(*error));
  return parse_message<T>(message);
}

}  // namespace berth::api
