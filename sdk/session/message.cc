#include "berth/message.h"

#include "base/text.h"
#include "wire/json/json.h"

namespace berth::sdk {

std::string_view Message::text(std::string_view name) const {
  const json::Value* value = body_.if_contains(name);
  if (!value || !value->is_string()) return {};
  return {value->get_string().data(), value->get_string().size()};
}

std::optional<std::int64_t> Message::number(std::string_view name) const {
  const json::Value* value = body_.if_contains(name);
  if (!value) return std::nullopt;
  if (value->is_int64()) return value->get_int64();
  if (value->is_uint64() && value->get_uint64() <= static_cast<std::uint64_t>(INT64_MAX))
    return static_cast<std::int64_t>(value->get_uint64());
  if (value->is_double()) {
    const double number = value->get_double();
    constexpr double kExact = 9007199254740992.0;  // 2^53
    if (number >= -kExact && number <= kExact &&
        number == static_cast<double>(static_cast<std::int64_t>(number)))
      return static_cast<std::int64_t>(number);
  }
  if (value->is_string()) return parse_integer(text(name));
  return std::nullopt;
}

bool Message::flag(std::string_view name, bool fallback) const {
  const json::Value* value = body_.if_contains(name);
  if (!value) return fallback;
  if (value->is_bool()) return value->get_bool();
  if (value->is_string()) return text(name) == "true";
  return number(name) == 1;
}

const json::Object* Message::object(std::string_view name) const {
  const json::Value* value = body_.if_contains(name);
  return value ? value->if_object() : nullptr;
}

json::Object make_answer(const Message& request, json::Object answer) {
  json::Object out;
  if (const json::Value* mt = answer.if_contains("mt")) out["mt"] = *mt;
  else out["mt"] = std::string(request.mt()) + "Result";
  for (const char* name : {"api", "src"})
    if (const json::Value* value = request.body().if_contains(name)) out[name] = *value;
  for (auto& [name, value] : answer)
    if (!out.contains(name)) out[name] = std::move(value);
  return out;
}

}  // namespace berth::sdk
