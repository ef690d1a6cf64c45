#include "manager/database/database_sizes.h"

#include <gtest/gtest.h>

#include "db/database.h"
#include "loop/loop.h"
#include "manager/database/testing/shared_cluster.h"

namespace berth::manager {
namespace {

class DatabaseSizesTest : public SharedClusterTest {
 protected:
  DatabaseSizes sizes{shared->admin()};

  void create(const std::string& name) {
    loop::run_task(loop, running.databases().create({name, name}, "geheim"));
  }
  void refresh() { loop::run_task(loop, sizes.refresh()); }
  // Until nothing is in use any more: sessions of earlier statements end a little later than these.
  void settle() {
    for (std::uint64_t before = ~std::uint64_t{0}; before != sizes.measured();) {
      before = sizes.measured();
      refresh();
      // The superuser's own database is in use by the question itself.
      if (sizes.measured() <= before + 1) return;
    }
  }
};

TEST_F(DatabaseSizesTest, KnowsEveryDatabaseThatIsNoTemplate) {
  create("here");
  refresh();
  EXPECT_TRUE(sizes.all().contains("here"));
  EXPECT_TRUE(sizes.all().contains("postgres"));
  EXPECT_FALSE(sizes.all().contains("template1"));
  EXPECT_EQ(sizes.all().at("here"), loop::run_task(loop, running.databases().size("here")));
}

TEST_F(DatabaseSizesTest, MeasuresAgainOnlyWhereSomethingHappened) {
  for (const std::string name : {"quiet1", "quiet2", "quiet3", "busy"}) create(name);
  refresh();
  settle();
  const auto before = sizes.measured();
  refresh();
  EXPECT_LE(sizes.measured(), before + 1) << "the superuser's own at most";

  const auto size = sizes.all().at("busy");
  {
    db::Database busy(loop, running.options("busy", "busy", "geheim"));
    loop::run_task(loop, busy.run_script("CREATE TABLE t AS SELECT repeat('x', 1000) AS x FROM "
                                         "generate_series(1, 2000)"));
    const auto with_session = sizes.measured();
    refresh();
    EXPECT_LE(sizes.measured(), with_session + 2);
    EXPECT_GE(sizes.all().at("busy"), size + 2'000'000) << "seen while the session is still there";
    loop::run_task(loop, busy.run_script("INSERT INTO t SELECT * FROM t"));
  }
  refresh();
  EXPECT_GE(sizes.all().at("busy"), size + 4'000'000) << "and once more after it";
}

TEST_F(DatabaseSizesTest, FollowsNewDroppedAndSwappedDatabases) {
  create("live");
  create("other");
  {
    db::Database other(loop, running.options("other", "other", "geheim"));
    loop::run_task(loop, other.run_script("CREATE TABLE t AS SELECT repeat('x', 1000) AS x FROM "
                                          "generate_series(1, 2000)"));
  }
  refresh();
  const auto small = sizes.all().at("live"), large = sizes.all().at("other");
  ASSERT_GT(large, small);
  loop::run_task(loop, running.databases().swap("live", "other", "aside"));
  refresh();
  EXPECT_EQ(sizes.all().at("live"), large);
  EXPECT_EQ(sizes.all().at("aside"), small);
  EXPECT_FALSE(sizes.all().contains("other"));
  loop::run_task(loop, running.databases().drop_database("aside"));
  refresh();
  EXPECT_FALSE(sizes.all().contains("aside"));
}

TEST_F(DatabaseSizesTest, KeepsWhatItKnowsWhilePostgresqlIsAway) {
  create("kept");
  refresh();
  const auto size = sizes.all().at("kept");
  db::DatabaseOptions nowhere;
  nowhere.connection = running.cluster().superuser();
  nowhere.connection.host = running.folder() + "/nowhere";
  nowhere.wait_limit = std::chrono::milliseconds(10);
  db::Database away(loop, nowhere);
  DatabaseSizes lost(away);
  EXPECT_THROW(loop::run_task(loop, lost.refresh()), Failure);
  EXPECT_TRUE(lost.all().empty());
  EXPECT_EQ(sizes.all().at("kept"), size);
}

}  // namespace
}  // namespace berth::manager
