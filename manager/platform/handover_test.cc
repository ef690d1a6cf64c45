#include "manager/platform/handover.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fcntl.h>

#include "base/file.h"

namespace berth::manager {
namespace {

using testing::HasSubstr;

class HandoverTest : public testing::Test {
 protected:
  HandoverTest() {
    char name[] = "/tmp/berth-handover-XXXXXX";
    folder_ = ::mkdtemp(name);
  }
  ~HandoverTest() override { (void)remove_tree(folder_); }
  // A program that says `output` and ends with `code`.
  std::string script(const std::string& output, int code = 0) {
    const std::string path = folder_ + "/program";
    EXPECT_TRUE(
        write_file_durably(path, fmt::format("#!/bin/sh\nprintf '%s' '{}'\nexit {}\n", output, code), 0755));
    return path;
  }
  Error refusal(const std::string& program) {
    try {
      loop::run_task(loop_, check_successor(loop_, program, {"--root", "/x"}));
    } catch (const Failure& failure) {
      return failure.error();
    }
    return {Errc::kFailed, "it was accepted"};
  }
  std::string folder_;
  loop::Loop loop_;
};

TEST_F(HandoverTest, TakesWhoSaysOfItselfWhatWeSayOfOurselves) {
  const auto successor = loop::run_task(loop_, check_successor(loop_, script(describe_self()), {}));
  EXPECT_FALSE(successor.version.empty());
  EXPECT_FALSE(successor.build.empty());
}

TEST_F(HandoverTest, RefusesWhatCannotTakeOverAndSaysWhy) {
  EXPECT_THAT(refusal(folder_ + "/none").detail, HasSubstr("No such file"));
  EXPECT_THAT(refusal(script("", 3)).detail, HasSubstr("exit code 3"));
  EXPECT_THAT(refusal(script("hello")).detail, HasSubstr("is no manager"));
  const auto other =
      refusal(script(R"({"program":"berth-manager","build":"7","handover":99,"schema":1000})"));
  EXPECT_EQ(other.code, Errc::kUnsupported);
  EXPECT_THAT(other.detail, HasSubstr("build 7"));
  const auto older =
      refusal(script(R"({"program":"berth-manager","version":"0.0.1","handover":1,"schema":1})"));
  EXPECT_EQ(older.code, Errc::kUnsupported);
  EXPECT_THAT(older.detail, HasSubstr("older than the manager's database"));
}

TEST_F(HandoverTest, WhatCannotBeStartedLeavesEverythingAsItWas) {
  Handover handover;
  for (auto* fd : {&handover.lock, &handover.control, &handover.admin})
    *fd = UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  ASSERT_TRUE(write_file_durably(folder_ + "/text", "no program", 0755));
  const auto error = become_successor(folder_ + "/text", {}, handover);
  EXPECT_THAT(error.detail, HasSubstr("Exec format error"));
  for (const auto* fd : {&handover.lock, &handover.control, &handover.admin})
    EXPECT_EQ(::fcntl(fd->get(), F_GETFD), FD_CLOEXEC) << "no child inherits it";
}

// A shell in our place finds the descriptors open, and nothing of them in its arguments.
TEST_F(HandoverTest, TheSuccessorHasTheDescriptorsAndNoOther) {
  const std::string out = folder_ + "/out";
  ASSERT_TRUE(write_file_durably(
      folder_ + "/successor",
      fmt::format(
          "#!/bin/sh\n{{ cat /proc/self/fd/$BERTH_HANDOVER; echo; echo \"$@\"; ls /proc/$$/fd; }} > {}\n",
          out),
      0755));
  const UniqueFd stray(::open("/dev/null", O_RDONLY));  // a library forgot the mark
  const pid_t child = ::fork();
  if (child == 0) {
    Handover handover;
    handover.version = "1.2";
    for (auto* fd : {&handover.lock, &handover.control, &handover.admin})
      *fd = UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
    (void)become_successor(folder_ + "/successor", {"--root", "/x"}, handover);
    ::_exit(9);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  const auto told = read_file(out).value();
  EXPECT_THAT(told, HasSubstr("\"version\":\"1.2\""));
  EXPECT_THAT(told, HasSubstr("\n--root /x\n"));
  EXPECT_EQ(told.find(fmt::format("\n{}\n", stray.get())), std::string::npos) << told;
}

TEST_F(HandoverTest, ThereIsNoneUnlessTheVariableTells) {
  ::unsetenv("BERTH_HANDOVER");
  EXPECT_FALSE(take_handover().value());
  ::setenv("BERTH_HANDOVER", "nonsense", 1);
  EXPECT_EQ(take_handover().error().code, Errc::kMalformed);
  EXPECT_EQ(::getenv("BERTH_HANDOVER"), nullptr) << "no child inherits it";
}

}  // namespace
}  // namespace berth::manager
