#include "base/flight_recorder.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>

namespace berth {
namespace {

constexpr std::string_view kMagic = "BERTHFR1";
constexpr std::size_t kRingAt = 8, kNextAt = 16, kPidAt = 24;  // in the header
constexpr std::uint8_t kNoFlag = 255;

struct EntryHead {
  std::uint64_t check;
  std::uint64_t position;
  std::int64_t nanoseconds;
  std::uint32_t size;
  std::uint8_t level;
  std::uint8_t flag_bit;
  std::uint16_t padding;
};
static_assert(sizeof(EntryHead) == kFlightEntryBytes);

constexpr std::uint64_t pad(std::uint64_t bytes) { return (bytes + 7) & ~std::uint64_t{7}; }

// Finds accidents, not forgery: whoever writes the ring may write what they like.
std::uint64_t mix(std::uint64_t sum, std::uint64_t word) {
  sum = (sum ^ word) * 0x9e3779b97f4a7c15U;
  return sum ^ sum >> 29;
}

std::uint64_t check_of(const EntryHead& head, const char* text) {
  std::uint64_t sum = mix(0x42455254482d4652U, head.position);
  sum = mix(sum, static_cast<std::uint64_t>(head.nanoseconds));
  sum = mix(sum, head.size | std::uint64_t{head.level} << 32 | std::uint64_t{head.flag_bit} << 40);
  std::size_t at = 0;
  for (; at + 8 <= head.size; at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, text + at, 8);
    sum = mix(sum, word);
  }
  std::uint64_t last = 0;
  std::memcpy(&last, text + at, head.size - at);
  return mix(sum, last) | 1;  // 0 says: being written
}

// A ring as bytes that lie around its end.
class Ring {
 public:
  explicit Ring(std::string_view bytes) : bytes_(bytes) {}
  void read(std::uint64_t at, void* to, std::size_t size) const {
    at &= bytes_.size() - 1;
    const auto first = std::min<std::size_t>(size, bytes_.size() - at);
    std::memcpy(to, bytes_.data() + at, first);
    std::memcpy(static_cast<char*>(to) + first, bytes_.data(), size - first);
  }

 private:
  std::string_view bytes_;
};

}  // namespace

Result<std::unique_ptr<FlightRecorder>> FlightRecorder::make(std::size_t bytes) {
  const std::size_t ring = std::bit_ceil(std::clamp(bytes, kFlightSmallest, kFlightLargest));
  const std::size_t size = kFlightHeaderBytes + ring;
  UniqueFd fd(::memfd_create("berth-flight-recorder", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd) return fail_errno(errno, "memfd_create");
  if (::ftruncate(fd.get(), static_cast<off_t>(size)) != 0) return fail_errno(errno, "size of a memfd");
  // Whoever maps it need not fear that it is cut short.
  if (::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) != 0)
    return fail_errno(errno, "seal a memfd");
  void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
  if (memory == MAP_FAILED) return fail_errno(errno, "map a memfd");
  ::madvise(memory, size, MADV_DONTDUMP);  // it is saved beside the core dump
  auto* begin = static_cast<std::uint8_t*>(memory);
  const std::uint64_t ring_bytes = ring;
  const auto pid = static_cast<std::uint32_t>(::getpid());
  std::memcpy(begin + kRingAt, &ring_bytes, sizeof ring_bytes);
  std::memcpy(begin + kPidAt, &pid, sizeof pid);
  std::memcpy(begin, kMagic.data(), kMagic.size());
  return std::unique_ptr<FlightRecorder>(new FlightRecorder(std::move(fd), begin, ring));
}

FlightRecorder::~FlightRecorder() { ::munmap(memory_, kFlightHeaderBytes + ring_); }

std::atomic_ref<std::uint64_t> FlightRecorder::next() const {
  return std::atomic_ref(*reinterpret_cast<std::uint64_t*>(memory_ + kNextAt));
}

void FlightRecorder::put(std::uint64_t position, const void* bytes, std::size_t size) {
  std::uint8_t* ring = memory_ + kFlightHeaderBytes;
  const std::size_t at = position & (ring_ - 1);
  const auto first = std::min(size, ring_ - at);
  std::memcpy(ring + at, bytes, first);
  if (first < size) std::memcpy(ring, static_cast<const char*>(bytes) + first, size - first);
}

