#include "manager/monitor/monitor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "base/log.h"
#include "wire/json/json.h"

namespace berth::manager {
namespace {

using testing::AllOf;
using testing::Contains;
using testing::Each;
using testing::ElementsAre;
using testing::Field;
using testing::HasSubstr;
using testing::SizeIs;

constexpr std::int64_t kNow = 1'800'000'000;
constexpr const char* kNowText = "2027-01-15T08:00:00Z";

class MonitorTest : public testing::Test {
 protected:
  MonitorTest() {
    set_log_sink([](LogLevel, std::string_view) {});
    char pattern[] = "/tmp/berth-monitor-XXXXXX";
    folder_ = ::mkdtemp(pattern);
    service_ = {{SubjectKind::kService, "notes"}, ::getpid(), true, "2027-01-15T07:00:00Z", 0, ""};
    start();
  }
  ~MonitorTest() override {
    monitor_.reset();
    std::filesystem::remove_all(folder_);
    set_log_sink(nullptr);
  }
  void start() {
    MonitorSources sources;
    sources.processes = [this] {
      return std::vector<WatchedProcess>{
          {{SubjectKind::kManager, ""}, ::getpid(), true, "2027-01-15T07:00:00Z", 0, ""},
          {{SubjectKind::kWebserver, ""}, ::getpid(), true, "2027-01-15T07:00:00Z", 0, ""},
          service_};
    };
    sources.instances = [] {
      return std::vector<WatchedInstance>{
          {"team@example.com", "notes", "example.com_team", 8'000'000, "notes"}};
    };
    sources.webserver = [this]() -> Task<json::Object> {
      if (webserver_is_away_) throw_failure(Errc::kUnavailable, "gone");
      ++webserver_asked_;
      if (webserver_is_unused_) co_return json::Object{{"connections", 0}, {"requests", webserver_requests_}};
      co_return json::Object{{"connections", 12}, {"websockets", 7}, {"requests", 100 + asked_ * 10}};
    };
    sources.wakeups = [this](pid_t) { return webserver_wakeups_; };
    sources.service = [this](std::string) -> Task<json::Object> {
      ++asked_;
      json::Array instances;
      instances.push_back(json::Object{{"name", "team"},
                                       {"domain", "example.com"},
                                       {"sessions", 3},
                                       {"requests", asked_ * 5},
                                       {"messagesIn", 0},
                                       {"messagesOut", 0},
                                       {"databaseMs", 0}});
      co_return json::Object{{"instances", std::move(instances)}};
    };
    sources.sizes = []() -> Task<void> { co_return; };
    sources.query = [](std::string) -> Task<db::Rows> {
      throw_failure(Errc::kUnavailable, "no database here");
      co_return db::Rows();
    };
    sources.most_bytes = [] { return std::uint64_t{64} << 20; };
    sources.alarms = [] { return std::map<std::string, std::uint64_t>{{"major", 1}}; };
    sources.disk = folder_;
    sources.version = "1.0";
    monitor_ = std::make_unique<Monitor>(loop_, folder_ + "/monitor", std::move(sources));
  }
  void measure(std::int64_t at) { loop::run_task(loop_, monitor_->measure(at)); }
  api::GetMonitorResult curves(std::vector<std::string> subjects, std::vector<std::string> metrics = {},
                               std::uint64_t seconds = 3600) {
    api::GetMonitor request;
    request.subjects = std::move(subjects);
    request.metrics = std::move(metrics);
    request.seconds = seconds;
    return loop::run_task(loop_, monitor_->curves(std::move(request), kNow + 60));
  }
  Errc refusal(api::GetMonitor request) {
    try {
      loop::run_task(loop_, monitor_->curves(std::move(request), kNow));
    } catch (const Failure& failure) {
      return failure.error().code;
    }
    return Errc::kFailed;
  }
  static double last(const api::MonitorSeries& series) {
    double found = -1;
    for (const double value : series.mean)
      if (value >= 0) found = value;
    return found;
  }

