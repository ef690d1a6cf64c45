#include "manager/monitor/marker_log.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

namespace berth::manager {
namespace {

using testing::ElementsAre;
using testing::SizeIs;

class MarkerLogTest : public testing::Test {
 protected:
  MarkerLogTest() {
    char pattern[] = "/tmp/berth-markers-XXXXXX";
    folder_ = ::mkdtemp(pattern);
  }
  ~MarkerLogTest() override { std::filesystem::remove_all(folder_); }
  std::string path() const { return folder_ + "/markers"; }
  std::string folder_;
};

TEST_F(MarkerLogTest, TellsWhatHappenedInATimeAlsoAfterARestart) {
  const Marker start{100, "start", "service/notes", "", "", false};
  const Marker death{200, "death", "service/notes", "signal 11 (Segmentation fault)", "", true};
  const Marker backup{150, "backup", "platform", "Back up everything", "42", false};
  {
    MarkerLog log(path());
    or_throw(log.add(start));
    or_throw(log.add(death));
    or_throw(log.add(backup));  // told at its end, happened before
  }
  MarkerLog log(path());
  EXPECT_THAT(or_throw(log.between(0, 1000)), ElementsAre(start, backup, death));
  EXPECT_THAT(or_throw(log.between(101, 200)), ElementsAre(backup));
  EXPECT_EQ(or_throw(log.last_of("start", "service/notes")), 100);
  EXPECT_EQ(or_throw(log.last_of("start", "webserver")), 0);
}

TEST_F(MarkerLogTest, KeepsTheNewestAndItsFileDoesNotGrow) {
  MarkerLog log(path());
  for (int i = 1; i <= 3000; ++i) or_throw(log.add({i, "start", "webserver", "", "", false}));
  EXPECT_THAT(or_throw(log.between(0, 10'000)), SizeIs(MarkerLog::kRecords));
  struct stat info{};
  ASSERT_EQ(::stat(path().c_str(), &info), 0);
  EXPECT_EQ(static_cast<std::size_t>(info.st_size), MarkerLog::kRecords * MarkerLog::kRecordBytes);
  MarkerLog again(path());
  const auto kept = or_throw(again.between(0, 10'000));
  EXPECT_EQ(kept.front().at, 3000 - static_cast<std::int64_t>(MarkerLog::kRecords) + 1);
  EXPECT_EQ(kept.back().at, 3000);
}

TEST_F(MarkerLogTest, LongTextsAreCutBetweenCharacters) {
  MarkerLog log(path());
  std::string text;
  for (int i = 0; i < 200; ++i) text += "ä";
  or_throw(log.add({1, "backup", "instance/" + std::string(300, 'x'), text, "1", false}));
  const auto kept = or_throw(log.between(0, 10)).front();
  EXPECT_EQ(kept.subject, "instance/" + std::string(91, 'x'));
  EXPECT_EQ(kept.text.size() % 2, 0u);
  EXPECT_GT(kept.text.size(), 80u);
}

TEST_F(MarkerLogTest, ATornRecordIsNone) {
  {
    MarkerLog log(path());
    or_throw(log.add({1, "start", "webserver", "", "", false}));
    or_throw(log.add({2, "start", "postgres", "", "", false}));
  }
  const UniqueFd fd(::open(path().c_str(), O_RDWR));
  ASSERT_EQ(::pwrite(fd.get(), "x", 1, 20), 1);
  MarkerLog log(path());
  EXPECT_THAT(or_throw(log.between(0, 10)), SizeIs(1));
  or_throw(log.add({3, "start", "manager", "", "", false}));
  EXPECT_THAT(or_throw(MarkerLog(path()).between(0, 10)), SizeIs(2));
}

}  // namespace
}  // namespace berth::manager