void FlightRecorder::write(LogLevel level, std::uint64_t flag, std::string_view text) {
  text = text.substr(0, kFlightText);
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  EntryHead head{};
  head.nanoseconds = std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
  head.size = static_cast<std::uint32_t>(text.size());
  head.level = static_cast<std::uint8_t>(level);
  head.flag_bit = flag ? static_cast<std::uint8_t>(std::countr_zero(flag)) : kNoFlag;
  head.position = next().fetch_add(kFlightEntryBytes + pad(text.size()), std::memory_order_relaxed);
  const auto check = check_of(head, text.data());
  // The check goes in last: until then the place holds no entry. It is 8 bytes at a multiple of 8, so never in two pieces.
  put(head.position, &head, sizeof head);
  put(head.position + sizeof head, text.data(), text.size());
  std::atomic_ref(
      *reinterpret_cast<std::uint64_t*>(memory_ + kFlightHeaderBytes + (head.position & (ring_ - 1))))
      .store(check, std::memory_order_release);
}

Result<FlightTape> parse_flight_recorder(std::string_view memory) {
  if (memory.size() < kFlightHeaderBytes + kFlightSmallest || !memory.starts_with(kMagic))
    return fail(Errc::kMalformed, "no flight recorder");
  std::uint64_t size = 0, next = 0;
  std::memcpy(&size, memory.data() + kRingAt, sizeof size);
  std::memcpy(&next, memory.data() + kNextAt, sizeof next);
  if (size != memory.size() - kFlightHeaderBytes || !std::has_single_bit(size) || size > kFlightLargest)
    return fail(Errc::kMalformed, "a flight recorder of another size");
  const Ring ring(memory.substr(kFlightHeaderBytes));

  struct Found {
    std::uint64_t position, end;
    FlightEntry entry;
  };
  std::vector<Found> found;
  std::string text;
  for (std::uint64_t at = 0; at < size;) {
    EntryHead head;
    ring.read(at, &head, sizeof head);
    const std::uint64_t end = head.position + kFlightEntryBytes + pad(head.size);
    // Of the last round, and where it says that it is.
    if (head.check == 0 || head.size > kFlightText || (head.position & (size - 1)) != at || end > next ||
        next - head.position > size) {
      at += 8;
      continue;
    }
    text.resize(head.size);
    ring.read(at + kFlightEntryBytes, text.data(), text.size());
    if (check_of(head, text.data()) != head.check) {
      at += 8;
      continue;
    }
    FlightEntry entry{head.nanoseconds, static_cast<LogLevel>(std::min<std::uint8_t>(head.level, 3)),
                      head.flag_bit < 64 ? std::uint64_t{1} << head.flag_bit : 0, text};
    found.push_back({head.position, end, std::move(entry)});
    at += end - head.position;
  }
  std::sort(found.begin(), found.end(),
            [](const Found& one, const Found& other) { return one.position < other.position; });
  FlightTape tape;
  tape.is_full = next > size;
  // The rest of the oldest entry, overwritten in part, is no gap.
  std::uint64_t expected = found.empty() ? next : found.front().position;
  if (!tape.is_full && expected != 0) ++tape.torn;
  for (auto& one : found) {
    if (one.position < expected) continue;  // inside of another: text that looks like an entry
    if (one.position > expected) ++tape.torn;
    expected = one.end;
    tape.entries.push_back(std::move(one.entry));
  }
  if (!found.empty() && expected < next) ++tape.torn;
  return tape;
}

Result<std::string> read_flight_memory(int fd) {
  struct stat info{};
  if (::fstat(fd, &info) != 0) return fail_errno(errno, "flight recorder");
  // Only memory that nobody can cut short; a pipe or a device would keep us waiting.
  const int seals = S_ISREG(info.st_mode) ? ::fcntl(fd, F_GET_SEALS) : -1;
  if (seals < 0 || !(seals & F_SEAL_SHRINK)) return fail(Errc::kMalformed, "no sealed memory");
  if (static_cast<std::uint64_t>(info.st_size) > kFlightHeaderBytes + kFlightLargest)
    return fail(Errc::kTooLarge, "a flight recorder of {} bytes", info.st_size);
  std::string memory(static_cast<std::size_t>(info.st_size), '\0');
  std::size_t had = 0;
  while (had < memory.size()) {
    const auto got = ::pread(fd, memory.data() + had, memory.size() - had, static_cast<off_t>(had));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return fail_errno(errno, "read the flight recorder");
    if (got == 0) break;
    had += static_cast<std::size_t>(got);
  }
  memory.resize(had);
  return memory;
}

std::string format_flight_entry(const FlightEntry& entry) {
  const std::time_t seconds = entry.nanoseconds / 1'000'000'000;
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  return fmt::format("{:02}-{:02} {:02}:{:02}:{:02}.{:03} {}", utc.tm_mon + 1, utc.tm_mday, utc.tm_hour,
                     utc.tm_min, utc.tm_sec, std::max<std::int64_t>(0, entry.nanoseconds / 1'000'000 % 1000),
                     entry.text);
}

}  // namespace berth
