// berth service shell
#include <signal.h>
#include <sys/prctl.h>
#include <termios.h>
#include <unistd.h>

#include "api/service.h"
#include "api/status.h"
#include "base/utc.h"
#include "cli/invocation.h"
#include "cli/service_shell.h"
#include "loop/process.h"
#include "loop/sync.h"

namespace berth::cli {
namespace {

constexpr std::chrono::seconds kLook{2};

// True as soon as no shell may be open any more. A manager that is away says nothing; the moment told at the start holds all the same.
loop::Task<bool> is_over(Invocation& invocation, std::string ends) {
  if (const auto end = parse_utc(ends); end && *end <= std::chrono::system_clock::now()) co_return true;
  try {
    const auto status = (co_await invocation.ask(api::GetStatus{})).status;
    for (const auto& mode : status.modes)
      if (mode.setting == "appSecurityOff") co_return false;
    co_return true;
  } catch (const Failure& failure) {
    if (failure.error().code != Errc::kUnavailable) throw;
    invocation.drop_session();
    co_return false;
  }
}

loop::Task<void> end_when_over(Invocation& invocation, std::string ends, const loop::ProcessWatch& shell,
                               bool& was_ended) {
  for (;;) {
    co_await loop::sleep_for(invocation.loop(), kLook);
    const bool over = co_await is_over(invocation, ends);
    if (!over) continue;
    was_ended = true;
    shell.send_signal(SIGKILL);
    co_return;
  }
}

loop::Task<int> open_shell(Invocation& invocation) {
  const std::string id = invocation.arguments().text("SERVICE");
  const std::string command = invocation.arguments().text("--command");
  if (!invocation.options().url.empty())
    throw_usage("a shell opens on the platform's own machine only: log in there, and use --root");
  if (invocation.is_rehearsal({fmt::format("open a shell within {}", id)})) co_return 0;
  const auto told = co_await invocation.ask(api::OpenServiceShell{id});
  const ShellPlace place{id, static_cast<pid_t>(told.pid), static_cast<uid_t>(told.uid), told.directory,
                         parse_utc(told.ends)};
  if (::isatty(STDIN_FILENO))
    invocation.output().note(
        fmt::format("As {} sees the world, with its rights. This is logged.{}", id,
                    told.ends.empty() ? "" : " It ends at " + told.ends + " at the latest."));
  termios before{};
  const bool has_terminal = ::tcgetattr(STDIN_FILENO, &before) == 0;
  const pid_t child = ::fork();
  if (child < 0) throw Failure(errno_error(errno, "fork"));
  if (child == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    ::_exit(run_service_shell(place, command));
  }
  const auto watch = or_throw(loop::ProcessWatch::make(invocation.loop(), child));
  bool was_ended = false;
  loop::ExitStatus ended;
  {
    loop::Spawned<void> guard(invocation.loop(), end_when_over(invocation, told.ends, *watch, was_ended));
    ended = co_await watch->wait();
  }
  if (has_terminal) ::tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
  // It also ends by its own clock, which needs neither us nor a manager.
  const auto end = parse_utc(told.ends);
  was_ended = was_ended || (end && *end <= std::chrono::system_clock::now());
  if (was_ended) throw_failure(Errc::kDenied, "the shell was ended: appSecurityOff is over");
  co_return ended.signal ? 128 + ended.signal : ended.code;
}

}  // namespace

std::vector<Command> shell_commands() {
  return {{"service",
           "shell",
           "A shell within its sandbox, to look for a fault (needs the setting appSecurityOff)",
           Effect::kWorks,
           {positional("SERVICE", "Id of the service, as in: berth service ls"),
            option("-c,--command", "TEXT", "What the shell runs, instead of asking")},
           "service shell notes",
           open_shell}};
}

}  // namespace berth::cli
