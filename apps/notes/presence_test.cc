#include "apps/notes/presence.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace berth::notes {
namespace {

using std::chrono::milliseconds;
using testing::SizeIs;

class PresenceTest : public testing::Test {
 protected:
  loop::Loop loop{loop::Loop::Time::kManual};
  std::vector<json::Object> told;
  Presence presence{loop, [this](json::Object message) { told.push_back(std::move(message)); }};
};

TEST_F(PresenceTest, TellsChangesAtMostFourTimesASecond) {
  auto& ann = presence.enter("Ann");
  loop.advance(milliseconds(0));
  ASSERT_THAT(told, SizeIs(1)) << "the first one at once";
  for (int i = 0; i < 100; ++i) {
    presence.set_writing(ann, i % 2 ? std::optional<std::string>("n1") : std::nullopt);
    loop.advance(milliseconds(10));
  }
  EXPECT_THAT(told, SizeIs(testing::AllOf(testing::Ge(4u), testing::Le(5u))));
}

TEST_F(PresenceTest, TheLastStateIsAlwaysTold) {
  auto& ann = presence.enter("Ann");
  loop.advance(milliseconds(0));
  presence.set_writing(ann, "n1");
  presence.enter("Bob");
  loop.advance(milliseconds(250));
  ASSERT_THAT(told, SizeIs(2));
  EXPECT_EQ(told.back().at("people").as_array().size(), 2u);
  EXPECT_NE(json::serialize(told.back()).find(R"("note":"n1")"), std::string::npos);
  presence.leave(std::string(ann.id));
  loop.advance(milliseconds(250));
  EXPECT_EQ(told.back().at("people").as_array().size(), 1u);
}

TEST_F(PresenceTest, NoChangeIsNotTold) {
  auto& ann = presence.enter("Ann");
  loop.advance(milliseconds(0));
  presence.set_writing(ann, std::nullopt);
  presence.leave("nobody");
  loop.advance(milliseconds(1000));
  EXPECT_THAT(told, SizeIs(1));
}

TEST_F(PresenceTest, KeysOpenOnlyWhileTheVisitorIsHere) {
  auto& ann = presence.enter("Ann");
  const auto key = Presence::key_of(ann);
  ASSERT_TRUE(presence.find_by_key(key));
  EXPECT_EQ(presence.find_by_key(key)->name, "Ann");
  EXPECT_FALSE(presence.find_by_key(ann.id + "-" + std::string(32, '0')));
  EXPECT_FALSE(presence.find_by_key(ann.id));
  EXPECT_FALSE(presence.find_by_key(""));
  presence.leave(std::string(ann.id));
  EXPECT_FALSE(presence.find_by_key(key));
}

TEST_F(PresenceTest, TheListFitsAMessageHoweverManyAreHere) {
  for (int i = 0; i < 2000; ++i) presence.enter(std::string(200, '"'));
  EXPECT_LT(json::serialize(json::Value(presence.people())).size(), 65000u);
}

}  // namespace
}  // namespace berth::notes
