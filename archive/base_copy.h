// Copying the files of a running cluster between pg_backup_start and pg_backup_stop, and bringing some of them back
// (PostgreSQL, "Making a Base Backup Using the Low Level API"). Blocking; used by berth-archive.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "archive/manifest.h"

namespace berth::archive {

// done, of: bytes.
using CopyProgress = std::function<void(std::uint64_t done, std::uint64_t of)>;

// Copies what is below `data` into new objects of `archive` that are named after `id`. Groups of files that have not changed
// since `previous` (nullptr: none) are taken over. Durable when it returns. Files may go, grow and shrink meanwhile: the
// log brings them into order. Throws Failure: kUnsupported for a cluster with tablespaces, kNoSpace, ….
CopiedFiles copy_cluster(const std::string& archive, const std::string& data, const std::string& id,
                         const Manifest* previous, const CopyProgress& progress);

// Brings the backup into the empty folder `target`, ready to be recovered: the files of no database, of the system's own
// ones and of `databases`; of all others only their folders. Configuration files are left out. Nothing is synced: after
// a power cut do it again. Throws Failure: kMalformed if an object is damaged, kNoSpace, ….
void extract_cluster(const std::string& archive, const Manifest& manifest,
                     const std::vector<std::uint32_t>& databases, const std::string& target,
                     const CopyProgress& progress);

// Databases below this OID are the system's own (PostgreSQL, transam.h, FirstNormalObjectId).
inline constexpr std::uint32_t kFirstOwnOid = 16384;

}  // namespace berth::archive
