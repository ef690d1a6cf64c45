#include "manager/supervise/sandboxed_start.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "manager/supervise/supervised_process.h"
#include "sandbox/seccomp_policy.h"

namespace berth::manager {
namespace {

using loop::Task;
using sandbox::Layer;
using sandbox::Wish;
using namespace std::chrono_literals;

// The real launcher around /bin/sh, which may run sleep.
class SandboxedStartTest : public testing::Test {
 protected:
  SandboxedStartTest() {
    char name[] = "/tmp/berth-sandboxed-XXXXXX";
    folder_ = ::mkdtemp(name);
    ::chmod(folder_.c_str(), 0755);
    for (const char* below : {"/starting", "/work"}) EXPECT_TRUE(make_directories(folder_ + below));
    set_log_sink([](LogLevel, std::string_view) {});
  }
  ~SandboxedStartTest() override {
    (void)remove_tree(folder_);
    set_log_sink(nullptr);
  }

  SupervisedOptions options(std::string script) {
    SupervisedOptions options;
    options.name = "probe";
    options.program = "/bin/sh";
    options.stop_steps = {{SIGTERM, 5000ms}};
    options.plan = [this, script]() -> Task<ProcessPlan> {
      ProcessPlan plan;
      plan.output = folder_ + "/output.log";
      plan.sandbox.emplace();
      plan.sandbox->launcher = BERTH_LAUNCHER;
      plan.sandbox->filter = std::make_shared<const std::vector<sock_filter>>(
          sandbox::make_seccomp_filter({{"exec"}, false}).value());
      auto& spec = plan.sandbox->spec;
      spec.name = "probe";
      spec.program = "/bin/sh";
      spec.arguments = {"-c", script};
      spec.directory = folder_ + "/work";
      spec.places = {{folder_ + "/work", sandbox::Place::Use::kWrite}};
      spec.wishes.fill(Wish::kOptional);
      spec.cgroup_why = "not in this test";
      change(spec);
      co_return plan;
    };
    return options;
  }
  ProcessTable table() { return ProcessTable(folder_ + "/processes.json", folder_ + "/starting"); }
  std::string output() { return read_file(folder_ + "/output.log").value_or(""); }
  bool wait_for_output(std::string_view text) {
    return loop_.run_until([&] {
      if (output().find(text) != std::string::npos) return true;
      loop_.run_once(10ms);
      return false;
    });
  }

  std::function<void(sandbox::LaunchSpec&)> change = [](sandbox::LaunchSpec&) {};
  std::string folder_;
  loop::Loop loop_;
};

TEST_F(SandboxedStartTest, TheProgramIsNotTheFirstOfItsNamespaceAndIsKnownByItsPidOutside) {
  auto table = this->table();
  SupervisedProcess process(loop_, table, options("echo inside $$; exec sleep 1000"));
  process.start();
  ASSERT_TRUE(wait_for_output("inside"));
  if (output().starts_with("inside 2\n")) EXPECT_NE(process.pid(), 2);
  EXPECT_TRUE(loop::process_start_time(process.pid()));
  ASSERT_EQ(process.sandbox().size(), static_cast<std::size_t>(sandbox::kLayers));
  EXPECT_EQ(process.sandbox().front().layer, "own user");
  EXPECT_EQ(process.sandbox().back().why, "not in this test");
  process.kill();
  loop::run_task(loop_, process.stop());
}

TEST_F(SandboxedStartTest, TheSignalThatEndedItIsToldThoughItsInitOnlyExits) {
  auto table = this->table();
  auto quick = options("kill -SEGV $$");
  quick.restart.first = 60s;
  SupervisedProcess process(loop_, table, std::move(quick));
  process.start();
  ASSERT_TRUE(loop_.run_until([&] { return process.restarts() == 1; }));
  EXPECT_EQ(process.last_status().signal, SIGSEGV);
  EXPECT_TRUE(process.last_ended_by_fault());
  loop::run_task(loop_, process.stop());
}

TEST_F(SandboxedStartTest, ASignalToTheInitReachesTheProgram) {
  auto table = this->table();
  SupervisedProcess process(loop_, table,
                            options("trap 'echo told; exit 7' TERM; sleep 1000 & echo ready; wait"));
  process.start();
  ASSERT_TRUE(wait_for_output("ready"));
  loop::run_task(loop_, process.stop());
  EXPECT_NE(output().find("told"), std::string::npos);
  EXPECT_EQ(process.last_status().code, 7);
}

TEST_F(SandboxedStartTest, TheNextManagerKnowsProgramLayersAndHowItEnded) {
  pid_t pid = 0;
  {
    auto table = this->table();
    SupervisedProcess process(loop_, table, options("echo ready; exec sleep 1000"));
    process.start();
    ASSERT_TRUE(wait_for_output("ready"));
    pid = process.pid();
  }
  auto table = this->table();
  table.load();
  SupervisedProcess process(loop_, table, options("exit 1"));
  process.start();
  ASSERT_TRUE(loop_.run_until([&] { return process.pid() > 0; }));
  EXPECT_TRUE(process.is_adopted());
  EXPECT_EQ(process.pid(), pid);
  EXPECT_EQ(process.sandbox().size(), static_cast<std::size_t>(sandbox::kLayers));
  ::kill(pid, SIGABRT);
  ASSERT_TRUE(loop_.run_until([&] { return process.restarts() >= 1; }));
  loop::run_task(loop_, process.stop());
}

TEST_F(SandboxedStartTest, WithoutARequiredLayerItDoesNotStartAndSaysWhy) {
  change = [](sandbox::LaunchSpec& spec) { spec.set_wish(Layer::kCgroup, Wish::kRequired); };
  auto table = this->table();
  SupervisedProcess process(loop_, table, options("echo started"));
  process.start();
  ASSERT_TRUE(loop_.run_until([&] { return process.state() == ProcessState::kFailed; }));
  EXPECT_EQ(process.detail(), "cannot start: the sandbox has no cgroup: not in this test");
  EXPECT_EQ(output(), "");
  loop::run_task(loop_, process.stop());
}

TEST_F(SandboxedStartTest, ALayerThatIsSwitchedOffIsReportedSo) {
  change = [](sandbox::LaunchSpec& spec) { spec.set_wish(Layer::kSeccomp, Wish::kOff); };
  auto table = this->table();
  SupervisedProcess process(loop_, table, options("echo ready; exec sleep 1000"));
  process.start();
  ASSERT_TRUE(wait_for_output("ready"));
  const auto& seccomp = process.sandbox()[static_cast<std::size_t>(Layer::kSeccomp)];
  EXPECT_EQ(seccomp.layer, "seccomp");
  EXPECT_EQ(seccomp.state, "off");
  process.kill();
  loop::run_task(loop_, process.stop());
}

}  // namespace
}  // namespace berth::manager
