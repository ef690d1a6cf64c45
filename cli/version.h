#pragma once

#include <string_view>

namespace berth::cli {

extern const std::string_view kVersion;  // "0.1.0", of the project in CMake

}  // namespace berth::cli
