// What is written out for those who take it away, by key over HTTP or by command file: one database, or a file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/unique_fd.h"
#include "manager/instances/export_format.h"
#include "manager/instances/instance_jobs.h"

namespace berth::manager {

// A file as it is handed out; it may have lost its name on the disk meanwhile.
struct FileExport {
  std::string name;  // under which it is saved
  std::string content_type = "application/octet-stream";
  UniqueFd file;               // read from where it stands
  bool is_compressed = false;  // it lies here as zstd and is handed out as what that holds
};

// Bytes that are handed out, where that is known beforehand.
std::optional<std::uint64_t> size_of(const FileExport& file);
// Reads in a helper thread, piece by piece as the sink takes it. Gives the bytes written. kMalformed: what is
// compressed is damaged.
Task<std::uint64_t> write_file(loop::Loop& loop, FileExport file, BackupSink& sink);

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
