#pragma once

#include <cstdint>
#include <string>

#include "loop/loop.h"
#include "loop/task.h"

namespace berth::manager {

struct ArchiveLimits {
  std::uint64_t file_bytes = 512 << 20;  // of one file
  std::uint64_t all_bytes = 1 << 30;     // of all
  std::size_t files = 1000;              // and as many folders, at most 16 deep
};

// Unpacks a tar (plain, gzip, zstd, xz) or zip into `folder`, which is made. Only plain files and folders below it are
// taken; anything else (links, devices, "..", absolute names) is kMalformed, as is what is no archive; kTooLarge above a
// limit. The folder is removed on failure. Blocks for one file at a time.
loop::Task<void> unpack_archive(loop::Loop& loop, std::string archive, std::string folder,
                                ArchiveLimits limits);

}  // namespace berth::manager
