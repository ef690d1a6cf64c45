#include "sdk/http/passthrough_stream.h"

#include "base/log.h"
#include "sdk/link/attachment.h"
#include "sdk/share/instance_share.h"

namespace berth::sdk {

loop::Task<void> PassthroughStream::run() {
  ++attach_.counters.requests;
  try {
    auto& share = attachment().share();
    if (!share.try_request()) {
      bool has_turn = false;
      if (share.can_request_wait()) has_turn = co_await share.request_turn();
      if (!has_turn) {
        share.count_refused();
        throw_failure(Errc::kUnavailable, "{} has more requests than it may have", attach_.where);
      }
    }
    co_await attach_.handler(*this);
  } catch (...) {
    log_info(attach_.where + " passthrough failed", {{"peer", peer()}, {"error", current_error().detail}});
  }
  send_close(0);
}

loop::Task<void> PassthroughStream::write(Bytes bytes) { co_await BodyStream::write(ByteView(bytes)); }

}  // namespace berth::sdk
