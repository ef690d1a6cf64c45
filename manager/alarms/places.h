// Places that people write into settings. Pure.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

namespace berth::manager {

// "host", "host:587", "[2001:db8::1]:587". Port 0: not said.
Result<std::pair<std::string, int>> parse_mail_server(std::string_view text);
// https, or http to this machine: what is sent there is secret.
Result<void> check_secret_url(std::string_view url);

}  // namespace berth::manager
