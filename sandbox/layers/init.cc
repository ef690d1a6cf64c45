#include "sandbox/layers/init.h"

#include <fmt/format.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <map>

#include "sandbox/launch_notes.h"
#include "sandbox/seccomp_policy.h"

namespace berth::sandbox {
namespace {

class Init {
 public:
  Init(pid_t main, UniqueFd listener, int notes_fd)
      : main_(main), listener_(std::move(listener)), notes_fd_(notes_fd) {
    sigset_t all;
    ::sigfillset(&all);
    signals_ = UniqueFd(::signalfd(-1, &all, SFD_CLOEXEC | SFD_NONBLOCK));
  }

  [[noreturn]] void run() {
    reap();  // it may have ended before we listened
    for (;;) {
      pollfd waiting[2] = {{signals_.get(), POLLIN, 0}, {listener_.get(), POLLIN, 0}};
      if (::poll(waiting, 2, -1) < 0 && errno != EINTR) ::_exit(126);
      if (waiting[0].revents) take_signals();
      if (waiting[1].revents & POLLIN) answer_call();
      else if (waiting[1].revents) listener_.reset();  // nobody is left under the filter
    }
  }

 private:
  void take_signals() {
    signalfd_siginfo info{};
    while (::read(signals_.get(), &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
      if (info.ssi_signo != SIGCHLD) ::kill(main_, static_cast<int>(info.ssi_signo));
    }
    reap();
  }

  void reap() {
    int status = 0;
    pid_t pid;
    while ((pid = ::waitpid(-1, &status, WNOHANG)) > 0) {
      if (pid != main_) continue;
      note_ended(notes_fd_, status);
      ::_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
    }
  }

  void answer_call() {
    seccomp_notif call{};
    // ENOENT: the caller was killed meanwhile.
    if (::ioctl(listener_.get(), SECCOMP_IOCTL_NOTIF_RECV, &call) != 0) return;
    seccomp_notif_resp answer{};
    answer.id = call.id;
    if (call.data.nr == SYS_execve && !has_begun_ && static_cast<pid_t>(call.pid) == main_) {
      has_begun_ = true;
      answer.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
    } else {
      answer.error = -refuse(call.data);
    }
    ::ioctl(listener_.get(), SECCOMP_IOCTL_NOTIF_SEND, &answer);
  }

  // Tells it and gives the errno.
  int refuse(const seccomp_data& call) {
    std::string what = name_of_call(call.nr), hint;
    int number = EPERM;
    if (what.starts_with("call ")) number = ENOSYS;
    if (call.nr == SYS_socket) {
      number = EAFNOSUPPORT;
      what += fmt::format(" (family {})", call.args[0]);
      hint = "; the manifest's \"network\" would allow internet sockets";
    }
    if (const auto group = group_of_call(call.nr); !group.empty())
      hint = fmt::format("; \"seccomp\": [\"{}\"] in the manifest would allow it", group);
    auto& count = refused_[what];
    ++count;
    // The first, the tenth, the hundredth…: a service that tries again and again must not fill the disk.
    std::uint64_t power = 1;
    while (power < count) power *= 10;
    if (power == count) {
      const std::string line = fmt::format("sandbox: refused {}{}{}\n", what,
                                           count > 1 ? fmt::format(", {} times by now", count) : "", hint);
      [[maybe_unused]] const auto put = ::write(2, line.data(), line.size());
    }
    return number;
  }

  pid_t main_;
  UniqueFd listener_, signals_;
  int notes_fd_;
  bool has_begun_ = false;
  std::map<std::string, std::uint64_t> refused_;
};

}  // namespace

void hold_signals() {
  sigset_t all;
  ::sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, nullptr);
}

void release_signals() {
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

void run_init(pid_t main, UniqueFd listener, int notes_fd) {
  // Where it is not the first of a namespace it still gets the orphans.
  ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  Init(main, std::move(listener), notes_fd).run();
}

}  // namespace berth::sandbox
