// Packet capture for a while (settings capture…).
#pragma once

#include "api/json.h"

namespace berth::api {

struct StartCaptureResult {
  static constexpr std::string_view kMt = "StartCaptureResult";
  std::string until;  // ISO 8601 UTC
  std::string user;
  std::optional<Password> password;  // if there was none: told this once
  static constexpr auto fields() {
    return std::tuple(field("until", &StartCaptureResult::until),
                      with_default("user", &StartCaptureResult::user),
                      field("password", &StartCaptureResult::password));
  }
};

// From now on for so long, by the platform's clock. Absent members stay as they were set last.
struct StartCapture {
  static constexpr std::string_view kMt = "StartCapture";
  using Answer = StartCaptureResult;
  std::uint64_t minutes = 30;             // 1 to 1,440
  std::optional<std::string> from;        // addresses
  std::optional<std::string> interfaces;  // names of interfaces; empty: all
  static constexpr auto fields() {
    return std::tuple(with_default("minutes", &StartCapture::minutes), field("from", &StartCapture::from),
                      field("interfaces", &StartCapture::interfaces));
  }
};

}  // namespace berth::api
