// Jobs on a real PostgreSQL with a real service process.
#include "manager/instances/instance_jobs.h"

#include <signal.h>

#include "base/file.h"
#include "base/utc.h"
#include "manager/testing/jobs_fixture.h"

namespace berth::manager {
namespace {

using namespace std::chrono_literals;

TEST_F(JobsTest, InstallKeepsTheBinaryAndStartsIt) {
  install();
  const auto* service = rig_->services.find("notes");
  ASSERT_TRUE(service);
  EXPECT_EQ(service->process().state(), ProcessState::kRunning);
  EXPECT_EQ(service->row().build, "1a");
  EXPECT_FALSE(service->row().signer.empty());
  EXPECT_EQ(run(rig_->service_repository.files("notes", "1a")).size(), 1u);
  EXPECT_TRUE(path_exists(world_->layout.app("notes") + "/notes"));
  const auto again = run(rig_->service_jobs.install("notes", "", "test"));
  EXPECT_EQ(again.error().code, Errc::kConflict);
  EXPECT_EQ(run(rig_->service_jobs.install("nothing", "", "test")).error().code, Errc::kNotFound);
}

TEST_F(JobsTest, TheBinaryComesBackFromTheDatabase) {
  install();
  rig_->stop_services();
  const std::string program = world_->layout.app("notes") + "/notes";
  const auto content = read_file(program, std::size_t{1} << 30).value();
  ASSERT_TRUE(remove_tree(world_->layout.apps()));
  run(rig_->services.start_and_wait("notes", 30s));
  EXPECT_EQ(read_file(program, std::size_t{1} << 30).value(), content);
  // And a changed one is replaced.
  rig_->stop_services();
  ASSERT_TRUE(write_file_durably(program, "changed", 0755));
  run(rig_->services.start_and_wait("notes", 30s));
  EXPECT_EQ(read_file(program, std::size_t{1} << 30).value(), content);
}

TEST_F(JobsTest, ACompleteBackupIsRememberedWithTheInstance) {
  install();
  created();
  EXPECT_EQ(rig_->instances.get("team", "example.com")->backed_up, "");
  backup();
  const auto at = rig_->instances.get("team", "example.com")->backed_up;
  ASSERT_TRUE(parse_utc(at)) << at;
  EXPECT_LE(std::chrono::abs(*parse_utc(at) - std::chrono::system_clock::now()), 60s);
  EXPECT_EQ(rig_->instances.view(rig_->instances.get("team", "example.com").value()).backed_up_at, at);
  rig_->stop_services();
  start();
  EXPECT_EQ(rig_->instances.get("team", "example.com")->backed_up, at) << "a new manager knows it too";
}

TEST_F(JobsTest, WhatASuggestionShowsIsWhatCreatingMakes) {
  install();
  const std::string name(60, 'n');
  api::SuggestInstance question{.service = "notes", .domain = "example.com", .name = name};
  const auto suggested = rig_->instances.suggest(question);
  EXPECT_TRUE(suggested.problems.empty());
  EXPECT_EQ(suggested.path, "/example.com/" + name);
  EXPECT_EQ(suggested.database.size(), 63U);
  created(name);
  EXPECT_EQ(rig_->instances.get(name, "example.com")->database, suggested.database);

  // With a path and a database of one's own it is those that are looked at.
  question = {
      .service = "notes", .domain = "example.com", .name = "team", .path = "boards/", .database = "x"};
  auto own = rig_->instances.suggest(question);
  EXPECT_TRUE(own.problems.empty());
  EXPECT_EQ(own.path, "/boards");
  EXPECT_EQ(own.database, "x");
  question.path = "/example.com/" + name;
  own = rig_->instances.suggest(question);
  ASSERT_EQ(own.problems.size(), 1U);
  EXPECT_EQ(own.problems[0].field_name, "path");
}

TEST_F(JobsTest, AKilledServiceIsBackThoughPostgresIsAway) {
  install();
  const pid_t old = rig_->services.find("notes")->process().pid();
  world_->cluster.kill_now();
  ::kill(old, SIGKILL);
  EXPECT_TRUE(loop_.run_until(
      [&] {
        const auto& process = rig_->services.find("notes")->process();
        return process.pid() != old && process.state() == ProcessState::kRunning;
      },
      5s));
  world_->cluster.start();
}

TEST_F(JobsTest, AServiceThatDoesNotReportLeavesNothingBehind) {
  run(rig_->settings.set("serviceStartSeconds", "1"));
  for (const char* behaviour : {"mute", "crash"}) {
    SCOPED_TRACE(behaviour);
    world_->publish("broken", "1a", behaviour);
    const auto job = rig_->finish(run(rig_->service_jobs.install("broken", "", "test")));
    EXPECT_EQ(job.state, api::JobState::kFailed);
    EXPECT_FALSE(rig_->services.find("broken"));
    EXPECT_FALSE(run(rig_->service_repository.find("broken")));
    EXPECT_FALSE(path_exists(world_->layout.app("broken")));
    EXPECT_FALSE(path_exists(world_->layout.downloads() + "/job-" + job.id));
  }
}

TEST_F(JobsTest, UpdateChangesTheBuildAndABrokenOneGoesBack) {
  install();
  created();
  world_->publish("notes", "1b");
  auto job = rig_->finish(run(rig_->service_jobs.install("notes", "", "test")));
  EXPECT_EQ(job.kind, api::JobKind::kUpdate);
  EXPECT_EQ(job.state, api::JobState::kDone) << job.error.value_or("");
  EXPECT_EQ(rig_->services.find("notes")->row().build, "1b");
  EXPECT_TRUE(run(rig_->service_repository.files("notes", "1a")).empty());
  EXPECT_TRUE(loop_.run_until([&] { return is_running(); }));

  run(rig_->settings.set("serviceStartSeconds", "1"));
  world_->publish("notes", "1c", "mute");
  job = rig_->finish(run(rig_->service_jobs.install("notes", "", "test")));
  EXPECT_EQ(job.state, api::JobState::kFailed);
  EXPECT_EQ(rig_->services.find("notes")->row().build, "1b");
  EXPECT_TRUE(run(rig_->service_repository.files("notes", "1c")).empty());
  EXPECT_TRUE(loop_.run_until([&] { return is_running(); }));
}

TEST_F(JobsTest, CreateMakesDatabaseAndStarts) {
  install();
  const auto made = create();
  EXPECT_EQ(made.row.path, "/example.com/team");
  EXPECT_EQ(made.row.database, "example.com_team");
  EXPECT_NE(made.row.password, made.row.database_password);
  const auto job = run(rig_->jobs.wait(made.job.id)).value();
  ASSERT_EQ(job.state, api::JobState::kDone) << job.error.value_or("");
  EXPECT_TRUE(is_running());
  put_value("hello");
  EXPECT_EQ(value(), "hello");
}

TEST_F(JobsTest, TakenNamesPathsAndDatabasesAreToldByHolder) {
  install();
  created();
  NewInstance wanted;
  wanted.service = "notes";
  wanted.name = "team";
  wanted.domain = "example.com";
  EXPECT_EQ(run(rig_->instance_jobs.create(wanted, "test")).error().code, Errc::kExists);
  wanted.name = "other";
  wanted.path = "example.com/team";
  auto refused = run(rig_->instance_jobs.create(wanted, "test"));
  EXPECT_EQ(refused.error().code, Errc::kExists);
  EXPECT_NE(refused.error().detail.find("team@example.com"), std::string::npos);
  wanted.path = "example.com/team/below";
  EXPECT_EQ(run(rig_->instance_jobs.create(wanted, "test")).error().code, Errc::kExists);
  wanted.path = "/manager/x";
  EXPECT_EQ(run(rig_->instance_jobs.create(wanted, "test")).error().code, Errc::kConflict);
  wanted.path = "";
  wanted.database = "example.com_team";
  EXPECT_EQ(run(rig_->instance_jobs.create(wanted, "test")).error().code, Errc::kExists);
  wanted.database = std::string(64, 'x');
  EXPECT_EQ(run(rig_->instance_jobs.create(wanted, "test")).error().code, Errc::kTooLarge);
  wanted.database = "";
  wanted.service = "nothing";
  EXPECT_EQ(run(rig_->instance_jobs.create(wanted, "test")).error().code, Errc::kNotFound);
}

TEST_F(JobsTest, AForeignDatabaseOfThatNameIsNotTouched) {
  install();
  run(rig_->admin_database.query("CREATE DATABASE \"example.com_team\""));
  const auto made = create();
  const auto job = run(rig_->jobs.wait(made.job.id)).value();
  EXPECT_EQ(job.state, api::JobState::kFailed);
  EXPECT_FALSE(rig_->instances.find("team", "example.com"));
  EXPECT_EQ(databases_like("example.com_team"), 1u);
}

TEST_F(JobsTest, AnAppThatDoesNotStartLeavesNoInstanceBehind) {
  world_->publish("notes", "2a", "refuse");
  install();
  const auto made = create();
  const auto job = run(rig_->jobs.wait(made.job.id)).value();
  EXPECT_EQ(job.state, api::JobState::kFailed);
  EXPECT_EQ(job.error, "does not want to");
  EXPECT_FALSE(rig_->instances.find("team", "example.com"));
  EXPECT_EQ(databases_like("example.com_team"), 0u);
}

TEST_F(JobsTest, TheBinKeepsEverythingUntilUndone) {
  install();
  created();
  put_value("kept");
  ASSERT_EQ(rig_->finish(run(rig_->instance_jobs.remove("team", "example.com", false, "test"))).state,
            api::JobState::kDone);
  EXPECT_EQ(rig_->instances.view(*rig_->instances.find("team", "example.com")).state,
            api::InstanceState::kDeleted);
  EXPECT_EQ(run(rig_->service_jobs.remove("notes", "test")).error().code, Errc::kConflict);
  ASSERT_EQ(rig_->finish(run(rig_->instance_jobs.undo("team", "example.com", "", "test"))).state,
            api::JobState::kDone);
  EXPECT_TRUE(is_running());
  EXPECT_EQ(value(), "kept");
}

TEST_F(JobsTest, WhatWasInTheBinLongEnoughGoesForGood) {
  install();
  created();
  ASSERT_EQ(rig_->finish(run(rig_->instance_jobs.remove("team", "example.com", false, "test"))).state,
            api::JobState::kDone);
  run(rig_->instance_jobs.purge());
  EXPECT_EQ(rig_->jobs.running(), 0u);
  run(rig_->database.query("UPDATE instance SET purge = now() - interval '1 second'"));
  run(rig_->instance_jobs.purge());
  ASSERT_TRUE(loop_.run_until([&] { return rig_->jobs.running() == 0; }));
  EXPECT_FALSE(rig_->instances.find("team", "example.com"));
  EXPECT_EQ(databases_like("example.com_team"), 0u);
}

TEST_F(JobsTest, RestoreBringsBackADeletedInstanceWithItsPassword) {
  install();
  const auto made = create();
  run(rig_->jobs.wait(made.job.id));
  put_value("from the backup");
  const auto file = backup();
  ASSERT_EQ(rig_->finish(run(rig_->instance_jobs.remove("team", "example.com", true, "test"))).state,
            api::JobState::kDone);
  const auto job = rig_->finish(run(rig_->instance_jobs.restore(upload(file), "", "", "test")));
  ASSERT_EQ(job.state, api::JobState::kDone) << job.error.value_or("");
  EXPECT_EQ(value(), "from the backup");
  EXPECT_EQ(rig_->instances.find("team", "example.com")->password, made.row.password);
  EXPECT_EQ(rig_->instances.find("team", "example.com")->path, "/example.com/team");
  EXPECT_TRUE(is_running());
  EXPECT_EQ(databases_like("example.com_team%"), 1u);
}

TEST_F(JobsTest, ItsLimitsComeBackWithAnInstanceUnderItsOwnNameAndAnother) {
  install();
  created();
  put_value("backup");
  set_limits({.database_bytes = 2'000'000'000, .requests = 0, .messages = 200});
  const std::string wanted = limits();
  const auto file = backup();
  done(run(rig_->instance_jobs.remove("team", "example.com", true, "test")));
  restored(file);
  EXPECT_EQ(limits(), wanted);
  done(run(rig_->instance_jobs.restore(upload(file), "copy", "example.org", "test")));
  EXPECT_EQ(format_limits(rig_->instances.get("copy", "example.org")->limits), wanted);
  start();  // a new manager knows them, too
  EXPECT_EQ(limits(), wanted);
}

TEST_F(JobsTest, ARestoreOntoAnInstanceBringsItsLimitsBackUnlessItHasOthersByNow) {
  install();
  created();
  put_value("backup");
  set_limits({.messages = 200});
  const auto file = backup();
  set_limits({});
  restored(file);
  EXPECT_EQ(limits(), R"({"messages":200})");
  set_limits({.messages = 5});
  restored(file);
  EXPECT_EQ(limits(), R"({"messages":5})") << "what an admin has set since is newer";
}

TEST_F(JobsTest, ABackupWithoutLimitsChangesNone) {
  install();
  created();
  put_value("backup");
  const auto file = backup();
  set_limits({.websockets = 7});
  restored(file);
  EXPECT_EQ(limits(), R"({"websockets":7})");
}

TEST_F(JobsTest, LimitsThatAreNotKnownAreNamedAndLeftOut) {
  install();
  created();
  put_value("backup");
  // As a platform of tomorrow would have written it.
  const auto row = rig_->instances.get("team", "example.com").value();
  BackupMetadata metadata;
  metadata.name = "team";
  metadata.domain = "example.com";
  metadata.path = row.path;
  metadata.password = row.password;
  metadata.service = "notes";
  metadata.build = 0x1a;
  metadata.limits_json = R"({"messages":200,"gpuSeconds":5})";
  const std::string file = world_->folder + "/tomorrow.dump";
  FileSink sink(loop_, file);
  run(rig_->backups.write(rig_->instances.data_source(row).value(), std::move(metadata), std::nullopt, sink));
  run(sink.finish());
  const auto job = done(run(rig_->instance_jobs.restore(upload(file), "", "", "test")));
  EXPECT_EQ(limits(), R"({"messages":200})");
  const auto told = run(rig_->database.query(
      "SELECT 1 FROM job_log WHERE job = $1::bigint AND text LIKE '%gpuSeconds%'", job.id));
  EXPECT_EQ(told.size(), 1u);
}

TEST_F(JobsTest, ARestoreThatIsUndoneOnItsWayLeavesTheLimitsAsTheyWere) {
  install();
  created();
  put_value("backup");
  set_limits({.messages = 200});
  const auto file = backup();
  set_limits({});
  put_value("live");
  bool is_broken = false;
  std::string between;
  rig_->jobs.at_point = [&](const JobEntry&, std::string at) -> Task<void> {
    const bool breaks = at == "before 7", heals = is_broken && at.starts_with("before undo");
    if (!breaks && !heals) co_return;
    is_broken = breaks;
    if (breaks) between = limits();
    co_await rig_->database.query(breaks ? "ALTER TABLE kept_data RENAME TO away"
                                         : "ALTER TABLE away RENAME TO kept_data");
  };
  const auto job = rig_->finish(run(rig_->instance_jobs.restore(upload(file), "", "", "test")));
  rig_->jobs.at_point = nullptr;
  EXPECT_EQ(job.state, api::JobState::kFailed);
  EXPECT_EQ(between, R"({"messages":200})");
  EXPECT_EQ(limits(), "{}");
  EXPECT_EQ(value(), "live");
}

TEST_F(JobsTest, ARestoreCanBeUndoneAndTheUndoToo) {
  install();
  created();
  put_value("backup");
  const auto file = backup();
  put_value("written since");
  restored(file);
  EXPECT_EQ(value(), "backup");
  ASSERT_EQ(kept().size(), 1u);
  EXPECT_NE(kept().front().purge, "");
  put_value("after the restore");

  EXPECT_EQ(undone().state, api::JobState::kDone);
  EXPECT_EQ(value(), "written since");
  EXPECT_TRUE(is_running());
  EXPECT_EQ(kept().size(), 1u) << "what was live is kept in their stead";
  EXPECT_EQ(undone().state, api::JobState::kDone);
  EXPECT_EQ(value(), "after the restore");
  EXPECT_EQ(databases_like("example.com_team%"), 2u);
}

TEST_F(JobsTest, EachRestoreKeepsItsOwnAndAnyOfThemComesBack) {
  install();
  created();
  put_value("backup");
  const auto file = backup();
  for (const char* live : {"first", "second"}) {
    put_value(live);
    restored(file);
  }
  ASSERT_EQ(kept().size(), 2u);
  EXPECT_EQ(undone(kept().back().id).state, api::JobState::kDone);
  EXPECT_EQ(value(), "first");
  EXPECT_EQ(run(rig_->instance_jobs.undo("team", "example.com", "4711", "test")).error().code,
            Errc::kNotFound);
}

TEST_F(JobsTest, WithoutDaysToUndoARestoreKeepsNothing) {
  install();
  created();
  put_value("backup");
  run(rig_->settings.set("restoreUndoDays", "0"));
  restored(backup());
  EXPECT_TRUE(kept().empty());
  EXPECT_EQ(databases_like("example.com_team%"), 1u);
  const auto refused = run(rig_->instance_jobs.undo("team", "example.com", "", "test"));
  EXPECT_EQ(refused.error().code, Errc::kConflict);
  EXPECT_NE(refused.error().detail.find("no restore"), std::string::npos);
}

TEST_F(JobsTest, KeptDataGoAfterTheirTimeAndWithTheirInstance) {
  install();
  created();
  put_value("backup");
  const auto file = backup();
  restored(file);
  run(rig_->instance_jobs.purge());
  EXPECT_EQ(rig_->jobs.running(), 0u);
  run(rig_->database.query("UPDATE kept_data SET purge = now() - interval '1 second'"));
  run(rig_->instance_jobs.purge());
  ASSERT_TRUE(loop_.run_until([&] { return rig_->jobs.running() == 0; }));
  EXPECT_TRUE(kept().empty());
  EXPECT_EQ(databases_like("example.com_team%"), 1u);

  restored(file);
  EXPECT_EQ(databases_like("example.com_team%"), 2u);
  ASSERT_EQ(rig_->finish(run(rig_->instance_jobs.remove("team", "example.com", true, "test"))).state,
            api::JobState::kDone);
  EXPECT_EQ(databases_like("example.com_team%"), 0u);
  EXPECT_TRUE(
      run(rig_->admin_database.query("SELECT 1 FROM pg_roles WHERE rolname = 'example.com_team'")).empty());
}

TEST_F(JobsTest, TwoRestoresOfOneInstanceAtOnceAreOneTooMany) {
  install();
  created();
  const auto file = backup();
  const auto first = run(rig_->instance_jobs.restore(upload(file), "", "", "test"));
  ASSERT_TRUE(first);
  const std::string second_file = upload(file);
  const auto second = run(rig_->instance_jobs.restore(second_file, "", "", "test"));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Errc::kConflict);
  EXPECT_FALSE(path_exists(second_file));
  EXPECT_EQ(run(rig_->jobs.wait(first->id))->state, api::JobState::kDone);
}

TEST_F(JobsTest, BadFilesChangeNothing) {
  install();
  created();
  put_value("mine");
  const auto good = read_file(backup()).value();
  const auto refused = [&](std::string content) {
    const std::string path = rig_->instance_jobs.upload_path();
    EXPECT_TRUE(write_file_durably(path, content, 0600));
    std::string why;
    try {
      const auto job = run(rig_->instance_jobs.restore(path, "", "", "test"));
      if (!job) why = job.error().detail;
      else if (const auto ended = run(rig_->jobs.wait(job->id)); ended->state == api::JobState::kFailed)
        why = ended->error.value_or("");
    } catch (const Failure& failure) {
      why = failure.error().detail;
    }
    EXPECT_FALSE(path_exists(path));
    return why;
  };
  EXPECT_NE(refused("this is no backup at all"), "");
  EXPECT_NE(refused(good.substr(0, good.size() / 2)), "");
  EXPECT_NE(refused(good.substr(0, good.size() - 10)), "");
  std::string flipped = good;
  flipped[good.size() * 3 / 4] ^= 0x20;
  EXPECT_NE(refused(flipped), "");
  EXPECT_EQ(value(), "mine");
  EXPECT_TRUE(is_running());
  EXPECT_EQ(databases_like("example.com_team%"), 1u);
}

TEST_F(JobsTest, ABackupOfANewerBuildOrAnotherKeyIsRefused) {
  world_->publish("notes", "2b");
  install();
  created();
  const auto newer = backup("newer.dump");
  run(rig_->settings.set("backupPassphrase", "first"));
  const auto sealed = backup("sealed.dump");
  run(rig_->settings.set("backupPassphrase", "second"));
  auto refused = run(rig_->instance_jobs.restore(upload(sealed), "", "", "test"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kDenied);

  ASSERT_EQ(rig_->finish(run(rig_->instance_jobs.remove("team", "example.com", true, "test"))).state,
            api::JobState::kDone);
  ASSERT_EQ(rig_->finish(run(rig_->service_jobs.remove("notes", "test"))).state, api::JobState::kDone);
  refused = run(rig_->instance_jobs.restore(upload(newer), "", "", "test"));
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().detail.find("install it first"), std::string::npos) << refused.error().detail;
  world_->publish("notes", "2a");
  install();
  refused = run(rig_->instance_jobs.restore(upload(newer), "", "", "test"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kUnsupported) << refused.error().detail;
}

// As after a manager that died in the middle of a job: its successor finds it running, has it stopped, and the job starts it.
TEST_F(JobsTest, AnInstanceThatIsBeingStoppedWhenItsServiceComesIsStartedAfterThat) {
  install();
  created();
  run(rig_->instance_repository.put_in_bin("team", "example.com", 30));
  run(rig_->instances.reload("team", "example.com"));
  auto* service = rig_->services.find("notes");
  ASSERT_EQ(::kill(service->process().pid(), SIGSTOP), 0);  // so that it cannot answer yet
  loop::Spawned<void> ready(loop_, rig_->instances.service_ready(*service));
  run(rig_->instance_repository.take_from_bin("team", "example.com"));
  run(rig_->instances.reload("team", "example.com"));
  loop::Spawned<void> starting(loop_, rig_->instances.start_if_wanted("team", "example.com"));
  loop_.run_once(0ms);
  EXPECT_FALSE(starting.is_done());
  ASSERT_EQ(::kill(service->process().pid(), SIGCONT), 0);
  ASSERT_TRUE(loop_.run_until([&] { return starting.is_done() && ready.is_done(); }));
  starting.take();
  EXPECT_TRUE(is_running());
}

// A PostgreSQL that crashes may lose what the steps of creating left to a later sync.
TEST_F(JobsTest, WhatACrashOfPostgresTakesFromANewInstanceIsMadeAnew) {
  install();
  rig_->jobs.at_point = [&](const JobEntry& entry, std::string point) -> Task<void> {
    if (entry.kind != api::JobKind::kCreate || point != "before 2") co_return;
    const auto database = suggest_database_name("example.com", "team");
    auto& admin = world_->cluster.admin();
    co_await admin.query(
        fmt::format("GRANT CONNECT ON DATABASE {} TO public", db::quote_identifier(database)));
    co_await rig_->instance_repository.remove("team", "example.com");
  };
  created();
  EXPECT_TRUE(is_running());
  EXPECT_TRUE(rig_->instances.get("team", "example.com")->is_made);
  const auto rows =
      run(world_->cluster.admin().query("SELECT has_database_privilege('public', datname, 'CONNECT') AS open "
                                        "FROM pg_database WHERE datname = $1",
                                        suggest_database_name("example.com", "team")));
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_FALSE(rows.front().get<bool>("open"));
}

TEST_F(JobsTest, PostgresKilledInTheMiddleIsWaitedFor) {
  install();
  loop::Event reached(loop_);
  rig_->jobs.at_point = [&](const JobEntry&, std::string point) -> Task<void> {
    if (point == "before 1" && !reached.is_set()) {
      reached.set();
      world_->cluster.kill_now();
    }
    co_return;
  };
  const auto made = create();
  ASSERT_TRUE(loop_.run_until([&] { return reached.is_set(); }));
  loop_.run_until([] { return false; }, 500ms);
  world_->cluster.start();
  const auto job = run(rig_->jobs.wait(made.job.id)).value();
  EXPECT_EQ(job.state, api::JobState::kDone) << job.error.value_or("");
  EXPECT_TRUE(is_running());
}

}  // namespace
}  // namespace berth::manager
