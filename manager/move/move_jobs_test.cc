// Moves between two platforms, each a rig on a PostgreSQL of its own, and the death of either at every step.
#include "manager/move/move_jobs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "manager/testing/rig.h"
#include "manager/usage/limit_ranges.h"

namespace berth::manager {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// A name that wants to be quoted everywhere.
constexpr const char* kDatabase = "büro \"1\"'s\\";

// What an app may have in its database: everything that logical replication is known to forget.
constexpr const char* kSchema = R"sql(
CREATE TYPE mood AS ENUM ('gut', 'schlecht');
CREATE TABLE note (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, text text NOT NULL, data jsonb, mood mood,
                   at timestamptz DEFAULT now(), price numeric, size float8, bytes bytea,
                   length int GENERATED ALWAYS AS (length(text)) STORED);
CREATE TABLE tag (name varchar(20) PRIMARY KEY, note bigint REFERENCES note ON DELETE CASCADE,
                  place int NOT NULL UNIQUE DEFERRABLE);
CREATE TABLE log (at timestamptz, text text, doc json, "pad" char(6), spot point);
CREATE TABLE "Ü ""q""" ("select" int, "ä""b" text);
ALTER TABLE "Ü ""q""" REPLICA IDENTITY NOTHING;
CREATE TABLE counted (n int GENERATED ALWAYS AS IDENTITY, what text PRIMARY KEY);
CREATE TABLE part (day date, n int, PRIMARY KEY (day, n)) PARTITION BY RANGE (day);
CREATE TABLE part_1 PARTITION OF part FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE part_2 PARTITION OF part DEFAULT;
CREATE TABLE parent (a int PRIMARY KEY, b text);
CREATE TABLE child (c int, PRIMARY KEY (a)) INHERITS (parent);
CREATE UNLOGGED TABLE cache (k text PRIMARY KEY, v text);
CREATE SEQUENCE ticket START 100;
CREATE MATERIALIZED VIEW sums AS SELECT count(*) AS n FROM note;
CREATE TABLE written (n int);
CREATE FUNCTION note_written() RETURNS trigger LANGUAGE plpgsql AS
  $$ BEGIN INSERT INTO log (text) VALUES ('written ' || NEW.id); RETURN NEW; END $$;
CREATE TRIGGER note_written AFTER INSERT ON note FOR EACH ROW EXECUTE FUNCTION note_written();
INSERT INTO note (text, data, mood, price, size, bytes)
  SELECT 'n' || i || 'ß', '{"a": [1, "ü"]}', 'gut', 1.10, 0.1 + i, '\x00ff' FROM generate_series(1, 200) i;
INSERT INTO note (text) SELECT string_agg(md5(i::text), '') FROM generate_series(1, 2000) i;
INSERT INTO tag SELECT 't' || i, i, i FROM generate_series(1, 20) i;
INSERT INTO "Ü ""q""" VALUES (1, 'gleich'), (1, 'gleich'), (2, NULL), (NULL, '');
INSERT INTO log VALUES (now(), 'x', '{"b":1}', 'ab', '(1,2)');
INSERT INTO counted (what) VALUES ('a'), ('b');
INSERT INTO part VALUES ('2026-02-01', 1), ('1999-01-01', 2);
INSERT INTO parent VALUES (1, 'p'); INSERT INTO child VALUES (2, 'c', 3);
INSERT INTO cache VALUES ('k', 'v');
SELECT nextval('ticket'), nextval('ticket');
SELECT lo_from_bytea(5000, 'first'), lo_from_bytea(5001, 'second'), lo_from_bytea(5002, 'third');
REFRESH MATERIALIZED VIEW sums;
)sql";

