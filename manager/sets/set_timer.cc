#include "manager/sets/set_timer.h"

#include "base/log.h"
#include "base/utc.h"
#include "manager/platform/clock.h"

namespace berth::manager {
namespace {

using namespace std::chrono;

constexpr auto kLongestSleep = hours(1);
constexpr auto kShortestSleep = seconds(1);
constexpr std::string_view kDrillDueRow = "drillDue";

// When it is next due. Later than it can be means that the clock was set back, or the schedule changed.
std::optional<sys_seconds> due_of(const std::string& stored, const Schedule& schedule, sys_seconds now,
                                  const TimeZone& zone) {
  const auto next = schedule.next_after(now, zone);
  const auto due = parse_utc(stored);
  if (!next) return std::nullopt;
  return due ? std::min(*due, *next) : next;
}

std::string to_text(std::optional<sys_seconds> at) { return at ? format_utc(*at) : ""; }

}  // namespace

void SetTimer::start() {
  is_on_ = true;
  changed();
}

void SetTimer::stop() {
  is_on_ = false;
  timer_.cancel();
  tasks_.cancel_all();
}

void SetTimer::changed() {
  if (is_on_) timer_.start(kShortestSleep, [this] { tasks_.spawn(turn()); });
}

Task<void> SetTimer::turn() {
  const auto now = floor<seconds>(system_clock::now());
  auto next = now + kLongestSleep;
  try {
    next = co_await run_due(now);
  } catch (const Failure& failure) {
    log_warning("backup schedule", {{"error", failure.error().detail}});
    next = now + minutes(1);  // the database is away
  }
  const auto pause =
      std::clamp<seconds>(next - floor<seconds>(system_clock::now()), kShortestSleep, kLongestSleep);
  timer_.start(pause, [this] { tasks_.spawn(turn()); });
}

Task<sys_seconds> SetTimer::run_due(sys_seconds now) {
  sys_seconds earliest = now + kLongestSleep;
  const auto zone = sets_.zone();
  const auto policies = co_await sets_.store().policies();
  for (const auto& policy : policies) {
    const auto schedule = Schedule::parse(policy.schedule);
    if (!policy.enabled || !schedule) continue;
    auto due = due_of(policy.due, *schedule, now, zone);
    if (due && *due <= now) {
      const auto job = co_await sets_.run_policy(policy.name, "schedule");
      if (!job)
        log_warning("a backup that is due does not start",
                    {{"policy", policy.name}, {"error", job.error().detail}});
      due = schedule->next_after(now, zone);
    }
    const std::string text = to_text(due);
    if (text != policy.due) co_await sets_.store().set_due(policy.name, text);
    if (due) earliest = std::min(earliest, *due);
  }
  co_await run_due_drill(now, earliest);
  co_return earliest;
}

Task<void> SetTimer::run_due_drill(sys_seconds now, sys_seconds& next) {
  auto& settings = sets_.parts().settings;
  const auto schedule = Schedule::parse(settings.text("drillSchedule"));
  if (!schedule) co_return;
  const auto stored = (co_await settings.secret(kDrillDueRow)).value_or("");
  auto due = due_of(stored, *schedule, now, sets_.zone());
  if (due && *due <= now) {
    const auto job = co_await restore_.drill("", "", "schedule");
    if (!job) log_warning("a restore drill that is due does not start", {{"error", job.error().detail}});
    due = schedule->next_after(now, sets_.zone());
  }
  const std::string text = to_text(due);
  if (text != stored) co_await settings.set_secret(kDrillDueRow, text);
  if (due) next = std::min(next, *due);
}

}  // namespace berth::manager
