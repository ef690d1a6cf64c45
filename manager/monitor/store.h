// All records, in one folder.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "manager/monitor/marker_log.h"
#include "manager/monitor/subject.h"

namespace berth::manager {

// Curves of one subject. Values are NaN where nothing is known.
struct Curves {
  std::int64_t from = 0, step = 0;  // seconds
  bool has_peaks = false;
  std::vector<std::vector<float>> mean, peak;  // by column, then step
};

// Which level of `layout` tells [from, now] best with at most `points` steps, and how many seconds a step is then.
struct Resolution {
  std::size_t level = 0;
  std::int64_t step = 0;
};
Resolution resolve(const RingLayout& layout, std::int64_t now, std::int64_t from, std::int64_t to,
                   std::int64_t points);

// Used by one thread at a time.
class MonitorStore {
 public:
  // The folder is made when something is kept.
  explicit MonitorStore(std::string folder);

  // A subject of which nothing is kept yet is left out while all records together could take more than `most_bytes`.
  Result<void> add(const Subject& subject, std::int64_t now, const std::vector<float>& values,
                   std::uint64_t most_bytes);
  Result<Curves> read(const Subject& subject, std::int64_t now, std::int64_t from, std::int64_t to,
                      std::int64_t points);
  // With the folder they need; what is wrong with that their own calls tell.
  MarkerLog& markers();
  // Removes what nobody has written to since the coarsest level's reach. Right after everything was added: a clock that jumps
  // ahead must not make all of it old.
  void purge(std::int64_t now);

  struct Space {
    std::uint64_t bytes = 0, full_bytes = 0, subjects = 0, left_out = 0;
  };
  Space space() const;

 private:
  RingFile& file(const Subject& subject);
  Result<void> scan();

  std::string folder_;
  MarkerLog markers_;
  struct Open {
    std::unique_ptr<RingFile> file;
    std::int64_t added = 0;
  };
  std::map<Subject, Open> files_;
  std::map<std::string, std::uint64_t> present_;  // files of the folder: bytes when full
  std::map<Subject, bool> left_out_;
  std::uint64_t full_bytes_ = 0;
  bool is_scanned_ = false;
};

}  // namespace berth::manager