// Changes of every kind, as they come while the copy is being made.
constexpr const char* kChanges = R"sql(
INSERT INTO note (text, mood) VALUES ('später \ ''q''', 'schlecht');
UPDATE note SET text = 'anders', data = NULL WHERE id = 3;
UPDATE note SET mood = 'gut' WHERE id = 201;
DELETE FROM note WHERE id = 5;
UPDATE tag SET name = 'umbenannt' WHERE name = 't1';
UPDATE tag SET place = place + 1;
DELETE FROM "Ü ""q""" WHERE ctid = (SELECT ctid FROM "Ü ""q""" WHERE "ä""b" = 'gleich' LIMIT 1);
UPDATE "Ü ""q""" SET "ä""b" = 'war null' WHERE "select" = 2;
UPDATE "Ü ""q""" SET "select" = 9 WHERE "select" IS NULL;
UPDATE log SET pad = 'cd', doc = '{"b": 2}' WHERE pad = 'ab';
INSERT INTO counted (what) VALUES ('c'); UPDATE counted SET what = 'bb' WHERE what = 'b';
UPDATE part SET day = '2026-03-01' WHERE n = 2; INSERT INTO part VALUES ('2026-04-01', 7);
UPDATE parent SET b = 'geändert'; DELETE FROM ONLY parent; INSERT INTO child VALUES (4, 'neu', 5);
INSERT INTO cache VALUES ('spät', 'da'); DELETE FROM cache WHERE k = 'k';
SELECT nextval('ticket');
SELECT lo_put(5000, 0, 'FIRST'), lo_unlink(5001), lo_from_bytea(6000, 'new');
INSERT INTO written VALUES (1), (2); TRUNCATE written; INSERT INTO written VALUES (3);
)sql";

class MoveTest : public testing::Test {
 protected:
  MoveTest() {
    set_log_sink([](LogLevel, std::string_view) {});
    for (auto* side : {&here_, &there_}) {
      side->world = std::make_unique<RigWorld>(loop_);
      side->world->publish("notes", "1a");
      side->rig = std::make_unique<Rig>(*side->world);
      side->rig->start();
      EXPECT_EQ(side->rig->finish(run(side->rig->service_jobs.install("notes", "", "test"))).state,
                api::JobState::kDone);
    }
    here_.world->find_platform = [this](MoveTarget to) { return find_other(std::move(to)); };
  }
  ~MoveTest() override {
    for (auto* side : {&here_, &there_}) {
      if (side->rig) side->rig->stop_services();
      side->rig.reset();
    }
    here_.world.reset();
    there_.world.reset();
    set_log_sink(nullptr);
  }

  struct Side {
    std::unique_ptr<RigWorld> world;
    std::unique_ptr<Rig> rig;
  };

  // The other rig as its messages would bring it, and how it may fail.
  class Other final : public OtherPlatform {
   public:
    explicit Other(MoveTest& test) : test_(test) {}
    Task<api::PrepareArrivalResult> prepare(api::PrepareArrival told, std::string password,
                                            std::string database_password) override {
      co_await test_.hook("prepare");
      co_return co_await arrivals().prepare(
          {std::move(told), std::move(password), std::move(database_password), "other"});
    }
    Task<void> start(api::StartArrival told) override {
      co_await test_.hook("start");
      co_await arrivals().start(told.name, told.domain, told.token);
      co_await test_.hook("started");
    }
    Task<void> confirm(api::ConfirmArrival told) override {
      co_await test_.hook("confirm");
      co_await arrivals().confirm(told.name, told.domain, told.token);
      co_await test_.hook("confirmed");
    }
    Task<void> abandon(api::AbandonArrival told) override {
      co_await test_.hook("abandon");
      co_await arrivals().abandon(told.name, told.domain, told.token, "other");
    }
    Task<std::unique_ptr<ByteLine>> open_line(std::string token) override {
      co_await test_.hook("line");
      co_return co_await arrivals().open_line(std::move(token));
    }

