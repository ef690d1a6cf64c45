#include "manager/archive/policy.h"

#include <algorithm>

#include "base/utc.h"

namespace berth::manager {
namespace {

constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;
constexpr std::uint64_t kSmallDisk = 16 * kGiB;
constexpr std::uint64_t kLargestReserve = 2 * kGiB;
constexpr std::uint64_t kLogRoom = 2 * kGiB;
constexpr std::chrono::hours kOldBase{4 * 24};

std::string gib(std::uint64_t bytes) {
  return fmt::format("{:.1f} GiB", static_cast<double>(bytes) / static_cast<double>(kGiB));
}

}  // namespace

std::uint64_t archive_reserve(std::uint64_t disk_bytes) { return std::min(disk_bytes / 20, kLargestReserve); }

TimeMachineChoice choose_time_machine(const TimeMachineFacts& facts) {
  if (facts.setting == "off") return {false, "it is switched off (setting timeMachine)"};
  if (!facts.has_program)
    return {
        false,
        "the program berth-archive is missing beside berth-manager, or PostgreSQL's user cannot come to it"};
  if (facts.has_tablespaces) return {false, "the cluster has tablespaces, which base backups do not hold"};
  if (facts.setting == "on") return {true, {}};
  if (facts.disk_bytes < kSmallDisk)
    return {false, fmt::format("the disk has {}, below {} it has no room for a log of what happened; "
                               "set timeMachine to on to have it all the same",
                               gib(facts.disk_bytes), gib(kSmallDisk))};
  // Two base backups, each at most as large as the cluster, the log of some days, and a tenth of the disk beside.
  const std::uint64_t wanted = facts.is_on ? 2 * archive_reserve(facts.disk_bytes)
                                           : 2 * facts.cluster_bytes + kLogRoom + facts.disk_bytes / 10;
  if (facts.free_bytes >= wanted) return {true, {}};
  return {false, fmt::format("{} of the disk are free, {} would have to be; set timeMachine to on to have it "
                             "all the same",
                             gib(facts.free_bytes), gib(wanted))};
}

std::vector<api::Check> find_time_machine_checks(const TimeMachineHealth& health) {
  std::vector<api::Check> found;
  if (!health.is_on) return found;
  const auto add = [&found](std::string id, api::Severity severity) -> api::Check& {
    auto& check = found.emplace_back();
    check.id = std::move(id);
    check.severity = severity;
    check.command = "berth platform time-machine";
    return check;
  };
  if (health.is_failing) {
    auto& check = add("time-machine-failing", api::Severity::kError);
    check.values = {health.failure};
    check.text = fmt::format("The time machine does not record: {}.", health.failure);
    check.why =
        "What happens now cannot be gone back to, and the log waits on the disk until it is given up.";
    check.fix = "Remove the cause; it then goes on by itself.";
  }
  if (health.ranges.size() > 1) {
    const auto& before = health.ranges[health.ranges.size() - 2];
    auto& check = add("time-machine-hole", api::Severity::kWarning);
    check.values = {format_utc(before.to.value_or(health.now)), format_utc(health.ranges.back().from)};
    check.text = fmt::format("No moment between {} and {} can be reached.", check.values[0], check.values[1]);
    check.why = "Recording had failed for so long that the log was given up, lest it fill the disk.";
    check.fix =
        "A new base backup has been made. This finding goes when those moments are too old to be kept.";
  }
  if (health.last_base && health.log_bytes > 0 && health.now - *health.last_base > kOldBase) {
    auto& check = add("time-machine-old-base", api::Severity::kWarning);
    check.values = {format_utc(*health.last_base)};
    check.text = fmt::format("The last base backup of the time machine is of {}.", check.values[0]);
    check.why = "The older it is, the longer it takes to bring an instance back.";
    check.fix = "Look why the last ones failed, or make one now.";
    check.command = "berth platform base-backup --wait";
  }
  return found;
}

}  // namespace berth::manager
