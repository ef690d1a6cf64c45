#include "sdk/http/passthrough_stream.h"

#include "base/log.h"

namespace berth::sdk {

loop::Task<void> PassthroughStream::run() {
  ++attach_.counters.requests;
  try {
    co_await attach_.handler(*this);
  } catch (...) {
    log_info(attach_.where + " passthrough failed", {{"peer", peer()}, {"error", current_error().detail}});
  }
  send_close(0);
}

loop::Task<void> PassthroughStream::write(Bytes bytes) { co_await BodyStream::write(ByteView(bytes)); }

}  // namespace berth::sdk
