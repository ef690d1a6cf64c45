#include "sandbox/cgroup.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

namespace berth::sandbox {
namespace {

// As Debian 12 mounts them, and as systems of before do (proc_pid_mountinfo(5), cgroups(7)).
constexpr std::string_view kUnified =
    "29 22 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot\n";
constexpr std::string_view kVersion1 =
    "30 25 0:27 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
    "31 25 0:28 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n"
    "32 25 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
    "33 25 0:30 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";

TEST(Cgroup, OfVersion2IsBelowTheManagersOwn) {
  const auto tree = CgroupTree::find("0::/system.slice/berth-manager.service\n", kUnified).value();
  EXPECT_TRUE(tree.is_v2);
  EXPECT_EQ(tree.memory, "/sys/fs/cgroup/system.slice/berth-manager.service");
  EXPECT_EQ(tree.tasks, tree.memory);
}

TEST(Cgroup, OfVersion1IsUsedWhereTheControllersAreThere) {
  const auto tree =
      CgroupTree::find("4:memory:/group\n8:pids:/\n2:cpu,cpuacct:/slow\n0::/\n", kVersion1).value();
  EXPECT_FALSE(tree.is_v2);
  EXPECT_EQ(tree.memory, "/sys/fs/cgroup/memory/group");
  EXPECT_EQ(tree.tasks, "/sys/fs/cgroup/pids");
  EXPECT_EQ(tree.cpu, "/sys/fs/cgroup/cpu,cpuacct/slow");
}

// A container sees a part of the tree as its root.
TEST(Cgroup, OfAContainerIsFoundBelowItsMount) {
  const auto tree = CgroupTree::find("0::/docker/abc/app\n",
                                     "29 22 0:26 /docker/abc /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n")
                        .value();
  EXPECT_EQ(tree.memory, "/sys/fs/cgroup/app");
}

TEST(Cgroup, AMachineWithoutThemSaysSo) {
  EXPECT_EQ(CgroupTree::find("0::/\n", "").error().code, Errc::kUnsupported);
  EXPECT_EQ(CgroupTree::find("9:freezer:/\n", "1 2 0:3 / /c rw - cgroup cgroup rw,freezer\n").error().code,
            Errc::kUnsupported);
}

TEST(Cgroup, LimitsAreWrittenAsTheKernelTakesThem) {
  char name[] = "/tmp/berth-cgroup-XXXXXX";
  const std::string folder = ::mkdtemp(name);
  ASSERT_TRUE(make_directories(folder + "/berth.notes"));
  for (const char* file : {"memory.max", "memory.swap.max", "pids.max", "cpu.max"})
    ASSERT_TRUE(write_file_durably(folder + "/berth.notes/" + file, ""));
  const CgroupTree tree{true, folder, folder, folder};
  const auto folders = make_cgroup(tree, "berth.notes", {256 << 20, 64, 150}).value();
  EXPECT_EQ(folders, std::vector<std::string>{folder + "/berth.notes"});
  const auto content = [&](const char* file) { return read_file(folder + "/berth.notes/" + file).value(); };
  EXPECT_EQ(content("memory.max"), "268435456");
  EXPECT_EQ(content("memory.swap.max"), "0");
  EXPECT_EQ(content("pids.max"), "64");
  EXPECT_EQ(content("cpu.max"), "150000 100000");
  ASSERT_TRUE(write_file_durably(folder + "/berth.notes/memory.events", "low 0\nmax 3\noom 1\noom_kill 1\n"));
  EXPECT_TRUE(ran_out_of_memory(folders));
  (void)remove_tree(folder);
}

}  // namespace
}  // namespace berth::sandbox
