// The manager dies, or the power goes, at every step of a move of data to another server.
#include "manager/testing/crash_walk.h"
#include "manager/testing/external_fixture.h"

namespace berth::manager {
namespace {

using ExternalWalk = ExternalTest;

TEST_F(ExternalWalk, AMoveOfDataEndsInTheNewState) {
  created();
  put_data();
  CrashWalk walk;
  for (const auto& point : points_of(5)) {
    const auto place = make(fmt::format("cut_{}", walk.points()));
    api::Job ended;
    EXPECT_TRUE(die_at(point.name, [&] { return use(place, true); }, ended, point.death));
    walk.passed(
        point.name, [&] { EXPECT_EQ(ask(there(place), "SELECT count(*)::text FROM note"), "1000"); },
        [&] {
          EXPECT_EQ(ended.state, api::JobState::kDone) << ended.error.value_or("");
          EXPECT_TRUE(comes_to_run());
        });
    done(use(std::nullopt, false));
    EXPECT_EQ(ask(local(), "SELECT count(*)::text FROM note"), "1000");
  }
}

}  // namespace
}  // namespace berth::manager