   private:
    Arrivals& arrivals() { return test_.there_.rig->arrivals; }
    MoveTest& test_;
  };
  Task<std::unique_ptr<OtherPlatform>> find_other(MoveTarget to) {
    EXPECT_EQ(to.password, "geheim");
    if (is_cut_off_) throw_failure(Errc::kUnavailable, "not reached");
    co_return std::make_unique<Other>(*this);
  }
  Task<void> hook(std::string what) {
    if (is_cut_off_) throw_failure(Errc::kUnavailable, "not reached");
    if (on_message) co_await on_message(what);
  }

  template <class T>
  T run(Task<T> task) {
    return loop::run_task(loop_, std::move(task));
  }
  void reborn(Side& side) {
    side.rig.reset();
    side.rig = std::make_unique<Rig>(*side.world);
    side.rig->start();
  }
  void create() {
    NewInstance wanted;
    wanted.service = "notes";
    wanted.name = "büro";
    wanted.domain = "example.com";
    wanted.database = kDatabase;
    auto made = run(here_.rig->instance_jobs.create(std::move(wanted), "test"));
    ASSERT_TRUE(made) << made.error().detail;
    ASSERT_EQ(run(here_.rig->jobs.wait(made->job.id))->state, api::JobState::kDone);
  }
  db::DatabaseOptions database(Side& side) {
    const auto row = side.rig->instances.get("büro", "example.com").value();
    return side.world->cluster.options(row.database, row.database_user, row.database_password);
  }
  void script(Side& side, std::string sql) {
    db::Database opened(loop_, database(side));
    run(opened.run_script(std::move(sql)));
  }
  std::string ask(Side& side, std::string sql) {
    db::DatabaseOptions options;
    options.connection = side.world->cluster.cluster().superuser(kDatabase);
    db::Database opened(loop_, options);
    const auto rows = run(opened.query(std::move(sql)));
    std::string text;
    for (const auto row : rows) text += (text.empty() ? "" : ",") + std::string(row.text(std::size_t{0}));
    return text;
  }
  // All that is in the app's tables, sequences and large objects, as one text.
  std::string content(Side& side) {
    std::string all;
    for (const char* table : {"note", "tag", "log", "\"Ü \"\"q\"\"\"", "counted", "part", "parent", "child",
                              "cache", "written", "sums"})
      all += fmt::format(
          "{}: {}\n", table,
          ask(side, fmt::format("SELECT t::text FROM {} t ORDER BY t::text COLLATE \"C\"", table)));
    all += "ticket: " + ask(side, "SELECT last_value || ' ' || is_called FROM ticket") + "\n";
    return all +
           ask(side, "SELECT oid || encode(lo_get(oid), 'escape') FROM pg_largeobject_metadata ORDER BY oid");
  }
  // What a move does to the source beside reading.
  std::string traces(Side& side) {
    return ask(side, "SELECT slot_name FROM pg_replication_slots") +
           ask(side, "SELECT pubname FROM pg_publication") +
           ask(side,
               "SELECT relname || relreplident::text FROM pg_class WHERE relkind = 'r' AND relreplident <> "
               "'d' "
               "AND relnamespace = 'public'::regnamespace");
  }
  bool is_running(Side& side) {
    const auto* row = side.rig->instances.find("büro", "example.com");
    return row && side.rig->instances.view(*row).state == api::InstanceState::kRunning;
  }
  Result<api::MoveInstanceResult> begin(bool check_only = false) {
    return run(here_.rig->move_jobs.move("büro", "example.com", {"wss://there/manager", "geheim", "", true},
                                         check_only, "test"));
  }
  api::Job moved() {
    auto told = begin();
    EXPECT_TRUE(told) << told.error().detail;
    if (!told || !told->job) {
      ADD_FAILURE() << (told ? told->obstacles.at(0) : "");
      return {};
    }
    return run(here_.rig->jobs.wait(told->job->id)).value();
  }
  // The manager here dies at this point of the move; the job as its successor ends it.
  api::Job moved_with_a_death_at(const std::string& point) {
    loop::Event dead(loop_), never(loop_);
    here_.rig->jobs.at_point = [&](const JobEntry&, std::string at) -> Task<void> {
      if (at != point) co_return;
      dead.set();
      co_await never.wait();
    };
    const auto told = begin();
    if (!told || !told->job || !loop_.run_until([&] { return dead.is_set(); }, 60s)) {
      ADD_FAILURE() << "the move did not get to " << point;
      return {};
    }
    reborn(here_);
    return run(here_.rig->jobs.wait(told->job->id)).value();
  }
  void expect_is_there(const std::string& wanted) {
    EXPECT_TRUE(loop_.run_until([&] { return is_running(there_); }, 10s));
    EXPECT_FALSE(is_running(here_));
    EXPECT_EQ(content(there_), wanted);
    EXPECT_EQ(traces(here_), "Ü \"q\"n") << "as it was before";
    EXPECT_EQ(traces(there_), "Ü \"q\"n");
    EXPECT_EQ(
        ask(there_,
            "SELECT string_agg(attname || attidentity::text, ',' ORDER BY attname) FROM pg_attribute WHERE "
            "attidentity <> '' AND NOT attisdropped"),
        "ida,na");
    EXPECT_EQ(ask(there_, "SELECT count(*) FROM pg_namespace WHERE nspname = 'berth_move'"), "0");
    EXPECT_EQ(ask(there_, "SELECT count(*) FROM pg_db_role_setting"), "0");
    const auto row = here_.rig->instances.get("büro", "example.com").value();
    EXPECT_EQ(row.moved->state, Moved::State::kMoved);
    EXPECT_TRUE(row.moved->forwards);
    EXPECT_THROW(run(here_.rig->instances.start("büro", "example.com")), Failure);
    EXPECT_FALSE(path_exists(here_.world->layout.run() + "/m1"));
  }
  void expect_is_here(const std::string& wanted) {
    EXPECT_TRUE(loop_.run_until([&] { return is_running(here_); }, 10s));
    EXPECT_FALSE(here_.rig->instances.get("büro", "example.com")->moved);
    EXPECT_EQ(content(here_), wanted);
    EXPECT_EQ(traces(here_), "Ü \"q\"n");
    EXPECT_FALSE(there_.rig->instances.find("büro", "example.com"));
    EXPECT_FALSE(run(there_.rig->databases.exists(kDatabase)));
    EXPECT_FALSE(run(there_.rig->databases.user_exists(kDatabase)));
    script(here_, "INSERT INTO written VALUES (99); DELETE FROM written WHERE n = 99");
  }
  // Back to the beginning, for the next round of a walk.
  void bring_back() {
    if (there_.rig->instances.find("büro", "example.com")) {
      auto removed = run(there_.rig->instance_jobs.remove("büro", "example.com", true, "test"));
      EXPECT_EQ(there_.rig->finish(std::move(removed)).state, api::JobState::kDone);
      run(here_.rig->move_jobs.undo("büro", "example.com"));
    }
    EXPECT_TRUE(is_running(here_));
  }

