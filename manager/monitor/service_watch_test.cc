#include "manager/monitor/service_watch.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "manager/supervise/output_file.h"

namespace berth::manager {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::uint64_t kMiB = 1 << 20;
constexpr std::chrono::nanoseconds kNow = 1'795'000'000s;

TEST(LogRate, IsWhatCameSinceTheOldestFileEnded) {
  // 10 GB an hour into five files of 1 MiB: the oldest ended 1.5 s ago.
  const std::vector<LogFileState> flood = {{kMiB, kNow - 1'500ms},
                                           {kMiB, kNow - 1'120ms},
                                           {kMiB, kNow - 750ms},
                                           {kMiB, kNow - 370ms},
                                           {kMiB, kNow}};
  EXPECT_NEAR(log_rate(flood, kNow), 10e9 / 3600, 100e3);
  // The same files an hour after the flood are none.
  EXPECT_LT(log_rate(flood, kNow + 1h), 1'200);
}

TEST(LogRate, IsUnknownWithoutARotatedFileOrWithAClockThatWasPutBack) {
  EXPECT_EQ(log_rate({}, kNow), 0);
  EXPECT_EQ(log_rate({{kMiB, kNow}}, kNow), 0);
  EXPECT_EQ(log_rate({{kMiB, kNow}, {kMiB, kNow}}, kNow - 1h), 0);
}

// As proc_pid_limits(5) shows it.
TEST(DescriptorLimit, IsTheSoftOne) {
  EXPECT_EQ(
      parse_descriptor_limit("Limit                     Soft Limit           Hard Limit           Units\n"
                             "Max processes             30455                30455                processes\n"
                             "Max open files            1024                 524288               files\n"),
      1024u);
  EXPECT_EQ(
      parse_descriptor_limit("Max open files            unlimited            unlimited            files\n"),
      0u);
  EXPECT_EQ(parse_descriptor_limit(""), 0u);
}

TEST(Burdens, AreToldWithNameNumbersAndRemedy) {
  const WatchedService service{"echo", "Echo", "", 1};
  EXPECT_TRUE(find_burdens(service, {899, 1000, 0}, kMiB).empty());
  EXPECT_TRUE(find_burdens(service, {900, 0, 1e9}, 0).empty()) << "no limit, and no flood is one";
  const auto found = find_burdens(service, {900, 1000, 2.8e6}, 1000 * kMiB);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].id, "service-descriptors-echo");
  EXPECT_THAT(found[0].values, ElementsAre("Echo", "900", "1000"));
  EXPECT_EQ(found[1].id, "service-log-echo");
  EXPECT_THAT(found[1].text, HasSubstr("Echo writes 9613 MiB an hour"));
  for (const auto& check : found)
    EXPECT_FALSE(check.fix.empty() || check.why.empty() || check.command.empty());
}

class ServiceWatchTest : public testing::Test {
 protected:
  ServiceWatchTest() {
    set_log_sink([](LogLevel, std::string_view) {});
    char pattern[] = "/tmp/berth-watch-XXXXXX";
    folder_ = ::mkdtemp(pattern);
  }
  ~ServiceWatchTest() override {
    watch_.reset();
    set_log_sink(nullptr);
    std::filesystem::remove_all(folder_);
  }
  void start() {
    ServiceWatchSources sources;
    sources.services = [this] { return services_; };
    sources.flood_bytes = [] { return kMiB; };
    watch_ = std::make_unique<ServiceWatch>(loop_, std::move(sources));
  }
  void look(int times) {
    for (int i = 0; i < times; ++i) loop::run_task(loop_, watch_->look());
  }
  loop::Loop loop_;
  std::string folder_;
  std::vector<WatchedService> services_;
  std::unique_ptr<ServiceWatch> watch_;
};

TEST_F(ServiceWatchTest, CutsWhatAServicePrintsAndNamesIt) {
  services_ = {{"echo", "Echo", folder_, 1}};
  start();
  const auto fd = open_output(folder_ + "/output.log", std::nullopt);
  ASSERT_TRUE(fd);
  look(1);
  for (int i = 1; i < ServiceWatch::kLooksToMeasure; ++i) {
    ASSERT_TRUE(write_all(fd->get(), std::string(2 * kMiB, 'x')));
    look(1);
    EXPECT_EQ(output_size(folder_ + "/output.log"), 0u);
    EXPECT_EQ(output_size(folder_ + "/output.log.1"), kMiB);
  }
  ASSERT_EQ(watch_->checks().size(), 1u);
  EXPECT_EQ(watch_->checks().front().id, "service-log-echo");
  look(ServiceWatch::kLooksToMeasure);
  EXPECT_TRUE(watch_->checks().empty()) << "it is over when it is over";
}

TEST_F(ServiceWatchTest, KnowsOfDescriptorsAndForgetsWhatIsGone) {
  services_ = {{"echo", "Echo", folder_, ::getpid()}, {"notes", "Notes", folder_ + "/none", 0}};
  start();
  look(ServiceWatch::kLooksToMeasure);
  EXPECT_TRUE(watch_->checks().empty());
  std::vector<UniqueFd> leaked;
  for (int i = 0; i < 200; ++i) leaked.emplace_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const auto in_use =
      static_cast<rlim_t>(std::distance(std::filesystem::directory_iterator("/proc/self/fd"), {}));
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit low{in_use * 100 / 92, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &low), 0);
  look(ServiceWatch::kLooksToMeasure);
  ::setrlimit(RLIMIT_NOFILE, &before);
  ASSERT_EQ(watch_->checks().size(), 1u);
  EXPECT_EQ(watch_->checks().front().id, "service-descriptors-echo");
  EXPECT_NEAR(static_cast<double>(parse_integer(watch_->checks().front().values[1]).value_or(0)),
              static_cast<double>(in_use), 4);
  services_.clear();
  look(1);
  EXPECT_TRUE(watch_->checks().empty());
}

}  // namespace
}  // namespace berth::manager
