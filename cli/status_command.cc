// berth status
#include "api/status.h"

#include "cli/human.h"
#include "cli/invocation.h"
#include "loop/sync.h"

namespace berth::cli {
namespace {

using api::PlatformState;
using api::Status;

constexpr std::chrono::seconds kWaitLimit{60};
constexpr std::chrono::milliseconds kPause{200};
// A platform that starts may be degraded for a moment, until the last service is up.
constexpr std::chrono::seconds kDegradedFor{5};

void print_processes(Output& output, const Status& status) {
  Table table({{"PROCESS", false, true},
               {"STATE"},
               {"PID", true},
               {"MEMORY", true},
               {"STARTED"},
               {"RESTARTS", true}});
  for (const auto& process : status.processes)
    table.add(
        {process.instance ? fmt::format("{} ({})", process.name, *process.instance) : process.name,
         process.draining
             ? Cell(fmt::format("● draining, {}", format_count(process.draining->websockets, "WebSocket")),
                    style_of(process.state))
             : state_cell(process.state),
         process.pid ? std::to_string(*process.pid) : "-",
         process.memory_bytes ? format_size(process.memory_bytes) : "-",
         format_relative(process.started_at.value_or(""), output.now()), std::to_string(process.restarts)});
  output.print_table(table);
}

void print_checks(Output& output, const Status& status) {
  for (const auto& check : status.checks) {
    if (check.severity == api::Severity::kOk || check.is_accepted) continue;
    output.print_line(fmt::format(
        "\n{} {}", output.painted(fmt::format("{}:", api::word_of(check.severity)), style_of(check.severity)),
        printable(check.text)));
    if (!check.why.empty()) output.print_line(fmt::format("  {}", printable(check.why)));
    if (!check.fix.empty()) output.print_line(fmt::format("  {}", printable(check.fix)));
    if (!check.command.empty()) output.print_line(fmt::format("  $ {}", printable(check.command)));
  }
}

// What nobody should forget, before everything else.
void print_modes(Output& output, const Status& status) {
  for (const auto& mode : status.modes) {
    const std::string_view what =
        mode.setting == "developerMode"    ? "DEVELOPER MODE: unsigned apps can be installed"
        : mode.setting == "appSecurityOff" ? "APP SECURITY IS OFF: shells can be opened within apps"
        : mode.setting == "captureUntil"   ? "PACKETS CAN BE CAPTURED: what is not encrypted is read"
                                           : std::string_view(mode.setting);
    const std::string until =
        mode.ends.empty() ? "until it is switched off" : "ends " + format_relative(mode.ends, output.now());
    output.print_line(
        output.painted(fmt::format("! {} ({})", printable(what), printable(until)), Style::kBad));
  }
}

void print_status(Output& output, const Status& status) {
  print_modes(output, status);
  const auto state = output.painted(fmt::format("● {}", api::word_of(status.state)), style_of(status.state));
  output.print_line(fmt::format("{}  Berth {} (build {}), up {}", state, status.version, status.build,
                                format_duration(std::chrono::seconds(status.uptime))));
  if (!status.url.empty()) output.print_line(fmt::format("{}", status.url));
  if (!status.fingerprint.empty()) output.print_line(fmt::format("certificate {}", status.fingerprint));
  output.print_line(fmt::format("{}, {}, {} of {} free\n", format_count(status.services, "service"),
                                format_count(status.instances, "instance"),
                                format_size(status.disk.free_bytes), format_size(status.disk.total_bytes)));
  print_processes(output, status);
  print_checks(output, status);
}

// Ends when the platform has been running, or degraded for a while. A manager that is not there (yet)
// is asked again.
loop::Task<Status> wait_until_up(Invocation& invocation) {
  std::optional<loop::TimePoint> degraded_since;
  while (true) {
    try {
      auto status = (co_await invocation.ask(api::GetStatus{})).status;
      if (status.state == PlatformState::kRunning) co_return status;
      if (status.state != PlatformState::kDegraded) degraded_since.reset();
      else if (!degraded_since) degraded_since = invocation.loop().now();
      else if (invocation.loop().now() - *degraded_since >= kDegradedFor) co_return status;
      invocation.output().progress(fmt::format("{} …", api::word_of(status.state)));
    } catch (const Failure& failure) {
      if (failure.error().code != Errc::kUnavailable) throw;
      invocation.drop_session();
      invocation.output().progress("waiting for the manager …");
    }
    co_await loop::sleep_for(invocation.loop(), kPause);
  }
}

loop::Task<int> run_status(Invocation& invocation) {
  Status status;
  if (invocation.arguments().has("--wait")) {
    const std::chrono::seconds limit(invocation.arguments().number("--timeout", kWaitLimit.count()));
    auto waiting = wait_until_up(invocation);
    status =
        co_await loop::with_timeout(invocation.loop(), limit, std::move(waiting), "waiting for the platform");
  } else {
    status = (co_await invocation.ask(api::GetStatus{})).status;
  }

  auto& output = invocation.output();
  if (output.is_json()) output.print_json(api::to_json(status));
  else if (output.is_quiet()) output.print_line(api::word_of(status.state));
  else print_status(output, status);
  if (status.state == PlatformState::kRunning) co_return static_cast<int>(ExitCode::kOk);
  co_return static_cast<int>(status.state == PlatformState::kDegraded ? ExitCode::kDegraded
                                                                      : ExitCode::kFailed);
}

}  // namespace

std::vector<Command> status_commands() {
  return {{"status",
           "",
           "Is everything up? Processes, memory, what needs attention",
           Effect::kReads,
           {flag("--wait", "Wait until the platform runs"),
            number_option("--timeout", "SECONDS", "Of --wait (default 60)")},
           "--root /srv/berth status --wait --timeout 120 --json",
           run_status}};
}

}  // namespace berth::cli
