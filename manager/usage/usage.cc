#include "manager/usage/usage.h"

#include <unistd.h>

#include "base/log.h"
#include "base/time_zone.h"
#include "manager/care/night_plan.h"
#include "wire/json/json.h"

namespace berth::manager {
namespace {

constexpr double kMicroseconds = 1e6, kMilliseconds = 1e3, kMinute = 60e3;
constexpr double kGibHour = 1024.0 * 1024 * 3600;  // in KiB seconds

std::string column_list(std::string_view prefix, std::string_view suffix) {
  std::string list;
  for (const auto& column : kUsageColumns) list += fmt::format(", {}{}{}", prefix, column.column, suffix);
  return list;
}

// One statement, so that rows and marks are there together; a number that is there already changes nothing.
std::string write_statement() {
  std::string sums;
  for (const auto& column : kUsageColumns)
    sums += column.member == &UsageFigures::database_bytes
                ? fmt::format(", {0} = greatest(usage_day.{0}, excluded.{0})", column.column)
                : fmt::format(", {0} = usage_day.{0} + excluded.{0}", column.column);
  return fmt::format(
      "WITH turn AS (UPDATE usage_state SET written = $1::bigint, marks = $3::jsonb WHERE written < "
      "$1::bigint "
      "RETURNING 1) INSERT INTO usage_day (day, domain, name, service{0}) SELECT day, domain, name, "
      "service{0} "
      "FROM jsonb_to_recordset($2::jsonb) AS told(day date, domain text, name text, service text{1}) "
      "WHERE EXISTS (SELECT 1 FROM turn) "
      "ON CONFLICT (day, domain, name) DO UPDATE SET service = excluded.service{2}",
      column_list("", ""), column_list("", " bigint"), sums);
}

std::string format_rows(const UsageBook::Rows& rows) {
  json::Array all;
  for (const auto& [key, row] : rows) {
    json::Object object{
        {"day", key.day}, {"domain", key.domain}, {"name", key.name}, {"service", row.service}};
    for (const auto& column : kUsageColumns) object[column.column] = row.figures.*column.member;
    all.push_back(std::move(object));
  }
  return json::serialize(json::Value(std::move(all)));
}

api::UsageRow read_row(const db::Row& row) {
  const auto number = [&row](const char* name) { return row.get<std::uint64_t>(name); };
  const auto scaled = [&row](const char* name, double unit) {
    return static_cast<double>(row.get<std::int64_t>(name)) / unit;
  };
  api::UsageRow told;
  told.day = row.text("day");
  told.domain = row.text("domain");
  told.name = row.text("name");
  told.service = row.text("service");
  told.cpu_seconds = scaled("cpu_us", kMicroseconds);
  told.memory_gib_hours = scaled("memory_kib_seconds", kGibHour);
  told.database_bytes = number("database_bytes");
  told.requests = number("requests");
  told.websocket_minutes = scaled("websocket_ms", kMinute);
  told.messages_in = number("messages_in");
  told.messages_out = number("messages_out");
  told.bytes_in = number("bytes_in");
  told.bytes_out = number("bytes_out");
  told.database_seconds = scaled("database_ms", kMilliseconds);
  told.slowed = number("slowed");
  told.refused = number("refused");
  return told;
}

std::chrono::local_days day_of(std::string_view member, const std::string& text) {
  const auto day = parse_day(text);
  if (!day) throw_failure(Errc::kMalformed, "{}: {} is no day as 2026-11-22", member, text);
  return *day;
}

}  // namespace

Usage::Usage(loop::Loop& loop, db::Database& database, UsageSources sources)
    : database_(database),
      sources_(std::move(sources)),
      writing_(loop, 1),
      timer_(loop),
      tasks_(loop, "usage") {}

Task<void> Usage::load() {
  const auto rows = co_await database_.query_repeatable("SELECT written, marks FROM usage_state");
  if (rows.empty()) throw_failure(Errc::kFailed, "usage_state has no row");
  written_ = rows[0].get<std::int64_t>("written");
  book_.restore(or_throw(json::parse_object(rows[0].text("marks"))));
  is_loaded_ = true;
}

void Usage::begin() { plan(); }

void Usage::plan() {
  timer_.start(kWriteEvery, [this] {
    tasks_.spawn(write());
    plan();
  });
}

Task<void> Usage::stop() {
  timer_.cancel();
  co_await write();
  is_loaded_ = false;
}

std::string Usage::today() const {
  const auto zone = TimeZone::parse(sources_.time_zone()).value_or(TimeZone());
  return format_day(std::chrono::floor<std::chrono::days>(zone.to_local(sources_.now())));
}

void Usage::measured(const std::vector<ServiceMeasurement>& services) {
  if (!is_loaded_) return;
  const auto now = sources_.now();
  const auto day = today();
  // A process is believed what it says of its own instances only.
  const auto instances = sources_.instances();
  std::map<std::string, const WatchedInstance*> process_of;
  for (const auto& instance : instances) process_of[instance.key] = &instance;
  static const auto kTicks = static_cast<std::int64_t>(::sysconf(_SC_CLK_TCK));
  for (const auto& measurement : services) {
    MeasuredService service;
    service.name = measurement.process.subject.id;
    service.process = fmt::format("{} {}", measurement.process.pid, measurement.process.started_at);
    service.cpu_us = static_cast<std::int64_t>(measurement.figures.cpu_ticks) * 1'000'000 / kTicks;
    service.memory_bytes = static_cast<std::int64_t>(measurement.figures.memory_bytes);
    const auto* told = json::find_array(measurement.counters, "instances");
    if (!told) continue;
    json::Array own;
    for (const auto& entry : *told) {
      const auto* object = entry.if_object();
      if (!object) continue;
      const auto found =
          process_of.find(json::get_string(*object, "name") + "@" + json::get_string(*object, "domain"));
      if (found == process_of.end() || found->second->process != service.name) continue;
      service.service = found->second->service;
      own.push_back(entry);
    }
    service.counters["instances"] = std::move(own);
    book_.add(service, now, day);
  }
}

void Usage::served_files(const std::string& run, const json::Array& files) {
  if (!is_loaded_) return;
  std::map<std::string, UsageBook::FilesOf> instances;  // by path
  for (const auto& instance : sources_.instances()) {
    const auto at = instance.key.find('@');
    instances[instance.path] = {instance.key.substr(0, at), instance.key.substr(at + 1), instance.service};
  }
  book_.add_files(run, files, instances, sources_.now(), today());
}

// A database that is away costs nothing but time: what was counted waits.
Task<void> Usage::write() {
  if (!is_loaded_) co_return;
  const auto permit = co_await writing_.acquire();
  try {
    co_await write_rows();
    is_failing_ = false;
  } catch (const Failure& failure) {
    if (!std::exchange(is_failing_, true))
      log_warning("usage is not written yet", {{"error", failure.error().detail}});
  }
}

Task<void> Usage::write_unwritten() {
  static const std::string kStatement = write_statement();
  const std::string rows = unwritten_->rows, marks = unwritten_->marks;
  co_await database_.query_repeatable(kStatement, unwritten_->number, rows, marks);
  written_ = unwritten_->number;
  unwritten_.reset();
}

Task<void> Usage::write_rows() {
  if (unwritten_) co_await write_unwritten();
  const auto day = today();
  for (const auto& instance : sources_.instances()) {
    const auto at = instance.key.find('@');
    if (instance.database_bytes > 0)
      book_.add_database(instance.key.substr(0, at), instance.key.substr(at + 1), instance.service,
                         static_cast<std::int64_t>(instance.database_bytes), day);
  }
  const auto rows = book_.take();
  if (!rows.empty()) {
    unwritten_ = Unwritten{written_ + 1, format_rows(rows), json::serialize(json::Value(book_.marks()))};
    co_await write_unwritten();
  }
  if (purged_ == day) co_return;
  co_await database_.query_repeatable("DELETE FROM usage_day WHERE day <= $1::date - $2::integer", day,
                                      sources_.kept_days());
  purged_ = day;
}

Task<api::GetUsageResult> Usage::tell(api::GetUsage request) {
  if (request.name && !request.domain) throw_failure(Errc::kMalformed, "name: its domain is missing");
  api::GetUsageResult result;
  result.time_zone = sources_.time_zone();
  result.kept_days = static_cast<std::uint64_t>(sources_.kept_days());
  const auto to = day_of("to", request.to.value_or(today()));
  const std::chrono::year_month_day date{std::chrono::sys_days(to.time_since_epoch())};
  const auto first = std::chrono::local_days(date.year() / date.month() / 1);
  const auto from = request.from ? day_of("from", *request.from) : first;
  if (from > to) throw_failure(Errc::kMalformed, "from: {} is after {}", format_day(from), format_day(to));
  if ((to - from).count() > kMostDays) throw_failure(Errc::kMalformed, "from: more than {} days", kMostDays);
  result.from = format_day(from);
  result.to = format_day(to);
  co_await write();

  // A domain's databases are added up by day; of several days the largest sum counts.
  std::string by_day, by_all;
  for (const auto& column : kUsageColumns) {
    by_day += fmt::format(", sum({0}) AS {0}", column.column);
    by_all += fmt::format(", {1}({0})::bigint AS {0}", column.column,
                          column.member == &UsageFigures::database_bytes ? "max" : "sum");
  }
  const bool by_instance = request.by_instance || request.name.has_value();
  const std::string name = by_instance ? ", name, service" : "";
  const std::string words = by_instance ? "" : ", ''::text AS name, ''::text AS service";
  const std::string statement = fmt::format(
      "SELECT {0} AS day, domain{1}{2}{3} FROM (SELECT day, domain{1}{4} FROM usage_day WHERE day BETWEEN "
      "$1::date AND $2::date AND ($3 = '' OR domain = $3) AND ($4 = '' OR name = $4) GROUP BY day, "
      "domain{1}) "
      "AS days GROUP BY 1, domain{1} ORDER BY 1, domain{1} LIMIT {5}",
      request.by_day ? "day::text" : "''::text", name, words, by_all, by_day, kMostRows + 1);
  const std::string domain = request.domain.value_or(""), instance = request.name.value_or("");
  const std::string first_day = result.from, last_day = result.to;
  const auto rows = co_await database_.query_repeatable(statement, first_day, last_day, domain, instance);
  if (rows.size() > kMostRows)
    throw_failure(Errc::kTooLarge, "more than {} rows: ask for fewer days, or for one domain", kMostRows);
  for (const auto row : rows) result.rows.push_back(read_row(row));
  co_return result;
}

}  // namespace berth::manager
