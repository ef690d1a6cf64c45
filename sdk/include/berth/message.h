// One JSON message of the AppWebsocket protocol, as it came.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "wire/json/json_fwd.h"

namespace berth::sdk {

// A value: body plus quick access to the members every message may have. Views live as long as the message.
class Message {
 public:
  Message() = default;
  explicit Message(json::Object body) : body_(std::move(body)) {}

  std::string_view mt() const { return text("mt"); }
  std::string_view api() const { return text("api"); }
  // Opaque mark of the sender. Usually text, but any JSON value is echoed as it came.
  const json::Value* src() const { return body_.if_contains("src"); }

  // Member as text; "" if absent or not text.
  std::string_view text(std::string_view name) const;
  // Member as a whole number (also from "12"); nullopt if absent or not whole.
  std::optional<std::int64_t> number(std::string_view name) const;
  // True for true, "true" and 1; `fallback` if absent.
  bool flag(std::string_view name, bool fallback = false) const;
  // Member as object; nullptr if absent or not an object.
  const json::Object* object(std::string_view name) const;

  const json::Object& body() const { return body_; }
  json::Object& body() { return body_; }

 private:
  json::Object body_;
};

// The answer to `request`: `answer` with `mt` first and the request's `api` and `src`.
// Without an `mt` of its own the answer is called "<request mt>Result".
json::Object make_answer(const Message& request, json::Object answer);

}  // namespace berth::sdk
