// Scheduling without a clock: time is what the test says that each message took.
#include "sdk/share/turns.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <vector>

#include "loop/sync.h"
#include "sdk/share/instance_share.h"

namespace berth::sdk {
namespace {

using namespace std::chrono_literals;

class TurnsTest : public testing::Test {
 protected:
  loop::Duration spent(const loop::Account& account) { return spent_[account.id()]; }

  // A message of `share` that takes `cost`, from its arrival to its end, as a stream deals with it.
  loop::Errand message(InstanceShare& share, std::string name, loop::Duration cost) {
    if (!share.try_message()) co_await share.message_turn();
    spent_[share.account()] += cost;
    done_.push_back(std::move(name));
  }
  loop::Errand request(InstanceShare& share, std::string name, loop::Duration cost) {
    bool has_turn = share.try_request();
    if (!has_turn) has_turn = co_await share.request_turn();
    spent_[share.account()] += cost;
    done_.push_back(has_turn ? std::move(name) : name + " late");
  }
  void begin(loop::Errand errand) { running_.push_back(std::move(errand)); }
  // A turn of the loop, which takes a moment.
  void turn() { loop_.advance(10us); }

  loop::Loop loop_{loop::Loop::Time::kManual};
  std::map<loop::AccountId, loop::Duration> spent_;
  Turns turns_{loop_, [this](const loop::Account& account) { return spent(account); }};
  InstanceShare noisy_{turns_}, quiet_{turns_}, third_{turns_};
  std::vector<std::string> done_;
  std::vector<loop::Errand> running_;
};

TEST_F(TurnsTest, AnInstanceThatIsAloneIsNeverHeld) {
  for (int i = 0; i < 100; ++i) begin(message(noisy_, "n", 1ms));
  EXPECT_EQ(done_.size(), 100u);
}

TEST_F(TurnsTest, AQuietInstanceWaitsForOneSliceHoweverManyWaitBeforeIt) {
  begin(message(quiet_, "q", 10us));
  turn();
  for (int i = 0; i < 1000; ++i) begin(message(noisy_, "n", 100us));
  EXPECT_LE(done_.size(), 1u + 20) << "a slice, and what it may run over";
  for (int round = 0; round < 20; ++round) {
    const auto before = spent_[noisy_.account()];
    turn();
    EXPECT_LE(spent_[noisy_.account()] - before, 2 * Turns::kSlice);
    begin(message(quiet_, "q", 10us));
    EXPECT_EQ(done_.back(), "q") << "at once";
  }
}

// The clients of a quiet instance wait for its answers, too.
TEST_F(TurnsTest, WhatAQuietInstanceAnswersGoesOutBeforeTheBusyOnesGoOn) {
  turns_.before_slice = [this] { done_.emplace_back("out"); };
  begin(message(quiet_, "q", 10us));
  turn();
  for (int i = 0; i < 100; ++i) begin(message(noisy_, "n", 100us));
  for (int round = 0; round < 10; ++round) {
    begin(message(quiet_, "q", 10us));
    const auto answered = done_.size();
    turn();
    ASSERT_GT(done_.size(), answered + 1);
    EXPECT_EQ(done_[answered], "out");
    EXPECT_EQ(done_[answered + 1], "n");
  }
}

TEST_F(TurnsTest, NothingIsSentEarlyWhereNobodyWaits) {
  int early = 0;
  turns_.before_slice = [&] { ++early; };
  for (int i = 0; i < 100; ++i) begin(message(noisy_, "n", 100us));
  for (int i = 0; i < 10; ++i) turn();
  EXPECT_EQ(early, 0);
}

// From its arrival to its being sent, in time that is worked: what is left of the slice that runs when it arrives, and no more.
TEST_F(TurnsTest, AQuietInstanceIsAnsweredWithinASlice) {
  loop::Duration worked_at_answer{};
  turns_.before_slice = [&] { worked_at_answer = spent_[noisy_.account()]; };
  begin(message(quiet_, "q", 10us));
  turn();
  for (int i = 0; i < 2000; ++i) begin(message(noisy_, "n", 7us));
  for (int round = 0; round < 30; ++round) {
    const auto arrives = spent_[noisy_.account()];  // just when a slice begins
    turn();
    begin(message(quiet_, "q", 1us));
    EXPECT_EQ(done_.back(), "q");
    turn();
    EXPECT_LE(worked_at_answer - arrives, Turns::kSlice + 7us);
  }
}

TEST_F(TurnsTest, ThoseWhoHaveMuchShareTheTimeEvenly) {
  begin(message(quiet_, "q", 10us));
  turn();
  for (int i = 0; i < 300; ++i) begin(message(noisy_, "n", 200us));
  for (int i = 0; i < 3000; ++i) begin(message(third_, "t", 20us));
  const auto of_noisy = spent_[noisy_.account()], of_third = spent_[third_.account()];
  for (int i = 0; i < 20; ++i) turn();
  const auto more_noisy = spent_[noisy_.account()] - of_noisy,
             more_third = spent_[third_.account()] - of_third;
  EXPECT_NEAR(std::chrono::duration<double>(more_noisy).count(),
              std::chrono::duration<double>(more_third).count(), 0.0005);
}

TEST_F(TurnsTest, WhatWaitsGoesOnInItsOrder) {
  begin(message(quiet_, "q", 10us));
  turn();
  for (int i = 0; i < 50; ++i) begin(message(noisy_, std::to_string(i), 500us));
  while (done_.size() < 51) turn();
  for (int i = 0; i < 50; ++i) EXPECT_EQ(done_[static_cast<std::size_t>(i) + 1], std::to_string(i));
}

TEST_F(TurnsTest, NobodyMakesRoomForThoseWhoHaveHadNothingToDoForLong) {
  begin(message(quiet_, "q", 10us));
  loop_.advance(Turns::kLately + 1s);
  begin(message(noisy_, "n", 1ms));  // which sees that it was somebody else's turn before
  loop_.advance(Turns::kLately + 1s);
  for (int i = 0; i < 100; ++i) begin(message(noisy_, "n", 1ms));
  EXPECT_EQ(done_.size(), 102u);
}

TEST_F(TurnsTest, WhoIsCancelledLeavesTheQueue) {
  begin(message(quiet_, "q", 10us));
  turn();
  for (int i = 0; i < 50; ++i) begin(message(noisy_, "n", 500us));
  running_.clear();
  const auto before = done_.size();
  for (int i = 0; i < 100; ++i) turn();
  EXPECT_EQ(done_.size(), before);
  EXPECT_FALSE(noisy_.is_waiting());
}

TEST_F(TurnsTest, MessagesBeyondTheirRateWaitAndAreCounted) {
  noisy_.set_limits({.messages = 10});
  for (int i = 0; i < 35; ++i) begin(message(noisy_, "n", 1us));
  EXPECT_EQ(done_.size(), 10u) << "those of a second may come at once";
  EXPECT_GE(noisy_.counters().slowed, 25u);
  begin(message(quiet_, "q", 1us));
  EXPECT_EQ(done_.back(), "q");
  loop_.advance(1s);
  EXPECT_EQ(done_.size(), 21u);
  loop_.advance(500ms);
  EXPECT_EQ(done_.size(), 26u);
  loop_.advance(2s);
  EXPECT_EQ(done_.size(), 36u);
}

TEST_F(TurnsTest, ARateThatIsTakenAwayLetsThemAllGo) {
  noisy_.set_limits({.messages = 1});
  for (int i = 0; i < 5; ++i) begin(message(noisy_, "n", 1us));
  EXPECT_EQ(done_.size(), 1u);
  noisy_.set_limits({});
  turn();
  turn();
  EXPECT_EQ(done_.size(), 5u);
}

TEST_F(TurnsTest, ARequestThatWouldWaitForTooLongIsTold) {
  noisy_.set_limits({.requests = 1});
  for (int i = 0; i < 15; ++i) begin(request(noisy_, std::to_string(i), 1us));
  EXPECT_EQ(done_, (std::vector<std::string>{"0"}));
  loop_.advance(5s);
  EXPECT_EQ(done_.size(), 6u);
  loop_.advance(6s);
  EXPECT_EQ(done_.back(), "14 late");
  EXPECT_EQ(done_.size(), 15u);
}

TEST_F(TurnsTest, RequestsWaitForMessagesOnlyAsLongAsASlice) {
  begin(message(quiet_, "q", 10us));
  turn();
  for (int i = 0; i < 100; ++i) begin(message(noisy_, "n", 500us));
  begin(request(quiet_, "r", 1us));
  EXPECT_EQ(done_.back(), "r");
}

TEST(InstanceShare, HasAsManyWebsocketsAsItMay) {
  loop::Loop loop(loop::Loop::Time::kManual);
  Turns turns(loop);
  InstanceShare share(turns);
  share.set_limits({.websockets = 2});
  for (int i = 0; i < 2; ++i) {
    EXPECT_TRUE(share.may_open_websocket());
    share.websocket_opened();
  }
  EXPECT_FALSE(share.may_open_websocket());
  EXPECT_EQ(share.counters().refused, 1u);
  share.websocket_closed();
  EXPECT_TRUE(share.may_open_websocket());
}

TEST(InstanceShare, AddsUpTheTimeOfAllItsWebsockets) {
  loop::Loop loop(loop::Loop::Time::kManual);
  Turns turns(loop);
  InstanceShare share(turns);
  share.websocket_opened();
  loop.advance(10s);
  share.websocket_opened();
  loop.advance(5s);
  EXPECT_EQ(share.counted().websocket_ms, 20'000u);
  share.websocket_closed();
  loop.advance(1s);
  share.websocket_closed();
  loop.advance(100s);
  EXPECT_EQ(share.counted().websocket_ms, 21'000u);
}

TEST(Rate, LetsThroughAsMuchAsItSaysOverTime) {
  Rate rate;
  loop::TimePoint now{};
  rate.set(50, now);
  std::uint32_t taken = 0;
  for (int i = 0; i < 1000; ++i, now += 10ms) taken += rate.take(32, now);
  EXPECT_GE(taken, 50u + 499u);
  EXPECT_LE(taken, 50u + 500u);
}

TEST(Rate, SaysWhenTheNextOneMayBe) {
  Rate rate;
  loop::TimePoint now{};
  EXPECT_EQ(rate.take(7, now), 7u) << "without a rate";
  rate.set(4, now);
  EXPECT_EQ(rate.take(9, now), 4u);
  EXPECT_EQ(rate.next(now), now + 250ms);
  EXPECT_EQ(rate.take(1, now + 249ms), 0u);
  EXPECT_EQ(rate.take(1, now + 250ms), 1u);
}

}  // namespace
}  // namespace berth::sdk
