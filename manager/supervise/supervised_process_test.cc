#include "manager/supervise/supervised_process.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>

#include <filesystem>

#include "base/file.h"
#include "base/text.h"

namespace berth::manager {
namespace {

using loop::Task;
using namespace std::chrono_literals;

// Real processes: /bin/sh and /bin/sleep.
class SupervisedProcessTest : public testing::Test {
 protected:
  SupervisedProcessTest() {
    char name[] = "/tmp/berth-supervise-XXXXXX";
    directory_ = ::mkdtemp(name);
    EXPECT_TRUE(make_directories(directory_ + "/starting"));
    set_log_sink([](LogLevel, std::string_view) {});
  }
  ~SupervisedProcessTest() override {
    (void)remove_tree(directory_);
    set_log_sink(nullptr);
  }

  SupervisedOptions options(std::string program, std::vector<std::string> arguments) {
    SupervisedOptions options;
    options.name = "probe";
    options.program = program;
    options.stop_steps = {{SIGTERM, 2000ms}};
    options.plan = [this, program, arguments]() -> Task<ProcessPlan> {
      ++plans_;
      ProcessPlan plan;
      plan.spawn.program = program;
      plan.spawn.arguments = arguments;
      plan.output = directory_ + "/output.log";
      co_return plan;
    };
    return options;
  }
  ProcessTable table() { return ProcessTable(directory_ + "/processes.json", directory_ + "/starting"); }

