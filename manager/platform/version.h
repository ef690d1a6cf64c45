#pragma once

#include <string>

namespace berth::manager {

std::string platform_version();  // "0.1.0"
std::string platform_build();    // hexadecimal digits, grows with each commit

}  // namespace berth::manager
