#include "cli/shell_relay.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace berth::cli {
namespace {

using std::chrono::system_clock;

struct Pipe {
  Pipe() {
    int ends[2];
    BERTH_CHECK(::pipe2(ends, O_CLOEXEC) == 0);
    reading = UniqueFd(ends[0]);
    writing = UniqueFd(ends[1]);
  }
  UniqueFd reading, writing;
};

// A process that relays between pipes of ours and a child that does `shell` with 0, 1 and 2 of its own.
class ShellRelay : public testing::Test {
 protected:
  ~ShellRelay() override {
    if (relay_ <= 0) return;
    ::kill(relay_, SIGKILL);
    ::waitpid(relay_, nullptr, 0);
  }
  void start(const std::function<int()>& shell, std::optional<system_clock::time_point> until = {}) {
    relay_ = ::fork();
    BERTH_CHECK(relay_ >= 0);
    if (relay_ > 0) {
      in_.reading.reset(), out_.writing.reset(), errors_.writing.reset();
      return;
    }
    be(in_, out_, errors_);
    ::signal(SIGPIPE, SIG_IGN);
    block_relayed_signals();
    Pipe in, out, errors;
    const pid_t child = ::fork();
    if (child == 0) {
      ::signal(SIGPIPE, SIG_DFL);
      be(in, out, errors);
      ::_exit(shell());
    }
    ShellEnds ends;
    ends.to_in = std::move(in.writing);
    ends.from_out = std::move(out.reading);
    ends.from_errors = std::move(errors.reading);
    in.reading.reset(), out.writing.reset(), errors.writing.reset();
    ::_exit(relay(std::move(ends), child, until));
  }
  static void be(const Pipe& in, const Pipe& out, const Pipe& errors) {
    ::dup2(in.reading.get(), 0), ::dup2(out.writing.get(), 1), ::dup2(errors.writing.get(), 2);
    ::close_range(3, ~0U, 0);  // who holds a pipe keeps others from its end
  }
  void type(std::string_view text) {
    EXPECT_EQ(::write(in_.writing.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  static std::string read_all(const UniqueFd& from) {
    std::string all;
    char buffer[4096];
    for (ssize_t got; (got = ::read(from.get(), buffer, sizeof buffer)) > 0;)
      all.append(buffer, static_cast<std::size_t>(got));
    return all;
  }
  int code() {
    int status = 0;
    EXPECT_EQ(::waitpid(relay_, &status, 0), relay_);
    relay_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

  Pipe in_, out_, errors_;
  pid_t relay_ = 0;
};

// Like yes(1): until nobody takes it any more.
int tell_forever() {
  const std::string line(4096, 'y');
  while (::write(1, line.data(), line.size()) > 0) {}
  return 0;
}

TEST_F(ShellRelay, CarriesAllBothWaysAndGivesTheShellsCode) {
  start([] {
    std::string line(300'000, 'o');
    for (std::size_t at = 0; at < line.size();)
      at += static_cast<std::size_t>(::write(1, &line[at], line.size() - at));
    char typed[6]{};
    std::size_t had = 0;
    for (ssize_t got; (got = ::read(0, typed + had, 5 - had)) > 0;) had += static_cast<std::size_t>(got);
    ::write(2, typed, had);
    return 7;
  });
  type("typed");
  in_.writing.reset();
  EXPECT_EQ(read_all(out_.reading), std::string(300'000, 'o'));
  EXPECT_EQ(read_all(errors_.reading), "typed");
  EXPECT_EQ(code(), 7);
}

TEST_F(ShellRelay, WhatIsTypedGetsThroughThoughNobodyReadsWhatIsTold) {
  start([] {
    if (::fork() == 0) ::_exit(tell_forever());
    char byte;
    for (int lines = 0; lines < 3; ++lines) {
      if (::read(0, &byte, 1) != 1) return 1;
      ::write(2, &byte, 1);
    }
    return 0;
  });
  for (const char* line : {"a", "b", "c"}) {
    type(line);
    char byte = 0;
    ASSERT_EQ(::read(errors_.reading.get(), &byte, 1), 1);
    EXPECT_EQ(byte, *line);
  }
  // What was told waits for its reader, until somebody asks it to end.
  ::kill(relay_, SIGTERM);
  EXPECT_EQ(code(), 128 + SIGTERM);
}

TEST_F(ShellRelay, ItsTimeEndsItWhoeverHasNotRead) {
  start(tell_forever, system_clock::now());
  EXPECT_EQ(code(), 128 + SIGKILL);
}

TEST_F(ShellRelay, AShellThatNobodyListensToHearsOfThat) {
  start(tell_forever);
  char byte;
  ASSERT_EQ(::read(out_.reading.get(), &byte, 1), 1);
  out_.reading.reset();
  EXPECT_EQ(code(), 128 + SIGPIPE);
}

}  // namespace
}  // namespace berth::cli
