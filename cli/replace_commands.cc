// berth platform replace
#include "api/replace.h"
#include "api/status.h"
#include "cli/human.h"
#include "cli/invocation.h"
#include "loop/sync.h"

namespace berth::cli {
namespace {

constexpr std::chrono::seconds kLimit{120};
constexpr std::chrono::milliseconds kPause{100};

// The manager ends our conversation when it hands over: what comes before that is of no interest.
loop::Task<void> wait_for_end(Session& session) {
  for (;;) {
    try {
      co_await session.indication();
    } catch (const Failure& failure) {
      if (failure.error().code != Errc::kUnavailable) throw;
      co_return;
    }
  }
}

// Whoever connects while nobody serves waits in the socket's queue; from afar nobody may be there for a moment.
loop::Task<api::Status> next_status(Invocation& invocation) {
  for (;;) {
    invocation.drop_session();
    try {
      auto status = (co_await invocation.ask(api::GetStatus{})).status;
      if (status.state != api::PlatformState::kStopping && status.state != api::PlatformState::kStarting)
        co_return status;
    } catch (const Failure& failure) {
      if (failure.error().code != Errc::kUnavailable) throw;
    }
    co_await loop::sleep_for(invocation.loop(), kPause);
  }
}

loop::Task<api::Status> replace_manager(Invocation& invocation) {
  const auto successor = co_await invocation.ask(api::ReplaceManager{});
  invocation.output().progress(
      fmt::format("Berth {} (build {}) takes over …", successor.version, successor.build));
  auto* session = co_await invocation.session();
  co_await wait_for_end(*session);
  auto status = co_await next_status(invocation);
  if (status.build != successor.build)
    throw_failure(Errc::kFailed, "build {} goes on: build {} could not take over; see berth log manager",
                  status.build, successor.build);
  co_return status;
}

loop::Task<int> replace(Invocation& invocation) {
  const std::string what =
      invocation.arguments().has("WHAT") ? invocation.arguments().text("WHAT") : "manager";
  if (what != "manager" && what != "webserver" && what != "all")
    throw_usage("\"{}\" cannot be replaced: manager, webserver or all is expected", what);
  const bool manager = what != "webserver", webserver = what != "manager";
  std::vector<std::string> plan;
  if (manager)
    plan.emplace_back("the manager becomes the program that is now at its path; nothing else is stopped");
  if (webserver)
    plan.emplace_back(
        "a new webserver takes all new connections, the old one serves those it has until they end");
  if (invocation.is_rehearsal(plan)) co_return 0;
  auto& output = invocation.output();
  api::JsonObject told;
  if (manager) {
    auto replacing = replace_manager(invocation);
    const std::chrono::seconds limit(invocation.arguments().number("--timeout", kLimit.count()));
    const auto status =
        co_await loop::with_timeout(invocation.loop(), limit, std::move(replacing), "replacing the manager");
    if (output.is_json())
      told["manager"] = api::JsonObject{{"version", status.version}, {"build", status.build}};
    else output.note(fmt::format("the manager is Berth {} (build {}) now", status.version, status.build));
  }
  if (webserver) {
    const auto result = co_await invocation.ask(api::ReplaceWebserver{});
    if (output.is_json()) told["webserver"] = api::to_json(result);
    else if (result.websockets == 0)
      output.note(fmt::format("the webserver is version {} now", result.version));
    else
      output.note(fmt::format(
          "the webserver is version {} now; the old one serves {} until they end, {} at most", result.version,
          format_count(result.websockets, "WebSocket"), format_duration(std::chrono::seconds(result.limit))));
  }
  if (output.is_json()) output.print_json(told);
  co_return 0;
}

}  // namespace

std::vector<Command> replace_commands() {
  return {{"platform",
           "replace",
           "Go over to a newer build of manager or webserver without stopping anything or losing a WebSocket",
           Effect::kChanges,
           {optional_positional("WHAT", "manager (default), webserver, or all: one after the other"),
            number_option("--timeout", "SECONDS", "For the manager (default 120)")},
           "platform replace all",
           replace}};
}

}  // namespace berth::cli
