#include "loop/process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstring>

#include "base/file.h"
#include "base/text.h"

namespace berth::loop {
namespace {

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (auto& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

// In the child, between fork and exec: async-signal-safe calls only. Never returns.
[[noreturn]] void become(const SpawnOptions& options, char* const* argv, char* const* envp, int report) {
  const auto give_up = [report](int number) {
    [[maybe_unused]] const auto put = ::write(report, &number, sizeof number);
    ::_exit(127);
  };
  if (options.new_session) ::setsid();
  // Sources first to high numbers, so that no target overwrites a source still needed.
  constexpr int kHigh = 200;
  int high = kHigh;
  const int safe_report = ::fcntl(report, F_DUPFD_CLOEXEC, kHigh + 100);
  if (safe_report < 0) give_up(errno);
  int moved[64];
  std::size_t count = 0;
  bool named[3] = {false, false, false};
  for (const auto& [ours, childs] : options.descriptors) {
    if (count >= 64) give_up(E2BIG);
    moved[count] = ::fcntl(ours, F_DUPFD, high);
    if (moved[count] < 0) give_up(errno);
    ++count;
    if (childs >= 0 && childs < 3) named[childs] = true;
  }
  const int null_fd = ::open("/dev/null", O_RDWR);
  if (!named[0]) ::dup2(null_fd, 0);
  if (!named[1]) ::dup2(null_fd, 1);
  int last = 2;
  for (std::size_t i = 0; i < count; ++i) {
    const int target = options.descriptors[i].second;
    if (::dup2(moved[i], target) < 0) give_up(errno);
    if (target > last) last = target;
  }
  // Close what is not named: ranges between the wanted descriptors, and all above, but `safe_report`.
  for (int fd = 3; fd <= last; ++fd) {
    bool wanted = false;
    for (const auto& pair : options.descriptors) wanted = wanted || pair.second == fd;
    if (!wanted) ::close(fd);
  }
  ::syscall(SYS_close_range, static_cast<unsigned>(last + 1), static_cast<unsigned>(safe_report - 1), 0u);
  ::syscall(SYS_close_range, static_cast<unsigned>(safe_report + 1), ~0u, 0u);
  if (!options.directory.empty() && ::chdir(options.directory.c_str()) != 0) {
    const int number = errno;
    [[maybe_unused]] const auto put = ::write(safe_report, &number, sizeof number);
    ::_exit(127);
  }
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  for (int number = 1; number < 32; ++number)
    if (number != SIGKILL && number != SIGSTOP) ::signal(number, SIG_DFL);
  if (options.in_child) {
    if (const int number = options.in_child(); number != 0) {
      [[maybe_unused]] const auto put = ::write(safe_report, &number, sizeof number);
      ::_exit(127);
    }
  }
  ::execve(argv[0], argv, envp);
  const int number = errno;
  [[maybe_unused]] const auto put = ::write(safe_report, &number, sizeof number);
  ::_exit(127);
}

}  // namespace

std::string ExitStatus::describe() const {
  if (!known) return "ended";
  if (signal) return fmt::format("signal {} ({})", signal, ::strsignal(signal));
  return fmt::format("exit code {}", code);
}

Result<pid_t> spawn(const SpawnOptions& options) {
  std::vector<std::string> arguments = {options.program};
  arguments.insert(arguments.end(), options.arguments.begin(), options.arguments.end());
  auto argv = pointers(arguments);
  std::vector<std::string> environment;
  if (options.environment) {
    environment = *options.environment;
  } else {
    for (char** entry = environ; *entry; ++entry) environment.emplace_back(*entry);
  }
  auto envp = pointers(environment);

  int pipe_fds[2];
  if (::pipe2(pipe_fds, O_CLOEXEC) != 0) return fail_errno(errno, "pipe");
  UniqueFd read_end(pipe_fds[0]), write_end(pipe_fds[1]);
  // Without a stack and CLONE_VM this clone(2) is a fork; between it and exec only async-signal-safe calls are made.
  const pid_t pid =
      options.namespaces == 0
          ? ::fork()
          : static_cast<pid_t>(
                ::syscall(SYS_clone, static_cast<unsigned long>(options.namespaces | SIGCHLD), 0, 0, 0, 0));
  if (pid < 0) return fail_errno(errno, options.namespaces == 0 ? "fork" : "fork into new namespaces");
  if (pid == 0) become(options, argv.data(), envp.data(), write_end.get());
  write_end.reset();
  int number = 0;
  ssize_t got;
  while ((got = ::read(read_end.get(), &number, sizeof number)) < 0 && errno == EINTR) {}
  if (got == static_cast<ssize_t>(sizeof number)) {
    ::waitpid(pid, nullptr, 0);
    return fail_errno(number, "start " + options.program);
  }
  return pid;
}

ProcessWatch::ProcessWatch(Loop& loop, pid_t pid, UniqueFd pidfd)
    : pid_(pid), pidfd_(std::move(pidfd)), readiness_(loop, pidfd_.get()) {}

Result<std::unique_ptr<ProcessWatch>> ProcessWatch::make(Loop& loop, pid_t pid) {
  UniqueFd fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0u)));
  if (!fd && errno == ESRCH) return fail(Errc::kNotFound, "no process {}", pid);
  if (!fd) return fail_errno(errno, fmt::format("watch process {}", pid));
  return std::unique_ptr<ProcessWatch>(new ProcessWatch(loop, pid, std::move(fd)));
}

