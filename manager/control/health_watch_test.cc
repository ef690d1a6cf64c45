#include "manager/control/health_watch.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

namespace berth::manager {
namespace {

using namespace std::chrono_literals;

class HealthWatchTest : public testing::Test {
 protected:
  HealthWatchTest() {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
    peer_ =
        std::make_unique<ControlPeer>(loop_, std::make_unique<net::MessageSocket>(loop_, UniqueFd(ends[0])));
    program_ = std::make_unique<net::MessageSocket>(loop_, UniqueFd(ends[1]));
    receiving_ = std::make_unique<loop::Spawned<void>>(loop_, receive());
    watching_ = std::make_unique<loop::Spawned<void>>(
        loop_, watch_health(
                   loop_, *peer_, [] { return HealthLimits{1s, 4s}; },
                   [this](std::string why) { hangs_ = std::move(why); }));
  }
  Task<void> receive() {
    while (co_await peer_->receive()) continue;
  }
  // The program answers so many questions.
  Task<void> answer(int count) {
    for (; count > 0; --count) {
      const auto message = co_await program_->receive();
      if (!message) co_return;
      EXPECT_EQ(json::get_string(message->body, "mt"), "Ping");
      ++asked_;
      program_->send({{"mt", "Pong"}, {"src", json::get_string(message->body, "src")}});
    }
  }
  void pass(loop::Duration time) {
    for (const auto end = loop_.now() + time; loop_.now() < end;) {
      loop_.advance(100ms);
      for (int i = 0; i < 20; ++i) loop_.run_once(0ms);
    }
  }

  loop::Loop loop_{loop::Loop::Time::kManual};
  std::unique_ptr<ControlPeer> peer_;
  std::unique_ptr<net::MessageSocket> program_;
  std::unique_ptr<loop::Spawned<void>> receiving_, watching_;
  std::string hangs_;
  int asked_ = 0;
};

TEST_F(HealthWatchTest, OneThatAnswersIsAskedAgainAndAgain) {
  loop::Spawned<void> answering(loop_, answer(1000));
  pass(10s);
  EXPECT_EQ(asked_, 10);
  EXPECT_EQ(hangs_, "");
}

TEST_F(HealthWatchTest, OneThatStopsToAnswerHangsOnceTheLimitIsOver) {
  loop::Spawned<void> answering(loop_, answer(3));
  pass(7s);
  EXPECT_EQ(asked_, 3);
  EXPECT_EQ(hangs_, "") << "asked after 4 s, it has 4 s";
  pass(2s);
  EXPECT_EQ(hangs_, "did not answer for 4 s");
}

TEST_F(HealthWatchTest, AnAnswerToTheSecondQuestionIsEnough) {
  pass(4s);
  loop::Spawned<void> answering(loop_, answer(1000));
  pass(10s);
  EXPECT_EQ(hangs_, "");
}

TEST_F(HealthWatchTest, AConnectionThatEndsIsNobodyWhoHangs) {
  pass(2s);
  program_->close();
  pass(20s);
  EXPECT_EQ(hangs_, "");
}

}  // namespace
}  // namespace berth::manager
