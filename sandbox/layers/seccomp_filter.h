// The system call filter in force, and who answers for what it holds back.
#pragma once

#include "base/result.h"
#include "base/unique_fd.h"

namespace berth::sandbox {

// Puts the calling process under the program that `filter_fd` holds (seccomp_policy.h). Gives the descriptor on which the
// calls that it holds back arrive (seccomp_unotify(2)); they wait until somebody answers there. Needs no_new_privs.
Result<UniqueFd> install_seccomp_filter(int filter_fd);

}  // namespace berth::sandbox
