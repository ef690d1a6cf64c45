// berth-webserver: owns the ports, TLS and every client connection. See docs/webserver.md.
#include <grp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <thread>

#include "base/log.h"
#include "loop/process.h"
#include "webserver/daemon.h"
#include "webserver/inherited.h"
#include "webserver/ports.h"

namespace {

using namespace berth;
using namespace berth::webserver;

constexpr int kPortTaken = 98;  // EADDRINUSE: the manager tells the admin instead of trying again

Result<Daemon::Bound> bind_all(const Options& options) {
  Daemon::Bound bound;
  bound.reactors.resize(options.reactors);
  std::optional<BoundPort> http, https;
  if (options.http) {
    BERTH_TRY(http, bind_port(options.bind, *options.http, options.reactors, "--http"));
    bound.http = http->port;
  }
  if (options.https) {
    BERTH_TRY(https, bind_port(options.bind, *options.https, options.reactors, "--https"));
    bound.https = https->port;
  }
  for (unsigned i = 0; i < options.reactors; ++i) {
    auto& setup = bound.reactors[i];
    setup.number = static_cast<int>(i);
    setup.https_port = bound.https;
    if (http) setup.http = std::move(http->sockets[i]);
    if (https) setup.https = std::move(https->sockets[i]);
    BERTH_TRY(auto socket, bind_link_socket(options.link_path(i)));
    bound.link_sockets.push_back(std::move(socket));
  }
  return bound;
}

Result<void> become(uid_t uid, gid_t gid) {
  if (::setgroups(0, nullptr) != 0 && errno != EPERM) return fail_errno(errno, "setgroups");
  if (::setresgid(gid, gid, gid) != 0) return fail_errno(errno, "become group");
  if (::setresuid(uid, uid, uid) != 0) return fail_errno(errno, "become user");
  return {};
}

void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

// Ends with a signal, or when it is drained.
loop::Task<void> run_until_signal(loop::Loop& loop, Daemon& daemon) {
  loop::Signals signals(loop, {SIGTERM, SIGINT});
  loop::Spawned<void> work(loop, daemon.run());
  const auto end_at_signal = [&]() -> loop::Task<void> {
    co_await signals.next();
    daemon.drained().set();
  };
  loop::Spawned<void> signal(loop, end_at_signal());
  co_await daemon.drained().wait();
}

int run(const Options& options) {
  raise_descriptor_limit();
  auto bound = options.listeners ? take_listeners(*options.listeners) : bind_all(options);
  if (!bound) {
    log_error(bound.error().detail);
    return bound.error().code == Errc::kExists ? kPortTaken : 1;
  }
  if (options.uid) {
    if (const auto result = become(*options.uid, *options.gid); !result) {
      log_error(result.error().detail);
      return 1;
    }
  }
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  log_info(bound->follows ? "follows another" : "listening",
           {{"http", bound->http}, {"https", bound->https}, {"reactors", bound->reactors.size()}});
  loop::Loop loop;
  Daemon daemon(loop, options, std::move(*bound));
  loop::run_task(loop, run_until_signal(loop, daemon));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  ::signal(SIGPIPE, SIG_IGN);
  // Blocked before there are threads, so that all of them leave signals to the main one.
  sigset_t signals;
  ::sigemptyset(&signals);
  ::sigaddset(&signals, SIGTERM);
  ::sigaddset(&signals, SIGINT);
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  const auto options = parse_options({argv + 1, argv + argc}, std::thread::hardware_concurrency());
  if (!options) {
    std::fprintf(stderr, "berth-webserver: %s\n%s", options.error().detail.c_str(),
                 std::string(usage()).c_str());
    return 2;
  }
  if (options->help) {
    std::fputs(std::string(usage()).c_str(), stdout);
    return 0;
  }
  if (options->version) {
    std::printf("berth-webserver %s\n", std::string(version()).c_str());
    return 0;
  }
  return run(*options);
}
