#include "db/listener.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "db/database.h"
#include "db/testing/temporary_cluster.h"
#include "loop/sync.h"

namespace berth::db {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

TEST(ListenerTest, HearsNotificationsAndTellsOfGaps) {
  TemporaryCluster cluster;
  loop::Loop loop;
  DatabaseOptions options;
  options.connection = cluster.make_database();
  Database database(loop, options);
  Listener listener(loop, options.connection, {"note", "Odd \"channel\""}, 3);
  EXPECT_TRUE(loop::run_task(loop, listener.next()).after_gap) << "the first: read the state";

  loop::run_task(loop, database.query("SELECT pg_notify('note', $1)", "grüße"));
  const auto note = loop::run_task(loop, listener.next());
  EXPECT_EQ(note.channel, "note");
  EXPECT_EQ(note.payload, "grüße");
  loop::run_task(loop, database.query("SELECT pg_notify('Odd \"channel\"', '')"));
  EXPECT_EQ(loop::run_task(loop, listener.next()).channel, "Odd \"channel\"");

  cluster.kill_now();
  ASSERT_TRUE(loop.run_until([&] { return !listener.is_connected(); }));
  cluster.start();
  EXPECT_TRUE(loop::run_task(loop, listener.next()).after_gap);
  loop::run_task(loop, database.query("SELECT pg_notify('note', 'again')"));
  EXPECT_EQ(loop::run_task(loop, listener.next()).payload, "again");

  // Nobody takes them: the fourth runs over and all become one gap.
  loop::run_task(loop, database.query("SELECT pg_notify('note', n::text) FROM generate_series(1, 4) n"));
  Notification last;
  do last = loop::run_task(loop, listener.next());
  while (!last.after_gap && last.payload != "4");
  EXPECT_TRUE(last.after_gap);
}

}  // namespace
}  // namespace berth::db
