// Instances whose data are on other servers: a PostgreSQL and a MariaDB of the test's own, reached by TCP.
#include "manager/external/external_jobs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "db/testing/mysql_server.h"
#include "manager/external/copy.h"
#include "manager/testing/rig.h"

namespace berth::manager {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class ExternalTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    shared_loop = std::make_unique<loop::Loop>();
    far = std::make_unique<RunningCluster>(*shared_loop, true, true);
  }
  static void TearDownTestSuite() {
    far.reset();
    shared_loop.reset();
  }
  static inline std::unique_ptr<loop::Loop> shared_loop;
  static inline std::unique_ptr<RunningCluster> far;

  ExternalTest() {
    set_log_sink([](LogLevel, std::string_view) {});
    world_ = std::make_unique<RigWorld>(loop_);
    world_->publish("notes", "1a");
    world_->publish("sheets", "1a", "mysql");
    start();
    for (const char* id : {"notes", "sheets"})
      EXPECT_EQ(rig_->finish(run(rig_->service_jobs.install(id, "", "test"))).state, api::JobState::kDone);
  }
  ~ExternalTest() override {
    rig_->stop_services();
    rig_.reset();
    world_.reset();
    set_log_sink(nullptr);
    for (const auto& name : made_) run(far->databases().drop({name, name}));
  }
  void start() {
    rig_.reset();
    rig_ = std::make_unique<Rig>(*world_);
    rig_->start();
  }
  template <class T>
  T run(Task<T> task) {
    return loop::run_task(loop_, std::move(task));
  }
  std::string host() const { return fmt::format("127.0.0.1:{}", far->cluster().settings().port); }
  // A database on the far server, made by the recipe's statements.
  ExternalPlace make(const std::string& name, const std::string& password = "geheim") {
    run(far->databases().create({name, name}, password));
    made_.push_back(name);
    return {DatabaseType::kPostgresql, host(), name, name, password};
  }
  void created(const std::string& service = "notes", std::optional<ExternalPlace> place = {}) {
    NewInstance wanted;
    wanted.service = service;
    wanted.name = "team";
    wanted.domain = "example.com";
    wanted.external = std::move(place);
    auto made = run(rig_->instance_jobs.create(std::move(wanted), "test"));
    ASSERT_TRUE(made) << made.error().detail;
    const auto job = run(rig_->jobs.wait(made->job.id)).value();
    ASSERT_EQ(job.state, api::JobState::kDone) << job.error.value_or("");
  }
  db::DatabaseOptions local() {
    const auto row = rig_->instances.get("team", "example.com").value();
    return world_->cluster.options(row.database, row.database_user, row.database_password);
  }
  db::DatabaseOptions there(const ExternalPlace& place) {
    db::DatabaseOptions options;
    options.connection = connection_of(place).value();
    return options;
  }
  std::string ask(db::DatabaseOptions options, std::string sql) {
    db::Database database(loop_, std::move(options));
    const auto rows = run(database.query(std::move(sql)));
    return rows.empty() ? "" : rows.front().get<std::string>(0);
  }
  void put_data() {
    db::Database database(loop_, local());
    run(database.run_script(
        "CREATE TABLE note (id serial PRIMARY KEY, text text NOT NULL);"
        "INSERT INTO note (text) SELECT 'n' || i FROM generate_series(1, 1000) i;"
        "CREATE SCHEMA \"Ü\"; CREATE TABLE \"Ü\".\"q\"\"t\" (n int); INSERT INTO \"Ü\".\"q\"\"t\" VALUES (7);"
        "SELECT lo_from_bytea(0, 'large');"));
  }
  bool is_running() {
    const auto* row = rig_->instances.find("team", "example.com");
    return row && rig_->instances.view(*row).state == api::InstanceState::kRunning;
  }
  Error refusal(ExternalPlace place) {
    try {
      run(rig_->externals.check(std::move(place)));
    } catch (const Failure& failure) {
      return failure.error();
    }
    return {};
  }
  Result<api::Job> use(std::optional<ExternalPlace> place, bool move, bool take_over = false) {
    return run(rig_->external_jobs.use({"team", "example.com", std::move(place), move, take_over, "test"}));
  }

  loop::Loop& loop_ = *shared_loop;
  std::unique_ptr<RigWorld> world_;
  std::unique_ptr<Rig> rig_;
  std::vector<std::string> made_;
};

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

TEST_F(ExternalTest, ManagerDeathAtEachStepOfAMoveEndsItInTheNewState) {
  created();
  put_data();
  for (int step = 0; step < 5; ++step)
    for (const char* when : {"before", "after"}) {
      const std::string point = fmt::format("{} {}", when, step);
      SCOPED_TRACE(point);
      const auto place = make(fmt::format("cut_{}_{}", when, step));
      loop::Event dead(loop_), never(loop_);
      rig_->jobs.at_point = [&](const JobEntry&, std::string at) -> Task<void> {
        if (at != point) co_return;
        dead.set();
        co_await never.wait();
      };
      const auto job = use(place, true);
      ASSERT_TRUE(job) << job.error().detail;
      ASSERT_TRUE(loop_.run_until([&] { return dead.is_set(); }, 60s));
      start();
      const auto ended = run(rig_->jobs.wait(job->id)).value();
      ASSERT_EQ(ended.state, api::JobState::kDone) << ended.error.value_or("");
      EXPECT_EQ(ask(there(place), "SELECT count(*)::text FROM note"), "1000");
      EXPECT_TRUE(loop_.run_until([&] { return is_running(); }, 20s));
      ASSERT_EQ(rig_->finish(use(std::nullopt, false)).state, api::JobState::kDone);
      EXPECT_EQ(ask(local(), "SELECT count(*)::text FROM note"), "1000");
    }
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