Task<ExitStatus> ProcessWatch::wait() {
  co_await readiness_.readable();
  siginfo_t info{};
  ExitStatus status;
  if (::waitid(static_cast<idtype_t>(P_PIDFD), static_cast<id_t>(pidfd_.get()), &info, WEXITED) == 0) {
    status.known = true;
    if (info.si_code == CLD_EXITED) status.code = info.si_status;
    else status.signal = info.si_status;
  }
  co_return status;
}

void ProcessWatch::send_signal(int signal) const {
  ::syscall(SYS_pidfd_send_signal, pidfd_.get(), signal, nullptr, 0u);
}

std::optional<std::uint64_t> process_start_time(pid_t pid) {
  const auto stat = read_file(fmt::format("/proc/{}/stat", pid));
  if (!stat) return std::nullopt;
  // The name in parentheses may hold anything; the fields after its end are numbers.
  const auto end = stat->rfind(')');
  if (end == std::string::npos) return std::nullopt;
  const auto fields = split(std::string_view(*stat).substr(end + 2), ' ');
  if (fields.size() < 20) return std::nullopt;
  if (fields[0] == "Z") return std::nullopt;
  const auto value = parse_integer(fields[19]);
  if (!value) return std::nullopt;
  return static_cast<std::uint64_t>(*value);
}

namespace {

struct Pipe {
  UniqueFd read_end, write_end;
};
Pipe make_pipe() {
  int fds[2];
  if (::pipe2(fds, O_CLOEXEC) != 0) throw Failure(errno_error(errno, "pipe"));
  return {UniqueFd(fds[0]), UniqueFd(fds[1])};
}
void set_non_blocking(int fd) { ::fcntl(fd, F_SETFL, ::fcntl(fd, F_GETFL) | O_NONBLOCK); }

Task<void> feed(Loop& loop, UniqueFd fd, const std::string& input) {
  Readiness readiness(loop, fd.get());
  std::size_t sent = 0;
  while (sent < input.size()) {
    const auto put = ::write(fd.get(), input.data() + sent, input.size() - sent);
    if (put >= 0) sent += static_cast<std::size_t>(put);
    else if (errno == EAGAIN) co_await readiness.writable();
    else if (errno != EINTR) co_return;  // EPIPE: the command does not want the rest
  }
}

// Reads to the end. Keeps the first `limit` bytes and throws above (`keep_last` false), or the last.
Task<std::string> drain(Loop& loop, UniqueFd fd, std::size_t limit, bool keep_last) {
  Readiness readiness(loop, fd.get());
  std::string text;
  char buffer[16384];
  for (;;) {
    const auto got = ::read(fd.get(), buffer, sizeof buffer);
    if (got == 0) co_return text;
    if (got < 0 && errno == EAGAIN) {
      co_await readiness.readable();
      continue;
    }
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw Failure(errno_error(errno, "read output of command"));
    text.append(buffer, static_cast<std::size_t>(got));
    if (text.size() <= limit) continue;
    if (!keep_last) throw_failure(Errc::kTooLarge, "command wrote more than {} bytes", limit);
    text.erase(0, text.size() - limit);
  }
}

}  // namespace

Task<CommandResult> run_command(Loop& loop, CommandOptions options) {
  Pipe in = make_pipe(), out = make_pipe(), err = make_pipe();
  auto has = [&](int target) {
    for (const auto& pair : options.spawn.descriptors)
      if (pair.second == target) return true;
    return false;
  };
  if (!has(0)) options.spawn.descriptors.emplace_back(in.read_end.get(), 0);
  if (!has(1)) options.spawn.descriptors.emplace_back(out.write_end.get(), 1);
  if (!has(2)) options.spawn.descriptors.emplace_back(err.write_end.get(), 2);
  const pid_t pid = or_throw(spawn(options.spawn));
  in.read_end.reset();
  out.write_end.reset();
  err.write_end.reset();
  set_non_blocking(in.write_end.get());
  set_non_blocking(out.read_end.get());
  set_non_blocking(err.read_end.get());

  auto watch = or_throw(ProcessWatch::make(loop, pid));
  struct KillUnlessDone {
    ProcessWatch& watch;
    bool done = false;
    ~KillUnlessDone() {
      if (done) return;
      watch.send_signal(SIGKILL);
      ::waitpid(watch.pid(), nullptr, 0);
    }
  } guard{*watch};

  Spawned<void> feeding(loop, feed(loop, std::move(in.write_end), options.input));
  Spawned<std::string> output(loop, drain(loop, std::move(out.read_end), options.limit_bytes, false));
  Spawned<std::string> errors(loop, drain(loop, std::move(err.read_end), 8192, true));
  CommandResult result;
  result.output = co_await output.join();
  result.errors = co_await errors.join();
  result.status = co_await watch->wait();
  guard.done = true;
  co_return result;
}

Signals::Signals(Loop& loop, std::initializer_list<int> signals)
    : fd_([&] {
        sigset_t set;
        ::sigemptyset(&set);
        for (const int signal : signals) ::sigaddset(&set, signal);
        BERTH_CHECK(::sigprocmask(SIG_BLOCK, &set, nullptr) == 0);
        return ::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
      }()),
      readiness_(loop, fd_.get()) {}

Task<int> Signals::next() {
  for (;;) {
    signalfd_siginfo info{};
    if (::read(fd_.get(), &info, sizeof info) == sizeof info) co_return static_cast<int>(info.ssi_signo);
    co_await readiness_.readable();
  }
}

}  // namespace berth::loop
