// Instances whose data are on other servers: a PostgreSQL and a MariaDB of the test's own, reached by TCP.
#include "manager/external/external_jobs.h"

#include "base/file.h"
#include "db/testing/mysql_server.h"
#include "manager/external/copy.h"
#include "manager/testing/external_fixture.h"

namespace berth::manager {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

TEST_F(ExternalTest, AConnectionTestSaysWhatIsWrong) {
  const auto place = make("tried");
  const auto told = run(rig_->externals.check(place));
  EXPECT_THAT(told.server, HasSubstr("PostgreSQL 15"));
  EXPECT_TRUE(told.is_encrypted) << "TLS is taken where it is";
  EXPECT_EQ(told.tables, 0u);
  auto changed = [&](auto change) {
    auto other = place;
    change(other);
    return refusal(other);
  };
  const auto password = changed([](ExternalPlace& p) { p.password = "wrong"; });
  EXPECT_EQ(password.code, Errc::kDenied);
  EXPECT_THAT(password.detail, HasSubstr("the password of user tried is wrong"));
  const auto absent = changed([](ExternalPlace& p) { p.database = "absent"; });
  EXPECT_EQ(absent.code, Errc::kNotFound);
  EXPECT_THAT(absent.detail, HasSubstr("has no database absent"));
  const auto refused = changed([](ExternalPlace& p) { p.host = "127.0.0.1:1"; });
  EXPECT_EQ(refused.code, Errc::kUnavailable);
  EXPECT_THAT(refused.detail, HasSubstr("refuses the connection"));
  const auto unknown = changed([](ExternalPlace& p) { p.host = "no-such-host.invalid"; });
  EXPECT_EQ(unknown.code, Errc::kNotFound);
  EXPECT_THAT(unknown.detail, HasSubstr("no-such-host.invalid is not known"));
  const auto malformed = changed([](ExternalPlace& p) { p.host = "a b"; });
  EXPECT_EQ(malformed.code, Errc::kMalformed);
  const auto hba = changed([](ExternalPlace& p) { p.database = "postgres"; });
  EXPECT_EQ(hba.code, Errc::kDenied);
  EXPECT_THAT(hba.detail, HasSubstr("pg_hba.conf"));
  make("foreign");
  const auto rights = changed([](ExternalPlace& p) { p.database = "foreign"; });
  EXPECT_EQ(rights.code, Errc::kDenied);
  EXPECT_THAT(rights.detail, HasSubstr("may not connect"));
  run(far->admin().query(
      "CREATE DATABASE latin OWNER tried ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"));
  const auto encoding = changed([](ExternalPlace& p) { p.database = "latin"; });
  run(far->admin().query("DROP DATABASE latin"));
  EXPECT_EQ(encoding.code, Errc::kUnsupported);
  EXPECT_THAT(encoding.detail, HasSubstr("ENCODING 'UTF8'"));
}

// pg_dump: "aborting because of server version mismatch".
TEST(ExternalDatabase, AServerYoungerThanOurPgDumpIsRemarkedOn) {
  EXPECT_EQ(remark_on_version(120022), "");
  EXPECT_EQ(remark_on_version(150018), "");
  EXPECT_THAT(remark_on_version(160000), HasSubstr("PostgreSQL 16"));
  EXPECT_THAT(remark_on_version(170004), HasSubstr("backups of this instance"));
}

TEST_F(ExternalTest, WithoutTlsItIsUsedAllTheSame) {
  RunningCluster plain(loop_, true);
  run(plain.databases().create({"plain", "plain"}, "geheim"));
  const ExternalPlace place{DatabaseType::kPostgresql,
                            fmt::format("127.0.0.1:{}", plain.cluster().settings().port), "plain", "plain",
                            "geheim"};
  EXPECT_FALSE(run(rig_->externals.check(place)).is_encrypted);
}

TEST_F(ExternalTest, AnInstanceCanBeMadeThereAndHasAnUnusedDatabaseHereToo) {
  const auto place = make("made_there");
  created("notes", place);
  EXPECT_TRUE(is_running());
  const auto row = rig_->instances.get("team", "example.com").value();
  EXPECT_EQ(row.external, place);
  EXPECT_TRUE(run(rig_->databases.exists(row.database)));
  EXPECT_EQ(run(rig_->databases.sessions(row.database)), 0);
  EXPECT_THROW(ask(local(), "SELECT 1"), Failure) << "unused, also by mistake";
  const auto view = rig_->instances.view(row);
  EXPECT_EQ(view.database_host, host());
  EXPECT_FALSE(view.external->password) << "never told";
  start();
  EXPECT_EQ(rig_->instances.get("team", "example.com").value().external, place);
  // A backup goes over the network; a restore is refused with the way by hand.
  ask(there(place), "CREATE TABLE note AS SELECT 42 AS n");
  FileSink sink(loop_, world_->folder + "/far.dump");
  run(rig_->instance_jobs.backup("team", "example.com", sink));
  run(sink.finish());
  EXPECT_GT(read_file(world_->folder + "/far.dump").value().size(), 1000u);
  const auto upload = rig_->instance_jobs.upload_path();
  ASSERT_TRUE(write_file_durably(upload, read_file(world_->folder + "/far.dump").value()));
  const auto restored = run(rig_->instance_jobs.restore(upload, "", "", "test"));
  ASSERT_FALSE(restored);
  EXPECT_THAT(restored.error().detail, HasSubstr("By hand"));
}

TEST_F(ExternalTest, ARestoreReplacesDataThereIfItIsToldToAndCanBeUndone) {
  const auto place = make("replaced");
  created("notes", place);
  ask(there(place), "CREATE TABLE note AS SELECT 42 AS n");
  const auto file = backup();
  ask(there(place), "UPDATE note SET n = 43");
  ask(there(place), "CREATE TABLE younger (n int)");
  EXPECT_EQ(restore(file, false).error().code, Errc::kUnsupported);
  EXPECT_EQ(ask(there(place), "SELECT n::text FROM note"), "43");
  done(restore(file, true));
  EXPECT_EQ(ask(there(place), "SELECT n::text FROM note"), "42");
  EXPECT_EQ(ask(there(place), "SELECT to_regclass('younger')::text"), "") << "nothing of before stays";
  EXPECT_EQ(ask(there(place), "SELECT tableowner::text FROM pg_tables WHERE tablename = 'note'"), "replaced");
  EXPECT_TRUE(is_running());
  EXPECT_EQ(run(rig_->externals.other_owner(place)), "");
  EXPECT_THROW(ask(local(), "SELECT 1"), Failure) << "the database here stays unused";
  EXPECT_EQ(databases_like("%restore%"), 0u);
  ASSERT_EQ(kept().size(), 1u);

  done(run(rig_->instance_jobs.undo("team", "example.com", "", "test")));
  EXPECT_EQ(ask(there(place), "SELECT n::text FROM note"), "43");
  EXPECT_EQ(ask(there(place), "SELECT to_regclass('younger')::text"), "younger");
  ASSERT_EQ(kept().size(), 1u) << "and the undo can be undone";
  done(run(rig_->instance_jobs.undo("team", "example.com", "", "test")));
  EXPECT_EQ(ask(there(place), "SELECT n::text FROM note"), "42");
  EXPECT_TRUE(is_running());
}

TEST_F(ExternalTest, ARestoreThereThatFailsPutsBackWhatWasThere) {
  const auto place = make("refusing");
  created("notes", place);
  ask(there(place), "CREATE TABLE note AS SELECT 42 AS n");
  const auto file = backup();
  ask(there(place), "UPDATE note SET n = 43");
  rig_->jobs.at_point = [&](const JobEntry&, std::string at) -> Task<void> {
    // The far server lets nobody in any more when it is to be written, and again when the job goes back.
    if (at == "before 4") ask(far_admin(), "ALTER ROLE refusing PASSWORD 'another'");
    if (at == "before undo 4") ask(far_admin(), "ALTER ROLE refusing PASSWORD 'geheim'");
    co_return;
  };
  const auto job = rig_->finish(restore(file, true));
  EXPECT_EQ(job.state, api::JobState::kFailed);
  EXPECT_THAT(job.error.value_or(""), HasSubstr("password"));
  EXPECT_EQ(ask(there(place), "SELECT n::text FROM note"), "43");
  EXPECT_TRUE(comes_to_run());
  EXPECT_TRUE(kept().empty());
  EXPECT_EQ(databases_like("example.com_team%"), 1u);
}

TEST_F(ExternalTest, DataMoveThereAndTheAppGoesOnWithThem) {
  created();
  put_data();
  const auto place = make("target");
  const auto job = rig_->finish(use(place, true));
  ASSERT_EQ(job.state, api::JobState::kDone) << job.error.value_or("");
  EXPECT_TRUE(is_running());
  EXPECT_EQ(ask(there(place), "SELECT count(*)::text FROM note"), "1000");
  EXPECT_EQ(ask(there(place), "SELECT nextval('note_id_seq')::text"), "1001");
  EXPECT_EQ(ask(there(place), "SELECT n::text FROM \"Ü\".\"q\"\"t\""), "7");
  EXPECT_EQ(ask(there(place), "SELECT convert_from(lo_get(oid), 'UTF8') FROM pg_largeobject_metadata"),
            "large");
  EXPECT_EQ(ask(there(place), "SELECT tableowner::text FROM pg_tables WHERE tablename = 'note'"), "target");
  EXPECT_THROW(ask(local(), "SELECT 1"), Failure);
  EXPECT_EQ(use(place, false).error().code, Errc::kConflict) << "it is there already";
  // Back to what was left behind.
  EXPECT_EQ(rig_->finish(use(std::nullopt, false)).state, api::JobState::kDone);
  EXPECT_EQ(ask(local(), "SELECT count(*)::text FROM note"), "1000");
  EXPECT_TRUE(run(rig_->externals.other_owner(place)).empty());
}

TEST_F(ExternalTest, DataDoNotMoveIntoADatabaseThatHasSome) {
  created();
  put_data();
  const auto place = make("full");
  ask(there(place), "CREATE TABLE precious (n int)");
  const auto refused = use(place, true);
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().detail, HasSubstr("not empty"));
  EXPECT_EQ(ask(there(place), "SELECT count(*)::text FROM precious"), "0");
  EXPECT_TRUE(is_running());
}

