#include "cli/shell_relay.h"

#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

namespace berth::cli {
namespace {

constexpr std::chrono::seconds kLinger{2};  // for what the shell's side says at its own end
constexpr int kEnds[] = {SIGTERM, SIGHUP, SIGINT, SIGQUIT};

sigset_t relayed_signals() {
  sigset_t signals;
  ::sigemptyset(&signals);
  for (const int signal : kEnds) ::sigaddset(&signals, signal);
  for (const int signal : {SIGCHLD, SIGWINCH}) ::sigaddset(&signals, signal);
  return signals;
}

class RawTerminal {
 public:
  explicit RawTerminal(bool is_wanted) : is_raw_(is_wanted && ::tcgetattr(STDIN_FILENO, &before_) == 0) {
    if (!is_raw_) return;
    termios raw = before_;
    ::cfmakeraw(&raw);
    ::tcsetattr(STDIN_FILENO, TCSANOW, &raw);
  }
  // Not TCSADRAIN: a terminal that is stopped never has all.
  ~RawTerminal() {
    if (is_raw_) ::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
  }
  RawTerminal(const RawTerminal&) = delete;

 private:
  termios before_{};
  bool is_raw_;
};

// Descriptors that come from elsewhere may be non-blocking. False: this was no such error.
bool wait_if_not_ready(int fd, short event) {
  if (errno == EINTR) return true;
  if (errno != EAGAIN) return false;
  pollfd watched{fd, event, 0};
  ::poll(&watched, 1, -1);
  return true;
}

[[noreturn]] void copy(int from, int to) {
  char buffer[16384];
  for (;;) {
    const auto got = ::read(from, buffer, sizeof buffer);
    if (got < 0 && wait_if_not_ready(from, POLLIN)) continue;
    if (got <= 0) ::_exit(0);
    for (ssize_t at = 0; at < got;) {
      const auto put = ::write(to, buffer + at, static_cast<std::size_t>(got - at));
      if (put < 0 && !wait_if_not_ready(to, POLLOUT)) ::_exit(0);
      at += std::max<ssize_t>(put, 0);
    }
  }
}

// -1: none could be made.
pid_t copy_beside(int from, int to) {
  const pid_t child = ::fork();
  if (child != 0) return child;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  // No others: what we hold open would not end for whoever waits for its end.
  if (::dup2(from, STDIN_FILENO) < 0 || ::dup2(to, STDOUT_FILENO) < 0) ::_exit(1);
  ::close_range(STDERR_FILENO, ~0U, 0);
  copy(STDIN_FILENO, STDOUT_FILENO);
}

void end(pid_t child) {
  if (child <= 0) return;
  ::kill(child, SIGKILL);
  while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {}
}

int code_of(int status) { return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status); }

}  // namespace

void block_relayed_signals() {
  const auto signals = relayed_signals();
  ::sigprocmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGCHLD, SIG_DFL);
  ::signal(SIGTTOU, SIG_IGN);  // also from the background the terminal is made what it was
}

void copy_terminal_size(int terminal) {
  winsize size{};
  if (::ioctl(STDIN_FILENO, TIOCGWINSZ, &size) == 0) ::ioctl(terminal, TIOCSWINSZ, &size);
}

int relay(ShellEnds ends, pid_t shell, std::optional<std::chrono::system_clock::time_point> until) {
  const RawTerminal raw(ends.is_terminal);
  const auto awaited = relayed_signals();
  pid_t typing = copy_beside(STDIN_FILENO, ends.to_in.get());
  std::vector<pid_t> telling = {
      copy_beside(ends.is_terminal ? ends.to_in.get() : ends.from_out.get(), STDOUT_FILENO)};
  if (!ends.is_terminal) telling.push_back(copy_beside(ends.from_errors.get(), STDERR_FILENO));
  if (!ends.is_terminal) ends = ShellEnds();

  int code = 128 + SIGKILL;
  bool has_ended = false, is_over = typing < 0 || std::count(telling.begin(), telling.end(), -1) > 0;
  while (!is_over && !(has_ended && telling.empty())) {
    // In short steps: the clock may be set.
    constexpr timespec kStep{1, 0};
    const int signal = ::sigtimedwait(&awaited, nullptr, &kStep);
    if (signal == SIGWINCH && ends.is_terminal) copy_terminal_size(ends.to_in.get());
    const bool is_ended = std::find(std::begin(kEnds), std::end(kEnds), signal) != std::end(kEnds);
    if (is_ended) code = 128 + signal;
    is_over = is_ended || (until && *until + kLinger <= std::chrono::system_clock::now());
    int status = 0;
    for (pid_t ended; (ended = ::waitpid(-1, &status, WNOHANG)) > 0;) {
      std::erase(telling, ended);
      if (ended == typing) typing = -1;
      if (ended == shell) code = code_of(status), has_ended = true;
    }
  }
  for (const pid_t one : telling) end(one);
  end(typing);
  if (!has_ended) end(shell);
  return code;
}

}  // namespace berth::cli
