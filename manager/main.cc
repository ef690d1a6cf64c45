// berth-manager: runs an app platform below one root folder.
#include <signal.h>
#include <unistd.h>

#include <climits>
#include <cstdio>

#include "base/log.h"
#include "base/log_file.h"
#include "loop/process.h"
#include "manager/platform/exit_codes.h"
#include "manager/platform/handover.h"
#include "manager/platform/layout.h"
#include "manager/platform/platform.h"
#include "manager/platform/version.h"

namespace berth::manager {
namespace {

constexpr std::uint64_t kLogFileBytes = 1 << 20;
constexpr int kLogFiles = 5;

std::string own_program() {
  char path[PATH_MAX];
  const auto size = ::readlink("/proc/self/exe", path, sizeof path);
  return size > 0 ? std::string(path, static_cast<std::size_t>(size)) : std::string();
}

// What no second try will change: somebody must change the command line, the folder or the machine first.
bool is_configuration(Errc code) {
  return code == Errc::kExists || code == Errc::kConflict || code == Errc::kDenied ||
         code == Errc::kMalformed || code == Errc::kUnsupported || code == Errc::kTooLarge;
}

struct Outcome {
  int code = kExitCrashed;
  std::optional<Handover> handover;  // to a successor
};

// SIGUSR2, from a package's script or systemd: replaces manager and webserver if that is possible. A signal is answered by nobody, so
// what is under way is waited for: the next update may follow at once.
loop::Task<void> replace_on_signal(Platform& platform) {
  try {
    const auto successor = co_await platform.ask_to_replace(true, Platform::WhenBusy::kWait);
    log_info("replaced on a signal", {{"version", successor.version}, {"build", successor.build}});
  } catch (const Failure& failure) {
    log_error("not replaced", {{"error", failure.error().detail}});
  }
}

// Until somebody wants it to stop (true), or to be replaced (false).
loop::Task<bool> wait_for_end(loop::Loop& loop, loop::Signals& signals, Platform& platform) {
  bool is_stop = false;
  loop::Event either(loop);
  loop::TaskGroup replacing(loop, "replace");
  const auto watch_signals = [&]() -> loop::Task<void> {
    for (;;) {
      const int signal = co_await signals.next();
      if (signal == SIGUSR2) {
        replacing.spawn(replace_on_signal(platform));
        continue;
      }
      is_stop = true;
      either.set();
    }
  };
  const auto watch_platform = [&]() -> loop::Task<void> {
    co_await platform.replace_asked().wait();
    either.set();
  };
  loop::Spawned<void> first(loop, watch_signals()), second(loop, watch_platform());
  co_await either.wait();
  co_return is_stop;
}

loop::Task<Outcome> run(loop::Loop& loop, Platform& platform) {
  loop::Signals signals(loop, {SIGTERM, SIGINT, SIGHUP, SIGUSR2});
  std::optional<Error> error;
  Outcome outcome;
  {
    loop::Spawned<void> starting(loop, platform.start());
    loop::Spawned<bool> ending(loop, wait_for_end(loop, signals, platform));
    loop::Event either(loop);
    const auto tell = [](loop::Event& from, loop::Event& to) -> loop::Task<void> {
      co_await from.wait();
      to.set();
    };
    loop::Spawned<void> first(loop, tell(starting.done(), either)), second(loop, tell(ending.done(), either));
    co_await either.wait();
    if (starting.is_done()) {
      try {
        starting.take();
      } catch (...) {
        error = current_error();
      }
      if (!error) {
        co_await ending.done().wait();
        if (!ending.take()) {
          outcome.handover = co_await platform.hand_over();
          co_return outcome;
        }
      }
    }
  }
  if (error) {
    log_error("cannot start", {{"error", error->detail}});
    std::fprintf(stderr, "berth-manager: %s\n", error->detail.c_str());
    if (!is_configuration(error->code)) co_return outcome;
  }
  if (!error) std::printf("Stopping.\n");
  co_await platform.stop();
  outcome.code = error ? kExitConfiguration : kExitClean;
  co_return outcome;
}

// Runs the platform once, with a loop of its own.
Outcome run_platform(const Options& options, const Layout& layout, const std::string& program,
                     const std::vector<std::string>& arguments, Handover inherited) {
  Outcome outcome;
  loop::Loop loop;
  try {
    Platform platform(loop, options, layout, program, arguments, std::move(inherited));
    outcome = loop::run_task(loop, run(loop, platform));
  } catch (...) {
    const Error error = current_error();
    std::fprintf(stderr, "berth-manager: %s\n", error.detail.c_str());
    outcome.code = is_configuration(error.code) ? kExitConfiguration : kExitCrashed;
  }
  return outcome;
}

int run_main(std::vector<std::string> arguments) {
  const std::string program = own_program();
  const auto options = parse_options(arguments, program);
  if (!options) {
    std::fprintf(stderr, "berth-manager: %s\n\n%s", options.error().detail.c_str(),
                 std::string(usage()).c_str());
    return kExitConfiguration;
  }
  if (options->help) {
    std::fputs(std::string(usage()).c_str(), stdout);
    return kExitClean;
  }
  if (options->version) {
    std::printf("%s (build %s)\n", platform_version().c_str(), platform_build().c_str());
    return kExitClean;
  }
  if (options->self_check) {
    std::printf("%s\n", describe_self().c_str());
    return kExitClean;
  }
  const auto refuse = [](const Error& error) {
    std::fprintf(stderr, "berth-manager: %s\n", error.detail.c_str());
    return kExitConfiguration;
  };
  auto left = take_handover();
  if (!left) return refuse(left.error());
  const auto layout = open_root(options->root, ::geteuid() == 0);
  if (!layout) return refuse(layout.error());
  const auto log = LogFile::open(layout->log("manager"), "manager", kLogFileBytes, kLogFiles);
  if (!log) return refuse(log.error());
  set_log_sink([&file = **log](LogLevel level, std::string_view line) {
    const std::string text = fmt::format("manager@ {}", line);
    file.write(text);
    // Somebody may be at the console.
    if (level >= LogLevel::kWarning) std::fprintf(stderr, "%s %s\n", log_time_stamp().c_str(), text.c_str());
  });
  Handover inherited;
  if (*left) {
    inherited = std::move(**left);
    reap_ended_children();
  } else {
    auto lock = lock_root(*layout);
    if (!lock) {
      set_log_sink(nullptr);
      return refuse(lock.error());
    }
    inherited.lock = std::move(*lock);
  }

  Outcome outcome;
  for (;;) {
    outcome = run_platform(*options, *layout, program, arguments, std::move(inherited));
    if (!outcome.handover) break;
    const Error error = become_successor(program, arguments, *outcome.handover);
    // Its self-check went well a moment ago: the file has changed since. Then it is us who go on.
    inherited = std::move(*outcome.handover);
    inherited.error = error.detail;
    log_error("not replaced, goes on as it is", {{"error", error.detail}});
  }
  set_log_sink(nullptr);
  return outcome.code;
}

}  // namespace
}  // namespace berth::manager

int main(int argc, char** argv) {
  ::signal(SIGPIPE, SIG_IGN);
  // What comes before somebody listens waits.
  sigset_t replace;
  ::sigemptyset(&replace);
  ::sigaddset(&replace, SIGUSR2);
  ::sigprocmask(SIG_BLOCK, &replace, nullptr);
  return berth::manager::run_main({argv + 1, argv + argc});
}