  std::string directory_;
  int plans_ = 0;
  loop::Loop loop_;
};

TEST_F(SupervisedProcessTest, OneThatHangsIsEndedAlsoWhenItIsStoppedAndItsCauseIsTold) {
  auto table = this->table();
  auto patient = options("/bin/sleep", {"1000"});
  patient.restart.first = 60s;
  SupervisedProcess process(loop_, table, std::move(patient));
  process.start();
  ASSERT_TRUE(loop_.run_until([&] { return process.pid() > 0; }));
  process.note_ready();
  ::kill(process.pid(), SIGSTOP);
  process.end_hung("did not answer for 3 s");
  ASSERT_TRUE(loop_.run_until([&] { return process.restarts() == 1; }));
  EXPECT_EQ(process.last_status().signal, SIGABRT);
  EXPECT_TRUE(process.last_exit().starts_with("did not answer for 3 s, ended by the manager at "));
  EXPECT_EQ(process.detail(), "ended: did not answer for 3 s, ended by the manager");
  loop::run_task(loop_, process.stop());
}

TEST_F(SupervisedProcessTest, StartsAgainAfterItWasKilled) {
  auto table = this->table();
  SupervisedProcess process(loop_, table, options("/bin/sleep", {"1000"}));
  process.start();
  ASSERT_TRUE(loop_.run_until([&] { return process.pid() > 0; }));
  const pid_t first = process.pid();
  process.note_ready();
  const auto before = loop::Clock::now();
  ::kill(first, SIGKILL);
  ASSERT_TRUE(loop_.run_until([&] { return process.pid() > 0 && process.pid() != first; }));
  EXPECT_LT(loop::Clock::now() - before, 500ms);
  EXPECT_EQ(process.restarts(), 1);
  loop::run_task(loop_, process.stop());
  EXPECT_EQ(process.state(), ProcessState::kStopped);
}

TEST_F(SupervisedProcessTest, NextManagerAdoptsTheSurvivor) {
  pid_t pid = 0;
  {
    auto table = this->table();
    SupervisedProcess process(loop_, table, options("/bin/sleep", {"1000"}));
    process.start();
    ASSERT_TRUE(loop_.run_until([&] { return process.pid() > 0; }));
    pid = process.pid();
  }
  auto table = this->table();
  table.load();
  SupervisedProcess process(loop_, table, options("/bin/sleep", {"1000"}));
  process.start();
  ASSERT_TRUE(loop_.run_until([&] { return process.pid() > 0; }));
  EXPECT_EQ(process.pid(), pid);
  EXPECT_TRUE(process.is_adopted());
  EXPECT_EQ(plans_, 1);
  loop::run_task(loop_, process.stop());
  EXPECT_EQ(process.pid(), 0);
}

TEST_F(SupervisedProcessTest, FindsAProcessWhoseStartWasNeverRecorded) {
  pid_t pid = 0;
  {
    auto table = this->table();
    SupervisedProcess process(loop_, table, options("/bin/sleep", {"1000"}));
    process.start();
    ASSERT_TRUE(loop_.run_until([&] { return process.pid() > 0; }));
    pid = process.pid();
  }
  // As if the manager had died between fork and the entry in the file.
  ASSERT_TRUE(write_file_durably(directory_ + "/processes.json", "{\"version\":1,\"processes\":[]}"));
  auto table = this->table();
  table.load();
  SupervisedProcess process(loop_, table, options("/bin/sleep", {"1000"}));
  process.start();
  ASSERT_TRUE(loop_.run_until([&] { return process.pid() > 0; }));
  EXPECT_EQ(process.pid(), pid);
  loop::run_task(loop_, process.stop());
}

TEST_F(SupervisedProcessTest, DoesNotAdoptAnotherProcessWithTheSamePid) {
  auto table = this->table();
  ProcessRecord record;
  record.name = "probe";
  record.pid = ::getpid();
  record.start_time = 1;  // not when we were started
  ASSERT_TRUE(table.put(record));
  EXPECT_FALSE(table.find_survivor("probe", "/bin/sleep"));
}

// Ticks since boot and pids begin anew with each boot: a record from before may fit a process of today.
TEST_F(SupervisedProcessTest, DoesNotAdoptAnotherProgramWithTheSamePidAndStart) {
  auto table = this->table();
  ProcessRecord record{"probe", ::getpid(), loop::process_start_time(::getpid()).value(), "/bin/sleep", ""};
  ASSERT_TRUE(table.put(record));
  EXPECT_FALSE(table.find_survivor("probe", "/bin/sleep"));
  record.program = std::filesystem::read_symlink("/proc/self/exe");
  ASSERT_TRUE(table.put(record));
  EXPECT_TRUE(table.find_survivor("probe", record.program));
}

TEST_F(SupervisedProcessTest, CrashLoopIsAStateAndAStartForgetsIt) {
  auto table = this->table();
  auto quick = options("/bin/false", {});
  quick.restart.first = 1ms;
  SupervisedProcess process(loop_, table, std::move(quick));
  process.start();
  ASSERT_TRUE(loop_.run_until([&] { return process.state() == ProcessState::kCrashed; }));
  EXPECT_NE(process.detail().find("exit code 1"), std::string::npos) << process.detail();
  EXPECT_GE(process.restarts(), RestartPolicy::kLoopFaults);
  process.start();
  EXPECT_TRUE(process.detail().empty());
  loop::run_task(loop_, process.stop());
  EXPECT_EQ(process.state(), ProcessState::kStopped);
}

TEST_F(SupervisedProcessTest, AProgramThatIsNotThereIsAFailureWithItsReason) {
  auto table = this->table();
  SupervisedProcess process(loop_, table, options("/nowhere/program", {}));
  process.start();
  ASSERT_TRUE(loop_.run_until([&] { return process.state() == ProcessState::kFailed; }));
  EXPECT_NE(process.detail().find("No such file"), std::string::npos) << process.detail();
  loop::run_task(loop_, process.stop());
}

TEST_F(SupervisedProcessTest, ForceEndsWhatIgnoresSigterm) {
  auto table = this->table();
  auto stubborn = options("/bin/sh", {"-c", "trap '' TERM; echo ready; while :; do sleep 1000; done"});
  stubborn.stop_steps = {{SIGTERM, 50ms}};
  SupervisedProcess process(loop_, table, std::move(stubborn));
  process.start();
  ASSERT_TRUE(loop_.run_until([&] {
    const auto output = read_file(directory_ + "/output.log");
    if (output && output->find("ready") != std::string::npos) return true;
    loop_.run_once(10ms);
    return false;
  }));
  const pid_t pid = process.pid();
  loop::run_task(loop_, process.stop());
  EXPECT_EQ(process.state(), ProcessState::kStopped);
  // Nor does anything of its group live on: at most a zombie of somebody else to reap.
  EXPECT_FALSE(loop::process_start_time(pid));
}

TEST_F(SupervisedProcessTest, FollowsTheProcessThatTookItsPlaceAndLetsTheFormerGo) {
  auto table = this->table();
  SupervisedProcess process(loop_, table, options("/bin/sleep", {"1000"}));
  process.start();
  ASSERT_TRUE(loop_.run_until([&] { return process.pid() > 0; }));
  process.note_ready();
  const pid_t former = process.pid();
  loop::SpawnOptions other;
  other.program = "/bin/sleep";
  other.arguments = {"1001"};
  const std::string starting = table.starting_path("probe-next");
  other.in_child = [&starting] { return note_own_pid(starting.c_str()); };
  const pid_t next = loop::spawn(other).value();
  ProcessRecord record{"probe-next", next, loop::process_start_time(next).value(), "/bin/sleep", ""};
  ASSERT_TRUE(table.put(std::move(record)));

  ASSERT_TRUE(table.succeed("probe", "probe-next", "probe-former"));
  process.follow();
  EXPECT_EQ(process.pid(), next);
  EXPECT_EQ(process.state(), ProcessState::kRunning);
  EXPECT_EQ(process.restarts(), 0);
  EXPECT_EQ(plans_, 1);
  // A manager that comes now finds the same.
  auto later = this->table();
  later.load();
  EXPECT_EQ(later.find_survivor("probe", "/bin/sleep")->pid, next);
  EXPECT_EQ(later.find_survivor("probe-former", "/bin/sleep")->pid, former);
  EXPECT_FALSE(later.records().contains("probe-next"));

  // The former ends unseen; the one that is followed is missed.
  ASSERT_EQ(::kill(former, SIGKILL), 0);
  ASSERT_EQ(::waitpid(former, nullptr, 0), former);
  ASSERT_EQ(::kill(next, SIGKILL), 0);
  ASSERT_TRUE(loop_.run_until([&] { return process.restarts() == 1 && process.pid() > 0; }));
  EXPECT_NE(process.pid(), next);
  loop::run_task(loop_, process.stop());
}

TEST(ProcessTable, FileFormatReadsBack) {
  std::map<std::string, ProcessRecord> records;
  records["notes"] = {"notes", 4711, 123456789ull, "/var/lib/berth/apps/notes/notes", "2026-03-01T10:15:00Z"};
  const auto read = parse_process_table(format_process_table(records)).value();
  ASSERT_EQ(read.size(), 1u);
  EXPECT_EQ(read.at("notes").pid, 4711);
  EXPECT_EQ(read.at("notes").start_time, 123456789ull);
  EXPECT_EQ(read.at("notes").program, "/var/lib/berth/apps/notes/notes");
}

TEST(ProcessTable, RefusesWhatIsNotATable) {
  for (const char* text : {"", "{", "[]", "{}", "{\"processes\":[1]}", "{\"processes\":[{\"name\":\"x\"}]}",
                           "{\"processes\":[{\"name\":\"x\",\"pid\":1,\"startTime\":5}]}"})
    EXPECT_FALSE(parse_process_table(text)) << text;
}

}  // namespace
}  // namespace berth::manager
