// berth service shell
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>

#include "api/service.h"
#include "api/status.h"
#include "base/utc.h"
#include "cli/invocation.h"
#include "cli/service_shell.h"
#include "loop/process.h"
#include "loop/sync.h"

namespace berth::cli {
namespace {

constexpr std::chrono::seconds kLook{2}, kAnswer{10};

// The process between us and the shell, and our terminal, which it changes. When this goes that one has ended, and the terminal is
// as it was.
class ShellProcess {
 public:
  ShellProcess(const ShellPlace& place, const std::string& command)
      : has_terminal_(::tcgetattr(STDIN_FILENO, &before_) == 0) {
    ::signal(SIGTTOU, SIG_IGN);  // also from the background it is made as it was
    const pid_t own = ::getpid();
    pid_ = ::fork();
    if (pid_ < 0) throw Failure(errno_error(errno, "fork"));
    if (pid_ > 0) return;
    // When we are killed it puts the terminal in order.
    ::prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
    if (::getppid() != own) ::_exit(128 + SIGTERM);
    ::_exit(run_service_shell(place, command));
  }
  ~ShellProcess() {
    if (!has_ended_) ::kill(pid_, SIGKILL);
    while (!has_ended_ && ::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {}
    if (has_terminal_) ::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
  }
  ShellProcess(const ShellProcess&) = delete;
  pid_t pid() const { return pid_; }
  void note_end() { has_ended_ = true; }

 private:
  termios before_{};
  bool has_terminal_, has_ended_ = false;
  pid_t pid_ = -1;
};

// True as soon as no shell may be open any more. A manager that is away, stands still or does not let us in any more says
// nothing; the moment told at the start holds all the same.
loop::Task<bool> is_over(Invocation& invocation, std::string ends) {
  if (const auto end = parse_utc(ends); end && *end <= std::chrono::system_clock::now()) co_return true;
  try {
    auto asked = invocation.ask(api::GetStatus{});
    const auto status =
        (co_await loop::with_timeout(invocation.loop(), kAnswer, std::move(asked), "the manager")).status;
    for (const auto& mode : status.modes)
      if (mode.setting == "appSecurityOff") co_return false;
    co_return true;
  } catch (const Failure&) {
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
  ShellProcess child(place, command);
  const auto watch = or_throw(loop::ProcessWatch::make(invocation.loop(), child.pid()));
  bool was_ended = false;
  loop::ExitStatus ended;
  {
    loop::Spawned<void> guard(invocation.loop(), end_when_over(invocation, told.ends, *watch, was_ended));
    ended = co_await watch->wait();
    child.note_end();
  }
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
