// Alarms (states, set and cleared) and events (moments) of the platform and its apps.
#pragma once

#include "api/json.h"

namespace berth::api {

// As in the alarm client of apps (docs/protocols/alarms.md).
enum class AlarmSeverity : std::uint8_t { kIndeterminate, kMajor, kCritical };

template <>
struct Words<AlarmSeverity> {
  static constexpr std::string_view kName = "AlarmSeverity";
  static constexpr std::array<std::string_view, 3> kList = {"indeterminate", "major", "critical"};
};

struct Alarm {
  static constexpr std::string_view kName = "Alarm";
  std::int64_t id = 0;
  std::uint32_t code = 0;  // apps: 0x00240000 and their own 16 bits; the platform: 0x0024ff…
  AlarmSeverity severity = AlarmSeverity{};
  std::string source;  // "platform", a service, or name@domain
  std::string text;
  std::string details;
  std::string fix;      // what to do about it; may be empty
  std::string command;  // the command line that does it; may be empty
  bool is_event = false;
  std::string raised_at;
  std::optional<std::string> cleared_at;  // absent: it is still set
  std::uint64_t count = 1;                // how often it was set again or came again
  std::string acknowledged_by;
  std::optional<std::string> acknowledged_at;
  std::optional<std::string> silenced_until;
  static constexpr auto fields() {
    return std::tuple(field("id", &Alarm::id), with_default("code", &Alarm::code),
                      with_default("severity", &Alarm::severity), with_default("source", &Alarm::source),
                      with_default("text", &Alarm::text), with_default("details", &Alarm::details),
                      with_default("fix", &Alarm::fix), with_default("command", &Alarm::command),
                      with_default("event", &Alarm::is_event), with_default("raisedAt", &Alarm::raised_at),
                      field("clearedAt", &Alarm::cleared_at), with_default("count", &Alarm::count),
                      with_default("acknowledgedBy", &Alarm::acknowledged_by),
                      field("acknowledgedAt", &Alarm::acknowledged_at),
                      field("silencedUntil", &Alarm::silenced_until));
  }
};

// One way by which alarms leave the platform.
struct AlarmChannel {
  static constexpr std::string_view kName = "AlarmChannel";
  std::string name;                         // "events", "mail", "webhook 1"
  std::uint64_t waiting = 0;                // notices that are not delivered yet
  std::string error;                        // of the last try; empty: it went well, or none was made
  std::optional<std::string> delivered_at;  // the last one that was taken
  static constexpr auto fields() {
    return std::tuple(field("name", &AlarmChannel::name), with_default("waiting", &AlarmChannel::waiting),
                      with_default("error", &AlarmChannel::error),
                      field("deliveredAt", &AlarmChannel::delivered_at));
  }
};

struct GetAlarmsResult {
  static constexpr std::string_view kMt = "GetAlarmsResult";
  std::vector<Alarm> alarms;   // that are set, the worst first
  std::vector<Alarm> history;  // newest first, if asked for
  std::vector<AlarmChannel> channels;
  static constexpr auto fields() {
    return std::tuple(field("alarms", &GetAlarmsResult::alarms),
                      with_default("history", &GetAlarmsResult::history),
                      with_default("channels", &GetAlarmsResult::channels));
  }
};

struct GetAlarms {
  static constexpr std::string_view kMt = "GetAlarms";
  using Answer = GetAlarmsResult;
  std::uint64_t history = 0;  // how many of the past, at most 1,000
  static constexpr auto fields() { return std::tuple(with_default("history", &GetAlarms::history)); }
};

struct AcknowledgeAlarmResult {
  static constexpr std::string_view kMt = "AcknowledgeAlarmResult";
  Alarm alarm;
  static constexpr auto fields() { return std::tuple(field("alarm", &AcknowledgeAlarmResult::alarm)); }
};

// Somebody works on it: no further mails until it is over.
struct AcknowledgeAlarm {
  static constexpr std::string_view kMt = "AcknowledgeAlarm";
  using Answer = AcknowledgeAlarmResult;
  std::int64_t id = 0;
  static constexpr auto fields() { return std::tuple(field("id", &AcknowledgeAlarm::id)); }
};

struct SilenceAlarmResult {
  static constexpr std::string_view kMt = "SilenceAlarmResult";
  Alarm alarm;
  static constexpr auto fields() { return std::tuple(field("alarm", &SilenceAlarmResult::alarm)); }
};

// No mail and no webhook for so long, even if it goes and comes again. The Events app still hears of it.
struct SilenceAlarm {
  static constexpr std::string_view kMt = "SilenceAlarm";
  using Answer = SilenceAlarmResult;
  std::int64_t id = 0;
  std::uint64_t minutes = 0;  // 0: speak again; at most 30 days
  static constexpr auto fields() {
    return std::tuple(field("id", &SilenceAlarm::id), field("minutes", &SilenceAlarm::minutes));
  }
};

struct TestAlarmResult {
  static constexpr std::string_view kMt = "TestAlarmResult";
  std::vector<std::string> channels;  // that it goes to
  static constexpr auto fields() { return std::tuple(field("channels", &TestAlarmResult::channels)); }
};

// Raises an event that goes every way there is.
struct TestAlarm {
  static constexpr std::string_view kMt = "TestAlarm";
  using Answer = TestAlarmResult;
  static constexpr auto fields() { return std::tuple(); }
};

struct StartAppsResult {
  static constexpr std::string_view kMt = "StartAppsResult";
  static constexpr auto fields() { return std::tuple(); }
};

// After a full disk: starts the services that ran before it.
struct StartApps {
  static constexpr std::string_view kMt = "StartApps";
  using Answer = StartAppsResult;
  static constexpr auto fields() { return std::tuple(); }
};

struct TestMailResult {
  static constexpr std::string_view kMt = "TestMailResult";
  std::vector<std::string> recipients;
  static constexpr auto fields() { return std::tuple(field("recipients", &TestMailResult::recipients)); }
};

// Sends a mail at once; the answer is what the mail server said.
struct TestMail {
  static constexpr std::string_view kMt = "TestMail";
  using Answer = TestMailResult;
  std::optional<std::string> to;  // instead of the setting mailTo
  static constexpr auto fields() { return std::tuple(field("to", &TestMail::to)); }
};

}  // namespace berth::api
