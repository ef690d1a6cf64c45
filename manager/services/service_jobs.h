// Long acts on services, as journalled jobs: install, update, remove, start, stop.
#pragma once

#include <string>

#include "manager/instances/instances.h"
#include "manager/jobs/runner.h"
#include "manager/services/services.h"
#include "manager/settings/settings.h"
#include "manager/store/store.h"

namespace berth::manager {

// Owned by the manager's main; its parts outlive it.
class ServiceJobs {
 public:
  ServiceJobs(loop::Loop& loop, JobRunner& runner, Services& services, Instances& instances, Store& store,
              net::HttpClient& http, Settings& settings, const Layout& layout);

  // Of the store; an installed service is updated. kNotFound (app, version), kConflict (this very build is there, or busy),
  // kDenied (unsigned).
  Task<Result<api::Job>> install(std::string id, std::string version, std::string by);
  // From a package file (docs/package-file.md) that the job removes at its end, and so does a refusal. `name` empty: the only
  // app in it. Throws Failure if the file is no package.
  Task<Result<api::Job>> install_package(std::string name, std::string file, std::string by);
  Task<Result<api::Job>> remove(std::string id, std::string by);
  enum class Act { kStart, kStop, kRestart };
  Task<Result<api::Job>> act(std::string id, Act act, std::string by);

 private:
  JobRunner::Steps install_steps(const JobEntry& entry);
  JobRunner::Steps update_steps(const JobEntry& entry);
  JobRunner::Steps remove_steps(const JobEntry& entry);
  JobRunner::Steps act_steps(const JobEntry& entry);
  JobStep download_step();
  JobStep clean_step(bool forget_builds);
  Task<void> download(JobRun& run);
  Task<void> unpack(std::string file, std::string folder);
  Task<Result<std::string>> app_in_package(std::string file);  // its id
  std::string folder_of(const JobEntry& entry) const;
  loop::Duration start_limit() const;

  loop::Loop& loop_;
  JobRunner& runner_;
  Services& services_;
  Instances& instances_;
  Store& store_;
  net::HttpClient& http_;
  Settings& settings_;
  const Layout& layout_;
};

}  // namespace berth::manager
