// Backup sets on a real PostgreSQL with a real service and real restic repositories.
#include "base/file.h"
#include "base/utc.h"
#include "manager/platform/clock.h"
#include "manager/sets/set_timer.h"
#include "manager/testing/bad_target.h"
#include "manager/testing/sets_fixture.h"

namespace berth::manager {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

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
  TextSink text;
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

TEST_F(SetsTest, ADrillAsksTheServiceWhetherTheDataAddUp) {
  backed_up();
  const auto drill = [&] {
    return rig_->finish(run(rig_->set_restore.drill("team", "example.com", "test")));
  };
  for (const char* behaviour : {"content", "picky"}) {
    world_->publish("notes", behaviour == std::string("picky") ? "1c" : "1b", behaviour);
    install();
    EXPECT_TRUE(comes_to_run());
    const auto job = drill();
    const auto proof = run(rig_->sets.store().proofs()).at(0);
    if (behaviour == std::string("content")) {
      EXPECT_EQ(job.state, api::JobState::kDone) << job.error.value_or("");
      EXPECT_EQ(proof.error, "");
      continue;
    }
    EXPECT_EQ(job.state, api::JobState::kFailed);
    EXPECT_THAT(proof.error, HasSubstr("its data do not add up: it wanted example.com_team_restore_d"));
    EXPECT_EQ(databases_like("%restore%"), 0u);
  }
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

TEST_F(SetsTest, NoTargetIsAnInstanceOfThisPlatformThatIsBackedUpItself) {
  const auto path = rig_->instances.get("team", "example.com").value().path;
  TargetRow target;
  target.name = "circle";
  target.kind = "webdav";
  target.place = "https://localhost:4443" + path + "/backups";
  target.options = {{"user", "me"}};
  target.secrets = {{"password", "secret"}};
  const auto error = failure(rig_->sets.put_target(target));
  EXPECT_EQ(error.code, Errc::kConflict);
  EXPECT_THAT(error.detail, HasSubstr("team@example.com of this platform would keep the backups"));
  target.place = "https://localhost:4444" + path + "/backups";
  EXPECT_EQ(failure(rig_->sets.put_target(target)).code, Errc::kCancelled) << "another server";
  target.place = "https://localhost:4443" + path + "/backups";
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
  TextSink memory;
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

}  // namespace
}  // namespace berth::manager