TEST_F(ExternalTest, AMoveThatFailsLeavesEverythingAsItWas) {
  created();
  put_data();
  // An extension that the far user may not make: the copy fails in its middle.
  run([](db::ConnectionOptions options, loop::Loop& loop) -> Task<void> {
    db::Database database(loop, db::DatabaseOptions{.connection = std::move(options)});
    co_await database.query("CREATE EXTENSION file_fdw");
  }(world_->cluster.cluster().superuser("example.com_team"), loop_));
  const auto place = make("half");
  const auto job = rig_->finish(use(place, true));
  EXPECT_EQ(job.state, api::JobState::kFailed);
  EXPECT_THAT(job.error.value_or(""), HasSubstr("file_fdw"));
  EXPECT_EQ(ask(local(), "SELECT count(*)::text FROM note"), "1000");
  EXPECT_EQ(run(rig_->externals.check(place)).tables, 0u);
  EXPECT_TRUE(is_running());
  EXPECT_FALSE(rig_->instances.get("team", "example.com").value().external);
}

TEST_F(ExternalTest, OneDatabaseHasOneActivePlatform) {
  const auto place = make("shared");
  created("notes", place);
  ExternalDatabases second(loop_, "two", [] { return "two.example.com"; });
  try {
    run(second.claim(place, false));
    FAIL();
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.error().code, Errc::kConflict);
    EXPECT_THAT(failure.error().detail, HasSubstr("in use by the platform one.example.com since 20"));
  }
  EXPECT_EQ(run(second.check(place)).owner, "one.example.com");
  // Stopped here it may run there; then it does not start here, and the message names the other.
  run(rig_->instances.stop("team", "example.com"));
  run(second.claim(place, false));
  try {
    run(rig_->instances.start("team", "example.com"));
    FAIL();
  } catch (const Failure& failure) {
    EXPECT_THAT(failure.error().detail, HasSubstr("two.example.com"));
  }
  EXPECT_FALSE(is_running());
  run(rig_->external_jobs.take_over("team", "example.com"));
  EXPECT_TRUE(is_running());
  EXPECT_EQ(run(second.other_owner(place)), "one.example.com");
  // Taken from us while we run: the watch stops the instance.
  run(rig_->external_jobs.look());
  EXPECT_TRUE(is_running());
  EXPECT_THAT(rig_->external_jobs.taken(), testing::IsEmpty());
  run(second.claim(place, true));
  run(rig_->external_jobs.look());
  EXPECT_FALSE(is_running());
  EXPECT_EQ(run(second.other_owner(place)), "") << "it keeps what it took";
  EXPECT_EQ(rig_->external_jobs.taken().at("team@example.com"), "two.example.com");
  run(rig_->external_jobs.take_over("team", "example.com"));
  EXPECT_THAT(rig_->external_jobs.taken(), testing::IsEmpty());
}

