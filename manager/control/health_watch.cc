#include "manager/control/health_watch.h"

#include <fmt/format.h>

namespace berth::manager {
namespace {

// Off: how soon a change of the setting is noticed.
constexpr std::chrono::seconds kOffPause{60};
// Two questions within the limit: when it was this machine that stood still (suspended, a debugger on the manager), the first
// answer may lie unread beside the timer that ran out.
constexpr int kQuestions = 2;

Task<bool> answers(ControlPeer& peer, loop::Duration limit) {
  try {
    json::Object ping{{"mt", "Ping"}};
    co_await peer.ask(std::move(ping), limit);
  } catch (const Failure& failure) {
    if (failure.error().code == Errc::kTimeout) co_return false;
    if (failure.error().code == Errc::kUnavailable) throw;
    // An error is an answer: its loop turns.
  }
  co_return true;
}

}  // namespace

Task<void> watch_health(loop::Loop& loop, ControlPeer& peer, std::function<HealthLimits()> limits,
                        std::function<void(std::string why)> hangs) {
  for (;;) {
    const HealthLimits now = limits();
    const bool is_on = now.every.count() > 0;
    co_await loop::sleep_for(loop, is_on ? now.every : kOffPause);
    if (!is_on || !peer.is_open()) continue;
    int missed = 0;
    try {
      while (missed < kQuestions) {
        const bool answered = co_await answers(peer, loop::Duration(now.limit) / kQuestions);
        if (answered) break;
        ++missed;
      }
    } catch (const Failure&) {
      co_return;  // the connection ended, which others see, too
    }
    if (missed < kQuestions) continue;
    hangs(fmt::format("did not answer for {} s", now.limit.count()));
    co_return;
  }
}

}  // namespace berth::manager
