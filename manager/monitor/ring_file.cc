#include "manager/monitor/ring_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/bytes.h"
#include "base/file.h"
#include "base/log.h"

namespace berth::manager {
namespace {

static_assert(std::endian::native == std::endian::little, "the file is written as the machine has it");

constexpr std::string_view kMagic = "BERTHMON";
constexpr std::uint32_t kVersion = 1;
constexpr std::size_t kHeaderBytes = 4096, kColumns = 32, kNameBytes = 40, kLevels = 4;
constexpr std::uint32_t kMostSlots = 100'000;
constexpr float kUnknown = std::numeric_limits<float>::quiet_NaN();

// Stamp and checksum, then the means; above the finest level the peaks follow.
std::size_t row_bytes(const RingLayout& layout, std::size_t level) {
  return 8 + layout.columns.size() * sizeof(float) * (level == 0 ? 1 : 2);
}

std::uint64_t offset_of(const RingLayout& layout, std::size_t level) {
  std::uint64_t offset = kHeaderBytes;
  for (std::size_t i = 0; i < level; ++i) offset += layout.levels[i].slots * row_bytes(layout, i);
  return offset;
}

std::uint32_t checksum(const char* bytes, std::size_t size) {
  return static_cast<std::uint32_t>(
      ::crc32(0, reinterpret_cast<const unsigned char*>(bytes), static_cast<unsigned>(size)));
}

std::uint32_t read_word(const char* from) {
  std::uint32_t word;
  std::memcpy(&word, from, sizeof word);
  return word;
}
void write_word(char* to, std::uint32_t word) { std::memcpy(to, &word, sizeof word); }

std::string format_header(const RingLayout& layout) {
  std::string header(kHeaderBytes, '\0');
  kMagic.copy(header.data(), kMagic.size());
  write_word(&header[8], kVersion);
  write_word(&header[12], static_cast<std::uint32_t>(layout.columns.size()));
  write_word(&header[16], static_cast<std::uint32_t>(layout.levels.size()));
  for (std::size_t i = 0; i < layout.levels.size(); ++i) {
    write_word(&header[24 + 8 * i], layout.levels[i].step);
    write_word(&header[28 + 8 * i], layout.levels[i].slots);
  }
  for (std::size_t i = 0; i < layout.columns.size(); ++i)
    layout.columns[i].copy(&header[64 + kNameBytes * i], kNameBytes);
  write_word(&header[kHeaderBytes - 4], checksum(header.data(), kHeaderBytes - 4));
  return header;
}

Result<RingLayout> parse_header(std::string_view header) {
  if (header.size() != kHeaderBytes || !header.starts_with(kMagic))
    return fail(Errc::kMalformed, "no records");
  if (read_word(&header[kHeaderBytes - 4]) != checksum(header.data(), kHeaderBytes - 4))
    return fail(Errc::kMalformed, "damaged header");
  if (read_word(&header[8]) != kVersion) return fail(Errc::kUnsupported, "version {}", read_word(&header[8]));
  const auto columns = read_word(&header[12]), levels = read_word(&header[16]);
  if (columns > kColumns || levels > kLevels || levels == 0) return fail(Errc::kMalformed, "odd header");
  RingLayout layout;
  for (std::size_t i = 0; i < levels; ++i) {
    const RingLevel level{read_word(&header[24 + 8 * i]), read_word(&header[28 + 8 * i])};
    if (level.step == 0 || level.slots == 0 || level.slots > kMostSlots)
      return fail(Errc::kMalformed, "odd level");
    layout.levels.push_back(level);
  }
  for (std::size_t i = 0; i < columns; ++i) {
    const char* name = &header[64 + kNameBytes * i];
    layout.columns.emplace_back(name, ::strnlen(name, kNameBytes));
  }
  return layout;
}

Result<void> write_at(int fd, std::string_view bytes, std::uint64_t offset, const std::string& path) {
  const auto wrote = ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
  if (wrote == static_cast<ssize_t>(bytes.size())) return {};
  return fail_errno(wrote < 0 ? errno : ENOSPC, path);
}

// A file that ends early is as if zeros followed: the last levels are written late.
Result<std::string> read_at(int fd, std::size_t size, std::uint64_t offset, const std::string& path) {
  std::string bytes(size, '\0');
  for (std::size_t had = 0; had < size;) {
    const auto got = ::pread(fd, bytes.data() + had, size - had, static_cast<off_t>(offset + had));
    if (got < 0) return fail_errno(errno, path);
    if (got == 0) break;
    had += static_cast<std::size_t>(got);
  }
  return bytes;
}

std::optional<RingRow> parse_row(const char* bytes, std::size_t size, std::uint32_t stamp, std::uint32_t step,
                                 std::size_t columns) {
  if (read_word(bytes) != stamp || read_word(bytes + 4) != (checksum(bytes + 8, size - 8) ^ stamp))
    return std::nullopt;
  RingRow row;
  row.at = std::int64_t{stamp} * step;
  row.mean.resize(columns);
  std::memcpy(row.mean.data(), bytes + 8, columns * sizeof(float));
  if (size > 8 + columns * sizeof(float)) {
    row.peak.resize(columns);
    std::memcpy(row.peak.data(), bytes + 8 + columns * sizeof(float), columns * sizeof(float));
  } else {
    row.peak = row.mean;
  }
  return row;
}

}  // namespace

std::uint64_t full_size(const RingLayout& layout) { return offset_of(layout, layout.levels.size()); }

RingRow aggregate(std::int64_t at, std::size_t columns, std::span<const RingRow> rows) {
  RingRow sum{at, std::vector<float>(columns, kUnknown), std::vector<float>(columns, kUnknown)};
  for (std::size_t column = 0; column < columns; ++column) {
    double total = 0;
    int known = 0;
    for (const auto& row : rows) {
      if (std::isnan(row.mean[column])) continue;
      total += row.mean[column];
      sum.peak[column] = known++ == 0 ? row.peak[column] : std::max(sum.peak[column], row.peak[column]);
    }
    if (known > 0) sum.mean[column] = static_cast<float>(total / known);
  }
  return sum;
}

Result<bool> RingFile::open(bool make) {
  if (fd_) return true;
  fd_ = UniqueFd(::open(path_.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  if (!fd_ && errno != ENOENT) return fail_errno(errno, path_);
  if (fd_ && is_known_) return true;
  std::optional<RingLayout> old;
  if (fd_) {
    BERTH_TRY(const auto header, read_at(fd_.get(), kHeaderBytes, 0, path_));
    const auto parsed = parse_header(header);
    if (!parsed)
      log_warning("records of the monitoring are begun anew",
                  {{"file", path_}, {"error", parsed.error().detail}});
    else old = *parsed;
  }
  if (old && *old == layout_) {
    is_known_ = true;
    BERTH_TRY_VOID(find_last());
    return true;
  }
  if (!make && !old) {
    fd_ = UniqueFd();
    return false;
  }
  is_known_ = true;
  last_ = -1;
  if (old) {
    BERTH_TRY_VOID(take_over(*old));
    return true;
  }
  fd_ = UniqueFd(::open(path_.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd_) return fail_errno(errno, path_);
  BERTH_TRY_VOID(write_at(fd_.get(), format_header(layout_), 0, path_));
  return true;
}

// A newer build records other things: what is known of the columns that both have goes into a new file in its place.
Result<void> RingFile::take_over(const RingLayout& old) {
  RingFile from(path_, old), to(path_ + ".new", layout_);
  ::unlink(to.path_.c_str());
  BERTH_TRY_VOID(from.open(false));
  BERTH_TRY_VOID(to.open(true));
  for (std::size_t level = 0; level < layout_.levels.size(); ++level) {
    const auto same = std::find(old.levels.begin(), old.levels.end(), layout_.levels[level]);
    if (same == old.levels.end()) continue;
    const auto source = static_cast<std::size_t>(same - old.levels.begin());
    BERTH_TRY(const auto rows, from.stored(source, 0, std::numeric_limits<std::int64_t>::max()));
    for (const auto& row : rows) {
      RingRow moved{row.at, {}, {}};
      for (const auto& column : layout_.columns) {
        const auto found = std::find(old.columns.begin(), old.columns.end(), column);
        const auto index = static_cast<std::size_t>(found - old.columns.begin());
        moved.mean.push_back(found == old.columns.end() ? kUnknown : row.mean[index]);
        moved.peak.push_back(found == old.columns.end() ? kUnknown : row.peak[index]);
      }
      BERTH_TRY_VOID(to.write_row(level, moved));
    }
  }
  if (::rename(to.path_.c_str(), path_.c_str()) != 0) return fail_errno(errno, path_);
  fd_ = std::move(to.fd_);
  return find_last();
}

Result<void> RingFile::find_last() {
  BERTH_TRY(const auto rows, stored(0, 0, std::numeric_limits<std::int64_t>::max()));
  last_ = rows.empty() ? -1 : rows.back().at;
  return {};
}

Result<void> RingFile::write_row(std::size_t level, const RingRow& row) {
  const auto [step, slots] = layout_.levels[level];
  const auto stamp = static_cast<std::uint32_t>(row.at / step);
  const std::size_t size = row_bytes(layout_, level), columns = layout_.columns.size() * sizeof(float);
  std::string bytes(size, '\0');
  std::memcpy(&bytes[8], row.mean.data(), columns);
  if (level > 0) std::memcpy(&bytes[8 + columns], row.peak.data(), columns);
  write_word(bytes.data(), stamp);
  write_word(&bytes[4], checksum(&bytes[8], size - 8) ^ stamp);
  return write_at(fd_.get(), bytes, offset_of(layout_, level) + stamp % slots * size, path_);
}

Result<std::vector<RingRow>> RingFile::stored(std::size_t level, std::int64_t from, std::int64_t to) const {
  const auto [step, slots] = layout_.levels[level];
  const std::size_t size = row_bytes(layout_, level), columns = layout_.columns.size();
  std::vector<RingRow> rows;
  const auto take = [&](std::string_view bytes) {
    for (std::size_t at = 0; at + size <= bytes.size(); at += size) {
      const auto stamp = read_word(&bytes[at]);
      auto row = parse_row(&bytes[at], size, stamp, step, columns);
      if (row && stamp != 0 && row->at >= from && row->at < to) rows.push_back(std::move(*row));
    }
  };
  const std::uint64_t base = offset_of(layout_, level);
  const auto first = std::max<std::int64_t>(0, (from + step - 1) / step);
  const auto count = to > from ? (to - from) / step + 2 : 0;
  if (count < std::int64_t{slots} / 2) {
    // Two pieces at most, where the ring ends and begins.
    std::int64_t left = count;
    for (std::int64_t index = first; left > 0;) {
      const auto slot = index % slots;
      const auto here = std::min(left, slots - slot);
      BERTH_TRY(const auto bytes, read_at(fd_.get(), static_cast<std::size_t>(here) * size,
                                          base + static_cast<std::uint64_t>(slot) * size, path_));
      take(bytes);
      index += here;
      left -= here;
    }
  } else {
    BERTH_TRY(const auto bytes, read_at(fd_.get(), std::size_t{slots} * size, base, path_));
    take(bytes);
  }
  std::sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return a.at < b.at; });
  return rows;
}

// A step of `level` from the finer level, whose newest step may still go on.
Result<std::optional<RingRow>> RingFile::gather(std::size_t level, std::int64_t at) const {
  const std::int64_t step = layout_.levels[level].step;
  BERTH_TRY(auto rows, stored(level - 1, at, at + step));
  if (level > 1) {
    const std::int64_t finer = layout_.levels[level - 1].step, open = last_ / finer * finer;
    if (open >= at && open < at + step) {
      std::erase_if(rows, [&](const RingRow& row) { return row.at == open; });
      BERTH_TRY(auto going, gather(level - 1, open));
      if (going) rows.push_back(std::move(*going));
    }
  }
  if (rows.empty()) return std::optional<RingRow>();
  return std::optional(aggregate(at, layout_.columns.size(), rows));
}

Result<void> RingFile::add(std::int64_t now, std::span<const float> values) {
  BERTH_CHECK(values.size() == layout_.columns.size());
  BERTH_TRY_VOID(open(true));
  const std::int64_t step = layout_.levels.front().step, at = now / step * step;
  if (last_ >= 0) {
    for (std::size_t level = 1; level < layout_.levels.size(); ++level) {
      const std::int64_t coarse = layout_.levels[level].step, over = last_ / coarse * coarse;
      if (over == at / coarse * coarse) break;  // the coarser ones go on, too
      BERTH_TRY(const auto row, gather(level, over));
      if (row) BERTH_TRY_VOID(write_row(level, *row));
    }
  }
  RingRow row{at, {values.begin(), values.end()}, {}};
  BERTH_TRY_VOID(write_row(0, row));
  last_ = at;
  return {};
}

Result<std::vector<RingRow>> RingFile::read(std::size_t level, std::int64_t from, std::int64_t to) {
  BERTH_TRY(const bool is_there, open(false));
  if (!is_there) return std::vector<RingRow>();
  BERTH_TRY(auto rows, stored(level, from, to));
  if (level == 0 || last_ < 0) return rows;
  const std::int64_t step = layout_.levels[level].step, open = last_ / step * step;
  if (open < from || open >= to) return rows;
  std::erase_if(rows, [&](const RingRow& row) { return row.at == open; });
  BERTH_TRY(auto going, gather(level, open));
  if (going) {
    const auto place =
        std::find_if(rows.begin(), rows.end(), [&](const RingRow& row) { return row.at > open; });
    rows.insert(place, std::move(*going));
  }
  return rows;
}

std::uint64_t RingFile::allocated() const {
  struct stat info{};
  return ::stat(path_.c_str(), &info) == 0 ? static_cast<std::uint64_t>(info.st_blocks) * 512 : 0;
}

}  // namespace berth::manager
