// Backup sets on a real PostgreSQL with a real service and real restic repositories, and the death of the manager at
// every step of their jobs.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>

#include "base/file.h"
#include "base/utc.h"
#include "manager/platform/clock.h"
#include "manager/sets/set_restore.h"
#include "manager/sets/set_timer.h"
#include "manager/testing/bad_target.h"
#include "manager/testing/folder_target.h"
#include "manager/testing/rig.h"

namespace berth::manager {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

class SetsTest : public testing::Test {
 protected:
  SetsTest() {
    ::signal(SIGPIPE, SIG_IGN);
    set_log_sink([](LogLevel, std::string_view) {});
    world_ = std::make_unique<RigWorld>(loop_);
    world_->publish("notes", "1a");
    rig_ = make_rig();
    BERTH_CHECK(rig_->finish(run(rig_->service_jobs.install("notes", "", "test"))).state ==
                api::JobState::kDone);
    create("team", "example.com");
    run(rig_->sets.make_defaults());
  }
  ~SetsTest() override {
    if (rig_) rig_->stop_services();
    rig_.reset();
    world_.reset();
    set_log_sink(nullptr);
  }
  std::unique_ptr<Rig> make_rig() {
    auto rig = std::make_unique<Rig>(*world_);
    restic_ = rig->sets.open;
    rig->sets.open = [this](const TargetRow&) { return std::make_unique<FolderTarget>(loop_, far()); };
    rig->start();
    return rig;
  }
  template <class T>
  T run(Task<T> task) {
    return loop::run_task(loop_, std::move(task));
  }
  template <class T>
  Error failure(Task<T> task) {
    try {
      (void)run(std::move(task));
    } catch (const Failure& failure) {
      return failure.error();
    }
    return Error{Errc::kCancelled, "it went well"};
  }
  void create(const std::string& name, const std::string& domain) {
    NewInstance wanted;
    wanted.service = "notes";
    wanted.name = name;
    wanted.domain = domain;
    const auto made = run(rig_->instance_jobs.create(std::move(wanted), "test"));
    ASSERT_TRUE(made) << made.error().detail;
    ASSERT_EQ(run(rig_->jobs.wait(made->job.id))->state, api::JobState::kDone);
    put_value(name, domain, "first of " + name);
  }
  std::unique_ptr<db::Database> open(const std::string& name, const std::string& domain) {
    const auto row = rig_->instances.get(name, domain).value();
    return std::make_unique<db::Database>(
        loop_, world_->cluster.options(row.database, row.database_user, row.database_password));
  }
  void put_value(const std::string& name, const std::string& domain, const std::string& value) {
    const auto database = open(name, domain);
    run(database->run_script(
        "CREATE TABLE IF NOT EXISTS \"odd 'Näme'\" (value text); TRUNCATE \"odd 'Näme'\";"));
    run(database->query("INSERT INTO \"odd 'Näme'\" VALUES ($1)", value));
  }
  std::string value(const std::string& name, const std::string& domain) {
    return run(open(name, domain)->query("SELECT value FROM \"odd 'Näme'\""))
        .front()
        .get<std::string>(std::size_t{0});
  }
  api::Job backed_up() {
    const auto job = rig_->finish(run(rig_->sets.run_policy("daily", "test")));
    EXPECT_EQ(job.state, api::JobState::kDone) << job.error.value_or("");
    return job;
  }
  SetRow newest() { return run(rig_->sets.store().sets("", 1)).at(0); }
  std::size_t databases_like(const std::string& pattern) {
    return run(rig_->admin_database.query("SELECT datname FROM pg_database WHERE datname LIKE $1", pattern))
        .size();
  }
  std::size_t uploads() {
    std::size_t count = 0;
    for (const auto& entry : std::filesystem::directory_iterator(world_->layout.backup()))
      if (entry.path().filename().string().starts_with("upload-")) ++count;
    return count;
  }
  std::unique_ptr<Target> target() { return rig_->sets.open(run(rig_->sets.store().target("local"))); }

