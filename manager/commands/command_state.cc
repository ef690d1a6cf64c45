#include "manager/commands/command_state.h"

#include "base/bytes.h"
#include "base/utc.h"
#include "manager/platform/clock.h"
#include "wire/json/json.h"

namespace berth::manager {
namespace {

// The address may hold a token: what is kept tells nothing of it.
std::string id_of(const BackupCommand& command) {
  const std::string text = fmt::format("{}\n{}\n{}", command.place.url, command.what,
                                       command.format == ExportFormat::kSql ? "sql" : "dump");
  return sha256_hex(text);
}

}  // namespace

std::string why_not_due(const BackupCommand& command, const CommandMemory& memory,
                        std::chrono::sys_seconds now) {
  const auto& guard = command.guard;
  if (memory.done == std::chrono::sys_seconds{}) return {};
  if (!guard.once.empty() && guard.once == memory.once) return fmt::format("done for \"{}\"", guard.once);
  // A clock that was put back must not silence it for longer than the interval.
  if (guard.every.count() > 0 && memory.done <= now && now - memory.done < guard.every)
    return fmt::format("done {}, not again before {}", format_utc(memory.done),
                       format_utc(memory.done + guard.every));
  return {};
}

Task<CommandMemory> CommandStore::find(BackupCommand command, std::string target) {
  const auto rows = co_await database_.query_repeatable(
      "SELECT once, extract(epoch FROM done)::bigint AS done, next_index FROM command_memory "
      "WHERE command = $1 AND target = $2",
      id_of(command), target);
  CommandMemory memory;
  if (rows.empty()) co_return memory;
  memory.once = rows[0].get<std::string>("once");
  memory.done = std::chrono::sys_seconds(std::chrono::seconds(rows[0].get<std::int64_t>("done")));
  memory.next_index = rows[0].get<int>("next_index");
  co_return memory;
}

Task<void> CommandStore::done(BackupCommand command, std::string target, CommandMemory memory, int limit) {
  co_await database_.query_repeatable(
      "INSERT INTO command_memory (command, target, once, done, next_index) VALUES ($1, $2, $3, now(), $4) "
      "ON CONFLICT (command, target) DO UPDATE SET once = EXCLUDED.once, done = EXCLUDED.done, "
      "next_index = EXCLUDED.next_index",
      id_of(command), target, command.guard.once, limit > 0 ? (memory.next_index + 1) % (limit + 1) : 0);
  co_await database_.query_repeatable("DELETE FROM command_memory WHERE done < now() - interval '400 days'");
}

Task<api::CommandFileReport> CommandStore::report() {
  const auto rows = co_await database_.query_repeatable("SELECT report::text FROM command_report");
  if (rows.empty()) co_return api::CommandFileReport{};
  const auto json = or_throw(json::parse(rows[0].text("report")));
  co_return or_throw(api::from_json<api::CommandFileReport>(json));
}

Task<void> CommandStore::set_report(api::CommandFileReport report) {
  co_await database_.query_repeatable(
      "INSERT INTO command_report (report) VALUES ($1::jsonb) ON CONFLICT (id) DO UPDATE SET report = "
      "EXCLUDED.report",
      json::serialize(api::to_json(report)));
}

}  // namespace berth::manager
