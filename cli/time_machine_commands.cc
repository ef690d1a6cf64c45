// berth platform time-machine, berth platform base-backup; and what berth instance restore --at does
#include "cli/time_machine_commands.h"

#include "api/time_machine.h"
#include "cli/command.h"
#include "cli/human.h"
#include "cli/invocation.h"

namespace berth::cli {
namespace {

void print_time_machine(Output& output, const api::TimeMachine& machine, std::chrono::sys_seconds now) {
  output.print_line(
      fmt::format("{}{}", api::word_of(machine.state), machine.reason.empty() ? "" : ": " + machine.reason));
  output.print_line(fmt::format("moments of the last {} days are kept", machine.days));
  for (const auto& range : machine.ranges)
    output.print_line(fmt::format("from {} ({}) to {}", range.from, format_relative(range.from, now),
                                  range.to.value_or("now")));
  output.print_line(
      fmt::format("base backups {}, log {} ({} a day){}", format_size(machine.base_bytes),
                  format_size(machine.log_bytes), format_size(machine.log_bytes_per_day),
                  machine.waiting_segments
                      ? fmt::format("; {} to be archived", format_count(machine.waiting_segments, "segment"))
                      : ""));
  if (machine.bases.empty()) return;
  Table table({{"BASE BACKUP"}, {"MADE"}, {"CLUSTER", true}, {"NEW ON DISK", true}});
  for (const auto& base : machine.bases)
    table.add({Cell(base.id, Style::kStrong), format_relative(base.made_at, now), format_size(base.bytes),
               format_size(base.new_bytes)});
  output.print_table(table);
}

loop::Task<int> show(Invocation& invocation) {
  const auto machine = (co_await invocation.ask(api::GetTimeMachine{})).time_machine;
  auto& output = invocation.output();
  const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  if (output.is_json()) output.print_json(api::to_json(machine));
  else if (output.is_quiet()) output.print_line(std::string(api::word_of(machine.state)));
  else print_time_machine(output, machine, now);
  co_return 0;
}

loop::Task<int> make_base(Invocation& invocation) {
  if (invocation.is_rehearsal({"copy what has changed in the cluster since the last base backup"}))
    co_return 0;
  auto job = (co_await invocation.ask(api::MakeBaseBackup{})).job;
  job = co_await invocation.finish(std::move(job));
  invocation.report(job, job.id, "base backup made");
  co_return 0;
}

}  // namespace

std::string describe_window(const api::TimeMachine& machine) {
  std::string text;
  for (const auto& range : machine.ranges)
    text += fmt::format("{}from {} to {}", text.empty() ? "" : ", ", range.from, range.to.value_or("now"));
  if (machine.state == api::TimeMachineState::kOn && !text.empty()) return text;
  const std::string state =
      fmt::format("{}{}{}", api::word_of(machine.state), machine.reason.empty() ? "" : ": ", machine.reason);
  return text.empty() ? state : fmt::format("{} ({})", text, state);
}

loop::Task<int> rewind_instance(Invocation& invocation) {
  const auto& arguments = invocation.arguments();
  const auto name = invocation.instance_name("FILE");
  api::RewindInstance request;
  request.name = name.name;
  request.domain = name.domain;
  request.at = arguments.text("--at");
  if (arguments.has("--as")) {
    const auto target = invocation.instance_name("--as");
    request.as_name = target.name;
    request.as_domain = target.domain;
  }
  request.only_plan = true;
  const auto plan = (co_await invocation.ask(request)).plan;
  if (invocation.is_rehearsal(
          {fmt::format("start from base backup {} of {}", plan.base, plan.base_made_at),
           fmt::format("go through up to {} of log to {}", format_size(plan.log_bytes), plan.at),
           fmt::format("take {} of disk for a while ({} are free)", format_size(plan.needed_bytes),
                       format_size(plan.free_bytes)),
           request.as_name ? fmt::format("make {}@{} of it", *request.as_name, *request.as_domain)
                           : fmt::format("swap the data of {}; those of now are kept", name.format())}))
    co_return 0;
  request.only_plan = false;
  request.at = plan.at;
  auto answer = co_await invocation.ask(request);
  auto job = co_await invocation.finish(std::move(*answer.job));
  invocation.report(job, job.target, fmt::format("{} is as it was at {}", job.target, plan.at));
  co_return 0;
}

std::vector<Command> time_machine_commands() {
  return {
      {"platform",
       "time-machine",
       "Show to which moments instances can be brought back, and what that costs",
       Effect::kReads,
       {},
       "platform time-machine --json",
       show},
      {"platform",
       "base-backup",
       "Make a base backup for the time machine now",
       Effect::kWorks,
       {},
       "platform base-backup --wait",
       make_base},
  };
}

}  // namespace berth::cli
