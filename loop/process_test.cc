#include "loop/process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>

#include <chrono>

namespace berth::loop {
namespace {

using std::chrono::seconds;

SpawnOptions shell(std::string script) {
  SpawnOptions options;
  options.program = "/bin/sh";
  options.arguments = {"-c", std::move(script)};
  return options;
}

CommandResult run(SpawnOptions spawn, std::string input = "", std::size_t limit = 1 << 20) {
  Loop loop;
  CommandOptions options;
  options.spawn = std::move(spawn);
  options.input = std::move(input);
  options.limit_bytes = limit;
  return run_task(loop, run_command(loop, std::move(options)));
}

TEST(RunCommand, GivesOutputErrorsAndExitCode) {
  const auto result = run(shell("cat; echo oops >&2; exit 3"), "hello");
  EXPECT_EQ(result.output, "hello");
  EXPECT_EQ(result.errors, "oops\n");
  EXPECT_EQ(result.status.code, 3);
  EXPECT_EQ(result.status.describe(), "exit code 3");
}

TEST(RunCommand, NamesTheSignalThatEndedIt) {
  const auto result = run(shell("kill -TERM $$"));
  EXPECT_EQ(result.status.signal, SIGTERM);
  EXPECT_EQ(result.status.describe(), "signal 15 (Terminated)");
}

TEST(RunCommand, PassesAMegabyteThroughBothPipesWithoutDeadlock) {
  const std::string input(1000000, 'x');
  EXPECT_EQ(run(shell("cat"), input).output, input);
}

TEST(RunCommand, RefusesMoreOutputThanTheLimit) { EXPECT_THROW(run(shell("yes"), "", 4096), Failure); }

TEST(RunCommand, KeepsTheEndOfLongErrors) {
  const auto result = run(shell("yes | head -c 100000 >&2; echo end >&2"));
  EXPECT_EQ(result.errors.size(), 8192u);
  EXPECT_TRUE(result.errors.ends_with("end\n"));
}

TEST(Spawn, ReportsAProgramThatCannotBeStarted) {
  SpawnOptions options;
  options.program = "/does/not/exist";
  const auto started = spawn(options);
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, Errc::kNotFound);
}

TEST(Spawn, ReportsWhatTheChildFailedAtBeforeExec) {
  auto options = shell("true");
  options.in_child = [] { return EPERM; };
  const auto started = spawn(options);
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().code, Errc::kDenied);
}

TEST(Spawn, LeaksNoDescriptorIntoTheChild) {
  UniqueFd leaky(::open("/dev/null", O_RDONLY));  // on purpose without O_CLOEXEC
  UniqueFd high(::fcntl(leaky.get(), F_DUPFD, 250));
  const auto result = run(shell("ls /proc/self/fd | wc -l"));
  EXPECT_EQ(result.output, "4\n");  // 0, 1, 2 and the folder that ls reads
}

TEST(Spawn, GivesDescriptorsTheNumbersAskedForEvenWhenTheyCross) {
  int one[2], two[2];
  ASSERT_EQ(::pipe2(one, O_CLOEXEC), 0);
  ASSERT_EQ(::pipe2(two, O_CLOEXEC), 0);
  UniqueFd one_read(one[0]), one_write(one[1]), two_read(two[0]), two_write(two[1]);
  auto options = shell("echo first >&3; echo second >&4");
  // 3 and 4 in the child, whatever numbers they have here.
  options.descriptors = {{two_write.get(), 4}, {one_write.get(), 3}};
  EXPECT_EQ(run(options).status.code, 0);
  char buffer[16] = {};
  EXPECT_EQ(::read(one_read.get(), buffer, sizeof buffer), 6);
  EXPECT_STREQ(buffer, "first\n");
}

Task<ExitStatus> wait_for(ProcessWatch& watch) { return watch.wait(); }

TEST(ProcessWatch, TellsTheEndOfAChildAndOfAStranger) {
  Loop loop;
  const pid_t pid = or_throw(spawn(shell("read line")));  // stdin is /dev/null: ends at once
  auto watch = or_throw(ProcessWatch::make(loop, pid));
  EXPECT_EQ(run_task(loop, wait_for(*watch)).code, 1);

  // A grandchild is no child of ours: its end is seen, its status is not.
  const auto started = run(shell("sleep 1000 >/dev/null 2>&1 & echo $!"));
  const pid_t stranger = std::stoi(started.output);
  auto other = or_throw(ProcessWatch::make(loop, stranger));
  other->send_signal(SIGKILL);
  EXPECT_FALSE(run_task(loop, wait_for(*other)).known);
}

TEST(ProcessStartTime, NamesAProcessAndKnowsTheDead) {
  EXPECT_TRUE(process_start_time(::getpid()));
  EXPECT_EQ(process_start_time(::getpid()), process_start_time(::getpid()));
  const pid_t pid = or_throw(spawn(shell("exit 0")));
  ::waitpid(pid, nullptr, 0);
  EXPECT_FALSE(process_start_time(pid));
}

TEST(Signals, ComeAsValues) {
  Loop loop;
  Signals signals(loop, {SIGUSR1});
  ::kill(::getpid(), SIGUSR1);
  EXPECT_EQ(run_task(loop, signals.next()), SIGUSR1);
}

}  // namespace
}  // namespace berth::loop