  std::string far() const { return world_->folder + "/far"; }
  // From now on with real repositories.
  void use_restic() { rig_->sets.open = restic_; }

  // As in instance_jobs_test.cc.
  bool die_at(const std::string& point, const std::function<Result<api::Job>()>& start, api::Job& ended) {
    loop::Event dead(loop_), never(loop_);
    rig_->jobs.at_point = [&](const JobEntry& entry, std::string at) -> Task<void> {
      if (at != point || entry.kind == api::JobKind::kRestore) co_return;
      dead.set();
      co_await never.wait();
    };
    const auto job = start();
    EXPECT_TRUE(job) << job.error().detail;
    if (!job) return false;
    EXPECT_TRUE(loop_.run_until([&] { return dead.is_set() || rig_->jobs.running() == 0; }, 120s));
    const bool died = dead.is_set();
    rig_.reset();
    rig_ = make_rig();
    ended = run(rig_->jobs.wait(job->id)).value();
    return died;
  }

  loop::Loop loop_;
  std::unique_ptr<RigWorld> world_;
  std::unique_ptr<Rig> rig_;
  OpenTarget restic_;
};

TEST_F(SetsTest, TheDefaultPolicyBacksUpEverythingAndProvesIt) {
  use_restic();
  create("Grüße_x", "example.com");
  const auto job = backed_up();
  const auto set = newest();
  EXPECT_EQ(set.state, SetState::kGood);
  EXPECT_FALSE(set.verified.empty());
  EXPECT_EQ(std::string_view(job.result->at("set").as_string()), set.id);
  const auto items = run(rig_->sets.store().items(set.id));
  std::vector<std::string> keys;
  for (const auto& item : items) {
    keys.push_back(item.key());
    EXPECT_EQ(item.state, ItemState::kWritten);
    EXPECT_FALSE(item.verified.empty());
    EXPECT_EQ(item.sha256.size(), 64u);
  }
  EXPECT_THAT(keys, testing::UnorderedElementsAre("manager", "team@example.com", "Grüße_x@example.com"));
  const auto team = run(rig_->sets.store().item(set.id, "team", "example.com"));
  EXPECT_EQ(team.rows.at("public.odd 'Näme'"), 1u);
  EXPECT_NE(rig_->instances.get("team", "example.com")->backed_up, "");

  // What comes out is an ordinary backup file.
  const std::string file = world_->folder + "/team.dump";
  FileSink sink(loop_, file);
  EXPECT_EQ(run(rig_->sets.get(set.id, "team", "example.com", sink)), team.bytes);
  run(sink.finish());
  const auto about = run(rig_->reader.verify(file, {})).about;
  ASSERT_TRUE(about);
  EXPECT_EQ(about->metadata.name, "team");
  // And the set tells all about itself at the target.
  const auto objects = run(target()->list(set.id, std::string(kManifestName)));
  ASSERT_EQ(objects.size(), 1u);
  Memory text;
  run(target()->fetch(objects[0], text));
  const auto manifest = parse_manifest(text.text).value();
  EXPECT_EQ(manifest.items.size(), 3u);
  EXPECT_EQ(manifest.platform_key, rig_->box.key());
}

TEST_F(SetsTest, DefaultsAreMadeOnce) {
  run(rig_->sets.store().remove_policy("daily"));
  run(rig_->sets.make_defaults());
  EXPECT_TRUE(run(rig_->sets.store().policies()).empty()) << "what the admin removed stays removed";
}

TEST_F(SetsTest, ExcludedInstancesStayOut) {
  create("apart", "example.com");
  create("other", "example.org");
  run(rig_->instances.edit({.name = "apart", .domain = "example.com", .exclude_from_backup = true}));
  auto policy = run(rig_->sets.store().policy("daily"));
  EXPECT_THAT(rig_->sets.selection(policy), ElementsAre("manager", "other@example.org", "team@example.com"));
  policy.excluded = {"other@example.org"};
  EXPECT_THAT(rig_->sets.selection(policy), ElementsAre("manager", "team@example.com"));
  policy.scope = Scope::kDomain;
  policy.domain = "example.org";
  policy.excluded.clear();
  EXPECT_THAT(rig_->sets.selection(policy), ElementsAre("other@example.org"));
  policy.scope = Scope::kInstance;
  policy.instance = "team";
  policy.domain = "example.com";
  EXPECT_THAT(rig_->sets.selection(policy), ElementsAre("team@example.com"));
}

TEST_F(SetsTest, RestoresOutOfASetInPlaceAndUnderAnotherName) {
  backed_up();
  const auto set = newest().id;
  put_value("team", "example.com", "later");
  const auto job = rig_->finish(run(rig_->set_restore.restore(set, "team", "example.com", "", "", "test")));
  ASSERT_EQ(job.state, api::JobState::kDone) << job.error.value_or("");
  EXPECT_EQ(value("team", "example.com"), "first of team");
  EXPECT_EQ(rig_->instances.find("team", "example.com")->kept.size(), 1u) << "it can be undone";

  const auto copy =
      rig_->finish(run(rig_->set_restore.restore(set, "team", "example.com", "copy", "example.org", "test")));
  ASSERT_EQ(copy.state, api::JobState::kDone) << copy.error.value_or("");
  EXPECT_EQ(value("copy", "example.org"), "first of team");
  EXPECT_EQ(uploads(), 0u);
}

TEST_F(SetsTest, SaysAtOnceWhatDoesNotFit) {
  backed_up();
  const auto set = newest().id;
  const auto refusal = [&](std::string name, std::string domain) {
    return run(rig_->set_restore.restore(set, std::move(name), std::move(domain), "", "", "test")).error();
  };
  EXPECT_EQ(failure(rig_->set_restore.restore(set, "nobody", "example.com", "", "", "test")).code,
            Errc::kNotFound);
  EXPECT_EQ(failure(rig_->set_restore.restore("none", "team", "example.com", "", "", "test")).code,
            Errc::kNotFound);
  EXPECT_EQ(refusal("", "").code, Errc::kUnsupported);
  auto item = run(rig_->sets.store().item(set, "team", "example.com"));
  run(rig_->database.query("UPDATE backup_item SET build = 'ffff'"));
  const auto newer = refusal("team", "example.com");
  EXPECT_EQ(newer.code, Errc::kUnsupported);
  EXPECT_THAT(newer.detail, HasSubstr("berth service update notes"));
  run(rig_->database.query("UPDATE backup_item SET service = 'gone'"));
  EXPECT_THAT(refusal("team", "example.com").detail, HasSubstr("but team@example.com belongs to notes"));
}

TEST_F(SetsTest, ADrillProvesThatABackupComesBack) {
  backed_up();
  put_value("team", "example.com", "later");
  const auto job = rig_->finish(run(rig_->set_restore.drill("", "", "test")));
  ASSERT_EQ(job.state, api::JobState::kDone) << job.error.value_or("");
  const auto proofs = run(rig_->sets.store().proofs());
  ASSERT_EQ(proofs.size(), 1u);
  EXPECT_EQ(proofs[0].key(), "team@example.com");
  EXPECT_EQ(proofs[0].error, "");
  EXPECT_TRUE(parse_utc(proofs[0].proven));
  EXPECT_EQ(value("team", "example.com"), "later") << "the live data are not touched";
  EXPECT_EQ(databases_like("%restore%"), 0u);
  EXPECT_EQ(uploads(), 0u);
}

TEST_F(SetsTest, ADrillGoesRedIfOtherRowsComeBack) {
  backed_up();
  run(rig_->database.query(
      "UPDATE backup_item SET rows = jsonb_set(rows, '{\"public.odd ''Näme''\"}', '7') WHERE name = 'team'"));
  const auto job = rig_->finish(run(rig_->set_restore.drill("team", "example.com", "test")));
  EXPECT_EQ(job.state, api::JobState::kFailed);
  const auto proof = run(rig_->sets.store().proofs()).at(0);
  EXPECT_THAT(proof.error, HasSubstr("public.odd 'Näme' 1 instead of public.odd 'Näme' 7"));
  EXPECT_EQ(proof.proven, "");
  EXPECT_EQ(databases_like("%restore%"), 0u);
}

TEST_F(SetsTest, ThinsOutWhatNoRuleKeeps) {
  auto policy = run(rig_->sets.store().policy("daily"));
  policy.keep = {.last = 1};
  run(rig_->sets.put_policy(policy));
  backed_up();
  const auto first = newest().id;
  const auto plan = run(rig_->sets.plan_retention(policy));
  ASSERT_EQ(plan.verdicts.size(), 1u);
  EXPECT_TRUE(plan.verdicts[0].stays);
  backed_up();
  const auto sets = run(rig_->sets.store().sets("", 10));
  ASSERT_EQ(sets.size(), 1u);
  EXPECT_NE(sets[0].id, first);
  EXPECT_TRUE(run(target()->list(first, "")).empty());
  EXPECT_EQ(run(target()->list(sets[0].id, "")).size(), 3u);
}

TEST_F(SetsTest, TheNewestSetIsTheNewestThoughTheClockWasSetBack) {
  auto policy = run(rig_->sets.store().policy("daily"));
  policy.keep = {.last = 1};
  run(rig_->sets.put_policy(policy));
  backed_up();
  run(rig_->database.query(
      "INSERT INTO backup_set (id, policy, target, job, state, started) SELECT '20991231-235959-ffff', "
      "policy, target, job, state, '2099-12-31T23:59:59Z' FROM backup_set"));
  backed_up();
  const auto sets = run(rig_->sets.store().sets("", 10));
  ASSERT_EQ(sets.size(), 1u);
  EXPECT_THAT(sets[0].id, testing::StartsWith("21000101-000000-"));
  EXPECT_EQ(run(rig_->sets.store().items(sets[0].id)).size(), 2u) << "the one that holds the data stays";
}

TEST_F(SetsTest, ASetThatIsDamagedLaterIsFoundByReadingItBack) {
  backed_up();
  const auto set = newest().id;
  const auto item = run(rig_->sets.store().item(set, "team", "example.com"));
  auto content = read_file(far() + "/" + item.object).value();
  content[content.size() / 2] = static_cast<char>(content[content.size() / 2] ^ 1);
  ASSERT_TRUE(write_file_durably(far() + "/" + item.object, content));
  const auto job = rig_->finish(run(rig_->sets.verify_set(set, "test")));
  EXPECT_EQ(job.state, api::JobState::kFailed);
  EXPECT_EQ(newest().state, SetState::kDamaged);
}

TEST_F(SetsTest, ADatabaseThatCannotBeReadMakesTheSetPartialAndNothingElseSuffers) {
  create("other", "example.org");
  const auto row = rig_->instances.get("team", "example.com").value();
  run(rig_->databases.rename(row.database, "hidden"));
  const auto job = rig_->finish(run(rig_->sets.run_policy("daily", "test")));
  EXPECT_EQ(job.state, api::JobState::kFailed);
  EXPECT_THAT(job.error.value_or(""), HasSubstr("team@example.com"));
  const auto set = newest();
  EXPECT_EQ(set.state, SetState::kPartial);
  EXPECT_EQ(run(rig_->sets.store().item(set.id, "other", "example.org")).state, ItemState::kWritten);
  EXPECT_EQ(run(rig_->sets.store().item(set.id, "team", "example.com")).state, ItemState::kFailed);
  run(rig_->databases.rename("hidden", row.database));
}

TEST_F(SetsTest, ATargetWithinFilesThatAreBackedUpIsRefused) {
  const auto row = rig_->instances.get("team", "example.com").value();
  TargetRow target;
  target.name = "loop";
  target.kind = "directory";
  target.place = world_->layout.work() + "/notes/" + row.database + "/backups/";
  const auto error = failure(rig_->sets.put_target(target));
  EXPECT_EQ(error.code, Errc::kConflict);
  EXPECT_THAT(error.detail, HasSubstr("each backup would hold the ones before"));
  run(rig_->instances.edit({.name = "team", .domain = "example.com", .exclude_from_backup = true}));
  EXPECT_EQ(failure(rig_->sets.put_target(target)).code, Errc::kCancelled) << "excluded: no loop";
}

TEST_F(SetsTest, TheTimerStartsWhatIsDueOnceAndMakesUpForWhatWasMissed) {
  SetTimer timer(loop_, rig_->sets, rig_->set_restore);
  auto policy = run(rig_->sets.store().policy("daily"));
  const auto due = *parse_utc(policy.due);
  const auto runs = [&] { return run(rig_->jobs.recent(100)).size(); };
  const auto before = runs();
  run(timer.run_due(due - 1s));
  EXPECT_EQ(runs(), before);
  const auto next = run(timer.run_due(due + 50h));  // the platform was off for two days
  EXPECT_GT(runs(), before);
  EXPECT_GT(next, due + 50h);
  const auto once = runs();
  run(timer.run_due(due + 50h + 1min));
  EXPECT_EQ(runs(), once);
  // The clock was set back by a month: the policy does not wait until the old time comes again.
  run(timer.run_due(due - 720h));
  EXPECT_LE(*parse_utc(run(rig_->sets.store().policy("daily")).due), due - 720h + 24h);
  ASSERT_TRUE(loop_.run_until([&] { return rig_->jobs.running() == 0; }, 120s));
}

TEST_F(SetsTest, TheDeathOfTheManagerAtAnyStepOfABackupLeavesAGoodSetOrNone) {
  int deaths = 0;
  for (int step = 0; step < 6; ++step)
    for (const std::string when : {"before", "after"}) {
      SCOPED_TRACE(fmt::format("{} {}", when, step));
      api::Job ended;
      if (!die_at(
              fmt::format("{} {}", when, step), [&] { return run(rig_->sets.run_policy("daily", "test")); },
              ended))
        continue;
      ++deaths;
      EXPECT_EQ(ended.state, api::JobState::kDone) << ended.error.value_or("");
      const auto set = newest();
      EXPECT_EQ(set.state, SetState::kGood);
      EXPECT_FALSE(set.verified.empty());
      EXPECT_EQ(run(rig_->sets.store().items(set.id)).size(), 2u);
      Memory memory;
      run(rig_->sets.get(set.id, "team", "example.com", memory));
    }
  EXPECT_EQ(deaths, 12);
}

TEST_F(SetsTest, TheDeathOfTheManagerAtAnyStepOfARestoreBringsItToItsEnd) {
  backed_up();
  const auto set = newest().id;
  int deaths = 0;
  for (int step = 0; step < 3; ++step)
    for (const std::string when : {"before", "after"}) {
      SCOPED_TRACE(fmt::format("{} {}", when, step));
      put_value("team", "example.com", "later");
      api::Job ended;
      if (!die_at(
              fmt::format("{} {}", when, step),
              [&] { return run(rig_->set_restore.restore(set, "team", "example.com", "", "", "test")); },
              ended))
        continue;
      ++deaths;
      EXPECT_EQ(ended.state, api::JobState::kDone) << ended.error.value_or("");
      EXPECT_EQ(value("team", "example.com"), "first of team");
      EXPECT_EQ(uploads(), 0u);
      EXPECT_EQ(databases_like("%restore%"), 0u);
    }
  EXPECT_EQ(deaths, 6);
}

TEST_F(SetsTest, TheDeathOfTheManagerInADrillLeavesNothingBehind) {
  backed_up();
  for (const std::string point : {"before 0", "after 0"}) {
    SCOPED_TRACE(point);
    api::Job ended;
    ASSERT_TRUE(die_at(point, [&] { return run(rig_->set_restore.drill("", "", "test")); }, ended));
    EXPECT_EQ(ended.state, api::JobState::kDone) << ended.error.value_or("");
    EXPECT_EQ(databases_like("%restore%"), 0u);
    EXPECT_EQ(uploads(), 0u);
  }
}

TEST_F(SetsTest, ABadTargetIsFoundOutAndWhatWasGoodStaysGood) {
  BadTarget::Faults faults;
  const auto good = rig_->sets.open;
  rig_->sets.open = [&](const TargetRow& row) { return std::make_unique<BadTarget>(good(row), faults); };
  backed_up();
  const auto first = newest().id;
  const auto fails = [&](BadTarget::Faults with) {
    faults = with;
    const auto job = rig_->finish(run(rig_->sets.run_policy("daily", "test")));
    faults = {};
    EXPECT_EQ(job.state, api::JobState::kFailed);
    return job.error.value_or("");
  };
  EXPECT_THAT(fails({.forgets = true}), HasSubstr("said that it stored it, but does not have it"));
  EXPECT_EQ(newest().state, SetState::kPartial);
  EXPECT_THAT(fails({.flips = true}), HasSubstr("other data than were written"));
  EXPECT_EQ(newest().state, SetState::kDamaged);
  EXPECT_THAT(fails({.cuts = true}), HasSubstr("bytes were written, the target gives back"));
  EXPECT_THAT(fails({.stores_until_full = 1}), HasSubstr("target local: the target is full"));
  EXPECT_EQ(newest().state, SetState::kFailed);
  EXPECT_EQ(rig_->sets.overview().targets.at(0).second, "the target is full") << "and the overview tells it";
  EXPECT_THAT(fails({.stores_until_denied = 1}), HasSubstr("the target refuses us"));

  // The first set is as good as it was, and the newest backup of each instance is in it or in a later good one.
  Memory memory;
  run(rig_->sets.get(first, "team", "example.com", memory));
  faults.cuts = true;
  const auto drill = rig_->finish(run(rig_->set_restore.drill("team", "example.com", "test")));
  EXPECT_EQ(drill.state, api::JobState::kFailed) << "a cut off file goes red";
  EXPECT_THAT(drill.error.value_or(""), HasSubstr("team@example.com"));
  faults = {};
  EXPECT_EQ(backed_up().state, api::JobState::kDone);
  EXPECT_EQ(rig_->finish(run(rig_->set_restore.drill("team", "example.com", "test"))).state,
            api::JobState::kDone);
}

TEST_F(SetsTest, WhatIsBackedUpWhileItIsWrittenIsOneMoment) {
  const auto database = open("team", "example.com");
  run(database->run_script("CREATE TABLE a (n int); CREATE TABLE b (n int);"));
  loop::Event enough(loop_);
  const auto write = [&]() -> Task<void> {
    for (int n = 0; n < 2000 && !enough.is_set(); ++n) {
      auto both = co_await database->begin();
      co_await both.query("INSERT INTO a VALUES ($1)", n);
      co_await both.query("INSERT INTO b VALUES ($1)", n);
      co_await both.commit();
    }
  };
  {
    loop::Spawned<void> writer(loop_, write());
    backed_up();
    const auto drill = rig_->finish(run(rig_->set_restore.drill("team", "example.com", "test")));
    EXPECT_EQ(drill.state, api::JobState::kDone) << drill.error.value_or("");
    enough.set();
    run(writer.join());
  }
  const auto item = run(rig_->sets.store().item(newest().id, "team", "example.com"));
  EXPECT_EQ(item.rows.at("public.a"), item.rows.at("public.b"));
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

TEST_F(SetsTest, AWholePlatformComesBackOnAFreshRootThoughTheManagerDiesAtEachStep) {
  create("other", "example.org");
  create("apart", "example.com");
  run(rig_->instances.edit({.name = "apart", .domain = "example.com", .exclude_from_backup = true}));
  ASSERT_TRUE(run(rig_->settings.set("dnsName", "apps.example.com")));
  run(rig_->settings.set_secret(kAdminPasswordRow, "the password of then"));
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
  int deaths = 0;
  for (int step = 0; step < 6; ++step)
    for (const std::string when : {"before", "after"}) {
      SCOPED_TRACE(fmt::format("{} {}", when, step));
      loop::Event dead(loop_);
      fresh.start(dead, never, fmt::format("{} {}", when, step));
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
      deaths += dead.is_set() ? 1 : 0;
      fresh.rig.reset();
    }
  EXPECT_EQ(deaths, 12);
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
