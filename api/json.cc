#include "api/json.h"

namespace berth::api::detail {

Result<Password> read_password(const Json& value) {
  if (const auto* text = value.if_string()) return Password{std::string(*text), {}};
  const auto* object = value.if_object();
  const auto* cipher = object ? object->if_contains("value") : nullptr;
  const auto* seed = object ? object->if_contains("key") : nullptr;
  if (!cipher || !seed || !cipher->is_string() || !seed->is_string() || seed->get_string().empty())
    return fail(Errc::kMalformed, R"(expected text or {{"value": …, "key": …}})");
  return Password{std::string(cipher->get_string()), std::string(seed->get_string())};
}

Json write_password(const Password& password) {
  if (!password.is_encrypted()) return Json(password.value);
  return JsonObject{{"value", password.value}, {"key", password.key}};
}

}  // namespace berth::api::detail
