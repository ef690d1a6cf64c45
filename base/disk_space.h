// How full the file system below a path is (statvfs(3)).
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace berth {

struct DiskSpace {
  std::uint64_t total_bytes = 0;
  std::uint64_t used_bytes = 0;
  std::uint64_t free_bytes = 0;  // to others than root
  // As df(1) tells it: of what is not root's.
  double used_percent() const {
    const auto all = used_bytes + free_bytes;
    return all == 0 ? 0 : static_cast<double>(used_bytes) * 100 / static_cast<double>(all);
  }
};

// The system's error where it cannot be asked; it names the path.
Result<DiskSpace> read_disk_space(const std::string& path);

}  // namespace berth
