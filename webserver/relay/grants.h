// Who may attach where, in one reactor.
#pragma once

#include <map>
#include <vector>

#include "webserver/config/config.h"

namespace berth::webserver {

class Grants {
 public:
  enum class Verdict : std::uint8_t { kGranted, kUnknown, kWrongUser, kWrongPath };
  // May the peer with `uid` attach `path` with this secret?
  Verdict check(const link::Grant& secret, uid_t uid, std::string_view path) const;
  // A path has one grant: what it replaces at the same path. An equal one is set anew (its user may be another).
  std::vector<link::Grant> set(const Grant& grant);
  bool remove(const link::Grant& secret);  // false if there is none
  void replace(std::vector<Grant> grants);
  // Null if there is none; borrowed until the grants change.
  const Grant* find(const link::Grant& secret) const {
    const auto found = grants_.find(secret);
    return found == grants_.end() ? nullptr : &found->second;
  }
  bool has(const link::Grant& secret) const { return grants_.contains(secret); }
  // Longest granted path at or above `path`; empty if there is none.
  std::string_view covering(std::string_view path) const;

 private:
  std::map<link::Grant, Grant> grants_;
};

}  // namespace berth::webserver
