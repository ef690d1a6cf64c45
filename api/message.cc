#include "api/message.h"

namespace berth::api {

Result<Envelope> parse_envelope(const JsonObject& message) {
  const Json* mt = message.if_contains("mt");
  if (!mt || !mt->is_string()) return fail(Errc::kMalformed, "mt: is missing or not text");
  Envelope envelope{std::string(mt->get_string()), std::nullopt};
  if (const Json* src = message.if_contains("src"); src && !src->is_null()) {
    if (!src->is_string()) return fail(Errc::kMalformed, "src: expected a string");
    envelope.src = std::string(src->get_string());
  }
  return envelope;
}

Errc parse_error_code(std::string_view word) {
  for (int i = 0; i <= static_cast<int>(Errc::kFailed); ++i)
    if (name_of(static_cast<Errc>(i)) == word) return static_cast<Errc>(i);
  return Errc::kFailed;
}

JsonObject format_failure(std::string_view mt, const Error& error, const std::optional<std::string>& src) {
  JsonObject object;
  object["mt"] = boost::json::string_view(mt.data(), mt.size());
  if (src) object["src"] = *src;
  object["error"] = error.detail;
  const auto word = name_of(error.code);
  object["errorCode"] = boost::json::string_view(word.data(), word.size());
  return object;
}

std::optional<Error> find_failure(const JsonObject& message) {
  const auto text = [&](const char* name) -> std::optional<std::string> {
    const Json* value = message.if_contains(name);
    if (!value || !value->is_string()) return std::nullopt;
    return std::string(value->get_string());
  };
  const auto code = text("errorCode");
  const auto detail = text("error");
  if (!code && !detail && text("mt") != "Error") return std::nullopt;
  return Error{code ? parse_error_code(*code) : Errc::kFailed, detail.value_or("failed without a reason")};
}

}  // namespace berth::api
