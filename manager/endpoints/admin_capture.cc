// Packet capture.
#include "api/capture.h"
#include "base/bytes.h"
#include "base/utc.h"
#include "manager/capture/capture_switch.h"
#include "manager/endpoints/admin.h"

namespace berth::manager {

void Admin::add_capture() {
  on<api::StartCapture>([this](api::StartCapture message,
                               AdminRequest& request) -> Task<api::StartCaptureResult> {
    constexpr auto kMost = std::chrono::duration_cast<std::chrono::minutes>(CaptureSwitch::kLongest).count();
    if (message.minutes < 1 || message.minutes > kMost)
      throw_failure(Errc::kMalformed, "minutes: 1 to {} are possible", kMost);
    auto& settings = parts_.settings;
    if (message.from) or_throw(co_await settings.set("captureFrom", *message.from));
    if (message.interfaces) or_throw(co_await settings.set("captureInterface", *message.interfaces));
    api::StartCaptureResult result;
    // Addresses are no proof: all users of a machine have the same.
    const auto known = co_await settings.secret("capturePassword");
    if (!known || known->empty()) {
      const std::string password = random_password();
      or_throw(co_await settings.set("capturePassword", password));
      result.password = request.peer.seal_secret(password);
    }
    // The end comes last: until then nothing is open.
    const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    result.until = format_utc(now + std::chrono::minutes(message.minutes));
    or_throw(co_await settings.set("captureUntil", result.until));
    result.user = settings.text("captureUser");
    status_changed();
    co_return result;
  });
}

}  // namespace berth::manager
