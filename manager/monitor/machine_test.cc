#include "manager/monitor/machine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <thread>

namespace berth::manager {
namespace {

// The examples are of Linux 6.1 on Debian 12; fields as proc(5) names them.

TEST(Machine, TheTimeOfAllCoresIsUnderstood) {
  const auto times = parse_cpu_times(
      "cpu  10132153 290696 3084719 46828483 16683 0 25195 175 20 10\ncpu0 1393280 32966 572056 13343292 "
      "6130 0 17875 0 "
      "23933 0\nintr 199292\n");
  ASSERT_TRUE(times);
  EXPECT_EQ(times->user, 10132153u + 290696);
  EXPECT_EQ(times->system, 3084719u + 0 + 25195);
  EXPECT_EQ(times->idle, 46828483u);
  EXPECT_EQ(times->wait, 16683u);
  EXPECT_EQ(times->stolen, 175u);
  EXPECT_FALSE(parse_cpu_times(""));
  EXPECT_FALSE(parse_cpu_times("cpu  1 2"));
}

TEST(Machine, MemoryThatIsNotAvailableIsUsed) {
  const auto memory = parse_memory(
      "MemTotal:        4039032 kB\nMemFree:          230012 kB\nMemAvailable:    2048000 kB\nSwapTotal:     "
      "   1000 kB\n"
      "SwapFree:          400 kB\n");
  ASSERT_TRUE(memory);
  EXPECT_EQ(memory->total_bytes, 4039032u * 1024);
  EXPECT_EQ(memory->available_bytes, 2048000u * 1024);
  EXPECT_EQ(memory->swap_used_bytes, 600u * 1024);
  EXPECT_FALSE(parse_memory("MemTotal: 4039032 kB\n"));
}

TEST(Machine, TheLoadOverAMinuteIsTheFirstNumber) {
  EXPECT_EQ(parse_load("0.52 0.58 0.59 1/1389 7262\n"), 0.52);
  EXPECT_FALSE(parse_load("x 0.58"));
}

TEST(Machine, TrafficLeavesLoopbackOut) {
  const auto traffic = parse_network(
      "Inter-|   Receive                                                |  Transmit\n"
      " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo "
      "colls carrier\n"
      "    lo: 5000000  100 0 0 0 0 0 0 5000000 100 0 0 0 0 0 0\n"
      "  eth0: 1048576  200 0 0 0 0 0 0  2097152 300 0 0 0 0 0 0\n"
      "wg0:10 1 0 0 0 0 0 0 20 1 0 0 0 0 0 0\n");
  EXPECT_EQ(traffic.in_bytes, 1048586u);
  EXPECT_EQ(traffic.out_bytes, 2097172u);
}

TEST(Machine, DisksAreCountedWholeAndNotAgainByTheirPartitions) {
  const auto traffic = parse_disks(
      " 254       0 vda 5016 86 401000 1220 8080 4120 220000 9000 0 5000 10220 0 0 0 0 0 0\n"
      " 254       1 vda1 4900 86 400000 1200 8000 4120 219000 8900 0 4900 10100 0 0 0 0 0 0\n"
      "   7       0 loop0 1 0 10 0 0 0 0 0 0 0 0 0 0 0 0 0 0\n",
      {"vda"});
  EXPECT_EQ(traffic.in_bytes, 401000u * 512);
  EXPECT_EQ(traffic.out_bytes, 220000u * 512);
}

TEST(Machine, AProcessMayHaveAnyName) {
  const auto times = parse_process_times(
      "42 (evil) R (x) S 1 42 42 0 -1 4194560 1 2 3 4 150 50 30 20 20 0 7 0 12345 1000 200 "
      "18446744073709551615\n");
  ASSERT_TRUE(times);
  EXPECT_EQ(times->own_ticks, 200u);
  EXPECT_EQ(times->children_ticks, 50u);
  EXPECT_EQ(times->threads, 7u);
  EXPECT_FALSE(parse_process_times("42 (cut"));
  EXPECT_FALSE(parse_process_times("42 (cut) S 1 2"));
}

TEST(Machine, MemoryOfAProcessIsWhatIsNotInFiles) {
  const auto memory = parse_process_memory(
      "Name:\tpostgres\nVmRSS:\t   30000 kB\nRssAnon:\t    4000 kB\nRssFile:\t   6000 kB\nRssShmem:\t   "
      "20000 kB\n");
  ASSERT_TRUE(memory);
  EXPECT_EQ(memory->anonymous_bytes, 4000u * 1024);
  EXPECT_EQ(memory->shared_bytes, 20000u * 1024);
  EXPECT_FALSE(parse_process_memory("Name:\tkthreadd\n"));
}

TEST(Machine, OurOwnProcessAgreesWithWhatTheKernelTellsUsElsewhere) {
  // Work that shows in clock ticks of 10 ms.
  const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(60);
  while (std::chrono::steady_clock::now() < until) {}
  const auto figures = read_process(::getpid(), false);
  ASSERT_TRUE(figures);
  EXPECT_GE(figures->cpu_ticks, 3u);
  EXPECT_GE(figures->tasks, 1u);
  EXPECT_GT(figures->memory_bytes, 1u << 20);
  EXPECT_FALSE(read_process(0x7ffffff0, false));
}

TEST(Machine, TheDisksOfThisMachineAreNoLoopDevices) {
  for (const auto& disk : find_disks()) EXPECT_THAT(disk, testing::Not(testing::StartsWith("loop")));
  EXPECT_THAT(find_disks("/nowhere"), testing::IsEmpty());
}

TEST(Machine, AThreadThatWaitedIsCountedWhenItGoesOn) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  std::thread waits([&] {
    char byte = 0;
    while (::read(ends[0], &byte, 1) == 1) {}
  });
  const auto before = read_wakeups(::getpid());
  ASSERT_TRUE(before);
  while (read_wakeups(::getpid()) == before) {
    EXPECT_EQ(::write(ends[1], "x", 1), 1);
    std::this_thread::yield();
  }
  ::close(ends[1]);
  waits.join();
  ::close(ends[0]);
  EXPECT_FALSE(read_wakeups(0x7ffffff0));
}

}  // namespace
}  // namespace berth::manager
