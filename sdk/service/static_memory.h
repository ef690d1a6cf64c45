// Static files on their way to the webserver.
#pragma once

#include <map>
#include <memory>

#include "base/bytes.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace berth::sdk {

// A memfd with these bytes, sealed against any change: what the webserver may map
// (memfd_create(2), docs/protocols/static-pack.md).
Result<UniqueFd> make_sealed_memory(ByteView bytes);

// Hands out one memfd for each pack, however many instances serve it.
class StaticMemory {
 public:
  // `pack` stays in memory as long as the process. Throws Failure if the memfd cannot be made.
  std::shared_ptr<const UniqueFd> share(ByteView pack);

 private:
  std::map<const std::uint8_t*, std::weak_ptr<const UniqueFd>> packs_;
};

}  // namespace berth::sdk