  loop::Loop loop_;
  Side here_, there_;
  bool is_cut_off_ = false;
  std::function<Task<void>(std::string)> on_message;
};

TEST_F(MoveTest, EverythingComesAlongThatLogicalReplicationForgets) {
  create();
  script(here_, kSchema);
  // The changes come between the copy and the pause.
  here_.rig->jobs.at_point = [&](const JobEntry&, std::string point) -> Task<void> {
    if (point != "after 2") co_return;
    db::Database app(loop_, database(here_));
    co_await app.run_script(kChanges);
  };
  run(here_.rig->instances.set_limits("büro", "example.com", {.messages = 200}, ""));
  const auto before = here_.rig->instances.get("büro", "example.com").value();
  const auto job = moved();
  ASSERT_EQ(job.state, api::JobState::kDone) << job.error.value_or("");
  EXPECT_EQ(job.kind, api::JobKind::kMove);
  expect_is_there(content(here_));
  const auto& result = job.result->as_object();
  EXPECT_GT(result.at("changes").to_number<int>(), 20);
  EXPECT_EQ(result.at("largeObjects").to_number<int>(), 3);
  const auto after = there_.rig->instances.get("büro", "example.com").value();
  EXPECT_EQ(after.password, before.password);
  EXPECT_EQ(after.database_password, before.database_password);
  EXPECT_EQ(after.path, before.path);
  EXPECT_EQ(after.log_flags, before.log_flags);
  EXPECT_EQ(format_limits(after.limits), R"({"messages":200})");
  // It goes on there where it stood here.
  script(there_, "INSERT INTO note (text) VALUES ('neu'); SELECT nextval('ticket')");
  EXPECT_EQ(ask(there_, "SELECT last_value FROM ticket"), "103");
  EXPECT_EQ(ask(there_, "SELECT count(*) FROM log WHERE text = 'written 203'"), "1") << "triggers work again";
}

