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

Result<std::vector<std::string>> parse_certificates(const json::Object& message) {
  constexpr std::size_t kMost = 100;
  std::vector<std::string> chains;
  if (const auto* all = json::find_array(message, "certificates")) {
    for (const auto& element : *all) {
      if (!element.is_string()) return fail(Errc::kMalformed, "'certificates': texts expected");
      chains.emplace_back(element.get_string());
    }
    if (chains.size() > kMost) return fail(Errc::kTooLarge, "'certificates': more than {}", kMost);
  } else if (auto one = json::get_string(message, "certificate"); !one.empty()) {
    chains.push_back(std::move(one));
  }
  return chains;
}

Result<Config> parse_config(const json::Object& message) {
  Config config;
  BERTH_TRY(config.certificates, parse_certificates(message));
  config.compact_tls = json::get_bool(message, "compactTls", true);
  config.redirect_https = json::get_bool(message, "redirectHttps");
  config.access_log = json::get_bool(message, "accessLog");
  config.waits = json::get_string(message, "role", "serving") != "serving";
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
