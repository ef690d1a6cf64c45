#include "manager/jobs/journal.h"

#include "api/message.h"

#include <array>

#include "base/log.h"
#include "base/text.h"
#include "loop/sync.h"

namespace berth::manager {
namespace {

constexpr std::array<std::string_view, 6> kPhases = {"waiting", "forward", "backward",
                                                     "done",    "failed",  "cancelled"};

// Ends a WHERE; of this transaction only.
constexpr const char* kInOrder = " AND set_config('synchronous_commit', 'off', true) = 'off'";

constexpr std::string_view kColumns =
    "id, kind, title, target, phase, step, steps, data::text AS data, asked_by, error, error_code, "
    "result::text AS result, "
    "to_char(created AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') AS created, "
    "to_char(started AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') AS started, "
    "to_char(ended AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') AS ended";

api::JsonObject parse_object(std::string_view text) {
  if (text.empty()) return {};
  auto value = boost::json::parse(boost::json::string_view(text.data(), text.size()));
  return value.is_object() ? std::move(value.get_object()) : api::JsonObject();
}

JobEntry read_entry(const db::Row& row) {
  JobEntry entry;
  entry.id = row.get<std::string>("id");
  entry.kind = api::parse_word<api::JobKind>(row.text("kind")).value_or(api::JobKind{});
  entry.title = row.get<std::string>("title");
  entry.target = row.get<std::string>("target");
  entry.by = row.get<std::string>("asked_by");
  entry.phase = parse_job_phase(row.text("phase")).value_or(JobPhase::kFailed);
  entry.step = row.get<std::size_t>("step");
  entry.steps = row.get<std::size_t>("steps");
  entry.data = parse_object(row.text("data"));
  entry.result = parse_object(row.text("result"));
  entry.created = row.text("created");
  entry.started = row.text("started");
  entry.ended = row.text("ended");
  if (!row.is_null("error"))
    entry.error = Error{api::parse_error_code(row.text("error_code")), std::string(row.text("error"))};
  return entry;
}

std::optional<std::string> or_null(std::string text) {
  if (text.empty()) return std::nullopt;
  return text;
}

}  // namespace

std::string_view name_of(JobPhase phase) { return kPhases[static_cast<std::size_t>(phase)]; }

std::optional<JobPhase> parse_job_phase(std::string_view word) {
  for (std::size_t i = 0; i < kPhases.size(); ++i)
    if (kPhases[i] == word) return static_cast<JobPhase>(i);
  return std::nullopt;
}

Task<std::string> Journal::add(JobEntry entry) {
  const std::string data = boost::json::serialize(entry.data);
  const auto rows = co_await database_.query(
      "INSERT INTO job (id, kind, title, target, phase, step, steps, data, asked_by) "
      "VALUES (nextval('job_id'), $1, $2, $3, $4, $5, $6, $7::jsonb, $8) RETURNING id",
      api::word_of(entry.kind), entry.title, entry.target, name_of(entry.phase), entry.step, entry.steps,
      data, entry.by);
  co_return rows.front().get<std::string>(0);
}

Task<void> Journal::write(JobEntry entry, CommitSync sync) {
  const std::string data = boost::json::serialize(entry.data);
  const std::string result = boost::json::serialize(entry.result);
  const auto error = entry.error ? std::optional(entry.error->detail) : std::nullopt;
  const auto code = entry.error ? std::optional(std::string(name_of(entry.error->code))) : std::nullopt;
  const auto started = or_null(entry.started), ended = or_null(entry.ended);
  bool told = false;
  for (;;) {
    Error away;
    try {
      co_await database_.query_repeatable(
          "UPDATE job SET phase = $2, step = $3, data = $4::jsonb, error = $5, error_code = $6, result = "
          "$7::jsonb, "
          "started = $8::timestamptz, ended = $9::timestamptz, steps = $10 WHERE id = $1::bigint" +
              std::string(sync == CommitSync::kInOrder ? kInOrder : ""),
          entry.id, name_of(entry.phase), entry.step, data, error, code, result, started, ended, entry.steps);
      co_return;
    } catch (const Failure& failure) {
      away = failure.error();
    }
    // kNoSpace too: an admin makes room, and the job goes on where it stands.
    if (away.code != Errc::kUnavailable && away.code != Errc::kTimeout && away.code != Errc::kNoSpace)
      throw Failure(away);
    if (!told) log_warning("job waits for the database", {{"job", entry.id}, {"error", away.detail}});
    told = true;
    co_await loop::sleep_for(loop_, std::chrono::milliseconds(300));
  }
}

Task<std::vector<JobEntry>> Journal::unfinished() {
  const auto rows = co_await database_.query_repeatable(
      fmt::format("SELECT {} FROM job WHERE ended IS NULL ORDER BY id", kColumns));
  std::vector<JobEntry> entries;
  for (const auto row : rows) entries.push_back(read_entry(row));
  co_return entries;
}

Task<std::vector<JobEntry>> Journal::recent(std::size_t limit) {
  const auto rows = co_await database_.query_repeatable(
      fmt::format("SELECT {} FROM job ORDER BY id DESC LIMIT {}", kColumns, limit));
  std::vector<JobEntry> entries;
  for (const auto row : rows) entries.push_back(read_entry(row));
  co_return entries;
}

Task<std::optional<JobEntry>> Journal::find(std::string id) {
  if (!parse_integer(id)) co_return std::nullopt;
  const auto rows = co_await database_.query_repeatable(
      fmt::format("SELECT {} FROM job WHERE id = $1::bigint", kColumns), id);
  if (rows.empty()) co_return std::nullopt;
  co_return read_entry(rows.front());
}

Task<void> Journal::add_log(std::string id, std::string text) {
  try {
    co_await database_.query(
        std::string("INSERT INTO job_log (job, text) SELECT $1::bigint, $2::text WHERE true") + kInOrder, id,
        text);
  } catch (const Failure& failure) {
    log_warning("job log line lost", {{"job", id}, {"text", text}, {"error", failure.error().detail}});
  }
}

Task<std::vector<api::JobLogLine>> Journal::log(std::string id) {
  std::vector<api::JobLogLine> lines;
  if (!parse_integer(id)) co_return lines;
  const auto rows = co_await database_.query_repeatable(
      "SELECT to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') AS at, text FROM job_log "
      "WHERE job = $1::bigint ORDER BY at, ctid LIMIT 10000",
      id);
  for (const auto row : rows) lines.push_back({row.get<std::string>("at"), row.get<std::string>("text")});
  co_return lines;
}

Task<void> Journal::prune(std::size_t keep) {
  co_await database_.query_repeatable(
      "DELETE FROM job WHERE ended IS NOT NULL AND id <= coalesce((SELECT id FROM job WHERE ended IS NOT "
      "NULL "
      "ORDER BY id DESC OFFSET $1::bigint LIMIT 1), 0)",
      keep);
}

}  // namespace berth::manager
