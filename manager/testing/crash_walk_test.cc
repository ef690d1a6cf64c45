#include "manager/testing/crash_walk.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>

namespace berth::manager {
namespace {

int failures() {
  const auto* result = testing::UnitTest::GetInstance()->current_test_info()->result();
  int failed = 0;
  for (int i = 0; i < result->total_part_count(); ++i)
    if (result->GetTestPartResult(i).failed()) ++failed;
  return failed;
}

bool goes_well(const std::function<void()>& check) {
  const int before = failures();
  check();
  return failures() == before;
}

int property_of(const testing::TestResult& result, const std::string& name) {
  for (int i = 0; i < result.test_property_count(); ++i)
    if (result.GetTestProperty(i).key() == name) return std::atoi(result.GetTestProperty(i).value());
  return 0;
}

class Report : public testing::Environment {
 public:
  void TearDown() override {
    const auto& all = *testing::UnitTest::GetInstance();
    int points = 0, lost = 0, half = 0;
    for (int s = 0; s < all.total_test_suite_count(); ++s) {
      const auto& suite = *all.GetTestSuite(s);
      for (int t = 0; t < suite.total_test_count(); ++t) {
        const auto& result = *suite.GetTestInfo(t)->result();
        points += property_of(result, "points");
        lost += property_of(result, "lost");
        half += property_of(result, "half");
      }
    }
    if (points) std::printf("%d points, %d lost, %d half\n", points, lost, half);
  }
};

// gtest owns it.
[[maybe_unused]] const auto* const report = testing::AddGlobalTestEnvironment(new Report);

}  // namespace

CrashWalk::~CrashWalk() {
  testing::Test::RecordProperty("points", points_);
  testing::Test::RecordProperty("lost", lost_);
  testing::Test::RecordProperty("half", half_);
}

void CrashWalk::passed(const std::string& point, const std::function<void()>& data,
                       const std::function<void()>& state) {
  const testing::ScopedTrace trace(__FILE__, __LINE__, point);
  ++points_;
  if (!goes_well(data)) ++lost_;
  if (!goes_well(state)) ++half_;
}

}  // namespace berth::manager
