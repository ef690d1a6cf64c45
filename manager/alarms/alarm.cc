#include "manager/alarms/alarm.h"

#include <algorithm>
#include <array>

#include "base/utc.h"

namespace berth::manager {
namespace {

constexpr std::array<std::string_view, 4> kNotices = {"set", "repeat", "clear", "event"};

std::optional<std::string> text_of(const std::optional<Moment>& moment) {
  if (!moment) return std::nullopt;
  return format_utc(*moment);
}

}  // namespace

std::string_view name_of(Notice notice) { return kNotices[static_cast<std::size_t>(notice)]; }

std::optional<Notice> parse_notice(std::string_view name) {
  const auto found = std::find(kNotices.begin(), kNotices.end(), name);
  if (found == kNotices.end()) return std::nullopt;
  return static_cast<Notice>(found - kNotices.begin());
}

api::Alarm to_api(const Alarm& alarm) {
  api::Alarm view;
  view.id = alarm.id;
  view.code = alarm.code;
  view.severity = alarm.severity;
  view.source = alarm.source;
  view.text = alarm.text;
  view.details = alarm.details;
  view.fix = alarm.fix;
  view.command = alarm.command;
  view.is_event = alarm.is_event;
  view.raised_at = format_utc(alarm.raised);
  view.cleared_at = text_of(alarm.cleared);
  view.count = alarm.count;
  view.acknowledged_by = alarm.acknowledged_by;
  view.acknowledged_at = text_of(alarm.acknowledged);
  view.silenced_until = text_of(alarm.silenced_until);
  return view;
}

}  // namespace berth::manager
