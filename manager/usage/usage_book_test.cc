#include "manager/usage/usage_book.h"

#include <gtest/gtest.h>

namespace berth::manager {
namespace {

using std::chrono::seconds;
using std::chrono::sys_seconds;

const sys_seconds kStart(seconds(1'800'000'000));
const std::string kDay = "2027-01-15";

json::Object instance(const std::string& name, const std::string& run, std::int64_t requests,
                      std::int64_t busy_us = 0, std::int64_t websockets = 0) {
  return {{"name", name},         {"domain", "example.com"}, {"run", run},
          {"requests", requests}, {"busyUs", busy_us},       {"websockets", websockets}};
}

MeasuredService service(std::initializer_list<json::Object> instances, std::int64_t cpu_us = 0,
                        std::int64_t memory = 0, const std::string& process = "100 first") {
  json::Array list;
  for (const auto& one : instances) list.push_back(one);
  return {"notes", "notes", process, cpu_us, memory, {{"instances", std::move(list)}}};
}

UsageFigures figures(UsageBook::Rows& rows, const std::string& name, const std::string& day = kDay) {
  return rows[{day, "example.com", name}].figures;
}

TEST(UsageBook, CountsEachThingOnce) {
  UsageBook book;
  book.add(service({instance("team", "aa", 5)}), kStart, kDay);
  book.add(service({instance("team", "aa", 12)}), kStart + seconds(10), kDay);
  book.add(service({instance("team", "aa", 12)}), kStart + seconds(20), kDay);
  auto rows = book.take();
  EXPECT_EQ(figures(rows, "team").requests, 12);
  EXPECT_TRUE(book.take().empty());
}

TEST(UsageBook, CountsFromZeroWhatWasStartedAgainEvenIfItsCounterIsHigherNow) {
  UsageBook book;
  book.add(service({instance("team", "aa", 5)}), kStart, kDay);
  book.add(service({instance("team", "bb", 9)}), kStart + seconds(10), kDay);
  auto rows = book.take();
  EXPECT_EQ(figures(rows, "team").requests, 14);
}

TEST(UsageBook, GoesOnWhereAnotherManagerHasWritten) {
  UsageBook first;
  first.add(service({instance("team", "aa", 5)}, 1'000'000), kStart, kDay);
  first.add(service({instance("team", "aa", 7)}, 3'000'000), kStart + seconds(10), kDay);
  const auto marks = first.marks();
  first.add(service({instance("team", "aa", 11)}, 4'000'000), kStart + seconds(20), kDay);  // never written

  UsageBook second;
  second.restore(or_throw(json::parse_object(json::serialize(json::Value(marks)))));
  second.add(service({instance("team", "aa", 20)}, 5'000'000), kStart + seconds(60), kDay);
  auto rows = second.take();
  EXPECT_EQ(figures(rows, "team").requests, 13);
  EXPECT_EQ(figures(rows, "team").cpu_us, 2'000'000);
}

TEST(UsageBook, DividesTheCpuTimeByTheTimeTheServiceWorkedForEach) {
  UsageBook book;
  book.add(service({instance("a", "aa", 0), instance("b", "bb", 0)}), kStart, kDay);
  book.add(service({instance("a", "aa", 0, 300), instance("b", "bb", 0, 100)}, 1'000'000),
           kStart + seconds(10), kDay);
  auto rows = book.take();
  EXPECT_EQ(figures(rows, "a").cpu_us, 750'000);
  EXPECT_EQ(figures(rows, "b").cpu_us, 250'000);
  book.add(service({instance("a", "aa", 0, 300), instance("b", "bb", 0, 100)}, 1'000'100),
           kStart + seconds(20), kDay);
  rows = book.take();
  EXPECT_EQ(figures(rows, "a").cpu_us, 50) << "it worked for nobody: evenly";
}

TEST(UsageBook, DividesTheMemoryByTheSessionsAndByTime) {
  UsageBook book;
  constexpr std::int64_t kMemory = 100 << 20;
  book.add(service({instance("a", "aa", 0), instance("b", "bb", 0)}, 0, kMemory), kStart, kDay);
  EXPECT_EQ(book.take().begin()->second.figures.memory_kib_seconds, 0);
  // 17 and 17 + 66 sessions' worth.
  book.add(service({instance("a", "aa", 0), instance("b", "bb", 0, 0, 66)}, 0, kMemory), kStart + seconds(10),
           kDay);
  auto rows = book.take();
  EXPECT_EQ(figures(rows, "a").memory_kib_seconds, 174'080);
  EXPECT_EQ(figures(rows, "b").memory_kib_seconds, 849'920);
}

TEST(UsageBook, DoesNotInventMemoryForATimeInWhichNobodyLooked) {
  UsageBook book;
  book.add(service({instance("a", "aa", 0)}, 0, 1 << 20), kStart, kDay);
  book.add(service({instance("a", "aa", 0)}, 0, 1 << 20), kStart + std::chrono::hours(5), kDay);
  book.add(service({instance("a", "bb", 0)}, 0, 1 << 20, "200 second"),
           kStart + std::chrono::hours(5) + seconds(9), kDay);
  auto rows = book.take();
  EXPECT_EQ(figures(rows, "a").memory_kib_seconds, 1024 * 120);
}

TEST(UsageBook, EntersWhatWasMeasuredAfterMidnightForTheNewDay) {
  UsageBook book;
  book.add(service({instance("team", "aa", 5)}), kStart, kDay);
  book.add(service({instance("team", "aa", 8)}), kStart + seconds(10), "2027-01-16");
  auto rows = book.take();
  EXPECT_EQ(figures(rows, "team").requests, 5);
  EXPECT_EQ(figures(rows, "team", "2027-01-16").requests, 3);
}

TEST(UsageBook, LosesNothingWhileAServiceDoesNotAnswer) {
  UsageBook book;
  book.add(service({instance("team", "aa", 5)}, 100), kStart, kDay);
  MeasuredService silent = service({}, 200);
  silent.counters.clear();
  book.add(silent, kStart + seconds(10), kDay);
  book.add(service({instance("team", "aa", 9)}, 300), kStart + seconds(20), kDay);
  auto rows = book.take();
  EXPECT_EQ(figures(rows, "team").requests, 9);
  EXPECT_EQ(figures(rows, "team").cpu_us, 300);
}

// Built with an SDK from before there was usage: it tells no run, and has counted for who knows how long.
TEST(UsageBook, BeginsWithAnOldServiceWhereItFindsIt) {
  UsageBook book;
  book.add(service({instance("team", "", 1'000'000)}), kStart, kDay);
  book.add(service({instance("team", "", 1'000'003)}), kStart + seconds(10), kDay);
  book.add(service({instance("team", "", 2)}), kStart + seconds(20), kDay);
  auto rows = book.take();
  EXPECT_EQ(figures(rows, "team").requests, 5);
}

TEST(UsageBook, SurvivesAServiceThatLies) {
  UsageBook book;
  json::Array list;
  list.emplace_back("no object");
  list.emplace_back(json::Object{{"name", "team"},
                                 {"domain", "example.com"},
                                 {"run", "aa"},
                                 {"requests", std::numeric_limits<std::int64_t>::max()},
                                 {"busyUs", -5},
                                 {"bytesIn", "many"}});
  book.add({"notes", "notes", "1", 0, 0, {{"instances", list}}}, kStart, kDay);
  auto rows = book.take();
  EXPECT_EQ(figures(rows, "team").requests, 10'000'000'000'000);
  EXPECT_EQ(figures(rows, "team").bytes_in, 0);
}

// --- files that a webserver serves alone ---

const std::map<std::string, UsageBook::FilesOf> kPaths = {
    {"/example.com/team", {"team", "example.com", "notes"}}};

json::Array files(std::int64_t requests, std::int64_t bytes, const std::string& path = "/example.com/team") {
  return {json::Object{{"path", path}, {"requests", requests}, {"bytesOut", bytes}}};
}

TEST(UsageBook, CountsFilesOnceForTheInstanceWhosePathItIs) {
  UsageBook book;
  book.add(service({instance("team", "aa", 5)}), kStart, kDay);
  book.add_files("w1", files(3, 3000), kPaths, kStart, kDay);
  book.add_files("w1", files(4, 4500), kPaths, kStart + seconds(10), kDay);
  book.add_files("w1", files(4, 4500), kPaths, kStart + seconds(20), kDay);
  book.add_files("w1", files(9, 9, "/manager"), kPaths, kStart + seconds(20), kDay);
  auto rows = book.take();
  EXPECT_EQ(rows.size(), 1u);
  EXPECT_EQ(figures(rows, "team").requests, 9) << "with those of its service";
  EXPECT_EQ(figures(rows, "team").bytes_out, 4500);
}

TEST(UsageBook, CountsTheFilesOfEachWebserverFromItsBeginning) {
  UsageBook book;
  book.add_files("w1", files(3, 3000), kPaths, kStart, kDay);
  // Replaced: for a while both serve.
  book.add_files("w2", files(5, 5000), kPaths, kStart + seconds(10), kDay);
  book.add_files("w1", files(4, 3100), kPaths, kStart + seconds(15), kDay);
  book.add_files("w2", files(6, 6000), kPaths, kStart + seconds(20), kDay);
  auto rows = book.take();
  EXPECT_EQ(figures(rows, "team").requests, 10);
  EXPECT_EQ(figures(rows, "team").bytes_out, 9100);
}

TEST(UsageBook, GoesOnWithFilesWhereAnotherManagerHasWritten) {
  UsageBook first;
  first.add(service({instance("team", "aa", 5)}), kStart, kDay);
  first.add_files("w1", files(3, 3000), kPaths, kStart, kDay);
  const auto marks = first.marks();
  first.add_files("w1", files(7, 7000), kPaths, kStart, kDay);  // never written

  UsageBook second;
  second.restore(or_throw(json::parse_object(json::serialize(json::Value(marks)))));
  second.add_files("w1", files(8, 8000), kPaths, kStart + seconds(60), kDay);
  second.add(service({instance("team", "aa", 6)}), kStart + seconds(60), kDay);
  auto rows = second.take();
  EXPECT_EQ(figures(rows, "team").requests, 6) << "5 files and one by the service";
  EXPECT_EQ(figures(rows, "team").bytes_out, 5000);
}

TEST(UsageBook, RemembersOnlyTheLastWebservers) {
  UsageBook book;
  for (int i = 0; i < 100; ++i)
    book.add_files("w" + std::to_string(i), files(1, 10), kPaths, kStart + seconds(i), kDay);
  EXPECT_EQ(book.marks().at("/webservers").as_object().size(), 8u);
  auto rows = book.take();
  EXPECT_EQ(figures(rows, "team").requests, 100);
}

TEST(UsageBook, KeepsTheLargestSizeOfADatabase) {
  UsageBook book;
  book.add_database("team", "example.com", "notes", 500, kDay);
  book.add_database("team", "example.com", "notes", 300, kDay);
  auto rows = book.take();
  EXPECT_EQ(figures(rows, "team").database_bytes, 500);
}

}  // namespace
}  // namespace berth::manager
