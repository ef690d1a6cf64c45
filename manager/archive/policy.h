// When the time machine runs, and what admins should know of it. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "api/status.h"
#include "archive/window.h"

namespace berth::manager {

// So much of the disk stays free whatever is archived: a twentieth, at most 2 GiB. A quarter of what is left is too
// little for more than one base backup.
std::uint64_t archive_reserve(std::uint64_t disk_bytes);

struct TimeMachineChoice {
  bool is_on = false;
  std::string reason;  // if it is off
};
struct TimeMachineFacts {
  std::string setting;  // auto, on, off
  bool has_program = true;
  bool has_tablespaces = false;
  bool is_on = false;  // now
  std::uint64_t disk_bytes = 0, free_bytes = 0, cluster_bytes = 0;
};
// `auto` switches on where the disk has room for it, and off before it runs full; what lies between changes nothing.
TimeMachineChoice choose_time_machine(const TimeMachineFacts& facts);

// Findings of the overview.
struct TimeMachineHealth {
  bool is_on = false;
  bool is_failing = false;
  std::string failure;
  std::vector<archive::Range> ranges;
  std::optional<std::chrono::sys_seconds> last_base;  // that is usable
  std::uint64_t log_bytes = 0;                        // since then
  std::chrono::sys_seconds now;
};
std::vector<api::Check> find_time_machine_checks(const TimeMachineHealth& health);

}  // namespace berth::manager
