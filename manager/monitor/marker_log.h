// What happened to the platform, beside the curves: starts, deaths, updates, backups. The last 2,048 of them, in a file of fixed
// size (docs/protocols/monitor-file.md).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace berth::manager {

struct Marker {
  std::int64_t at = 0;  // seconds since 1970
  std::string kind, subject, text, job;
  bool is_failed = false;
  friend bool operator==(const Marker&, const Marker&) = default;
};

// Used by one thread at a time.
class MarkerLog {
 public:
  static constexpr std::size_t kRecords = 2048, kRecordBytes = 256;

  explicit MarkerLog(std::string path) : path_(std::move(path)) {}

  // Reads what is there; a torn record is none. Called by the others.
  Result<void> load();
  // Texts that are too long are cut.
  Result<void> add(const Marker& marker);
  // Those in [from, to), oldest first.
  Result<std::vector<Marker>> between(std::int64_t from, std::int64_t to);
  // The newest of this kind about this subject; 0: none.
  Result<std::int64_t> last_of(const std::string& kind, const std::string& subject);

 private:
  std::string path_;
  UniqueFd fd_;
  std::uint64_t next_ = 1;       // number of the next record
  std::vector<Marker> markers_;  // in the order in which they came
};

}  // namespace berth::manager
