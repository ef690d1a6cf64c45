#include <signal.h>

#include <cstdio>

#include "base/log.h"
#include "berth/app_service.h"
#include "loop/process.h"
#include "sdk/service/alone.h"

namespace berth::sdk {
namespace {

loop::Task<void> end_at_signal(loop::Loop& loop, AppService& service) {
  loop::Signals signals(loop, {SIGTERM, SIGINT});
  const int signal = co_await signals.next();
  log_info("signal, ending", {{"signal", signal}});
  service.shutdown();
}

}  // namespace

int run_service(int argc, const char* const* argv, ServiceDescription description, InstanceFactory factory) {
  auto arguments = parse_service_arguments(argc, argv);
  if (!arguments) {
    std::fprintf(stderr, "%s: %s\n", argc > 0 ? argv[0] : "service", arguments.error().detail.c_str());
    return 2;
  }
  ::signal(SIGPIPE, SIG_IGN);
  try {
    loop::Loop loop;
    AppService service(loop, std::move(description), *arguments, std::move(factory));
    loop::Spawned<void> signals(loop, end_at_signal(loop, service));
    if (arguments->alone) loop::run_task(loop, run_alone(service));
    else loop::run_task(loop, service.run());
    return 0;
  } catch (...) {
    const auto error = current_error();
    std::fprintf(stderr, "%s\n", error.detail.c_str());
    log_error("ended", {{"error", error.detail}});
    return 1;
  }
}

}  // namespace berth::sdk
