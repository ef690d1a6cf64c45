#pragma once

#include <string>

namespace berth::manager {

// MAC address of the first real network interface, lower-case hex without colons; "" if there is none.
std::string own_mac();

}  // namespace berth::manager
