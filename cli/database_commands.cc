// berth database …, berth instance clean-up
#include "api/database.h"

#include <cstdlib>

#include "base/utc.h"
#include "cli/database.h"
#include "cli/human.h"
#include "cli/invocation.h"

namespace berth::cli {
namespace {

std::uint64_t number_of(const api::Job& job, std::string_view name) {
  if (!job.result || !job.result->is_object()) return 0;
  const auto* value = job.result->get_object().if_contains(name);
  return value && value->is_number() ? value->to_number<std::uint64_t>() : 0;
}

// "; 2 could not be done: berth job show 7"
std::string failures_of(const api::Job& job) {
  if (!job.result || !job.result->is_object()) return {};
  const auto* failures = job.result->get_object().if_contains("failures");
  if (!failures || !failures->is_array()) return {};
  return fmt::format("; {} could not be done: berth job show {}", failures->get_array().size(), job.id);
}

loop::Task<int> show_databases(Invocation& invocation) {
  const auto told = co_await invocation.ask(api::GetDatabases{});
  auto& output = invocation.output();
  if (output.is_json()) {
    output.print_json(api::to_json(told));
    co_return 0;
  }
  const auto line = [&](std::string_view name, const std::string& value) {
    output.print_line(fmt::format("{:<18}{}", name, value));
  };
  line("databases", fmt::format("{}, {} and {} of log", told.databases, format_size(told.bytes),
                                format_size(told.wal_bytes)));
  line("disk", fmt::format("{} free", format_size(told.free_bytes)));
  line("connections", fmt::format("{} of {}", told.connections, told.max_connections));
  line("next optimisation",
       told.next_run ? fmt::format("{} ({})", *told.next_run, format_relative(*told.next_run, output.now()))
                     : "never (optimiseHour is -1)");
  if (told.runs.empty()) co_return 0;
  Table table(
      {{"OPTIMISED"}, {"NIGHT"}, {"TOOK", true}, {"DATABASES", true}, {"FAILED", true}, {"JOB", true}});
  for (const auto& run : told.runs) {
    const auto begun = parse_utc(run.started_at), ended = parse_utc(run.ended_at.value_or(""));
    table.add({format_relative(run.started_at, output.now()), run.night.value_or("by hand"),
               begun && ended ? format_duration(*ended - *begun) : "goes on", std::to_string(run.databases),
               Cell(std::to_string(run.failures.size()), run.failures.empty() ? Style::kDim : Style::kBad),
               run.job});
  }
  output.print_table(table);
  for (const auto& failure : told.runs.front().failures)
    output.warn(fmt::format("{}: {}", printable(failure.database), printable(failure.error)));
  co_return 0;
}

loop::Task<int> optimise(Invocation& invocation) {
  if (invocation.is_rehearsal({"refresh the statistics of every database, as every night"})) co_return 0;
  auto answer = co_await invocation.ask(api::OptimiseDatabases{});
  const auto job = co_await invocation.finish(std::move(answer.job));
  invocation.report(
      job, job.id,
      fmt::format("{} optimised{}", format_count(number_of(job, "databases"), "database"), failures_of(job)));
  co_return 0;
}

loop::Task<int> shrink(Invocation& invocation) {
  const auto told = co_await invocation.ask(api::GetDatabases{});
  if (invocation.is_rehearsal({fmt::format(
          "rewrite every table of {} ({}), one after the other; each is locked while "
          "it lasts; {} of disk are free",
          format_count(told.databases, "database"), format_size(told.bytes), format_size(told.free_bytes))}))
    co_return 0;
  auto answer = co_await invocation.ask(api::CleanUpAll{});
  const auto job = co_await invocation.finish(std::move(answer.job));
  invocation.report(
      job, job.id,
      fmt::format("{} given back{}", format_size(number_of(job, "bytesGivenBack")), failures_of(job)));
  co_return 0;
}

loop::Task<int> clean_up(Invocation& invocation) {
  const auto name = invocation.instance_name();
  if (invocation.options().dry_run) {
    const auto told = (co_await invocation.ask(api::GetInstanceDatabase{name.name, name.domain})).database;
    invocation.is_rehearsal(
        {fmt::format("rewrite {} of {} ({}), which gives back about {}",
                     format_count(told.table_count, "table"), name.format(), format_size(told.bytes),
                     format_size(told.bloat_bytes)),
         fmt::format("needs {} of free disk, {} are free", format_size(told.clean_up_needs_bytes),
                     format_size(told.free_bytes))});
    co_return 0;
  }
  auto answer = co_await invocation.ask(api::CleanUpInstance{name.name, name.domain});
  const auto job = co_await invocation.finish(std::move(answer.job));
  invocation.report(
      job, job.id,
      fmt::format("{} is cleaned up: {} before, {} now", name.format(),
                  format_size(number_of(job, "bytesBefore")), format_size(number_of(job, "bytesAfter"))));
  co_return 0;
}

}  // namespace

void print_database(Output& output, const api::InstanceDatabase& told) {
  const auto line = [&](std::string_view name, const std::string& value) {
    output.print_line(fmt::format("{:<18}{}", name, value));
  };
  line("air in it", told.bloat_bytes ? fmt::format("about {}: berth instance clean-up {}@{}",
                                                   format_size(told.bloat_bytes), told.name, told.domain)
                                     : "none to speak of");
  if (told.bytes_a_day) {
    const auto size = static_cast<std::uint64_t>(std::abs(*told.bytes_a_day));
    line("growth", fmt::format("{}{} a day over {}", *told.bytes_a_day < 0 ? "-" : "", format_size(size),
                               format_count(told.growth_days, "day")));
  }
  line("connections", std::to_string(told.connections));
}

std::vector<Command> database_commands() {
  return {
      {"database",
       "show",
       "Size, connections, and the nightly optimisation",
       Effect::kReads,
       {},
       "database show",
       show_databases},
      {"database",
       "optimise",
       "Refresh the statistics of every database now, as every night",
       Effect::kWorks,
       {},
       "database optimise --wait",
       optimise},
      {"database",
       "shrink",
       "Give back the unused space of every database; locks each table while it is rewritten",
       Effect::kWorks,
       {},
       "database shrink --dry-run",
       shrink},
      {"instance",
       "clean-up",
       "Give back the unused space of its database; locks each table while it is rewritten",
       Effect::kWorks,
       {positional("INSTANCE", "name@domain")},
       "instance clean-up team@example.com",
       clean_up},
  };
}

}  // namespace berth::cli
