// For tests and fuzzers: a memfd with some bytes, as services hand over their files.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace berth::webserver::testing {

inline UniqueFd make_memfd(ByteView content, bool sealed = true) {
  UniqueFd fd(::memfd_create("pack", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  BERTH_CHECK(::write(fd.get(), content.data(), content.size()) == static_cast<ssize_t>(content.size()));
  if (sealed) ::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
  return fd;
}

}  // namespace berth::webserver::testing
