#include "manager/database/cluster.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <cstdio>

#include "base/file.h"
#include "manager/database/leftovers.h"
#include "manager/database/testing/shared_cluster.h"

namespace berth::manager {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class ClusterTest : public SharedClusterTest {
 protected:
  Cluster& cluster = running.cluster();

  std::string show(std::string setting) {
    const auto rows = loop::run_task(loop, running.admin().query("SELECT current_setting($1) AS v", setting));
    return rows[0].get<std::string>("v");
  }
};

TEST_F(ClusterTest, IsMadeAsThePlatformWantsIt) {
  EXPECT_EQ(show("server_encoding"), "UTF8");
  EXPECT_EQ(show("data_checksums"), "on");
  EXPECT_EQ(show("lc_collate"), "C.UTF-8");
  EXPECT_EQ(show("listen_addresses"), "");
  EXPECT_EQ(show("max_connections"), "30");
  EXPECT_EQ(show("shared_buffers"), "32MB");
  EXPECT_EQ(show("jit"), "off");
  EXPECT_TRUE(path_exists(running.folder() + "/log")) << "the log goes to our folder";
}

TEST_F(ClusterTest, IsPreparedAgainWithoutTouchingWhatTheAdminWrote) {
  const std::string rules_path = running.folder() + "/pgsql/pg_hba.conf";
  const std::string rules = or_throw(read_file(rules_path)) + "hostssl all ann 192.0.2.0/24 scram-sha-256\n";
  ASSERT_TRUE(write_file_durably(rules_path, rules));
  const std::string map_path = running.folder() + "/pgsql/pg_ident.conf";
  const std::string map = "mine ann ann\n" + or_throw(read_file(map_path));
  ASSERT_TRUE(write_file_durably(map_path, map));
  EXPECT_FALSE(loop::run_task(loop, cluster.prepare()));
  EXPECT_EQ(or_throw(read_file(rules_path)), rules);
  EXPECT_EQ(or_throw(read_file(map_path)), map);
}

TEST_F(ClusterTest, FindsTheRunningPostmasterAgain) {
  const auto found = cluster.find_running();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->pid, running.pid());
  EXPECT_EQ(found->start_time, loop::process_start_time(running.pid()));
  EXPECT_TRUE(found->is_ready);
  running.stop();
  EXPECT_FALSE(cluster.find_running());
}

TEST_F(ClusterTest, StartsAfterAPowerCutThoughAnotherProgramHasThePid) {
  loop::run_task(loop, running.admin().query("CREATE TABLE t(a int)"));
  running.kill_now();
  const std::string lock = running.folder() + "/pgsql/postmaster.pid";
  ASSERT_TRUE(path_exists(lock));
  EXPECT_FALSE(cluster.find_running());
  // Our own pid, as if it had been given anew after the boot.
  auto content = or_throw(read_file(lock));
  content.replace(0, content.find('\n'), std::to_string(::getpid()));
  ASSERT_TRUE(write_file_durably(lock, content));
  EXPECT_FALSE(cluster.find_running());
  loop::run_task(loop, cluster.prepare());
  running.start();
  EXPECT_TRUE(loop::run_task(loop, running.admin().query("SELECT * FROM t")).empty());
}

TEST_F(ClusterTest, StartsThoughAKilledPostmasterHasLeftABusyProcess) {
  // Stopped, it notices the end of its postmaster as little as a recovery does that is syncing its files.
  const auto rows = loop::run_task(loop, running.admin().query("SELECT pg_backend_pid() AS pid"));
  const auto busy = rows[0].get<pid_t>("pid");
  EXPECT_TRUE(find_leftovers(running.folder() + "/pgsql").empty());
  ASSERT_EQ(::kill(busy, SIGSTOP), 0);
  running.kill_postmaster();
  loop::run_task(loop, cluster.prepare());
  EXPECT_FALSE(loop::process_start_time(busy));
  running.start();
  EXPECT_TRUE(loop::run_task(loop, cluster.is_ready()));
}

