// Where the kernel puts the core dump of a service, and taking it away from there.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/unique_fd.h"

namespace berth::manager {

// /proc/sys/kernel/core_pattern (core(5)), which is the machine's business: we read it and never write it.
struct CorePlace {
  bool is_beside = false;  // the dump comes into the folder in which the process is
  std::string prefix;      // of its file's name
  std::string why;         // if it is not: where it goes instead
};
CorePlace parse_core_pattern(std::string_view pattern);
CorePlace read_core_place();

// Opens the newest dump in `folder` and takes all of them out of it, so that what is opened goes when it is closed. The folder is the
// service's: only plain files of `uid` or of ours, under no other name, count. kNotFound if there is none.
Result<UniqueFd> take_core(const std::string& folder, const std::string& prefix, uid_t uid);

}  // namespace berth::manager
