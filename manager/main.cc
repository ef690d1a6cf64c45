// berth-manager: runs an app platform below one root folder.
#include <signal.h>
#include <unistd.h>

#include <climits>
#include <cstdio>

#include "base/log.h"
#include "base/log_file.h"
#include "loop/process.h"
#include "manager/platform/exit_codes.h"
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

loop::Task<int> run(loop::Loop& loop, Platform& platform) {
  loop::Signals signals(loop, {SIGTERM, SIGINT, SIGHUP});
  std::optional<Error> error;
  {
    loop::Spawned<void> starting(loop, platform.start());
    loop::Spawned<int> asked(loop, signals.next());
    loop::Event either(loop);
    const auto tell = [](loop::Event& from, loop::Event& to) -> loop::Task<void> {
      co_await from.wait();
      to.set();
    };
    loop::Spawned<void> first(loop, tell(starting.done(), either)), second(loop, tell(asked.done(), either));
    co_await either.wait();
    if (starting.is_done()) {
      try {
        starting.take();
      } catch (...) {
        error = current_error();
      }
      if (!error) co_await asked.done().wait();
    }
  }
  if (error) {
    log_error("cannot start", {{"error", error->detail}});
    std::fprintf(stderr, "berth-manager: %s\n", error->detail.c_str());
    if (!is_configuration(error->code)) co_return kExitCrashed;
  }
  if (!error) std::printf("Stopping.\n");
  co_await platform.stop();
  co_return error ? kExitConfiguration : kExitClean;
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
  const auto refuse = [](const Error& error) {
    std::fprintf(stderr, "berth-manager: %s\n", error.detail.c_str());
    return kExitConfiguration;
  };
  const auto layout = open_root(options->root, ::geteuid() == 0);
  if (!layout) return refuse(layout.error());
  const auto lock = lock_root(*layout);
  if (!lock) return refuse(lock.error());
  const auto log = LogFile::open(layout->log("manager"), "manager", kLogFileBytes, kLogFiles);
  if (!log) return refuse(log.error());
  set_log_sink([&file = **log](LogLevel level, std::string_view line) {
    const std::string text = fmt::format("manager@ {}", line);
    file.write(text);
    // Somebody may be at the console.
    if (level >= LogLevel::kWarning) std::fprintf(stderr, "%s %s\n", log_time_stamp().c_str(), text.c_str());
  });

  int code = kExitCrashed;
  {
    loop::Loop loop;
    try {
      Platform platform(loop, *options, *layout, program);
      code = loop::run_task(loop, run(loop, platform));
    } catch (...) {
      const Error error = current_error();
      std::fprintf(stderr, "berth-manager: %s\n", error.detail.c_str());
      code = is_configuration(error.code) ? kExitConfiguration : kExitCrashed;
    }
  }
  set_log_sink(nullptr);
  return code;
}

}  // namespace
}  // namespace berth::manager

int main(int argc, char** argv) {
  ::signal(SIGPIPE, SIG_IGN);
  return berth::manager::run_main({argv + 1, argv + argc});
}