  loop::Loop loop_;
  std::string folder_;
  WatchedProcess service_;
  int asked_ = 0;
  bool webserver_is_away_ = false, webserver_is_unused_ = false;
  int webserver_asked_ = 0, webserver_requests_ = 100;
  std::optional<std::uint64_t> webserver_wakeups_ = 7;
  std::unique_ptr<Monitor> monitor_;
};

TEST_F(MonitorTest, TellsCurvesOfTheMachineOfProcessesServicesAndInstances) {
  measure(kNow);
  measure(kNow + 10);
  const auto memory = curves({"platform", "manager", "service/*"}, {"memory", "memoryUsed"});
  ASSERT_THAT(memory.series, SizeIs(3));
  for (const auto& series : memory.series) {
    EXPECT_GT(last(series), 1e6) << series.subject;
    EXPECT_EQ(series.unit, "bytes");
  }
  EXPECT_EQ(memory.step, 10u);
  EXPECT_EQ(memory.series[2].subject, "service/notes");
  EXPECT_EQ(last(curves({"service/notes"}, {"sessions"}).series[0]), 3);
  EXPECT_EQ(last(curves({"webserver"}, {"connections"}).series[0]), 12);
  EXPECT_EQ(last(curves({"instance/team@example.com"}, {"sessions"}).series[0]), 3);
  EXPECT_EQ(last(curves({"instance/*"}, {"databaseBytes"}).series[0]), 8'000'000);
  EXPECT_EQ(curves({"platform"}).space.subjects, 5u);
}

TEST_F(MonitorTest, WhoDoesNotAnswerIsUnknownAndHoldsUpNobody) {
  webserver_is_away_ = true;
  measure(kNow);
  EXPECT_THAT(curves({"webserver"}, {"connections"}).series[0].mean, Each(-1));
  EXPECT_GT(last(curves({"webserver"}, {"memory"}).series[0]), 0);
  EXPECT_EQ(last(curves({"service/notes"}, {"sessions"}).series[0]), 3);
}

TEST_F(MonitorTest, AnUnusedWebserverIsAskedWhenSomethingWokeItAndIsNotUnknownMeanwhile) {
  webserver_is_unused_ = true;
  for (int i = 0; i < 14; ++i) measure(kNow + i * 10);
  EXPECT_EQ(webserver_asked_, 2) << "twice, to see that nothing happens";
  EXPECT_EQ(last(curves({"webserver"}, {"connections"}).series[0]), 0);
  webserver_wakeups_ = 8;
  ++webserver_requests_;
  measure(kNow + 140);
  EXPECT_EQ(webserver_asked_, 3);
  webserver_is_unused_ = false;
  for (int i = 15; i < 26; ++i) measure(kNow + i * 10);
  EXPECT_EQ(webserver_asked_, 3 + 11) << "and each time while something happens";
}

TEST_F(MonitorTest, AnUnusedWebserverIsAskedAgainAfterTenMinutesAndIfItsSleepIsNotKnown) {
  webserver_is_unused_ = true;
  for (int i = 0; i < 2 + 60; ++i) measure(kNow + i * 10);
  EXPECT_EQ(webserver_asked_, 3);
  webserver_wakeups_.reset();
  for (int i = 62; i < 70; ++i) measure(kNow + i * 10);
  EXPECT_EQ(webserver_asked_, 3 + 8);
}

TEST_F(MonitorTest, StartsAndDeathsAreMarkedOnceAlsoOverARestartOfTheManager) {
  measure(kNow);
  start();
  measure(kNow + 10);
  auto markers = curves({"platform"}, {}, 7200).markers;
  ASSERT_THAT(markers, SizeIs(3));
  EXPECT_THAT(markers, Contains(AllOf(Field(&api::MonitorMarker::kind, "start"),
                                      Field(&api::MonitorMarker::subject, "service/notes"))));
  service_.started_at = kNowText;
  service_.restarts = 1;
  service_.last_exit = "signal 11 (Segmentation fault)";
  measure(kNow + 20);
  markers = curves({"platform"}, {}, 7200).markers;
  ASSERT_THAT(markers, SizeIs(4));
  EXPECT_EQ(markers.back().kind, "death");
  EXPECT_EQ(markers.back().at, kNowText);
  EXPECT_EQ(markers.back().text, "signal 11 (Segmentation fault)");
  EXPECT_TRUE(markers.back().is_failed);
}

TEST_F(MonitorTest, LongWorkIsMarkedWhereItBegan) {
  measure(kNow);
  api::Job job;
  job.id = "42";
  job.kind = api::JobKind::kUpdate;
  job.title = "Update Notes";
  job.target = "notes";
  job.state = api::JobState::kRunning;
  job.started_at = kNowText;
  monitor_->job_changed(job);
  job.state = api::JobState::kDone;
  monitor_->job_changed(job);
  monitor_->job_changed(job);
  job.id = "43";
  job.kind = api::JobKind::kStart;  // its process is marked by itself
  monitor_->job_changed(job);
  const auto markers = curves({"platform"}).markers;
  ASSERT_THAT(markers, Contains(Field(&api::MonitorMarker::job, "42")).Times(1));
  EXPECT_THAT(markers, Contains(Field(&api::MonitorMarker::job, "43")).Times(0));
  EXPECT_EQ(markers.back().subject, "service/notes");
  EXPECT_EQ(markers.back().kind, "update");
}

TEST_F(MonitorTest, RefusesWhatItCannotTell) {
  EXPECT_EQ(refusal({.subjects = {"service/nobody"}}), Errc::kNotFound);
  EXPECT_EQ(refusal({.subjects = {"platform"}, .metrics = {"beauty"}}), Errc::kNotFound);
  EXPECT_EQ(refusal({.subjects = {"platform"}, .seconds = 59}), Errc::kMalformed);
  EXPECT_EQ(refusal({.subjects = {"platform"}, .seconds = 40 * 86'400}), Errc::kMalformed);
  EXPECT_EQ(refusal({.subjects = {"platform"}, .points = 1}), Errc::kMalformed);
  EXPECT_EQ(refusal({.subjects = {"platform"}, .until = "yesterday"}), Errc::kMalformed);
  EXPECT_EQ(refusal({.subjects = {"platform", "instance/*"}}), Errc::kMalformed);
}

TEST_F(MonitorTest, OpenMetricsHasWhatWasMeasuredLast) {
  measure(kNow);
  const auto text = monitor_->open_metrics();
  EXPECT_THAT(text, HasSubstr("berth_webserver_connections{process=\"webserver\"} 12\n"));
  EXPECT_THAT(
      text,
      HasSubstr("berth_instance_sessions{service=\"notes\",instance=\"team\",domain=\"example.com\"} 3\n"));
  EXPECT_THAT(text, HasSubstr("berth_ready 1\n"));
}

}  // namespace
}  // namespace berth::manager
