#pragma once

#include "base/bytes.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace berth::sdk {

// A memfd with these bytes, sealed against any change: what the webserver may map
// (memfd_create(2), docs/protocols/static-pack.md).
Result<UniqueFd> make_sealed_memory(ByteView bytes);

}  // namespace berth::sdk
