#include "manager/monitor/marker_log.h"

#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>

#include "base/text.h"

namespace berth::manager {
namespace {

// Checksum, time, number, flags; then four texts, each behind its length.
constexpr std::size_t kTexts = 17;

std::uint32_t checksum(const char* record) {
  return static_cast<std::uint32_t>(::crc32(0, reinterpret_cast<const unsigned char*>(record) + 4,
                                            static_cast<unsigned>(MarkerLog::kRecordBytes - 4)));
}

// At most `room` bytes, no character cut in two.
std::string_view cut(std::string_view text, std::size_t room) {
  if (text.size() <= room) return text;
  while (room > 0 && (static_cast<unsigned char>(text[room]) & 0xc0) == 0x80) --room;
  return text.substr(0, room);
}

std::string format_record(std::uint64_t number, const Marker& marker) {
  std::string record(MarkerLog::kRecordBytes, '\0');
  const auto at = static_cast<std::uint32_t>(marker.at);
  std::memcpy(&record[4], &at, sizeof at);
  std::memcpy(&record[8], &number, sizeof number);
  record[16] = marker.is_failed ? 1 : 0;
  std::size_t end = kTexts;
  // The long one last: it gets the room that is left.
  for (const std::string* text : {&marker.kind, &marker.job, &marker.subject, &marker.text}) {
    const std::size_t left = record.size() - end - 1;
    const auto part = cut(*text, text == &marker.text ? left : std::min<std::size_t>(left / 2, 100));
    record[end++] = static_cast<char>(part.size());
    part.copy(&record[end], part.size());
    end += part.size();
  }
  const std::uint32_t sum = checksum(record.data());
  std::memcpy(record.data(), &sum, sizeof sum);
  return record;
}

bool parse_record(const char* record, std::uint64_t& number, Marker& marker) {
  std::uint32_t sum, at;
  std::memcpy(&sum, record, sizeof sum);
  std::memcpy(&at, record + 4, sizeof at);
  std::memcpy(&number, record + 8, sizeof number);
  if (number == 0 || sum != checksum(record)) return false;
  marker.at = at;
  marker.is_failed = record[16] != 0;
  std::size_t begin = kTexts;
  for (std::string* text : {&marker.kind, &marker.job, &marker.subject, &marker.text}) {
    if (begin >= MarkerLog::kRecordBytes) return false;
    const std::size_t size = static_cast<unsigned char>(record[begin++]);
    if (begin + size > MarkerLog::kRecordBytes) return false;
    text->assign(record + begin, size);
    begin += size;
  }
  return true;
}

}  // namespace

Result<void> MarkerLog::load() {
  if (fd_) return {};
  fd_ = UniqueFd(::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd_) return fail_errno(errno, path_);
  std::string bytes(kRecords * kRecordBytes, '\0');
  const auto had = ::pread(fd_.get(), bytes.data(), bytes.size(), 0);
  if (had < 0) {
    const int error = errno;
    fd_ = UniqueFd();
    return fail_errno(error, path_);
  }
  std::map<std::uint64_t, Marker> found;
  for (std::size_t at = 0; at + kRecordBytes <= static_cast<std::size_t>(had); at += kRecordBytes) {
    std::uint64_t number = 0;
    Marker marker;
    if (parse_record(&bytes[at], number, marker)) found[number] = std::move(marker);
  }
  for (auto& [number, marker] : found) {
    markers_.push_back(std::move(marker));
    next_ = number + 1;
  }
  return {};
}

Result<void> MarkerLog::add(const Marker& marker) {
  BERTH_TRY_VOID(load());
  const std::string record = format_record(next_, marker);
  const auto offset = static_cast<off_t>((next_ - 1) % kRecords * kRecordBytes);
  const auto wrote = ::pwrite(fd_.get(), record.data(), record.size(), offset);
  if (wrote != static_cast<ssize_t>(record.size())) return fail_errno(wrote < 0 ? errno : ENOSPC, path_);
  ++next_;
  std::uint64_t number = 0;
  Marker kept;
  parse_record(record.data(), number, kept);
  markers_.push_back(std::move(kept));
  if (markers_.size() > kRecords) markers_.erase(markers_.begin());
  return {};
}

Result<std::vector<Marker>> MarkerLog::between(std::int64_t from, std::int64_t to) {
  BERTH_TRY_VOID(load());
  std::vector<Marker> found;
  for (const auto& marker : markers_)
    if (marker.at >= from && marker.at < to) found.push_back(marker);
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.at < b.at; });
  return found;
}

Result<std::int64_t> MarkerLog::last_of(const std::string& kind, const std::string& subject) {
  BERTH_TRY_VOID(load());
  std::int64_t last = 0;
  for (const auto& marker : markers_)
    if (marker.kind == kind && marker.subject == subject) last = std::max(last, marker.at);
  return last;
}

}  // namespace berth::manager
