// A network of the service's own, tied to the machine's by one wire.
#pragma once

#include "base/result.h"
#include "sandbox/launch_spec.h"

namespace berth::sandbox {

// Moves the calling process into a new network namespace with a loopback of its own and one interface `eth0`, the other end of
// which (veth(4)) stays outside as `network.interface`. What may pass there is decided outside, by rules that go by that name:
// they have to be in force before. Needs root. On failure the process is where it was.
Result<void> make_own_network(const OwnNetwork& network);

}  // namespace berth::sandbox
