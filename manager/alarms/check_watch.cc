#include "manager/alarms/check_watch.h"

#include <algorithm>
#include <array>

#include "wire/json/json.h"

namespace berth::manager {
namespace {

constexpr int kLooksToClear = 2;
constexpr std::chrono::hours kDay{24};

// By the beginning of the finding's id.
struct Code {
  std::string_view id;
  std::uint32_t code;
};
constexpr std::array<Code, 16> kCodes = {{
    {"disk-forecast", alarm_code::kDiskForecast},
    {"disk-full", alarm_code::kDiskFull},
    {"disk", alarm_code::kDiskWarning},
    {"reserve", alarm_code::kReserve},
    {"replication", alarm_code::kReplication},
    {"process-", alarm_code::kService},
    {"service-descriptors", alarm_code::kDescriptors},
    {"service-log", alarm_code::kService},
    {"backup", alarm_code::kBackup},
    {"certificate", alarm_code::kCertificate},
    {"webserver-descriptors", alarm_code::kDescriptors},
    {"database-taken", alarm_code::kDatabase},
    {"optimisation", alarm_code::kDatabase},
    {"quota", alarm_code::kDatabase},
    {"command-file", alarm_code::kCommandFile},
    {"time-machine", alarm_code::kTimeMachine},
}};

std::uint32_t code_of(std::string_view id) {
  for (const auto& one : kCodes)
    if (id.starts_with(one.id)) return one.code;
  return alarm_code::kOther;
}

}  // namespace

bool is_advice(const api::Check& check) {
  constexpr std::array<std::string_view, 7> kAdvice = {
      "certificate-self-signed", "sandbox",     "unsigned",       "not-root",
      "developer-mode",          "backup-keys", "alarm-url-plain"};
  // A broken file system is an event each time it has new errors (file_system_watch.h).
  if (check.id.starts_with("file-system-")) return true;
  return check.is_accepted || std::find(kAdvice.begin(), kAdvice.end(), check.id) != kAdvice.end();
}

Condition condition_of(const api::Check& check) {
  Condition condition;
  condition.key = "check/" + check.id;
  condition.code = code_of(check.id);
  condition.severity = check.severity == api::Severity::kError ? api::AlarmSeverity::kMajor
                                                               : api::AlarmSeverity::kIndeterminate;
  condition.source = "platform";
  condition.text = check.text;
  condition.details = check.why;
  condition.fix = check.fix;
  condition.command = check.command;
  // The original's clocks: a disk at its threshold every hour, ten per cent below every day.
  if (condition.code == alarm_code::kDiskFull) {
    condition.severity = api::AlarmSeverity::kCritical;
    condition.mail_every = std::chrono::hours(1);
  } else if (condition.code == alarm_code::kDiskWarning) {
    condition.mail_every = kDay;
  } else if (condition.code == alarm_code::kReplication) {
    condition.mail_after = std::chrono::minutes(5);
  }
  return condition;
}

CheckWatch::Outcome CheckWatch::look(const std::vector<api::Check>& checks) {
  Outcome outcome;
  std::set<std::string> seen;
  for (const auto& check : checks) {
    if (is_advice(check)) continue;
    auto condition = condition_of(check);
    seen.insert(condition.key);
    const bool is_raised = missing_.contains(condition.key);
    if (!is_raised && check.severity != api::Severity::kError && !seen_once_.contains(condition.key))
      continue;
    missing_[condition.key] = 0;
    outcome.set.push_back(std::move(condition));
  }
  for (auto it = missing_.begin(); it != missing_.end();) {
    if (!seen.contains(it->first) && ++it->second >= kLooksToClear) {
      outcome.clear.push_back(it->first);
      it = missing_.erase(it);
    } else {
      ++it;
    }
  }
  seen_once_ = std::move(seen);
  return outcome;
}

}  // namespace berth::manager
