#include "cli/service_shell.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "base/unique_fd.h"
#include "cli/shell_relay.h"
#include "sandbox/layers/descendants.h"
#include "sandbox/layers/enter.h"

namespace berth::cli {
namespace {

constexpr int kCannotRun = 126;

// What the shell has as 0, 1 and 2, and our ends of it.
struct Ends {
  UniqueFd in, out, errors;  // a terminal: all are `in`
  ShellEnds ours;
};

[[noreturn]] void give_up(const Error& error) {
  std::fprintf(stderr, "berth: %s\n", error.detail.c_str());
  ::_exit(kCannotRun);
}

template <class T>
T must(Result<T> result) {
  if (!result) give_up(result.error());
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

Ends make_terminal() {
  Ends ends;
  ends.ours.is_terminal = true;
  ends.ours.to_in = UniqueFd(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!ends.ours.to_in || ::grantpt(ends.ours.to_in.get()) != 0 || ::unlockpt(ends.ours.to_in.get()) != 0)
    give_up(errno_error(errno, "a terminal for the shell"));
  char name[64];
  if (::ptsname_r(ends.ours.to_in.get(), name, sizeof name) != 0) give_up(errno_error(errno, "ptsname"));
  ends.in = UniqueFd(::open(name, O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!ends.in) give_up(errno_error(errno, name));
  copy_terminal_size(ends.ours.to_in.get());
  return ends;
}

Ends make_pipes() {
  Ends ends;
  int pair[2];
  const auto pipe = [&pair] {
    if (::pipe2(pair, O_CLOEXEC) != 0) give_up(errno_error(errno, "pipe"));
  };
  pipe(), ends.in = UniqueFd(pair[0]), ends.ours.to_in = UniqueFd(pair[1]);
  pipe(), ends.ours.from_out = UniqueFd(pair[0]), ends.out = UniqueFd(pair[1]);
  pipe(), ends.ours.from_errors = UniqueFd(pair[0]), ends.errors = UniqueFd(pair[1]);
  return ends;
}

// In the PID namespace of the service, as its user.
[[noreturn]] void become_shell(const ShellPlace& place, const std::string& command, const Ends& ends) {
  ::setsid();
  const int in = ends.in.get();
  if (ends.ours.is_terminal && ::ioctl(in, TIOCSCTTY, 0) != 0)
    give_up(errno_error(errno, "take the terminal"));
  must(sandbox::become_guest(place.uid));
  // A change of user takes this back, so it comes after that.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (::chdir(place.directory.c_str()) != 0) give_up(errno_error(errno, "enter " + place.directory));
  for (const int signal :
       {SIGPIPE, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGTTIN, SIGTTOU, SIGWINCH, SIGCHLD})
    ::signal(signal, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  const char* terminal = ::getenv("TERM");
  std::vector<std::string> environment = {"PATH=/usr/bin:/bin", "HOME=" + place.directory, "LANG=C.UTF-8",
                                          "PS1=" + place.service + "> ",
                                          std::string("TERM=") + (terminal ? terminal : "dumb")};
  std::vector<std::string> arguments = {"sh"};
  if (!command.empty()) arguments.insert(arguments.end(), {"-c", command});
  std::vector<char*> argv, envp;
  for (auto& one : arguments) argv.push_back(one.data());
  for (auto& one : environment) envp.push_back(one.data());
  argv.push_back(nullptr);
  envp.push_back(nullptr);
  const int out = ends.ours.is_terminal ? in : ends.out.get(),
            errors = ends.ours.is_terminal ? in : ends.errors.get();
  if (::dup2(in, 0) < 0 || ::dup2(out, 1) < 0 || ::dup2(errors, 2) < 0) ::_exit(kCannotRun);
  ::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
  ::execve("/bin/sh", argv.data(), envp.data());
  std::fprintf(stderr, "berth: /bin/sh: %s\n", ::strerror(errno));
  ::_exit(kCannotRun);
}

int code_of(int status) { return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status); }

// Starts the shell and outlives it: when it ends, or its time, or whoever let it in, so does all that was started there. Stays
// the user that came: as the app's own, the app could end or stop it.
[[noreturn]] void be_warden(const ShellPlace& place, const std::string& command, Ends ends) {
  ::setsid();  // what the admin's terminal sends (a hang-up, a stop) is not for it
  sigset_t awaited;
  ::sigemptyset(&awaited);
  ::sigaddset(&awaited, SIGCHLD);
  ::sigaddset(&awaited, SIGTERM);
  ::signal(SIGCHLD, SIG_DFL);
  ::sigprocmask(SIG_BLOCK, &awaited, nullptr);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
  must(sandbox::take_in_orphans());
  const pid_t shell = ::fork();
  if (shell < 0) give_up(errno_error(errno, "fork"));
  if (shell == 0) become_shell(place, command, ends);
  ends = Ends();
  int code = 128 + SIGKILL;
  for (bool is_over = false; !is_over;) {
    // In short steps: the clock may be set.
    constexpr timespec kStep{1, 0};
    is_over = ::sigtimedwait(&awaited, nullptr, &kStep) == SIGTERM ||
              (place.ends && *place.ends <= std::chrono::system_clock::now());
    int status = 0;
    for (pid_t ended; (ended = ::waitpid(-1, &status, WNOHANG)) > 0;)
      if (ended == shell) code = code_of(status), is_over = true;
  }
  sandbox::end_descendants();
  ::_exit(code);
}

// Enters, and stands by: who enters a PID namespace is not in it, its children are.
[[noreturn]] void be_door(const ShellPlace& place, const std::string& command, Ends ends) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  must(sandbox::enter_namespaces(place.pid, place.uid));
  ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  const pid_t warden = ::fork();
  if (warden < 0) give_up(errno_error(errno, "fork"));
  if (warden == 0) be_warden(place, command, std::move(ends));
  ends = Ends();
  int status = 0;
  ::waitpid(warden, &status, 0);
  ::_exit(code_of(status));
}

}  // namespace

int run_service_shell(const ShellPlace& place, const std::string& command) {
  ::signal(SIGPIPE, SIG_IGN);
  block_relayed_signals();
  auto ends = ::isatty(STDIN_FILENO) && ::isatty(STDOUT_FILENO) ? make_terminal() : make_pipes();
  const pid_t door = ::fork();
  if (door < 0) give_up(errno_error(errno, "fork"));
  if (door == 0) {
    ends.ours.to_in = UniqueFd(), ends.ours.from_out = UniqueFd(), ends.ours.from_errors = UniqueFd();
    be_door(place, command, std::move(ends));
  }
  auto ours = std::move(ends.ours);
  ends = Ends();
  return relay(std::move(ours), door, place.ends);
}

}  // namespace berth::cli
