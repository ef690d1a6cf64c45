#include "sdk/service/static_memory.h"

#include <fcntl.h>
#include <sys/mman.h>

#include <cerrno>

#include "base/file.h"

namespace berth::sdk {

Result<UniqueFd> make_sealed_memory(ByteView bytes) {
  UniqueFd fd(::memfd_create("berth-static", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!fd) return fail_errno(errno, "memfd_create");
  BERTH_TRY_VOID(write_all(fd.get(), as_text(bytes)));
  if (::fcntl(fd.get(), F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) != 0)
    return fail_errno(errno, "seal static files");
  return fd;
}

std::shared_ptr<const UniqueFd> StaticMemory::share(ByteView pack) {
  auto& known = packs_[pack.data()];
  auto shared = known.lock();
  if (!shared) {
    shared = std::make_shared<const UniqueFd>(or_throw(make_sealed_memory(pack)));
    known = shared;
  }
  return shared;
}

}  // namespace berth::sdk
