// The flight recorder: a ring in shared memory that keeps the last minutes of everything a process traced, whatever its log was
// told to show, and that can be read when the process is dead.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace berth {

// The ring: a header of 64 bytes, then a power of two of bytes in which entries follow each other, the oldest being overwritten.
// An entry begins at a multiple of 8 and may go over the end of the ring to its beginning. All numbers in the machine's order:
// who reads it is on the same machine.
//
//   header  "BERTHFR1" · u64 bytes of the ring · u64 where the next entry begins · u32 pid · padding
//   entry   u64 check over all that follows · u64 where it begins · i64 nanoseconds since 1970 · u32 bytes of text · u8 level ·
//           u8 bit of the trace flag, 255 none · 2 padding · text, padded to a multiple of 8
//
// Where an entry begins is counted since the start of the process, so an entry of an earlier round is never taken for a later one;
// an entry that was being written when the process died fails its check.
inline constexpr std::size_t kFlightHeaderBytes = 64, kFlightEntryBytes = 32;
inline constexpr std::size_t kFlightSmallest = 1 << 12, kFlightLargest = 64 << 20;  // bytes of the ring
inline constexpr std::size_t kFlightText = 2048;  // bytes of an entry's text; what is longer is cut

// The side that writes. Owns the shared memory; any thread may write, none waits.
class FlightRecorder {
 public:
  // `bytes` is rounded up to a power of two within the limits. kUnsupported, kNoSpace, … if there is no shared memory to be had.
  static Result<std::unique_ptr<FlightRecorder>> make(std::size_t bytes);
  ~FlightRecorder();
  FlightRecorder(const FlightRecorder&) = delete;

  // `flag`: one trace flag, or 0.
  void write(LogLevel level, std::uint64_t flag, std::string_view text);
  // The shared memory, for whoever shall read it when we are gone. Its size cannot be changed any more.
  int fd() const { return fd_.get(); }

 private:
  FlightRecorder(UniqueFd fd, std::uint8_t* memory, std::size_t ring)
      : fd_(std::move(fd)), memory_(memory), ring_(ring) {}
  void put(std::uint64_t position, const void* bytes, std::size_t size);
  std::atomic_ref<std::uint64_t> next() const;

  UniqueFd fd_;
  std::uint8_t* memory_;
  std::size_t ring_;
};

struct FlightEntry {
  std::int64_t nanoseconds = 0;  // since 1970
  LogLevel level = LogLevel::kTrace;
  std::uint64_t flag = 0;
  std::string text;
};

struct FlightTape {
  std::vector<FlightEntry> entries;  // oldest first
  std::uint64_t torn = 0;  // gaps between them: entries that were being written, or overwritten, just then
  bool is_full = false;    // older ones were overwritten
};

// What a ring holds; `memory` may be anything, a foreign process wrote it. kMalformed if it is no ring.
Result<FlightTape> parse_flight_recorder(std::string_view memory);

// Reads the shared memory behind `fd`, of a process that may live or have lied: kMalformed, kTooLarge.
Result<std::string> read_flight_memory(int fd);

// A line as the log files have it: "MM-DD hh:mm:ss.mmm text" in UTC.
std::string format_flight_entry(const FlightEntry& entry);

}  // namespace berth
