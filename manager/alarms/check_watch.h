// Findings of the overview become alarms.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "api/status.h"
#include "manager/alarms/alarm.h"

namespace berth::manager {

// Advice on how the platform is set up ("self-signed certificate"): shown on the overview, no alarm.
bool is_advice(const api::Check& check);
// The alarm that a finding is. Its key is "check/" and the finding's id.
Condition condition_of(const api::Check& check);

// Keeps what the last looks found, so that nothing flaps: a warning is raised at the second look that finds it in a row,
// an error at once, and either is over at the second that does not. A value.
class CheckWatch {
 public:
  struct Outcome {
    std::vector<Condition> set;
    std::vector<std::string> clear;  // keys
  };
  // After a restart: alarms that an earlier manager raised and that may be over.
  void remember(const std::string& key) { missing_.try_emplace(key, 0); }
  Outcome look(const std::vector<api::Check>& checks);

 private:
  std::map<std::string, int> missing_;  // raised ones: looks in a row that did not find them
  std::set<std::string> seen_once_;
};

}  // namespace berth::manager
