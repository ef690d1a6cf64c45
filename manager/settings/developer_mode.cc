#include "manager/settings/developer_mode.h"

#include <algorithm>

#include "base/log.h"
#include "base/utc.h"

namespace berth::manager {
namespace {

// The clock may be set meanwhile.
constexpr std::chrono::minutes kLookAgain{10};
constexpr const char* kEnds = "developerModeEnds";

}  // namespace

Result<void> check_moment(std::string_view text) {
  if (!parse_utc(text))
    return fail(Errc::kMalformed, "\"{}\": a moment like 2026-11-23T08:00:00Z is expected, or nothing", text);
  return {};
}

DeveloperMode::DeveloperMode(loop::Loop& loop, Settings& settings)
    : settings_(settings), timer_(loop), tasks_(loop, "developer mode") {}

void DeveloperMode::begin() { tasks_.spawn(look()); }

void DeveloperMode::changed(const std::vector<std::string>& names) {
  const auto has = [&](std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
  };
  if (has("developerMode")) tasks_.spawn(set_end());
  else if (has(kEnds)) tasks_.spawn(look());
}

void DeveloperMode::stop() {
  timer_.cancel();
  tasks_.cancel_all();
}

Task<void> DeveloperMode::set_end() {
  const auto hours = settings_.number("developerHours");
  std::string end;
  if (settings_.flag("developerMode") && hours > 0)
    end = format_utc(std::chrono::system_clock::now() + std::chrono::hours(hours));
  or_throw(co_await settings_.set(kEnds, std::move(end)));
  co_await look();
}

Task<void> DeveloperMode::look() {
  timer_.cancel();
  if (!settings_.flag("developerMode")) co_return;
  const auto end = parse_utc(settings_.text(kEnds));
  if (!end) co_return;
  const auto left = *end - std::chrono::system_clock::now();
  if (left.count() <= 0) {
    log_info("developer mode is over");
    or_throw(co_await settings_.set("developerMode", "false"));
    co_return;
  }
  timer_.start(std::min<loop::Duration>(std::chrono::duration_cast<loop::Duration>(left), kLookAgain),
               [this] { tasks_.spawn(look()); });
}

}  // namespace berth::manager
