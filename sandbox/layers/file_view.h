// What a service sees of the file system: nothing but what is put there.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "sandbox/launch_spec.h"

namespace berth::sandbox {

// Moves the calling process into a mount namespace with a root of its own: the system's programs and libraries and the few
// files of /etc that they need, all read-only; the places of the spec at their own paths; an empty /tmp, a /dev with the
// harmless devices, and a /proc that shows the processes of its PID namespace only. Everything else of the machine has no
// name here any more. Nowhere can a file be both written and run, and setuid bits mean nothing.
// `note` gets what could not be had but is no reason to fail. Leaves the working directory at "/".
Result<void> make_file_view(const LaunchSpec& spec, std::string& note);

// The folders and files of the system that the view has, beside the spec's places.
std::vector<std::string> system_places();

}  // namespace berth::sandbox
