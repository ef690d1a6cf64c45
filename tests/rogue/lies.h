// What a service could send that the protocols do not know.
#pragma once

#include <cstdint>
#include <string>

namespace berth::rogue {

// Tells the manager at `control_socket`, and the webserver's reactors beside it, `rounds` times what is not true: half frames,
// wrong lengths, members of every type, others' names, bytes of chance. The same for the same `seed`.
void tell_lies(const std::string& control_socket, std::uint64_t seed, int rounds);

}  // namespace berth::rogue
