#include "manager/care/night_plan.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "base/utc.h"

namespace berth::manager {
namespace {

using namespace std::chrono;

// A delay for each night that looks random and stays the same.
seconds delay_of(local_days night) {
  std::mt19937_64 random(static_cast<std::uint64_t>(night.time_since_epoch().count()));
  return seconds(static_cast<std::int64_t>(random() % (7 * 3600 + 1)));
}

struct Platform {
  NightPlan plan;
  NightsDone done;
  std::vector<sys_seconds> runs;
  std::map<local_days, int> runs_of;

  explicit Platform(const char* zone, int hour) : plan(TimeZone::parse(zone).value(), hour, delay_of) {}
  // Somebody looks: a run that is due is begun.
  void look(sys_seconds now) {
    const auto run = plan.next(now, done);
    EXPECT_GE(run.moment, now);
    if (run.moment > now) return;
    runs.push_back(now);
    ++runs_of[run.night];
    done.nights.insert(run.night);
    done.last_started = now;
  }
};

const char* const kZones[] = {"CET-1CEST,M3.5.0,M10.5.0/3", "NZST-12NZDT,M9.5.0,M4.1.0/3",
                              "<-02>2<-01>,M3.5.0/-1,M10.5.0/0", ""};

TEST(NightPlan, EveryNightHasOneRunAlsoWhenClocksChange) {
  for (const auto* zone : kZones)
    for (const int hour : {0, 2, 3, 22}) {
      Platform platform(zone, hour);
      const auto begin = *parse_utc("2026-01-01T12:00:00Z");
      for (auto now = begin; now < begin + days(400); now += minutes(15)) platform.look(now);
      EXPECT_GE(platform.runs.size(), 399u) << zone << " " << hour;
      for (std::size_t i = 1; i < platform.runs.size(); ++i) {
        const auto apart = platform.runs[i] - platform.runs[i - 1];
        ASSERT_GE(apart, NightPlan::kApart);
        ASSERT_LE(apart, hours(24 + 8 + 1));
      }
      const auto rules = TimeZone::parse(zone).value();
      for (const auto run : platform.runs) {
        const auto of_day = rules.to_local(run) - floor<days>(rules.to_local(run));
        const auto after = (of_day - hours(hour) + hours(24)) % hours(24);
        ASSERT_LE(after, hours(8))
            << "at most seven hours (and one that clocks were put back) after the hour";
      }
    }
}

TEST(NightPlan, AClockThatJumpsGivesNoNightASecondRun) {
  std::mt19937 random(7);
  for (int round = 0; round < 20; ++round) {
    Platform platform(kZones[0], 22);
    auto now = *parse_utc("2026-03-20T12:00:00Z");
    for (int i = 0; i < 4000; ++i) {
      now += minutes(10);
      if (random() % 200 == 0) now += hours(static_cast<int>(random() % 200) - 100);
      platform.look(now);
    }
    for (const auto& [night, count] : platform.runs_of) EXPECT_EQ(count, 1) << format_day(night);
    EXPECT_GT(platform.runs.size(), 5u);
  }
}

TEST(NightPlan, AClockThatWasYearsAheadBlocksNothing) {
  Platform platform("", 1);
  platform.look(*parse_utc("2036-01-01T09:00:00Z"));
  EXPECT_EQ(platform.runs.size(), 1u);
  const auto run = platform.plan.next(*parse_utc("2026-01-01T12:00:00Z"), platform.done);
  EXPECT_EQ(format_day(run.night), "2026-01-02");
}

TEST(NightPlan, ANightThatWasSleptThroughIsLeftOut) {
  NightPlan plan(TimeZone(), 22, [](local_days) { return hours(7); });
  const auto at = [&](const char* now) { return plan.next(*parse_utc(now), {}); };
  EXPECT_EQ(at("2026-11-22T04:00:00Z").moment, *parse_utc("2026-11-22T05:00:00Z"));
  EXPECT_EQ(at("2026-11-22T05:30:00Z").moment, *parse_utc("2026-11-22T05:30:00Z")) << "just missed: now";
  EXPECT_EQ(at("2026-11-22T06:30:00Z").moment, *parse_utc("2026-11-23T05:00:00Z")) << "people come to work";
}

TEST(NightPlan, AnotherHourOnTheSameDayIsNoSecondNight) {
  NightsDone done;
  const auto now = *parse_utc("2026-11-22T03:00:00Z");
  done.last_started = now - hours(1);
  NightPlan later(TimeZone(), 3, [](local_days) { return seconds(0); });
  EXPECT_EQ(later.next(now, done).moment, *parse_utc("2026-11-23T03:00:00Z"));
}

}  // namespace
}  // namespace berth::manager
