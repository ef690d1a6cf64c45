// berth alarm …, berth mail test
#include "api/alarm.h"

#include <fmt/ranges.h>

#include "base/utc.h"
#include "cli/human.h"
#include "cli/invocation.h"

namespace berth::cli {
namespace {

Style style_of(api::AlarmSeverity severity) {
  return severity == api::AlarmSeverity::kIndeterminate ? Style::kBusy : Style::kBad;
}

// "1 min", "2h", "3 d": minutes. UsageError for anything else.
std::string remark_of(const api::Alarm& alarm) {
  std::string remark;
  if (alarm.silenced_until) remark = fmt::format("silent until {}", *alarm.silenced_until);
  else if (alarm.acknowledged_at) remark = fmt::format("seen by {}", printable(alarm.acknowledged_by));
  return remark;
}

void print_channels(Output& output, const std::vector<api::AlarmChannel>& channels) {
  if (channels.empty()) {
    output.note("nobody is told: set mailTo and mailServer, alarmUrl or alarmWebhooks (berth config set …)");
    return;
  }
  for (const auto& channel : channels)
    if (!channel.error.empty() || channel.waiting > 0)
      output.warn(fmt::format("{}: {} waiting{}{}", channel.name, format_count(channel.waiting, "notice"),
                              channel.error.empty() ? "" : ": ", printable(channel.error)));
}

loop::Task<int> list_alarms(Invocation& invocation) {
  auto& output = invocation.output();
  api::GetAlarms request;
  const bool wants_history = invocation.arguments().has("--history");
  if (wants_history)
    request.history = static_cast<std::uint64_t>(invocation.arguments().number("--limit", 100));
  const auto told = co_await invocation.ask(request);
  if (output.is_json()) {
    output.print_json(api::to_json(told));
    co_return 0;
  }
  const auto& list = wants_history ? told.history : told.alarms;
  if (output.is_quiet()) {
    for (const auto& alarm : list) output.print_line(std::to_string(alarm.id));
    co_return 0;
  }
  Table table({{"ID", true},
               {"SEVERITY"},
               {"SOURCE", false, true},
               {"TEXT", false, true},
               {"SINCE"},
               {"UNTIL"},
               {"TIMES", true},
               {"", false, true}});
  for (const auto& alarm : list)
    table.add({std::to_string(alarm.id),
               Cell(fmt::format("● {}", api::word_of(alarm.severity)), style_of(alarm.severity)),
               printable(alarm.source), Cell(printable(alarm.text), Style::kStrong),
               format_relative(alarm.raised_at, output.now()),
               alarm.is_event     ? "event"
               : alarm.cleared_at ? format_relative(*alarm.cleared_at, output.now())
                                  : "now",
               std::to_string(alarm.count), remark_of(alarm)});
  if (table.empty()) output.note(wants_history ? "nothing has happened yet" : "no alarm is set");
  else output.print_table(table);
  print_channels(output, told.channels);
  co_return 0;
}

loop::Task<int> acknowledge(Invocation& invocation) {
  const auto id = invocation.arguments().number("ID", 0);
  if (invocation.is_rehearsal({fmt::format("send no further mail about alarm {} until it is over", id)}))
    co_return 0;
  const auto alarm = (co_await invocation.ask(api::AcknowledgeAlarm{id})).alarm;
  auto& output = invocation.output();
  if (output.is_json()) output.print_json(api::to_json(alarm));
  else output.note(fmt::format("acknowledged: {}", printable(alarm.text)));
  co_return 0;
}

loop::Task<int> silence(Invocation& invocation) {
  const auto& arguments = invocation.arguments();
  api::SilenceAlarm request;
  request.id = arguments.number("ID", 0);
  if (arguments.has("--off") == arguments.has("--for"))
    throw_usage("alarm silence ID --for TIME, or --off to hear of it again");
  if (arguments.has("--for")) request.minutes = whole_minutes(arguments.duration("--for"));
  if (invocation.is_rehearsal({request.minutes
                                   ? fmt::format("send no mail and no webhook about alarm {} for {} min",
                                                 request.id, request.minutes)
                                   : fmt::format("speak of alarm {} again", request.id)}))
    co_return 0;
  const auto alarm = (co_await invocation.ask(request)).alarm;
  auto& output = invocation.output();
  if (output.is_json()) output.print_json(api::to_json(alarm));
  else
    output.note(alarm.silenced_until ? fmt::format("silent until {}", *alarm.silenced_until)
                                     : std::string("no longer silent"));
  co_return 0;
}

loop::Task<int> test_alarm(Invocation& invocation) {
  if (invocation.is_rehearsal({"send a test event by every channel"})) co_return 0;
  const auto told = co_await invocation.ask(api::TestAlarm{});
  auto& output = invocation.output();
  if (output.is_json()) output.print_json(api::to_json(told));
  else if (told.channels.empty())
    output.warn("nobody is told: set mailTo and mailServer, alarmUrl or alarmWebhooks (berth config set …)");
  else
    output.note(fmt::format("a test event goes by {}; berth alarm ls shows what does not get through",
                            fmt::join(told.channels, ", ")));
  co_return 0;
}

loop::Task<int> test_mail(Invocation& invocation) {
  if (invocation.is_rehearsal({"send a test mail"})) co_return 0;
  api::TestMail request;
  request.to = invocation.arguments().find("--to");
  const auto told = co_await invocation.ask(request);
  auto& output = invocation.output();
  if (output.is_json()) output.print_json(api::to_json(told));
  else output.note(fmt::format("the mail server has taken it for {}", fmt::join(told.recipients, ", ")));
  co_return 0;
}

Parameter alarm_id() {
  auto id = positional("ID", "Its number, from berth alarm ls");
  id.is_number = true;
  return id;
}

}  // namespace

std::vector<Command> alarm_commands() {
  return {
      {"alarm",
       "ls",
       "Alarms that are set, or what has been",
       Effect::kReads,
       {flag("--history", "Events and alarms that are over instead"),
        number_option("--limit", "N", "How many of the history (default 100)")},
       "alarm ls --history",
       list_alarms},
      {"alarm",
       "ack",
       "Say that somebody works on it: no further mails until it is over",
       Effect::kChanges,
       {alarm_id()},
       "alarm ack 12",
       acknowledge},
      {"alarm",
       "silence",
       "No mail and no webhook for a time, even if it goes and comes again",
       Effect::kChanges,
       {alarm_id(), option("--for", "TIME", "30m, 2h, 1d"), flag("--off", "Hear of it again")},
       "alarm silence 12 --for 2h",
       silence},
      {"alarm", "test", "Send a test event by every channel", Effect::kChanges, {}, "alarm test", test_alarm},
      {"mail",
       "test",
       "Send a mail now and say what the mail server answers",
       Effect::kChanges,
       {option("--to", "ADDRESS", "Instead of the setting mailTo")},
       "mail test --to me@example.com",
       test_mail},
  };
}

}  // namespace berth::cli
