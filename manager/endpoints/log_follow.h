// Following the log of a service.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "loop/loop.h"
#include "loop/task.h"
#include "manager/endpoints/admin.h"

namespace berth::manager {

// One GetLog with follow. Looks at the file's size every half second while it lives: inotify does not see what
// happens on every file system, and this is only while somebody looks.
struct Admin::Follow {
  Follow(loop::Loop& loop, AdminPeer& the_peer, api::Json the_src, std::string the_service,
         std::string the_folder, std::string the_instance);
  void start(std::uint64_t from);
  void look();

  AdminPeer* peer;
  api::Json src;
  std::string service, folder, instance;
  std::string file, rest;
  ino_t inode = 0;
  std::uint64_t position = 0;
  loop::Timer timer;
};

// Writes all that can be read from `source` (file, pipe or socket) into a new file 0600; kTooLarge above `limit_bytes`. The file
// is removed on failure.
Task<std::uint64_t> copy_to_file(loop::Loop& loop, UniqueFd source, std::string file,
                                 std::uint64_t limit_bytes);

}  // namespace berth::manager
