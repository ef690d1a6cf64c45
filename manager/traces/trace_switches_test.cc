#include "manager/traces/trace_switches.h"

#include <gmock/gmock.h>

#include "base/log.h"
#include "base/trace_flags.h"
#include "db/migrate.h"
#include "db/testing/temporary_cluster.h"
#include "loop/testing/failure_of.h"
#include "manager/platform/schema.h"

namespace berth::manager {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::Pair;

class TraceSwitchesTest : public testing::Test {
 protected:
  TraceSwitchesTest() {
    db::DatabaseOptions options;
    options.connection = db::TemporaryCluster::shared().make_database();
    database_.emplace(loop_, options);
    run(db::migrate(*database_, manager_migrations()));
    begin();
  }
  // A manager's start.
  void begin() {
    switches_.emplace(loop_, *database_, [this] { return now_; });
    switches_->usual = [](const std::string& target) -> std::optional<std::uint64_t> {
      if (target == "team@example.com" || target == "notes") return kDefaultTraceFlags;
      return std::nullopt;
    };
    switches_->apply = [this](const std::string& target, std::uint64_t flags) {
      applied_.emplace_back(target, flags);
    };
    run(switches_->load());
  }
  template <class T>
  T run(Task<T> task) {
    return loop::run_task(loop_, std::move(task));
  }
  Error refusal(std::string target, std::uint64_t flags, std::uint64_t minutes) {
    return loop::failure_of(loop_, switches_->set(std::move(target), flags, minutes, "Admin"));
  }

  loop::Loop loop_;
  std::optional<db::Database> database_;
  std::chrono::sys_seconds now_ = std::chrono::sys_days(std::chrono::year(2026) / 11 / 22);
  std::vector<std::pair<std::string, std::uint64_t>> applied_;
  std::optional<TraceSwitches> switches_;
};

TEST_F(TraceSwitchesTest, HoldForAWhileAndEndByThemselves) {
  const auto set = run(switches_->set("team@example.com", 0x8003, 30, "Admin"));
  ASSERT_TRUE(set);
  EXPECT_EQ(set->until, "2026-11-22T00:30:00Z");
  EXPECT_EQ(set->usual_flags, 0x8001u);
  ASSERT_TRUE(switches_->find("team@example.com"));
  EXPECT_EQ(switches_->find("team@example.com")->flags, 0x8003u);
  EXPECT_FALSE(switches_->find("other@example.com"));
  EXPECT_THAT(applied_, ElementsAre(Pair("team@example.com", 0x8003u)));
  now_ += 31min;
  begin();  // its timer would be half an hour of waiting
  EXPECT_THAT(applied_.back(), Pair("team@example.com", 0x8001u));
  EXPECT_TRUE(switches_->list().empty());
  EXPECT_FALSE(switches_->find("team@example.com"));
}

TEST_F(TraceSwitchesTest, OutliveTheManager) {
  run(switches_->set("notes", kAllTraceFlags, 120, "Admin"));
  begin();
  const auto found = switches_->find("notes");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->flags, kAllTraceFlags);
  EXPECT_EQ(found->by, "Admin");
  applied_.clear();
  switches_->apply_all();
  EXPECT_THAT(applied_, ElementsAre(Pair("notes", kAllTraceFlags)));
  run(switches_->set("notes", std::nullopt, 0, "Admin"));
  begin();
  EXPECT_FALSE(switches_->find("notes"));
}

TEST_F(TraceSwitchesTest, RefuseWhatThereIsNot) {
  EXPECT_EQ(refusal("nobody@example.com", 1, 30).code, Errc::kNotFound);
  EXPECT_EQ(refusal("notes", 1, 0).code, Errc::kMalformed);
  EXPECT_EQ(refusal("notes", 1, TraceSwitches::kMostMinutes + 1).code, Errc::kMalformed);
  EXPECT_EQ(refusal("notes", std::uint64_t{1} << 34, 30).code, Errc::kMalformed);
  EXPECT_TRUE(applied_.empty());
}

}  // namespace
}  // namespace berth::manager
