#include "manager/monitor/rates.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "manager/monitor/open_metrics.h"

namespace berth::manager {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

TEST(Rates, CountersAreToldByTheSecondAndGaugesAsTheyAre) {
  Rates rates;
  const Subject subject{SubjectKind::kManager, ""};
  const double first[] = {100, 5000, 3}, second[] = {101.5, 6000, 4};
  const auto nothing = rates.take(subject, first, 1000);
  EXPECT_TRUE(std::isnan(nothing[0]));
  EXPECT_THAT(nothing[1], 5000);
  // 1.5 s of CPU in ten are 15 % of a core.
  EXPECT_THAT(rates.take(subject, second, 1010), ElementsAre(15, 6000, 4));
}

TEST(Rates, ACounterThatWentBackTellsNothingOnceAndGoesOn) {
  Rates rates;
  const Subject subject{SubjectKind::kManager, ""};
  const double before[] = {100, 0, 0}, after[] = {1, 0, 0}, later[] = {2, 0, 0};
  (void)rates.take(subject, before, 1000);
  EXPECT_TRUE(std::isnan(rates.take(subject, after, 1010)[0]));
  EXPECT_EQ(rates.take(subject, later, 1020)[0], 10);
}

TEST(SteadySum, InstancesThatComeGoAndRestartMakeNoSpike) {
  SteadySum sum;
  EXPECT_THAT(sum.add({{"a@x", {1000}}, {"b@x", {50}}}, 1), ElementsAre(0));
  EXPECT_THAT(sum.add({{"a@x", {1010}}, {"b@x", {55}}}, 1), ElementsAre(15));
  EXPECT_THAT(sum.add({{"b@x", {56}}}, 1), ElementsAre(16));                // a is stopped
  EXPECT_THAT(sum.add({{"a@x", {3}}, {"b@x", {56}}}, 1), ElementsAre(19));  // and starts anew
  EXPECT_THAT(sum.add({{"a@x", {3}}, {"b@x", {2}}}, 1), ElementsAre(21));   // b has restarted
}

// OpenMetrics 1.0: families stand together, counters end in _total, the text ends with # EOF.
TEST(OpenMetrics, IsWhatTheFormatWants) {
  OpenMetricsFacts facts;
  facts.version = "1.0";
  facts.build = "abc";
  facts.processes = {{"webserver", true}, {"notes", false}};
  facts.alarms = {{"critical", 0}, {"major", 2}};
  OpenMetricsSubject webserver{SubjectKind::kWebserver, {{"process", "webserver"}}, RawValues(10, 0)};
  webserver.raw[0] = 12.5;
  webserver.raw[3] = std::nan("");
  facts.subjects = {webserver, {SubjectKind::kService, {{"process", "notes"}}, {1, 2, 3, 4, 5, 6, 7, 8}}};
  const auto text = format_open_metrics(facts);
  EXPECT_THAT(text, HasSubstr("# TYPE berth info\n"));
  EXPECT_THAT(text, HasSubstr("berth_info{version=\"1.0\",build=\"abc\"} 1\n"));
  EXPECT_THAT(
      text,
      HasSubstr("# TYPE berth_process_cpu_seconds counter\n# UNIT berth_process_cpu_seconds seconds\n"));
  EXPECT_THAT(text, HasSubstr("berth_process_cpu_seconds_total{process=\"webserver\"} 12.5\n"
                              "berth_process_cpu_seconds_total{process=\"notes\"} 1\n"));
  EXPECT_THAT(text, HasSubstr("berth_process_up{process=\"notes\"} 0\n"));
  EXPECT_THAT(text, HasSubstr("berth_alarms{severity=\"major\"} 2\n"));
  EXPECT_THAT(text, Not(HasSubstr("berth_webserver_connections")));  // unknown
  EXPECT_THAT(text, Not(HasSubstr("nan")));
  EXPECT_TRUE(text.ends_with("# EOF\n"));
}

TEST(OpenMetrics, LabelsAreEscaped) {
  OpenMetricsFacts facts;
  facts.version = "a\"b\\c\nd";
  EXPECT_THAT(format_open_metrics(facts), HasSubstr("version=\"a\\\"b\\\\c\\nd\""));
}

}  // namespace
}  // namespace berth::manager
