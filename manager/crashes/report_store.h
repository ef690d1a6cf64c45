// Reports as files: core_dumps/<service>/<id>.json, .trace.zst, .core.zst; and core_dumps/groups.json, which counts.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "api/crash.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace berth::manager {

struct ReportLimits {
  std::size_t reports = 50;                      // of one service
  std::size_t cores = 5;                         // of one service
  std::uint64_t bytes = std::uint64_t{2} << 30;  // of everything
  static constexpr std::size_t kGroups = 300, kTraceLines = 5'000;
};

// Blocking; used by one thread at a time. What lies in the folder may be anything: files that are no reports count as core dumps, and
// the oldest go first.
class ReportStore {
 public:
  explicit ReportStore(std::string folder) : folder_(std::move(folder)) {}

  // Where the parts of `report` lie; makes the folder. The id must be one of ours.
  Result<std::string> path_of(const std::string& id, std::string_view suffix) const;
  Result<void> make_folder(const std::string& service) const;

  // Writes the report and its trace, counts it, and removes what is too much.
  Result<void> put(const api::CrashReport& report, const std::vector<std::string>& trace,
                   const ReportLimits& limits);
  // Newest first; without stacks.
  std::vector<api::CrashReport> list(const std::string& service = "") const;
  Result<api::CrashReport> get(const std::string& id) const;
  std::vector<std::string> trace(const std::string& id) const;
  std::vector<api::CrashGroup> groups() const;  // newest first
  // Opens the compressed core dump. kNotFound.
  Result<UniqueFd> open_core(const std::string& id) const;
  std::uint64_t remove(const std::string& id);
  // Also forgets the count.
  std::uint64_t remove_group(const std::string& group);
  std::uint64_t remove_all();
  // Brings the folder within the limits; gives the bytes that are left.
  std::uint64_t prune(const ReportLimits& limits) const;

 private:
  void count(const api::CrashReport& report);
  void write_groups(const std::vector<api::CrashGroup>& groups) const;
  std::string folder_;
};

// "notes-20261122-224107-4711": letters, digits, '-', '_' and '.', never beginning with a dot. The service is what stands before
// the last three parts.
std::string make_report_id(const std::string& service, std::chrono::system_clock::time_point at,
                           std::uint64_t pid);
bool is_report_id(std::string_view id);
std::string service_of_report(std::string_view id);

}  // namespace berth::manager
