#include "manager/settings/timed_mode.h"

#include <algorithm>

#include "base/log.h"
#include "base/utc.h"

namespace berth::manager {
namespace {

// The clock may be set meanwhile.
constexpr std::chrono::minutes kLookAgain{10}, kTryAgain{1};

}  // namespace

Result<void> check_moment(std::string_view text) {
  if (!parse_utc(text))
    return fail(Errc::kMalformed, "\"{}\": a moment like 2026-11-23T08:00:00Z is expected, or nothing", text);
  return {};
}

TimedMode::TimedMode(loop::Loop& loop, Settings& settings, TimedModeNames names)
    : settings_(settings), names_(names), timer_(loop), tasks_(loop, std::string(names.flag)) {}

void TimedMode::begin() { tasks_.spawn(look()); }

void TimedMode::changed(const std::vector<std::string>& names) {
  const auto has = [&](std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  if (has(names_.flag)) tasks_.spawn(set_end());
  else if (has(names_.ends)) tasks_.spawn(look());
}

void TimedMode::stop() {
  timer_.cancel();
  tasks_.cancel_all();
}

Task<void> TimedMode::set_end() {
  const auto hours = settings_.number(names_.hours);
  std::string end;
  if (settings_.flag(names_.flag) && hours > 0)
    end = format_utc(std::chrono::system_clock::now() + std::chrono::hours(hours));
  or_throw(co_await settings_.set(std::string(names_.ends), std::move(end)));
  co_await look();
}

Task<void> TimedMode::look() {
  timer_.cancel();
  if (!settings_.flag(names_.flag)) co_return;
  // First of all: what fails below is tried again.
  timer_.start(kTryAgain, [this] { tasks_.spawn(look()); });
  const auto hours = settings_.number(names_.hours);
  if (settings_.text(names_.ends).empty() && hours > 0)  // a manager that died in between has left it open
    or_throw(co_await settings_.set(
        std::string(names_.ends), format_utc(std::chrono::system_clock::now() + std::chrono::hours(hours))));
  const auto end = parse_utc(settings_.text(names_.ends));
  if (!end) co_return timer_.cancel();
  const auto left = *end - std::chrono::system_clock::now();
  if (left.count() <= 0) {
    log_info("switched off, its time is over", {{"setting", names_.flag}});
    or_throw(co_await settings_.set(std::string(names_.flag), "false"));
    co_return;
  }
  timer_.start(std::min<loop::Duration>(std::chrono::duration_cast<loop::Duration>(left), kLookAgain),
               [this] { tasks_.spawn(look()); });
}

}  // namespace berth::manager