TEST_F(ClusterTest, IsNotReadyWhenItIsDown) {
  EXPECT_TRUE(loop::run_task(loop, cluster.is_ready()));
  running.stop();
  EXPECT_FALSE(loop::run_task(loop, cluster.is_ready()));
  try {
    loop::run_task(loop, cluster.wait_until_ready(100ms));
    FAIL();
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.error().code, Errc::kTimeout);
    EXPECT_THAT(failure.error().detail, HasSubstr("No such file"));
  }
}

TEST_F(ClusterTest, StopsThoughASessionWorks) {
  db::Database other(loop, running.options("postgres", "berth", ""));
  loop::Spawned<db::Rows> busy(loop, other.query("SELECT pg_sleep(600)"));
  loop.run_until([&] { return other.open_connections() == 1 && other.counters().connects == 1; });
  running.stop();
  EXPECT_FALSE(cluster.find_running());
}

TEST_F(ClusterTest, TellsWhichSettingsNeedARestart) {
  auto settings = cluster.settings();
  EXPECT_FALSE(loop::run_task(loop, cluster.change_settings(settings)));
  settings.max_connections = 40;
  EXPECT_TRUE(loop::run_task(loop, cluster.change_settings(settings)));
  running.stop();
  running.start();
  EXPECT_EQ(show("max_connections"), "40");
}

TEST(ClusterMaking, StartsAfreshAfterAHalfMadeOne) {
  loop::Loop loop;
  RunningCluster running(loop);
  running.stop();
  const std::string data = running.folder() + "/pgsql";
  ASSERT_EQ(::rename(data.c_str(), (data + ".making").c_str()), 0);
  ASSERT_TRUE(remove_tree(data + ".making/base"));
  EXPECT_TRUE(loop::run_task(loop, running.cluster().prepare()));
  EXPECT_FALSE(path_exists(data + ".making"));
  running.start();
}

TEST(ClusterMaking, SaysWhatIsWrong) {
  loop::Loop loop;
  ClusterSettings settings;
  settings.data_folder = "/nonexistent/pgsql";
  settings.socket_folder = "/tmp/" + std::string(100, 'x');
  settings.log_folder = "/tmp";
  const auto prepare = [&loop](ClusterSettings with) {
    Cluster cluster(loop, std::move(with));
    try {
      loop::run_task(loop, cluster.prepare());
    } catch (const Failure& failure) {
      return failure.error();
    }
    return Error{};
  };
  EXPECT_THAT(prepare(settings).detail, HasSubstr("shorter root"));
  settings.binaries = "/nonexistent";
  EXPECT_THAT(prepare(settings).detail, HasSubstr("install the package postgresql-15"));
}

TEST(ClusterMaking, LeavesNothingWhenTheDiskIsFull) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to mount a small file system";
  char name[] = "/tmp/berth-small-XXXXXX";
  ASSERT_TRUE(::mkdtemp(name));
  const std::string folder = name;
  if (::mount("tmpfs", name, "tmpfs", 0, "size=8m,mode=0755") != 0) {
    ::rmdir(name);
    GTEST_SKIP() << "cannot mount a tmpfs here";
  }
  loop::Loop loop;
  ClusterSettings settings;
  settings.data_folder = folder + "/pgsql";
  settings.socket_folder = folder + "/run";
  settings.log_folder = folder + "/log";
  Cluster cluster(loop, settings);
  try {
    loop::run_task(loop, cluster.prepare());
    ADD_FAILURE() << "8 MB were enough";
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.error().code, Errc::kNoSpace) << failure.error().detail;
  }
  EXPECT_FALSE(path_exists(folder + "/pgsql"));
  EXPECT_FALSE(path_exists(folder + "/pgsql.making"));
  EXPECT_EQ(::umount(name), 0);
  ::rmdir(name);
}

}  // namespace
}  // namespace berth::manager
