// berth job …
#include "api/job.h"

#include "base/utc.h"
#include "cli/human.h"
#include "cli/invocation.h"

namespace berth::cli {
namespace {

using api::Job;

std::string duration_of(const Job& job, std::chrono::sys_seconds now) {
  const auto start = parse_utc(job.started_at.value_or(""));
  if (!start) return "-";
  const auto end = parse_utc(job.ended_at.value_or("")).value_or(now);
  return format_duration(std::max(end - *start, std::chrono::seconds(0)));
}

loop::Task<int> list_jobs(Invocation& invocation) {
  api::GetJobs request;
  request.limit = static_cast<std::uint64_t>(invocation.arguments().number("--limit", 20));
  const auto jobs = (co_await invocation.ask(request)).jobs;
  auto& output = invocation.output();
  if (output.is_json()) {
    output.print_json(api::to_json(jobs));
  } else if (output.is_quiet()) {
    for (const auto& job : jobs) output.print_line(job.id);
  } else {
    Table table({{"JOB"},
                 {"KIND"},
                 {"TARGET", false, true},
                 {"STATE"},
                 {"DONE", true},
                 {"STARTED"},
                 {"TOOK", true},
                 {"BY", false, true},
                 {"ERROR", false, true}});
    for (const auto& job : jobs)
      table.add({Cell(job.id, Style::kStrong), std::string(api::word_of(job.kind)), job.target,
                 state_cell(job.state), fmt::format("{} %", job.percent),
                 format_relative(job.started_at.value_or(""), output.now()), duration_of(job, output.now()),
                 job.by, job.error.value_or("")});
    output.print_table(table);
  }
  co_return 0;
}

void print_job(Output& output, const api::GetJobResult& answer) {
  const auto& job = answer.job;
  output.print_line(
      fmt::format("{}  {}", output.painted(job.title.empty() ? job.target : job.title, Style::kStrong),
                  output.painted(fmt::format("● {}", api::word_of(job.state)), style_of(job.state))));
  if (!api::is_final(job.state) && job.steps > 0)
    output.print_line(
        fmt::format("step {} of {}: {}, {} %", job.step, job.steps, printable(job.step_text), job.percent));
  output.print_line(fmt::format("by {}, started {}, took {}", job.by.empty() ? "-" : job.by,
                                format_relative(job.started_at.value_or(""), output.now()),
                                duration_of(job, output.now())));
  if (job.error) output.print_line(fmt::format("error: {}", printable(*job.error)));
  for (const auto& line : answer.log) output.print_line(fmt::format("{}  {}", line.at, printable(line.text)));
}

loop::Task<int> show_job(Invocation& invocation) {
  auto answer = co_await invocation.ask(api::GetJob{invocation.arguments().text("JOB")});
  auto& output = invocation.output();
  if (output.is_json()) {
    auto object = api::to_json(answer.job).as_object();
    object["log"] = api::to_json(answer.log);
    output.print_json(object);
  } else if (output.is_quiet()) {
    output.print_line(api::word_of(answer.job.state));
  } else {
    print_job(output, answer);
  }
  co_return 0;
}

loop::Task<int> cancel_job(Invocation& invocation) {
  const std::string id = invocation.arguments().text("JOB");
  if (invocation.options().dry_run) {
    const auto job = (co_await invocation.ask(api::GetJob{id})).job;
    invocation.is_rehearsal({fmt::format("cancel job {} ({})", id, job.title)});
    co_return 0;
  }
  co_await invocation.ask(api::CancelJob{id});
  if (invocation.output().is_json()) invocation.output().print_json(api::JsonObject{{"id", id}});
  else invocation.output().note(fmt::format("job {} is being cancelled", id));
  co_return 0;
}

}  // namespace

std::vector<Command> job_commands() {
  const auto job = positional("JOB", "Its number");
  return {
      {"job",
       "ls",
       "The last jobs, newest first",
       Effect::kReads,
       {number_option("--limit", "N", "How many (default 20)")},
       "job ls",
       list_jobs},
      {"job", "show", "State and log of one", Effect::kReads, {job}, "job show 17", show_job},
      {"job",
       "cancel",
       "Stop it, if it is not past that",
       Effect::kChanges,
       {job},
       "job cancel 17",
       cancel_job},
  };
}

}  // namespace berth::cli
