// The records of one subject: a file of fixed size with a ring of rows for each resolution
// (docs/protocols/monitor-file.md).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace berth::manager {

// One resolution. Each step is a multiple of the one before.
struct RingLevel {
  std::uint32_t step = 0;   // seconds
  std::uint32_t slots = 0;  // rows
  std::int64_t span() const { return std::int64_t{step} * slots; }
  friend bool operator==(const RingLevel&, const RingLevel&) = default;
};

struct RingLayout {
  std::vector<std::string> columns;  // at most 32, names of at most 40 bytes
  std::vector<RingLevel> levels;     // the finest first, at most 4
  friend bool operator==(const RingLayout&, const RingLayout&) = default;
};
// Bytes of the file once every row has been written; before that it is sparse.
std::uint64_t full_size(const RingLayout& layout);

// What happened within one step. Values are NaN where nothing is known.
struct RingRow {
  std::int64_t at = 0;      // begin of the step, seconds since 1970
  std::vector<float> mean;  // one a column
  std::vector<float> peak;
};

// Mean and peak of each column, over the rows that know it.
RingRow aggregate(std::int64_t at, std::size_t columns, std::span<const RingRow> rows);

// Rows carry their time and a checksum, so what a power cut tears or leaves behind is no row. Nothing is synced: a killed
// process loses nothing, a power cut the last half minute. Used by one thread at a time.
class RingFile {
 public:
  // Nothing is read or made before it is needed.
  RingFile(std::string path, RingLayout layout) : path_(std::move(path)), layout_(std::move(layout)) {}

  // Keeps what was measured at `now`, one value a column. A step that is over goes into the coarser levels first. A file
  // that cannot be read is begun anew; one with other columns or levels is rewritten with what both have.
  Result<void> add(std::int64_t now, std::span<const float> values);
  // Rows of the steps that begin in [from, to), oldest first; the step that goes on is told as far as it is known. No file:
  // no rows.
  Result<std::vector<RingRow>> read(std::size_t level, std::int64_t from, std::int64_t to);
  // Gives the descriptor back until it is needed again.
  void close() { fd_ = UniqueFd(); }

  const RingLayout& layout() const { return layout_; }
  const std::string& path() const { return path_; }
  // Bytes it takes on the disk.
  std::uint64_t allocated() const;

 private:
  Result<bool> open(bool make);  // false: there is none
  Result<void> take_over(const RingLayout& old);
  Result<void> write_row(std::size_t level, const RingRow& row);
  Result<std::vector<RingRow>> stored(std::size_t level, std::int64_t from, std::int64_t to) const;
  Result<std::optional<RingRow>> gather(std::size_t level, std::int64_t at) const;
  Result<void> find_last();

  std::string path_;
  RingLayout layout_;
  UniqueFd fd_;
  bool is_known_ = false;   // the header was read
  std::int64_t last_ = -1;  // begin of the newest step of the finest level; -1: none
};

}  // namespace berth::manager
