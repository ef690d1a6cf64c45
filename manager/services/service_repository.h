// Installed services with their binaries in the manager's database.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "api/json.h"
#include "db/database.h"
#include "wire/json/json_fwd.h"

namespace berth::manager {

using loop::Task;

struct ServiceRow {
  std::string id, title, manufacturer, folder, program;
  std::string version, build, label;
  std::string signer;  // empty: unsigned
  uid_t uid = 0;
  bool wanted = true;
  api::JsonObject hello;  // apps and plugins as it told them last
  api::JsonObject store;  // its entry in the store
};

struct ServiceFile {
  std::string name;
  mode_t mode = 0644;
  std::uint64_t size = 0;
  std::string sha256;  // hex
};

// One form for both places where they are kept: as PostgreSQL's to_jsonb() gives a row of the table, and as a job
// keeps it until it is in the table. Absent members get their defaults.
json::Object format_service(const ServiceRow& row);
ServiceRow parse_service(const json::Object& object);
json::Object format_service_file(const ServiceFile& file);
ServiceFile parse_service_file(const json::Object& object);

// Owned by the manager's main. Every act is one transaction.
class ServiceRepository {
 public:
  static constexpr std::size_t kChunk = 256 * 1024;  // bytes of a binary in one row

  explicit ServiceRepository(db::Database& database) : database_(database) {}

  Task<std::vector<ServiceRow>> all();
  Task<std::optional<ServiceRow>> find(std::string id);

  // Writes the files below `folder` as those of `build`, and the row of the service if it is new (with a
  // uid of its own). An existing row keeps its build until use_build(). Again with the same arguments
  // is harmless. kMalformed if a file has changed since it was checked.
  Task<void> keep(ServiceRow row, std::string folder, std::vector<ServiceFile> files);
  // From now on the files of row.build are the service.
  Task<void> use_build(ServiceRow row);
  Task<void> forget_other_builds(std::string id, std::string build);
  Task<void> forget_build(std::string id, std::string build);
  // kConflict while it has instances.
  Task<void> remove(std::string id);

  Task<void> set_wanted(std::string id, bool wanted);
  Task<void> set_hello(std::string id, api::JsonObject hello);

  Task<std::vector<ServiceFile>> files(std::string id, std::string build);
  // Writes the files that are missing or different into `folder`, durably, and removes others. Files belong to
  // the manager's user, so that the service cannot change its own program. Asks the database only for what is not on
  // disk, and at the first time.
  Task<void> write_out(std::string id, std::string build, std::string folder);
  // Whole file; nullopt if there is none of that name.
  Task<std::optional<Bytes>> read_file(std::string id, std::string build, std::string name);

 private:
  db::Database& database_;
  // What write_out() needs of each build: a service must come back though PostgreSQL is away.
  std::map<std::pair<std::string, std::string>, std::vector<ServiceFile>> known_files_;
};

}  // namespace berth::manager