TEST_F(MoveTest, NothingThatWasWrittenMeanwhileIsLostOrThereTwice) {
  create();
  script(here_, "CREATE TABLE written (n int, text text)");
  int acknowledged = 0;
  bool is_over = false;
  const auto write = [&]() -> Task<void> {
    db::Database app(loop_, database(here_));
    while (!is_over) {
      try {
        co_await app.query("INSERT INTO written VALUES ($1, repeat('x', 500))", acknowledged + 1);
        ++acknowledged;
      } catch (const Failure&) {
        is_over = true;  // kept out
      }
    }
  };
  loop::Spawned<void> writing(loop_, write());
  const auto job = moved();
  ASSERT_EQ(job.state, api::JobState::kDone) << job.error.value_or("");
  EXPECT_TRUE(loop_.run_until([&] { return is_over; }, 60s)) << "nobody writes here any more";
  EXPECT_GT(acknowledged, 10);
  // The last one may have been committed without its answer getting through.
  const int count = std::stoi(ask(there_, "SELECT count(*) FROM written"));
  EXPECT_GE(count, acknowledged);
  EXPECT_LE(count, acknowledged + 1);
  EXPECT_EQ(ask(there_, "SELECT count(DISTINCT n) = count(*) AND max(n) = count(*) FROM written"), "t");
}

