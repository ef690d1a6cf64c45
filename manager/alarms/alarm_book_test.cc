#include "manager/alarms/alarm_book.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace berth::manager {
namespace {

using namespace std::chrono;
using namespace std::chrono_literals;
using testing::ElementsAre;

const Moment kStart = sys_days(2026y / 11 / 22);

Condition condition(std::string key, api::AlarmSeverity severity = api::AlarmSeverity::kMajor) {
  Condition made;
  made.key = std::move(key);
  made.code = alarm_code::kOther;
  made.severity = severity;
  made.source = "platform";
  made.text = "something";
  return made;
}

class AlarmBookTest : public testing::Test {
 protected:
  AlarmBookTest() {
    ChannelTraits events{"events", true, [](const Alarm&) { return 30min; }, [](const Alarm&) { return 0s; }};
    ChannelTraits mail{"mail", false, [](const Alarm& alarm) { return alarm.mail_every; },
                       [](const Alarm& alarm) { return alarm.mail_after; }};
    book_.set_channels({events, mail});
  }
  // Delivers what waits and tells what it was.
  std::vector<std::string> deliver(const std::string& channel) {
    std::vector<std::string> told;
    while (const auto due = book_.next(channel)) {
      told.push_back(fmt::format("{} {}", name_of(due->notice.notice), due->alarm.key));
      book_.delivered(due->notice, now_);
    }
    return told;
  }
  std::vector<std::string> later(seconds time, const std::string& channel) {
    now_ += time;
    book_.plan(now_);
    return deliver(channel);
  }
  AlarmBook book_;
  Moment now_ = kStart;
};

TEST_F(AlarmBookTest, TellsThatAnAlarmIsSetAndOverEachOnce) {
  book_.set(condition("a"), now_);
  book_.set(condition("a"), now_);
  EXPECT_THAT(deliver("events"), ElementsAre("set a"));
  EXPECT_THAT(deliver("mail"), ElementsAre("set a"));
  now_ += 5min;
  EXPECT_TRUE(book_.clear("a", now_));
  EXPECT_FALSE(book_.clear("a", now_));
  EXPECT_THAT(deliver("events"), ElementsAre("clear a"));
  EXPECT_THAT(deliver("mail"), ElementsAre("clear a"));
  EXPECT_THAT(later(24h, "events"), ElementsAre());
}

TEST_F(AlarmBookTest, RepeatsToTheEventsAppEveryThirtyMinutesWhileItIsSet) {
  book_.set(condition("a"), now_);
  deliver("events");
  EXPECT_THAT(later(29min, "events"), ElementsAre());
  EXPECT_THAT(later(1min, "events"), ElementsAre("repeat a"));
  EXPECT_THAT(later(30min, "events"), ElementsAre("repeat a"));
  book_.clear("a", now_);
  EXPECT_THAT(later(30min, "events"), ElementsAre("clear a"));
}

TEST_F(AlarmBookTest, MailsAFullDiskHourlyUntilSomebodyAcknowledges) {
  auto full = condition("disk");
  full.mail_every = 1h;
  book_.set(full, now_);
  deliver("events");
  EXPECT_THAT(deliver("mail"), ElementsAre("set disk"));
  EXPECT_THAT(later(59min, "mail"), ElementsAre());
  EXPECT_THAT(later(1min, "mail"), ElementsAre("repeat disk"));
  EXPECT_THAT(later(1h, "mail"), ElementsAre("repeat disk"));
  ASSERT_TRUE(book_.acknowledge(book_.find_set("disk")->id, "me", now_));
  EXPECT_THAT(later(3h, "mail"), ElementsAre());
  EXPECT_THAT(deliver("events"), testing::Contains("repeat disk"));
  book_.clear("disk", now_);
  EXPECT_THAT(deliver("mail"), ElementsAre("clear disk"));
}

TEST_F(AlarmBookTest, MailsABrokenLinkOnlyIfItLastsFiveMinutes) {
  auto link = condition("link");
  link.mail_after = 5min;
  book_.set(link, now_);
  EXPECT_THAT(deliver("mail"), ElementsAre());
  EXPECT_THAT(later(4min, "mail"), ElementsAre());
  book_.clear("link", now_);
  EXPECT_THAT(later(10min, "mail"), ElementsAre());
  book_.set(link, now_);
  EXPECT_THAT(later(5min, "mail"), ElementsAre("set link"));
}

TEST_F(AlarmBookTest, HoursWithoutTheOtherSideLeaveNothingOutForAMirrorAndNoNoiseInTheMail) {
  book_.set(condition("a"), now_);
  book_.set(condition("b"), now_);
  for (int minute = 0; minute < 600; minute += 10) {
    now_ += 10min;
    book_.plan(now_);
  }
  book_.clear("a", now_);
  book_.event(condition("e"), now_);
  EXPECT_EQ(book_.waiting("events"), 4u);  // nothing was added by repeating
  EXPECT_THAT(deliver("events"), ElementsAre("set a", "set b", "clear a", "event e"));
  EXPECT_THAT(deliver("mail"), ElementsAre("set b", "event e"));
}

TEST_F(AlarmBookTest, AnAlarmThatSwingsIsOneAlarm) {
  book_.set(condition("a"), now_);
  deliver("mail");
  for (int swing = 0; swing < 100; ++swing) {
    book_.clear("a", now_ += 1s);
    book_.set(condition("a"), now_ += 1s);
  }
  EXPECT_THAT(deliver("mail"), ElementsAre());
  EXPECT_EQ(book_.find_set("a")->count, 101u);
  EXPECT_EQ(book_.find_set("a")->id, 1);
}

TEST_F(AlarmBookTest, SilenceHoldsBackMailsEvenOfTheSameAlarmThatComesAgainAndThenSpeaks) {
  book_.set(condition("a"), now_);
  deliver("mail");
  ASSERT_TRUE(book_.silence(1, 120, now_));
  book_.clear("a", now_ += 10min);
  EXPECT_THAT(deliver("mail"), ElementsAre("clear a"));  // who heard of it hears of its end
  book_.set(condition("a"), now_ += 10min);
  EXPECT_THAT(later(30min, "mail"), ElementsAre());
  EXPECT_THAT(deliver("events"), testing::Contains("set a"));
  EXPECT_THAT(later(90min, "mail"), ElementsAre("set a"));
  EXPECT_EQ(book_.silence(2, 60 * 24 * 31, now_).error().code, Errc::kMalformed);
  EXPECT_EQ(book_.silence(9, 1, now_).error().code, Errc::kNotFound);
}

TEST_F(AlarmBookTest, WhatGetsWorseIsToldAtOnce) {
  book_.set(condition("a", api::AlarmSeverity::kIndeterminate), now_);
  deliver("mail");
  ASSERT_TRUE(book_.acknowledge(1, "me", now_));
  book_.set(condition("a", api::AlarmSeverity::kCritical), now_ += 1min);
  EXPECT_THAT(deliver("mail"), ElementsAre("repeat a"));
  EXPECT_FALSE(book_.find_set("a")->acknowledged);
  book_.set(condition("a", api::AlarmSeverity::kMajor), now_ += 1min);
  EXPECT_THAT(deliver("mail"), ElementsAre());
}

TEST_F(AlarmBookTest, AClockThatJumpsNeitherStopsNorFloods) {
  book_.set(condition("a"), now_);
  deliver("events");
  now_ += 24h * 365 * 10;
  EXPECT_THAT(later(0s, "events"), ElementsAre("repeat a"));
  now_ -= 24h * 365 * 10;
  EXPECT_THAT(later(0s, "events"), ElementsAre());
  EXPECT_THAT(later(30min, "events"), ElementsAre("repeat a"));
  book_.clear("a", now_ - 1h);
  EXPECT_THAT(deliver("events"), ElementsAre("clear a"));
}

TEST_F(AlarmBookTest, AFloodOfOneSourceIsBoundedAndOthersStillGetThrough) {
  for (int i = 0; i < 10'000; ++i) {
    auto wild = condition(fmt::format("wild {}", i));
    wild.source = "wild@example.com";
    book_.set(wild, now_);
    book_.event(wild, now_);
  }
  EXPECT_EQ(book_.all_set().size() + book_.waiting("mail") / 2, static_cast<std::size_t>(AlarmBook::kMaxNew));
  EXPECT_EQ(book_.dropped(), 20'000u - AlarmBook::kMaxNew);
  EXPECT_TRUE(book_.set(condition("quiet"), now_));
  // Over hours without a delivery, too.
  for (int minute = 0; minute < 300; ++minute) {
    now_ += 1min;
    for (int i = 0; i < 100; ++i) book_.event(condition(fmt::format("e {} {}", minute, i)), now_);
    book_.plan(now_);
  }
  EXPECT_LE(book_.waiting("mail") + book_.waiting("events"), AlarmBook::kMaxNotices);
  // The states are still there: what was forgotten are events.
  const auto told = deliver("events");
  EXPECT_THAT(told, testing::Contains("set quiet"));
}

TEST_F(AlarmBookTest, ASourceThatSetsMoreAndMoreOverHoursLeavesRoomForOthers) {
  for (int minute = 0; minute < 100; ++minute) {
    now_ += 1min;
    for (int i = 0; i < 50; ++i) {
      auto wild = condition(fmt::format("wild {} {}", minute, i));
      wild.source = "wild@example.com";
      book_.set(wild, now_);
    }
  }
  EXPECT_EQ(book_.all_set().size(), AlarmBook::kMaxSetOfSource);
  EXPECT_TRUE(book_.set(condition("quiet"), now_));
}

TEST_F(AlarmBookTest, TheEndThatComesWhileTheNewsIsOnItsWayIsToldToo) {
  book_.set(condition("a"), now_);
  const auto due = book_.next("mail");
  book_.clear("a", now_ + 1s);
  book_.delivered(due->notice, now_ + 2s);
  EXPECT_THAT(deliver("mail"), ElementsAre("clear a"));
}

TEST_F(AlarmBookTest, LongTextsAreCutBetweenCharacters) {
  auto wordy = condition("a");
  wordy.text = std::string(AlarmBook::kMaxText - 1, 'x') + "äöü";
  book_.set(wordy, now_);
  EXPECT_EQ(book_.find_set("a")->text, std::string(AlarmBook::kMaxText - 1, 'x'));
}

TEST_F(AlarmBookTest, ForgetsWhatIsOverOnceItIsWrittenAndTold) {
  book_.set(condition("a"), now_);
  book_.clear("a", now_);
  deliver("events");
  deliver("mail");
  book_.plan(now_ += 10min);
  EXPECT_NE(book_.find(1), nullptr);  // not written yet
  book_.take_changes();
  book_.plan(now_);
  EXPECT_EQ(book_.find(1), nullptr);
}

TEST_F(AlarmBookTest, AChannelThatComesLaterHearsOfWhatIsSet) {
  book_.set_channels({});
  book_.set(condition("a"), now_);
  ChannelTraits hook{"hook", false, [](const Alarm&) { return 0s; }, [](const Alarm&) { return 0s; }};
  book_.set_channels({hook});
  EXPECT_THAT(later(10s, "hook"), ElementsAre("set a"));
  EXPECT_THAT(later(240h, "hook"), ElementsAre());
}

}  // namespace
}  // namespace berth::manager