TEST_F(ExternalTest, MySqlIsForServicesThatAreWrittenForIt) {
  db::MysqlServer server(loop_);
  auto recipe = mysql_recipe({"sheets", "sheets"});
  recipe.replace(recipe.find("@password = ''"), 14, "@password = 'ge''heim'");
  std::vector<std::string> statements;
  for (std::size_t at = 0; at < recipe.size();) {
    const auto end = recipe.find(";\n", at);
    statements.push_back(recipe.substr(at, end - at));
    at = end + 2;
  }
  server.run_as_root(statements);
  ExternalPlace place{DatabaseType::kMysql, fmt::format("127.0.0.1:{}", server.port()), "sheets", "sheets",
                      "ge'heim"};
  EXPECT_THAT(run(rig_->externals.check(place)).server, HasSubstr("MariaDB"));
  auto wrong = place;
  wrong.password = "x";
  EXPECT_THAT(refusal(wrong).detail, HasSubstr("the password of user sheets is wrong"));
  wrong = place;
  wrong.database = "absent";
  EXPECT_THAT(refusal(wrong).detail, HasSubstr("no database absent"));
  wrong = place;
  wrong.host = "127.0.0.1:1";
  EXPECT_THAT(refusal(wrong).detail, HasSubstr("refuses the connection"));

  NewInstance mismatch;
  mismatch.service = "notes";
  mismatch.name = "n";
  mismatch.external = place;
  EXPECT_THAT(run(rig_->instance_jobs.create(mismatch, "test")).error().detail,
              HasSubstr("notes is written for postgresql, not for mysql"));
  mismatch.service = "sheets";
  mismatch.external.reset();
  EXPECT_THAT(run(rig_->instance_jobs.create(mismatch, "test")).error().detail,
              HasSubstr("is written for mysql"));

  created("sheets", place);
  EXPECT_TRUE(is_running());
  EXPECT_THAT(rig_->sets.selection(PolicyRow{}), testing::ElementsAre("manager")) << "in no backup set";
  FileSink sink(loop_, world_->folder + "/none.dump");
  try {
    run(rig_->instance_jobs.backup("team", "example.com", sink));
    FAIL();
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.error().code, Errc::kUnsupported);
    EXPECT_THAT(failure.error().detail, HasSubstr("mysqldump"));
  }
  ExternalDatabases second(loop_, "two", [] { return "two.example.com"; });
  EXPECT_THROW(run(second.claim(place, false)), Failure);
  EXPECT_EQ(run(second.check(place)).owner, "one.example.com");
  run(second.claim(place, true));
  run(rig_->external_jobs.look());
  EXPECT_FALSE(is_running());
  run(second.release(place));
  run(rig_->instances.start("team", "example.com"));
  EXPECT_TRUE(is_running());
}

}  // namespace
}  // namespace berth::manager
