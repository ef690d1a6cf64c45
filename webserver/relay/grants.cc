#include "webserver/relay/grants.h"

#include "webserver/relay/paths.h"

namespace berth::webserver {

Grants::Verdict Grants::check(const link::Grant& secret, uid_t uid, std::string_view path) const {
  // Compares with each grant in constant time: how near a guess comes must not show.
  const Grant* found = nullptr;
  for (const auto& [key, grant] : grants_)
    if (equal_in_constant_time(as_text(key), as_text(secret))) found = &grant;
  if (!found) return Verdict::kUnknown;
  if (found->uid != uid) return Verdict::kWrongUser;
  return is_below(path, found->path) ? Verdict::kGranted : Verdict::kWrongPath;
}

std::vector<link::Grant> Grants::set(const Grant& grant) {
  std::vector<link::Grant> replaced;
  for (const auto& [secret, other] : grants_)
    if (other.path == grant.path && secret != grant.secret) replaced.push_back(secret);
  for (const auto& secret : replaced) grants_.erase(secret);
  grants_[grant.secret] = grant;
  return replaced;
}

bool Grants::remove(const link::Grant& secret) { return grants_.erase(secret) > 0; }

void Grants::replace(std::vector<Grant> grants) {
  grants_.clear();
  for (auto& grant : grants) grants_[grant.secret] = std::move(grant);
}

std::string_view Grants::covering(std::string_view path) const {
  std::string_view best;
  for (const auto& [key, grant] : grants_)
    if (is_below(path, grant.path) && grant.path.size() > best.size()) best = grant.path;
  return best;
}

}  // namespace berth::webserver
