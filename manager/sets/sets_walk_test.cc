// The manager dies, or the power goes, at every step of the jobs on backup sets.
#include "manager/testing/bad_target.h"
#include "manager/testing/crash_walk.h"
#include "manager/testing/sets_fixture.h"

namespace berth::manager {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class SetsWalk : public SetsTest {
 protected:
  void prepare(Rig& rig) override {
    SetsTest::prepare(rig);
    const auto good = rig.sets.open;
    rig.sets.open = [this, good](const TargetRow& row) -> std::unique_ptr<Target> {
      if (!is_bad_) return good(row);
      return std::make_unique<BadTarget>(good(row), faults_);
    };
  }
  void expect_good_newest_set() {
    const auto set = newest();
    EXPECT_EQ(set.state, SetState::kGood);
    EXPECT_FALSE(set.verified.empty());
    EXPECT_EQ(run(rig_->sets.store().items(set.id)).size(), 2u);
    TextSink memory;
    run(rig_->sets.get(set.id, "team", "example.com", memory));
  }
  void expect_nothing_beside() {
    EXPECT_EQ(uploads(), 0u);
    EXPECT_EQ(databases_like("%restore%"), 0u);
  }

  BadTarget::Faults faults_;
  bool is_bad_ = false;
};

TEST_F(SetsWalk, ABackupLeavesAGoodSet) {
  CrashWalk walk;
  for (const auto& point : points_of(6)) {
    api::Job ended;
    EXPECT_TRUE(
        die_at(point.name, [&] { return run(rig_->sets.run_policy("daily", "test")); }, ended, point.death));
    walk.passed(
        point.name, [&] { expect_good_newest_set(); },
        [&] { EXPECT_EQ(ended.state, api::JobState::kDone) << ended.error.value_or(""); });
  }
}

TEST_F(SetsWalk, ABackupThatIsBrokenOffInTheMiddleOfItsStepsLeavesAGoodSet) {
  run(open()->query(
      "CREATE TABLE many AS SELECT n, repeat('x', 200) AS text FROM generate_series(1, 20000) n"));
  CrashWalk walk;
  for (int turns = 1;; turns += 1 + turns / 4) {
    api::Job ended;
    const bool died = die_after(
        turns, [&] { return run(rig_->sets.run_policy("daily", "test")); }, ended,
        walk.points() % 3 == 2 ? Death::kPower : Death::kManager);
    if (!died) break;
    walk.passed(
        fmt::format("turn {}", turns), [&] { expect_good_newest_set(); },
        [&] { EXPECT_EQ(ended.state, api::JobState::kDone) << ended.error.value_or(""); });
  }
  EXPECT_GE(walk.points(), 8);
}

TEST_F(SetsWalk, AFailedBackupEndsAsSuchAndTheSetBeforeItStaysGood) {
  backed_up();
  const auto good = newest().id;
  CrashWalk walk;
  for (const auto& point : points_of(2, "undo ")) {
    // The target is full in the middle of the second step, for every manager that comes.
    faults_.stores_until_full = 0;
    is_bad_ = true;
    start();
    api::Job ended;
    EXPECT_TRUE(
        die_at(point.name, [&] { return run(rig_->sets.run_policy("daily", "test")); }, ended, point.death));
    is_bad_ = false;
    start();
    walk.passed(
        point.name,
        [&] {
          TextSink memory;
          run(rig_->sets.get(good, "team", "example.com", memory));
          EXPECT_EQ(run(rig_->sets.store().set(good)).state, SetState::kGood);
        },
        [&] {
          EXPECT_EQ(ended.state, api::JobState::kFailed);
          EXPECT_THAT(ended.error.value_or(""), HasSubstr("full"));
          EXPECT_EQ(newest().state, SetState::kFailed);
        });
  }
}

TEST_F(SetsWalk, ARestoreOutOfASetComesToItsEnd) {
  backed_up();
  const auto set = newest().id;
  CrashWalk walk;
  for (const auto& point : points_of(3)) {
    put_value("team", "example.com", "later");
    api::Job ended;
    EXPECT_TRUE(die_at(
        point.name,
        [&] { return run(rig_->set_restore.restore(set, "team", "example.com", "", "", "test")); }, ended,
        point.death));
    walk.passed(
        point.name, [&] { EXPECT_EQ(value("team", "example.com"), "first of team"); },
        [&] {
          EXPECT_EQ(ended.state, api::JobState::kDone) << ended.error.value_or("");
          expect_nothing_beside();
        });
  }
}

TEST_F(SetsWalk, ADrillLeavesNothingBehind) {
  backed_up();
  put_value("team", "example.com", "later");
  CrashWalk walk;
  for (const auto& point : points_of(1)) {
    api::Job ended;
    EXPECT_TRUE(
        die_at(point.name, [&] { return run(rig_->set_restore.drill("", "", "test")); }, ended, point.death));
    walk.passed(
        point.name, [&] { EXPECT_EQ(value("team", "example.com"), "later"); },
        [&] {
          EXPECT_EQ(ended.state, api::JobState::kDone) << ended.error.value_or("");
          expect_nothing_beside();
        });
  }
}

TEST_F(SetsWalk, ThinningOutLeavesWhatIsToStay) {
  auto policy = run(rig_->sets.store().policy("daily"));
  CrashWalk walk;
  for (const auto& point : points_of(1)) {
    policy.keep = {.last = 9};
    run(rig_->sets.put_policy(policy));
    backed_up();
    backed_up();
    const auto last = newest().id;
    policy.keep = {.last = 1};
    run(rig_->sets.put_policy(policy));
    api::Job ended;
    EXPECT_TRUE(
        die_at(point.name, [&] { return run(rig_->sets.prune("daily", "test")); }, ended, point.death));
    walk.passed(
        point.name, [&] { expect_good_newest_set(); },
        [&] {
          EXPECT_EQ(ended.state, api::JobState::kDone) << ended.error.value_or("");
          const auto sets = run(rig_->sets.store().sets("", 10));
          ASSERT_EQ(sets.size(), 1u);
          EXPECT_EQ(sets[0].id, last);
          EXPECT_EQ(run(target()->list("", "")).size(), 3u);
        });
  }
}

// The old platform's sets, and a fresh root to bring it back on.
struct FreshPlatform {
  explicit FreshPlatform(loop::Loop& loop) : world(loop) {}
  ~FreshPlatform() {
    if (rig) rig->stop_services();
    rig.reset();
  }
  // A manager; hangs at `point` of the job that brings the platform back.
  void start(loop::Event& dead, loop::Event& never, std::string point) {
    rig = std::make_unique<Rig>(world);
    rig->platform_restore.taken_over = [rig = rig.get()]() -> Task<void> { co_await rig->settings.load(); };
    rig->jobs.at_point = [&dead, &never, point](const JobEntry& entry, std::string at) -> Task<void> {
      if (at != point || entry.kind != api::JobKind::kPlatform) co_return;
      dead.set();
      co_await never.wait();
    };
    rig->start();
    rig->run(rig->sets.make_defaults());
  }
  RigWorld world;
  std::unique_ptr<Rig> rig;
};

TEST_F(SetsWalk, AWholePlatformComesBackOnAFreshRoot) {
  create("other", "example.org");
  create("apart", "example.com");
  run(rig_->instances.edit({.name = "apart", .domain = "example.com", .exclude_from_backup = true}));
  ASSERT_TRUE(run(rig_->settings.set("dnsName", "apps.example.com")));
  run(rig_->settings.set_secret(kAdminPasswordRow, "the password of then"));
  run(rig_->instances.set_limits("team", "example.com", {.messages = 200}, ""));
  run(rig_->database.query("INSERT INTO domain_limit VALUES ('example.com', '{\"requests\":9}')"));
  use_restic();
  const auto password = rig_->instances.get("team", "example.com")->password;
  backed_up();
  const auto old_target = run(rig_->sets.store().target("local"));

  FreshPlatform fresh(loop_);
  loop::Event never(loop_);
  TargetRow place;
  place.name = "restored";
  place.kind = "directory";
  place.place = old_target.place;
  place.secrets = old_target.secrets;
  std::string job;
  CrashWalk walk;
  // One job dies at each of its points, one after the other.
  for (const auto& point : points_of(6)) {
    loop::Event dead(loop_);
    fresh.start(dead, never, point.name);
    if (job.empty()) {
      auto& restore = fresh.rig->platform_restore;
      auto wrong = place;
      wrong.secrets["repositoryKey"] = "another";
      EXPECT_EQ(failure(restore.plan(wrong, "")).code, Errc::kDenied);
      EXPECT_EQ(failure(restore.plan(place, "none")).code, Errc::kNotFound);
      const auto plan = run(restore.plan(place, ""));
      EXPECT_TRUE(plan.obstacles.empty());
      EXPECT_EQ(plan.manifest.items.size(), 3u);
      EXPECT_THAT(plan.remarks, testing::Contains(HasSubstr("apps.example.com")));
      const auto started = run(restore.restore(place, "", "test"));
      ASSERT_TRUE(started) << started.error().detail;
      job = started->id;
    }
    ASSERT_TRUE(loop_.run_until([&] { return dead.is_set() || fresh.rig->jobs.running() == 0; }, 120s));
    walk.passed(point.name, [] {}, [&] { EXPECT_TRUE(dead.is_set()) << "not on its way"; });
    fresh.rig.reset();
    if (point.death == Death::kPower) {
      fresh.world.cluster.kill_now();
      fresh.world.cluster.start();
    }
  }
  loop::Event dead(loop_);
  fresh.start(dead, never, "none");
  const auto ended = run(fresh.rig->jobs.wait(job)).value();
  ASSERT_EQ(ended.state, api::JobState::kDone) << ended.error.value_or("");

  auto& rig = *fresh.rig;
  EXPECT_EQ(rig.settings.text("dnsName"), "apps.example.com");
  EXPECT_EQ(run(rig.settings.secret(kAdminPasswordRow)), "the password of then");
  ASSERT_TRUE(rig.services.find("notes"));
  EXPECT_EQ(rig.services.find("notes")->row().build, "1a");
  const auto team = rig.instances.get("team", "example.com").value();
  EXPECT_EQ(team.password, password);
  EXPECT_EQ(team.path, "/example.com/team");
  EXPECT_EQ(team.limits.messages, 200u);
  EXPECT_EQ(run(rig.database.query("SELECT limits FROM domain_limit WHERE domain = 'example.com'"))
                .front()
                .get<std::string>(std::size_t{0}),
            R"({"requests":9})");
  db::Database data(loop_,
                    fresh.world.cluster.options(team.database, team.database_user, team.database_password));
  EXPECT_EQ(run(data.query("SELECT value FROM \"odd 'Näme'\"")).front().get<std::string>(std::size_t{0}),
            "first of team");
  EXPECT_TRUE(rig.instances.get("other", "example.org"));
  EXPECT_FALSE(rig.instances.get("apart", "example.com")) << "it was in no backup";
  EXPECT_EQ(ended.result->at("excluded").as_array().size(), 1u) << "and that is told";
  EXPECT_EQ(run(rig.sets.store().policies()).size(), 1u);
  EXPECT_EQ(
      run(rig.admin_database.query("SELECT 1 FROM pg_database WHERE datname LIKE 'berth_platform%'")).size(),
      0u);
  EXPECT_EQ(
      run(rig.admin_database.query("SELECT 1 FROM pg_roles WHERE rolname LIKE 'berth_platform%'")).size(),
      0u);
  // Once more does not go: there are instances now.
  const auto again = run(rig.platform_restore.restore(place, "", "test"));
  ASSERT_FALSE(again);
  EXPECT_THAT(again.error().detail, HasSubstr("has 2 instances already"));
}

}  // namespace
}  // namespace berth::manager
