// The receiving side of a move: an instance that is made here and waits for its data (docs/protocols/manager.md, "Moves").
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "api/move.h"
#include "manager/instances/instance_jobs.h"
#include "manager/move/line.h"

namespace berth::manager {

struct ArrivalRequest {
  api::PrepareArrival told;
  std::string password, database_password;  // clear text
  std::string by;
};

// Owned by the manager's main; its parts outlive it. All but prepare() are harmless when they are asked again.
class Arrivals {
 public:
  // How long an instance that was started on trial runs without being confirmed. Until then the other platform does not
  // take it back: so it never runs on both.
  static constexpr std::chrono::seconds kTrial{30};

  loop::Duration trial_time = kTrial;  // shorter in tests

  Arrivals(loop::Loop& loop, JobRunner& runner, Instances& instances, InstanceJobs& instance_jobs,
           db::Database& admin, const Layout& layout, std::string version);
  ~Arrivals();

  // As the steps of a journalled job of kind move. Throws Failure with what hinders, if `told.check_only` it is in the answer.
  Task<api::PrepareArrivalResult> prepare(ArrivalRequest request);
  // A session of the instance's own role with its new database, whatever program is at the other end; no other role or
  // database is let in. kNotFound: no instance arrives under this token, or it has been started.
  Task<std::unique_ptr<ByteLine>> open_line(std::string token);
  // Throws Failure with the service's reason; it is stopped then.
  Task<void> start(std::string name, std::string domain, std::string token);
  Task<void> confirm(std::string name, std::string domain, std::string token);
  Task<void> abandon(std::string name, std::string domain, std::string token, std::string by);

  // The steps of the job that takes one in; MoveJobs registers them.
  JobRunner::Steps steps();

 private:
  // The row if it is arriving under this token, or has arrived so.
  Result<InstanceRow> find(const std::string& name, const std::string& domain,
                           const std::string& token) const;
  std::vector<std::string> obstacles(const api::PrepareArrival& told) const;
  NewInstance wanted_of(const ArrivalRequest& request) const;
  Task<void> free_database(InstanceRow row);

  loop::Loop& loop_;
  JobRunner& runner_;
  Instances& instances_;
  InstanceJobs& instance_jobs_;
  db::Database& admin_;
  const Layout& layout_;
  std::string version_;
  std::map<std::string, std::unique_ptr<loop::Timer>> trials_;  // by key
  loop::TaskGroup tasks_;
};

}  // namespace berth::manager
