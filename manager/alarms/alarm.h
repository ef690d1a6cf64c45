// What the alarms are made of: values without behaviour.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "api/alarm.h"

namespace berth::manager {

using Moment = std::chrono::sys_seconds;

// Codes: an app's 16 bits are added to kAppAlarms; 0x0024ff00 and up are the platform's own (docs/protocols/alarms.md).
inline constexpr std::uint32_t kAppAlarms = 0x00240000;
namespace alarm_code {
inline constexpr std::uint32_t kTest = 0x0024ff00, kDiskWarning = 0x0024ff01, kDiskFull = 0x0024ff02,
                               kReplication = 0x0024ff03, kFileSystem = 0x0024ff04, kService = 0x0024ff05,
                               kBackup = 0x0024ff06, kCertificate = 0x0024ff07, kDescriptors = 0x0024ff08,
                               kDatabase = 0x0024ff09, kCommandFile = 0x0024ff0a, kTimeMachine = 0x0024ff0b,
                               kDiskForecast = 0x0024ff0c, kReserve = 0x0024ff0d, kOther = 0x0024ff7f;
}

// What is to be told: of an alarm while it is set, of an event once.
struct Condition {
  std::string key;  // whose and which: of the alarms that are set there is one each
  std::uint32_t code = 0;
  api::AlarmSeverity severity = api::AlarmSeverity::kMajor;
  std::string source;
  std::string text, details, fix, command;
  std::chrono::seconds mail_every{0};  // as long as it is set and nobody acknowledged it; 0: one mail
  std::chrono::seconds mail_after{0};  // if it lasts so long
};

struct Alarm : Condition {
  std::int64_t id = 0;
  bool is_event = false;
  Moment raised;
  std::optional<Moment> cleared;
  std::uint64_t count = 1;
  std::string acknowledged_by;
  std::optional<Moment> acknowledged, silenced_until;
  std::map<std::string, Moment> told;  // channels that know it: since when, or the last repeat

  bool is_set() const { return !is_event && !cleared; }
  bool is_silenced(Moment now) const { return silenced_until && *silenced_until > now; }
};

enum class Notice : std::uint8_t { kSet, kRepeat, kClear, kEvent };
std::string_view name_of(Notice notice);  // "set", "repeat", "clear", "event"
std::optional<Notice> parse_notice(std::string_view name);

// One thing that a channel has to be told.
struct QueuedNotice {
  std::int64_t id = 0;  // ascending: the order in which they are delivered
  std::string channel;
  std::int64_t alarm = 0;
  Notice notice = Notice::kSet;
  Moment made;
};

api::Alarm to_api(const Alarm& alarm);

}  // namespace berth::manager
