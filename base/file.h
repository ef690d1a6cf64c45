// Files that survive a power cut, and the few other file acts the daemons need.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace berth {

// Whole file; kTooLarge above `limit_bytes`.
Result<std::string> read_file(const std::string& path, std::size_t limit_bytes = 64 << 20);

// Replaces `path` so that after a power cut it holds the old or the new content, never a mix:
// temporary file in the same folder, fsync, rename, fsync of the folder.
Result<void> write_file_durably(const std::string& path, std::string_view content, mode_t mode = 0644);

// mkdir -p. Folders that are there stay as they are; new ones get `mode` whatever the umask.
Result<void> make_directories(const std::string& path, mode_t mode = 0755);

// Removes a folder and all below it; absent is fine. Does not follow links.
Result<void> remove_tree(const std::string& path);

Result<void> sync_directory(const std::string& path);
Result<void> write_all(int fd, std::string_view bytes);  // blocking descriptors only
bool path_exists(const std::string& path);

}  // namespace berth