TEST_F(MoveTest, ACheckTellsWhatHindersAndChangesNothing) {
  create();
  script(here_, kSchema);
  auto told = begin(true);
  ASSERT_TRUE(told) << told.error().detail;
  EXPECT_THAT(told->obstacles, IsEmpty());
  EXPECT_EQ(told->remarks.size(), 4u);
  EXPECT_FALSE(told->job);
  EXPECT_GT(told->bytes, 100'000u);
  EXPECT_EQ(traces(here_), "Ü \"q\"n");
  EXPECT_FALSE(there_.rig->instances.find("büro", "example.com"));

  NewInstance other;
  other.service = "notes";
  other.name = "other";
  other.domain = "example.com";
  other.path = "/example.com/büro";
  auto made = run(there_.rig->instance_jobs.create(std::move(other), "test"));
  run(there_.rig->jobs.wait(made->job.id));
  told = begin();
  ASSERT_TRUE(told);
  EXPECT_THAT(told->obstacles,
              ElementsAre(HasSubstr("path /example.com/büro is taken by other@example.com")));
  EXPECT_FALSE(told->job) << "nothing is begun";
  is_cut_off_ = true;
  EXPECT_THROW((void)begin(), Failure);
}

TEST_F(MoveTest, ALimitThatIsNotKnownThereIsToldBeforeAndLeftOut) {
  create();
  api::PrepareArrival told;
  told.service = "notes";
  told.build = "1a";
  told.name = "büro";
  told.domain = "example.com";
  told.database = told.database_user = kDatabase;
  told.limits = json::parse(R"({"messages": 200, "gpuSeconds": 5})").value();
  told.check_only = true;
  const auto answer = run(there_.rig->arrivals.prepare({std::move(told), {}, {}, "test"}));
  EXPECT_THAT(answer.obstacles, IsEmpty());
  EXPECT_THAT(answer.remarks, ElementsAre(HasSubstr("the limit gpuSeconds is not known")));
}

TEST_F(MoveTest, AnOlderBuildThereIsAnObstacle) {
  here_.world->publish("notes", "1b");
  EXPECT_EQ(here_.rig->finish(run(here_.rig->service_jobs.install("notes", "", "test"))).state,
            api::JobState::kDone);
  create();
  const auto told = begin();
  ASSERT_TRUE(told);
  EXPECT_THAT(told->obstacles, ElementsAre(HasSubstr("update it first")));
}

TEST_F(MoveTest, AnAppThatDoesNotStartThereGoesOnHere) {
  create();
  script(here_, kSchema);
  there_.world->publish("notes", "2a", "refuse");
  EXPECT_EQ(there_.rig->finish(run(there_.rig->service_jobs.install("notes", "", "test"))).state,
            api::JobState::kDone);
  const auto wanted = content(here_);
  const auto job = moved();
  EXPECT_EQ(job.state, api::JobState::kFailed);
  EXPECT_THAT(job.error.value_or(""), HasSubstr("does not want to"));
  expect_is_here(wanted);
}

TEST_F(MoveTest, AChangedStructureIsNoticedAndItStaysHere) {
  create();
  script(here_, kSchema);
  here_.rig->jobs.at_point = [&](const JobEntry&, std::string point) -> Task<void> {
    if (point != "after 3") co_return;
    db::Database app(loop_, database(here_));
    co_await app.run_script("ALTER TABLE note ADD COLUMN later int; UPDATE note SET later = 1");
  };
  const auto job = moved();
  EXPECT_EQ(job.state, api::JobState::kFailed);
  EXPECT_THAT(job.error.value_or(""), HasSubstr("structure"));
  EXPECT_EQ(traces(here_), "Ü \"q\"n");
  EXPECT_TRUE(is_running(here_));
  EXPECT_FALSE(there_.rig->instances.find("büro", "example.com"));
}

TEST_F(MoveTest, CancelledAtEachStepItStaysHereUntouched) {
  create();
  script(here_, kSchema);
  const auto wanted = content(here_);
  for (const char* point : {"before 0", "after 0", "after 1", "after 2", "after 3", "after 4"}) {
    SCOPED_TRACE(point);
    here_.rig->jobs.at_point = [&](const JobEntry& entry, std::string at) -> Task<void> {
      if (at != point) co_return;
      EXPECT_TRUE(here_.rig->jobs.cancel(entry.id));
      co_return;
    };
    const auto job = moved();
    EXPECT_EQ(job.state, api::JobState::kCancelled) << job.error.value_or("");
    expect_is_here(wanted);
  }
}

TEST_F(MoveTest, TheDeathOfThisManagerAtEachStepEndsItWholeThere) {
  create();
  script(here_, kSchema);
  const auto wanted = content(here_);
  int points = 0;
  for (int step = 0; step < 8; ++step) {
    for (const char* when : {"before", "after"}) {
      const auto point = fmt::format("{} {}", when, step);
      SCOPED_TRACE(point);
      ++points;
      const auto job = moved_with_a_death_at(point);
      ASSERT_EQ(job.state, api::JobState::kDone) << job.error.value_or("");
      expect_is_there(wanted);
      bring_back();
    }
  }
  EXPECT_EQ(points, 16);
  EXPECT_EQ(content(here_), wanted) << "0 lost, 0 half";
}

TEST_F(MoveTest, TheDeathOfThisManagerInEachMessageEndsItWholeThere) {
  create();
  script(here_, kSchema);
  const auto wanted = content(here_);
  for (const char* message : {"prepare", "line", "start", "started", "confirm", "confirmed"}) {
    SCOPED_TRACE(message);
    loop::Event dead(loop_), never(loop_);
    bool is_armed = false;
    here_.rig->jobs.at_point = [&](const JobEntry&, std::string) -> Task<void> {
      is_armed = true;
      co_return;
    };
    on_message = [&](std::string what) -> Task<void> {
      if (what != message || !is_armed) co_return;
      dead.set();
      co_await never.wait();
    };
    const auto told = begin();
    ASSERT_TRUE(told && told->job);
    ASSERT_TRUE(loop_.run_until([&] { return dead.is_set(); }, 60s));
    on_message = nullptr;
    reborn(here_);
    const auto job = run(here_.rig->jobs.wait(told->job->id)).value();
    ASSERT_EQ(job.state, api::JobState::kDone) << job.error.value_or("");
    expect_is_there(wanted);
    bring_back();
  }
}

TEST_F(MoveTest, TheDeathOfThisManagerWhileItGoesBackEndsItWholeHere) {
  create();
  script(here_, kSchema);
  const auto wanted = content(here_);
  there_.world->publish("notes", "2a", "refuse");
  EXPECT_EQ(there_.rig->finish(run(there_.rig->service_jobs.install("notes", "", "test"))).state,
            api::JobState::kDone);
  for (int step = 5; step >= 0; --step) {
    for (const char* when : {"before", "after"}) {
      const auto point = fmt::format("{} undo {}", when, step);
      SCOPED_TRACE(point);
      const auto job = moved_with_a_death_at(point);
      EXPECT_EQ(job.state, api::JobState::kFailed);
      expect_is_here(wanted);
    }
  }
}

TEST_F(MoveTest, TheDeathOfTheOtherManagerEndsItWholeOnOneSide) {
  create();
  script(here_, kSchema);
  const auto wanted = content(here_);
  for (const char* message : {"prepare", "line", "start", "started", "confirm", "confirmed"}) {
    SCOPED_TRACE(message);
    bool is_armed = false, is_done = false;
    here_.rig->jobs.at_point = [&](const JobEntry&, std::string) -> Task<void> {
      is_armed = true;
      co_return;
    };
    on_message = [&](std::string what) -> Task<void> {
      if (what != message || !is_armed || std::exchange(is_done, true)) co_return;
      is_cut_off_ = true;  // the connection is lost, and nobody answers until it is back
      throw_failure(Errc::kUnavailable, "the connection was lost");
    };
    const auto told = begin();
    ASSERT_TRUE(told && told->job);
    ASSERT_TRUE(loop_.run_until([&] { return is_cut_off_; }, 60s));
    reborn(there_);
    on_message = nullptr;
    is_cut_off_ = false;
    const auto job = run(here_.rig->jobs.wait(told->job->id)).value();
    if (job.state == api::JobState::kDone) {
      expect_is_there(wanted);
      bring_back();
    } else {
      expect_is_here(wanted);
    }
  }
}

TEST_F(MoveTest, WithoutBeingConfirmedItDoesNotRunThereForLong) {
  create();
  there_.rig->arrivals.trial_time = 2s;
  on_message = [&](std::string what) -> Task<void> {
    if (what == "confirm") throw_failure(Errc::kUnavailable, "not reached");
    co_return;
  };
  const auto told = begin();
  ASSERT_TRUE(told && told->job);
  ASSERT_TRUE(loop_.run_until([&] { return is_running(there_); }, 60s));
  EXPECT_TRUE(loop_.run_until([&] { return !is_running(there_); }, 20s));
  EXPECT_FALSE(is_running(here_)) << "it was given away";
  on_message = nullptr;
  EXPECT_EQ(run(here_.rig->jobs.wait(told->job->id))->state, api::JobState::kDone);
  EXPECT_TRUE(is_running(there_));
}

TEST_F(MoveTest, WhenTheOtherFallsSilentAtTheStartItIsTakenBackAfterTheTrial) {
  create();
  script(here_, kSchema);
  const auto wanted = content(here_);
  there_.rig->arrivals.trial_time = 1s;
  here_.rig->move_jobs.patience = {2, 3s};
  on_message = [&](std::string what) -> Task<void> {
    if (what == "started") {
      is_cut_off_ = true;
      throw_failure(Errc::kUnavailable, "the connection was lost");
    }
    co_return;
  };
  const auto told = begin();
  ASSERT_TRUE(told && told->job);
  ASSERT_TRUE(loop_.run_until([&] { return is_cut_off_; }, 60s));
  EXPECT_TRUE(is_running(there_)) << "on trial";
  ASSERT_TRUE(loop_.run_until([&] { return is_running(here_); }, 30s));
  EXPECT_FALSE(is_running(there_));
  is_cut_off_ = false;
  on_message = nullptr;
  EXPECT_EQ(run(here_.rig->jobs.wait(told->job->id))->state, api::JobState::kFailed);
  expect_is_here(wanted);
}

TEST_F(MoveTest, WhatIsLeftGoesToTheBinAfterItsTime) {
  create();
  ASSERT_EQ(moved().state, api::JobState::kDone);
  run(here_.rig->move_jobs.look_after());
  EXPECT_FALSE(here_.rig->instances.get("büro", "example.com")->is_deleted());
  run(here_.rig->move_jobs.end_forward("büro", "example.com"));
  EXPECT_FALSE(here_.rig->instances.get("büro", "example.com")->moved->forwards);
  auto row = here_.rig->instances.get("büro", "example.com").value();
  row.moved->until = "2020-01-01T00:00:00Z";
  run(here_.rig->instance_repository.update(row));
  run(here_.rig->instances.reload("büro", "example.com"));
  run(here_.rig->move_jobs.look_after());
  EXPECT_TRUE(
      loop_.run_until([&] { return here_.rig->instances.get("büro", "example.com")->is_deleted(); }, 10s));
}

TEST_F(MoveTest, NobodyElseGetsInByTheLineOfAnArrival) {
  create();
  const std::string token(48, 'a');
  api::PrepareArrival told;
  told.token = token;
  told.service = "notes";
  told.name = "büro";
  told.domain = "example.com";
  told.path = "/example.com/büro";
  told.database = told.database_user = kDatabase;
  run(there_.rig->arrivals.prepare({told, "eins", "zwei", "test"}));
  const auto try_as = [&](const std::string& user, const std::string& database) {
    auto line = run(there_.rig->arrivals.open_line(token));
    std::string packet{0, 0, 0, 0, 0, 3, 0, 0};
    for (const auto& text : {std::string("user"), user, std::string("database"), database, std::string()})
      packet += text + '\0';
    packet[3] = static_cast<char>(packet.size());
    try {
      run(line->write(Bytes(packet.begin(), packet.end())));
    } catch (const Failure& failure) {
      return name_of(failure.error().code);
    }
    const auto answer = run(line->read());
    return std::string_view(
        answer.size() > 8 && answer[0] == 'R' && answer[8] == 10 ? "asked for the password" : "?");
  };
  EXPECT_EQ(try_as(kDatabase, kDatabase), "asked for the password");
  EXPECT_EQ(try_as("berth", "postgres"), "denied") << "we ourselves are superuser";
  EXPECT_EQ(try_as(kDatabase, "postgres"), "denied");
  EXPECT_THROW((void)run(there_.rig->arrivals.open_line(std::string(48, 'b'))), Failure);
  EXPECT_THROW((void)run(there_.rig->arrivals.open_line("")), Failure);
  run(there_.rig->arrivals.abandon("büro", "example.com", std::string(48, 'b'), "test"));
  EXPECT_TRUE(there_.rig->instances.find("büro", "example.com")) << "not by a foreign token";
  run(there_.rig->arrivals.abandon("büro", "example.com", token, "test"));
  EXPECT_FALSE(there_.rig->instances.find("büro", "example.com"));
}

}  // namespace
}  // namespace berth::manager
