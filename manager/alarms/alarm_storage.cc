#include "manager/alarms/alarm_storage.h"

#include <fmt/ranges.h>

#include "wire/json/json.h"

namespace berth::manager {
namespace {

using std::chrono::seconds;

constexpr const char* kColumns =
    "id, key, code, severity, source, text, details, fix, command, is_event, mail_every, mail_after, "
    "extract(epoch FROM raised)::bigint AS raised, extract(epoch FROM cleared)::bigint AS cleared, count, "
    "acknowledged_by, extract(epoch FROM acknowledged)::bigint AS acknowledged, "
    "extract(epoch FROM silenced_until)::bigint AS silenced_until, told";

std::optional<std::int64_t> number_of(const std::optional<Moment>& moment) {
  if (!moment) return std::nullopt;
  return moment->time_since_epoch().count();
}

std::optional<Moment> moment_of(const db::Row& row, std::string_view column) {
  const auto value = row.get<std::optional<std::int64_t>>(column);
  if (!value) return std::nullopt;
  return Moment(seconds(*value));
}

std::string format_told(const Alarm& alarm) {
  json::Object told;
  for (const auto& [channel, moment] : alarm.told) told[channel] = moment.time_since_epoch().count();
  return json::serialize(told);
}

Alarm read_alarm(const db::Row& row) {
  Alarm alarm;
  alarm.id = row.get<std::int64_t>("id");
  alarm.key = row.get<std::string>("key");
  alarm.code = static_cast<std::uint32_t>(row.get<std::int64_t>("code"));
  alarm.severity = static_cast<api::AlarmSeverity>(row.get<int>("severity"));
  alarm.source = row.get<std::string>("source");
  alarm.text = row.get<std::string>("text");
  alarm.details = row.get<std::string>("details");
  alarm.fix = row.get<std::string>("fix");
  alarm.command = row.get<std::string>("command");
  alarm.is_event = row.get<bool>("is_event");
  alarm.mail_every = seconds(row.get<std::int64_t>("mail_every"));
  alarm.mail_after = seconds(row.get<std::int64_t>("mail_after"));
  alarm.raised = moment_of(row, "raised").value_or(Moment{});
  alarm.cleared = moment_of(row, "cleared");
  alarm.count = row.get<std::uint64_t>("count");
  alarm.acknowledged_by = row.get<std::string>("acknowledged_by");
  alarm.acknowledged = moment_of(row, "acknowledged");
  alarm.silenced_until = moment_of(row, "silenced_until");
  const auto told = or_throw(json::parse_object(row.text("told")));
  for (const auto& [channel, moment] : told)
    alarm.told[std::string(channel)] = Moment(seconds(json::get_integer(told, channel)));
  return alarm;
}

std::string format_ids(const std::set<std::int64_t>& ids) {
  return fmt::format("{{{}}}", fmt::join(ids, ","));
}

}  // namespace

Task<void> AlarmTables::load(AlarmBook& book) {
  const auto rows = co_await database_.query_repeatable(fmt::format(
      "SELECT {} FROM alarm WHERE (cleared IS NULL AND NOT is_event) OR silenced_until > now() OR id "
      "IN (SELECT alarm FROM alarm_notice) ORDER BY id",
      kColumns));
  std::vector<Alarm> alarms;
  for (const auto row : rows) alarms.push_back(read_alarm(row));
  const auto notice_rows = co_await database_.query_repeatable(
      "SELECT id, channel, alarm, notice, extract(epoch FROM made)::bigint AS made FROM alarm_notice ORDER "
      "BY id");
  std::vector<QueuedNotice> notices;
  for (const auto row : notice_rows) {
    QueuedNotice notice;
    notice.id = row.get<std::int64_t>("id");
    notice.channel = row.get<std::string>("channel");
    notice.alarm = row.get<std::int64_t>("alarm");
    notice.notice = parse_notice(row.text("notice")).value_or(Notice::kEvent);
    notice.made = moment_of(row, "made").value_or(Moment{});
    notices.push_back(std::move(notice));
  }
  const auto last = co_await database_.query_repeatable("SELECT coalesce(max(id), 0) AS last FROM alarm");
  book.load(std::move(alarms), std::move(notices), last[0].get<std::int64_t>("last"), 0);
}

Task<void> AlarmTables::write(const AlarmBook& book, AlarmBook::Changes changes) {
  // As they are now: the book goes on changing while we wait for the database.
  std::vector<Alarm> alarms;
  for (const auto id : changes.alarms)
    if (const auto* alarm = book.find(id)) alarms.push_back(*alarm);
  std::vector<QueuedNotice> notices;
  for (const auto id : changes.added)
    if (const auto* notice = book.find_notice(id)) notices.push_back(*notice);
  auto transaction = co_await database_.begin();
  for (const auto& alarm : alarms) {
    const std::string told = format_told(alarm);
    co_await transaction.query(
        "INSERT INTO alarm (id, key, code, severity, source, text, details, fix, command, is_event, "
        "mail_every, "
        "mail_after, raised, cleared, count, acknowledged_by, acknowledged, silenced_until, told) VALUES "
        "($1, $2, "
        "$3, $4, $5, $6, $7, $8, $9, $10, $11, $12, to_timestamp($13::bigint), to_timestamp($14::bigint), "
        "$15, $16, "
        "to_timestamp($17::bigint), to_timestamp($18::bigint), $19::jsonb) ON CONFLICT (id) DO UPDATE SET "
        "code = $3, severity = $4, "
        "source = $5, text = $6, details = $7, fix = $8, command = $9, mail_every = $11, mail_after = $12, "
        "cleared = "
        "to_timestamp($14::bigint), count = $15, acknowledged_by = $16, acknowledged = "
        "to_timestamp($17::bigint), silenced_until = "
        "to_timestamp($18::bigint), told = $19::jsonb",
        alarm.id, alarm.key, static_cast<std::int64_t>(alarm.code), static_cast<int>(alarm.severity),
        alarm.source, alarm.text, alarm.details, alarm.fix, alarm.command, alarm.is_event,
        static_cast<std::int64_t>(alarm.mail_every.count()),
        static_cast<std::int64_t>(alarm.mail_after.count()), number_of(alarm.raised),
        number_of(alarm.cleared), static_cast<std::int64_t>(alarm.count), alarm.acknowledged_by,
        number_of(alarm.acknowledged), number_of(alarm.silenced_until), told);
  }
  for (const auto& notice : notices) {
    const std::string name(name_of(notice.notice));
    co_await transaction.query(
        "INSERT INTO alarm_notice (id, channel, alarm, notice, made) VALUES ($1, $2, $3, $4, "
        "to_timestamp($5::bigint)) "
        "ON CONFLICT (id) DO NOTHING",
        notice.id, notice.channel, notice.alarm, name, number_of(notice.made));
  }
  if (!changes.removed.empty()) {
    const std::string ids = format_ids(changes.removed);
    co_await transaction.query("DELETE FROM alarm_notice WHERE id = ANY ($1::bigint[])", ids);
  }
  co_await transaction.commit();
}

Task<std::vector<Alarm>> AlarmTables::history(std::uint64_t limit) {
  const auto rows = co_await database_.query_repeatable(
      fmt::format("SELECT {} FROM alarm WHERE cleared IS NOT NULL OR is_event ORDER BY id DESC LIMIT $1",
                  kColumns),
      static_cast<std::int64_t>(limit));
  std::vector<Alarm> list;
  for (const auto row : rows) list.push_back(read_alarm(row));
  co_return list;
}

Task<void> AlarmTables::thin_out(Moment now, std::int64_t days) {
  co_await database_.query_repeatable(
      "DELETE FROM alarm a WHERE (cleared IS NOT NULL OR is_event) AND NOT EXISTS (SELECT 1 FROM "
      "alarm_notice n "
      "WHERE n.alarm = a.id) AND coalesce(silenced_until, 'epoch') < to_timestamp($1::bigint) AND "
      "(coalesce(cleared, raised) "
      "< to_timestamp($1::bigint) - make_interval(days => $2::integer) OR id <= (SELECT id FROM alarm WHERE "
      "cleared IS NOT NULL OR "
      "is_event ORDER BY id DESC OFFSET $3::bigint LIMIT 1))",
      static_cast<std::int64_t>(now.time_since_epoch().count()), static_cast<std::int64_t>(days),
      static_cast<std::int64_t>(kHistory));
}

}  // namespace berth::manager
