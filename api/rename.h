// Another domain or web path for many instances at once.
#pragma once

#include "api/job.h"
#include "api/json.h"

namespace berth::api {

struct Renaming {
  static constexpr std::string_view kName = "Renaming";
  std::string name;
  std::string domain;
  std::string path;
  std::string new_domain;
  std::string new_path;
  std::optional<std::string> problem;  // why it cannot be done; with one of them nothing is
  static constexpr auto fields() {
    return std::tuple(field("name", &Renaming::name), field("domain", &Renaming::domain),
                      with_default("path", &Renaming::path), with_default("newDomain", &Renaming::new_domain),
                      with_default("newPath", &Renaming::new_path), field("problem", &Renaming::problem));
  }
};

struct RenameInstancesResult {
  static constexpr std::string_view kMt = "RenameInstancesResult";
  std::vector<Renaming> renamings;
  std::optional<Job> job;  // absent: a dry run, or there was nothing to do
  static constexpr auto fields() {
    return std::tuple(with_default("renamings", &RenameInstancesResult::renamings),
                      field("job", &RenameInstancesResult::job));
  }
};

// All instances of `domain` (absent: all there are) get `newDomain`; paths that begin with `path` (absent: with the old
// domain) begin with `newPath` (absent: with the new domain) then. Absent members stay as they are.
struct RenameInstances {
  static constexpr std::string_view kMt = "RenameInstances";
  using Answer = RenameInstancesResult;
  std::optional<std::string> domain, new_domain;
  std::optional<std::string> path, new_path;
  bool dry_run = false;
  static constexpr auto fields() {
    return std::tuple(field("domain", &RenameInstances::domain),
                      field("newDomain", &RenameInstances::new_domain), field("path", &RenameInstances::path),
                      field("newPath", &RenameInstances::new_path),
                      with_default("dryRun", &RenameInstances::dry_run));
  }
};

}  // namespace berth::api
