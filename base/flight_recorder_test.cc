#include "base/flight_recorder.h"

#include <gmock/gmock.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <thread>

namespace berth {
namespace {

FlightTape tape_of(const FlightRecorder& recorder) {
  return or_throw(parse_flight_recorder(or_throw(read_flight_memory(recorder.fd()))));
}

TEST(FlightRecorder, GivesBackWhatWasWrittenInOrder) {
  const auto recorder = or_throw(FlightRecorder::make(1 << 16));
  recorder->write(LogLevel::kInfo, 0, "first");
  recorder->write(LogLevel::kTrace, kDatabase, "");
  recorder->write(LogLevel::kError, kWebserver, "a line that is longer than eight bytes");
  const auto tape = tape_of(*recorder);
  ASSERT_EQ(tape.entries.size(), 3u);
  EXPECT_EQ(tape.entries[0].text, "first");
  EXPECT_EQ(tape.entries[0].flag, 0u);
  EXPECT_EQ(tape.entries[1].flag, kDatabase);
  EXPECT_EQ(tape.entries[2].flag, kWebserver);
  EXPECT_EQ(tape.entries[2].level, LogLevel::kError);
  EXPECT_GT(tape.entries[0].nanoseconds, 1'700'000'000'000'000'000);
  EXPECT_EQ(tape.torn, 0u);
  EXPECT_FALSE(tape.is_full);
}

TEST(FlightRecorder, KeepsTheNewestWhenItIsFull) {
  const auto recorder = or_throw(FlightRecorder::make(kFlightSmallest));
  for (int i = 0; i < 1000; ++i) recorder->write(LogLevel::kTrace, kApp, fmt::format("line {}", i));
  const auto tape = tape_of(*recorder);
  EXPECT_TRUE(tape.is_full);
  EXPECT_EQ(tape.torn, 0u);
  ASSERT_GT(tape.entries.size(), 90u);  // 4,096 bytes, 40 each
  EXPECT_EQ(tape.entries.back().text, "line 999");
  for (std::size_t i = 0; i < tape.entries.size(); ++i)
    EXPECT_EQ(tape.entries[i].text, fmt::format("line {}", 1000 - tape.entries.size() + i));
}

TEST(FlightRecorder, IsReadAfterTheDeathOfItsWriter) {
  const auto recorder = or_throw(FlightRecorder::make(1 << 16));
  const pid_t pid = ::fork();
  ASSERT_GE(pid, 0);
  if (pid == 0) {
    for (int i = 0; i < 100; ++i) recorder->write(LogLevel::kTrace, kApp, fmt::format("child {}", i));
    ::kill(::getpid(), SIGKILL);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  ASSERT_TRUE(WIFSIGNALED(status));
  const auto tape = tape_of(*recorder);
  ASSERT_EQ(tape.entries.size(), 100u);
  EXPECT_EQ(tape.entries.back().text, "child 99");
}

// A writer that dies within an entry leaves a reserved place without its check.
TEST(FlightRecorder, PassesOverAnEntryThatWasBeingWritten) {
  const auto recorder = or_throw(FlightRecorder::make(kFlightSmallest));
  for (int i = 0; i < 5; ++i) recorder->write(LogLevel::kTrace, kApp, "0123456789abcdef");
  const auto memory = or_throw(read_flight_memory(recorder->fd()));
  const std::size_t each = kFlightEntryBytes + 16;
  for (std::size_t byte = 0; byte < each; ++byte) {
    SCOPED_TRACE(byte);
    auto torn = memory;
    torn[kFlightHeaderBytes + 2 * each + byte] ^= 0x40;
    const auto tape = or_throw(parse_flight_recorder(torn));
    // The two bytes of padding say nothing.
    const bool counts = byte != 30 && byte != 31;
    EXPECT_EQ(tape.entries.size(), counts ? 4u : 5u);
    EXPECT_EQ(tape.torn, counts ? 1u : 0u);
  }
  auto last = memory;
  std::memset(last.data() + kFlightHeaderBytes + 4 * each, 0, 8);
  EXPECT_EQ(or_throw(parse_flight_recorder(last)).entries.size(), 4u);
  EXPECT_EQ(or_throw(parse_flight_recorder(last)).torn, 1u);
}

TEST(FlightRecorder, TakesSeveralThreads) {
  const auto recorder = or_throw(FlightRecorder::make(1 << 20));
  std::vector<std::thread> threads;
  for (int number = 0; number < 4; ++number)
    threads.emplace_back([&recorder, number] {
      for (int i = 0; i < 1000; ++i) recorder->write(LogLevel::kTrace, kApp, fmt::format("{} {}", number, i));
    });
  for (auto& thread : threads) thread.join();
  const auto tape = tape_of(*recorder);
  EXPECT_EQ(tape.entries.size(), 4000u);
  EXPECT_EQ(tape.torn, 0u);
}

TEST(FlightRecorder, CutsWhatIsTooLong) {
  const auto recorder = or_throw(FlightRecorder::make(kFlightSmallest));
  recorder->write(LogLevel::kTrace, kApp, std::string(10 * kFlightText, 'x'));
  const auto tape = tape_of(*recorder);
  ASSERT_EQ(tape.entries.size(), 1u);
  EXPECT_EQ(tape.entries[0].text.size(), kFlightText);
}

TEST(FlightRecorder, RefusesWhatIsNone) {
  EXPECT_FALSE(parse_flight_recorder(""));
  EXPECT_FALSE(parse_flight_recorder(std::string(kFlightHeaderBytes + kFlightSmallest, 'x')));
  const auto recorder = or_throw(FlightRecorder::make(kFlightSmallest));
  auto memory = or_throw(read_flight_memory(recorder->fd()));
  EXPECT_FALSE(parse_flight_recorder(memory + "more"));
  EXPECT_TRUE(parse_flight_recorder(memory));

  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  EXPECT_FALSE(read_flight_memory(ends[0]));
  const UniqueFd not_sealed(::memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  EXPECT_FALSE(read_flight_memory(not_sealed.get()));
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST(FlightRecorder, GetsEverythingThatTheLogDoesNotShow) {
  const auto recorder = or_throw(FlightRecorder::make(1 << 16));
  std::vector<std::string> shown;
  set_log_sink([&shown](LogLevel, std::string_view line) { shown.emplace_back(line); });
  const auto before = trace_flags();
  set_trace_flags(kApp);
  EXPECT_EQ(wanted_trace_flags(), std::uint64_t{kApp});
  set_flight_recorder(recorder.get());
  BERTH_LOG(kApp, "seen", {"number", -7});
  BERTH_LOG(kDatabase, "not seen", {"text", "two words"}, {"ms", 3u}, {"part", 0.5}, {"yes", true});
  log_warning("both");
  set_flight_recorder(nullptr);
  BERTH_LOG(kDatabase, "nowhere");
  set_trace_flags(before);
  set_log_sink(nullptr);
  EXPECT_THAT(shown, testing::ElementsAre("seen number=-7", "warning: both"));
  std::vector<std::string> recorded;
  for (const auto& entry : tape_of(*recorder).entries) recorded.push_back(entry.text);
  EXPECT_THAT(recorded,
              testing::ElementsAre("seen number=-7", "not seen text=\"two words\" ms=3 part=0.5 yes=true",
                                   "warning: both"));
}

TEST(FlightRecorder, FormatsAnEntryAsALineOfTheLog) {
  // 2026-11-22 22:41:07.042 UTC
  EXPECT_EQ(format_flight_entry({1'795'387'267'042'000'000, LogLevel::kTrace, kApp, "team@example.com x"}),
            "11-22 22:41:07.042 team@example.com x");
}

TEST(Hexdump, HasAddressSixteenBytesAndTheirText) {
  EXPECT_EQ(format_hexdump("Hello, world!\n\x01\xff"
                           "16"),
            "0000  48 65 6c 6c 6f 2c 20 77 6f 72 6c 64 21 0a 01 ff  Hello, world!...\n"
            "0010  31 36                                            16");
  EXPECT_EQ(format_hexdump(""), "");
  EXPECT_THAT(format_hexdump(std::string(5000, 'a')), testing::EndsWith("\n904 more bytes"));
}

TEST(TraceFlags, AreTheThirtyFourOfTheOriginal) {
  // reference/trace-flags.md: bits 0 to 33 without a gap, ten of them for native clients only.
  std::uint64_t all = 0;
  int native = 0;
  for (const auto& name : trace_flag_names()) {
    EXPECT_EQ(all & name.value, 0u);
    all |= name.value;
    native += name.is_native;
  }
  EXPECT_EQ(trace_flag_names().size(), 34u);
  EXPECT_EQ(all, 0x3ffffffffu);
  EXPECT_EQ(native, 10);
  EXPECT_EQ(kDefaultTraceFlags, 0x8001u);
  EXPECT_EQ(kAppProxy, 0x80000000u);
}

TEST(TraceFlags, AreReadAndWrittenByName) {
  EXPECT_EQ(parse_trace_flags("app,app-websocket").value(), 0x8001u);
  EXPECT_EQ(parse_trace_flags("usual, Database").value(), 0x8003u);
  EXPECT_EQ(parse_trace_flags("0x8003").value(), 0x8003u);
  EXPECT_EQ(parse_trace_flags("all").value(), 0x3ffffffffu);
  EXPECT_EQ(parse_trace_flags("none").value(), 0u);
  EXPECT_FALSE(parse_trace_flags("databse"));
  EXPECT_FALSE(parse_trace_flags(""));
  EXPECT_EQ(format_trace_flags(0x8003), "app,database,app-websocket");
  EXPECT_EQ(format_trace_flags(0), "none");
  EXPECT_EQ(parse_trace_flags(format_trace_flags(0x3ffffffff)).value(), 0x3ffffffffu);
}

}  // namespace
}  // namespace berth
