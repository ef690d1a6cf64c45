#include "webserver/config/config.h"

#include <algorithm>

#include "webserver/relay/paths.h"
#include "wire/json/json.h"

namespace berth::webserver {

Result<Grant> parse_grant(const json::Object& message) {
  Grant grant;
  BERTH_TRY(const auto secret, json::require_string(message, "grant", 64));
  const auto bytes = parse_hex(secret);
  if (!bytes || bytes->size() != grant.secret.size())
    return fail(Errc::kMalformed, "'grant': {} hexadecimal digits expected", 2 * grant.secret.size());
  std::copy(bytes->begin(), bytes->end(), grant.secret.begin());
  BERTH_TRY(grant.path, json::require_string(message, "path"));
  if (!is_attach_path(grant.path)) return fail(Errc::kMalformed, "'path': '{}' is no path", grant.path);
  BERTH_TRY(const auto uid, json::require_integer(message, "uid", 0, 0xffffffff));
  grant.uid = static_cast<uid_t>(uid);
  return grant;
}

Result<Config> parse_config(const json::Object& message) {
  Config config;
  config.certificate_pem = json::get_string(message, "certificate");
  config.redirect_https = json::get_bool(message, "redirectHttps");
  config.access_log = json::get_bool(message, "accessLog");
  if (const auto* limits = json::find_object(message, "limits")) {
    BERTH_TRY(config.limits, apply_limits(config.limits, *limits));
  }
  if (const auto* grants = json::find_array(message, "grants")) {
    for (const auto& element : *grants) {
      if (!element.is_object()) return fail(Errc::kMalformed, "'grants': objects expected");
      BERTH_TRY(auto grant, parse_grant(element.as_object()));
      config.grants.push_back(std::move(grant));
    }
  }
  return config;
}

}  // namespace berth::webserver
