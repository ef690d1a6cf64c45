#include "manager/capture/capture_switch.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/utc.h"
#include "manager/testing/rig_fixture.h"

namespace berth::manager {
namespace {

using testing::ElementsAre;

TEST(CaptureSettings, NameAddressesOfBothKinds) {
  const auto all = parse_capture_from("192.0.2.7, ::1  127.0.0.1");
  ASSERT_TRUE(all);
  EXPECT_THAT(*all, ElementsAre("192.0.2.7", "::1", "127.0.0.1"));
  EXPECT_TRUE(parse_capture_from("")->empty());
  EXPECT_FALSE(parse_capture_from("192.0.2.0/24"));
  EXPECT_FALSE(
      parse_capture_from("1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 "
                         "1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1 1.1.1.1"))
      << "17 of them";
}

TEST(CaptureSettings, EndWithinADay) {
  const auto now = std::chrono::system_clock::now();
  EXPECT_TRUE(check_capture_until(format_utc(now + std::chrono::hours(23))));
  EXPECT_FALSE(check_capture_until(format_utc(now + std::chrono::hours(25))));
  EXPECT_FALSE(check_capture_until("tomorrow"));
}

TEST(CaptureSettings, InterfacesAreNamesAndNoArguments) {
  EXPECT_TRUE(check_capture_interfaces("eth0 lo"));
  EXPECT_FALSE(check_capture_interfaces("--uid"));
  EXPECT_FALSE(check_capture_interfaces("../lo"));
  EXPECT_FALSE(check_capture_interfaces("sixteen_letters_"));
}

// A program that an earlier manager left, /bin/sh in the place of berth-capture.
class CaptureSurvivorTest : public RigTest {
 protected:
  CaptureSurvivorTest() { start(); }
  ~CaptureSurvivorTest() override {
    if (pid_ <= 0 || ::waitpid(pid_, nullptr, WNOHANG) != 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  // In the process table, and ready for signals.
  void leave(const std::string& on_sigterm) {
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    const UniqueFd reading(ends[0]);
    UniqueFd writing(ends[1]);
    loop::SpawnOptions options;
    options.program = "/bin/sh";
    options.arguments = {"-c", fmt::format("trap '{}' TERM; echo; while :; do sleep 0.05; done", on_sigterm)};
    options.descriptors = {{writing.get(), 1}};
    pid_ = or_throw(loop::spawn(options));
    writing.reset();
    char byte;
    ASSERT_EQ(::read(reading.get(), &byte, 1), 1);
    ASSERT_TRUE(rig_->table.put(
        {"capture", pid_, loop::process_start_time(pid_).value(), "/bin/sh", "2026-11-23T08:00:00Z"}));
  }
  void begin_without_capture() {
    CaptureSwitch capture(loop_, rig_->table, rig_->settings, world_->layout, true, "/bin/sh");
    capture.begin();
    EXPECT_TRUE(loop_.run_until([&] { return !rig_->table.records().contains("capture"); }));
    EXPECT_FALSE(loop::process_start_time(pid_));
  }

 private:
  pid_t pid_ = 0;
};

TEST_F(CaptureSurvivorTest, IsAskedToEndWhereCaptureIsOff) {
  const std::string mark = world_->folder + "/asked";
  leave("echo > " + mark + "; exit");
  begin_without_capture();
  EXPECT_TRUE(path_exists(mark));
}

TEST_F(CaptureSurvivorTest, IsEndedByForceIfItDoesNotListenAndThatIsTold) {
  leave("");
  std::string told;
  set_log_sink([&](LogLevel, std::string_view line) { told += line; });
  begin_without_capture();
  EXPECT_THAT(told, testing::HasSubstr("does not end by itself"));
  set_log_sink([](LogLevel, std::string_view) {});
}

}  // namespace
}  // namespace berth::manager
