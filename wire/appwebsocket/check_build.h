#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace berth::appwebsocket {

// CheckBuild: the URL a client should load instead, nullopt if it runs the current `build` (hex
// digits). Replaces the path component before the file name if it has hex digits only, else puts
// the build there. Query and fragment stay.
std::optional<std::string> check_build(std::string_view url, std::string_view build);

}  // namespace berth::appwebsocket
