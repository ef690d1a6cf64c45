// What one base backup holds: written as JSON to base/ID.json when all of it is on disk; without that file there is no
// such backup.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "archive/segment_name.h"
#include "base/result.h"

namespace berth::archive {

// Files stored together in one object: those of one database, one large file of it, or what belongs to no database.
struct FileGroup {
  std::uint32_t database = 0;  // OID; 0: of the whole cluster
  std::string object;          // file below objects/; an earlier backup may have made it
  std::string
      fingerprint;  // of names, sizes and times of the files; empty: not to be taken over by the next backup
  std::uint64_t bytes = 0, stored_bytes = 0;
  bool operator==(const FileGroup&) const = default;
};

// A file above 1 MiB. When another database is brought back it is made as a hole of that size: recovery would else fill
// it with zeros up to the first page it has something for.
struct LargeFile {
  std::uint32_t database = 0;
  std::string path;
  std::uint64_t bytes = 0;
  bool operator==(const LargeFile&) const = default;
};

struct CopiedFiles {
  std::vector<FileGroup> groups;
  std::vector<LargeFile> large_files;
  std::uint64_t new_bytes = 0;  // written by this copy
  std::uint64_t bytes_of(std::uint32_t database) const;
  std::uint64_t bytes() const;
  bool operator==(const CopiedFiles&) const = default;
};
std::string format_copied_files(const CopiedFiles& files);
Result<CopiedFiles> parse_copied_files(std::string_view json);

struct BaseDatabase {
  std::uint32_t oid = 0;
  std::string name;
  bool operator==(const BaseDatabase&) const = default;
};
// An instance as it was then: how to find the data of one that has been renamed or deleted since.
struct BaseInstance {
  std::string name, domain, created, database;  // created: ISO 8601 UTC
  bool operator==(const BaseInstance&) const = default;
};

struct Manifest {
  std::string id;
  std::string system;                         // PostgreSQL's system identifier
  std::chrono::sys_seconds started, stopped;  // the latter rounded up: the first moment that can be reached
  SegmentName start, stop;                    // of the log that brings it into order
  std::string label;                          // content of backup_label
  std::vector<BaseDatabase> databases;
  std::vector<BaseInstance> instances;
  CopiedFiles files;
  bool operator==(const Manifest&) const = default;
};
std::string format_manifest(const Manifest& manifest);
// kMalformed; kUnsupported: written by a newer platform.
Result<Manifest> parse_manifest(std::string_view json);

}  // namespace berth::archive
