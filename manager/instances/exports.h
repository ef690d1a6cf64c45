// One database written out for those who take it away: by key over HTTP, by command file.
#pragma once

#include <string>

#include "manager/instances/export_format.h"
#include "manager/instances/instance_jobs.h"

namespace berth::manager {

// Owned by the manager's main. Throws what BackupWriter throws.
class Exports {
 public:
  Exports(Instances& instances, InstanceJobs& jobs, BackupWriter& backups, std::string version)
      : instances_(instances), jobs_(jobs), backups_(backups), version_(std::move(version)) {}

  // kNotFound: no such instance.
  Task<void> write_instance(std::string name, std::string domain, ExportFormat format, BackupSink& sink);
  // The manager's own database.
  Task<void> write_manager(ExportFormat format, BackupSink& sink);

 private:
  Instances& instances_;
  InstanceJobs& jobs_;
  BackupWriter& backups_;
  const std::string version_;
};

}  // namespace berth::manager
