// What berth-launch and its init write down of one service, in a file that outlives the manager: the next one reads it, too.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sandbox/layer.h"

namespace berth::sandbox {

// The first line is the pid that the manager watches (it is written before the launcher runs); then one fact a line.
struct LaunchNotes {
  pid_t pid = 0;   // of the init, as the manager counts
  pid_t main = 0;  // of the service's program
  std::vector<LayerState> layers;
  std::vector<std::string> cgroups;  // folders that it joined
  std::string failed;                // why the program could not be run
  std::optional<int> ended;          // how the program ended, as wait(2) tells
};

// Lines that it does not know are passed over: another build may have written them.
LaunchNotes parse_launch_notes(std::string_view text);

// Appends one line each to `fd`. A note that cannot be written must not end a service: it is lost.
void note_main(int fd, pid_t main);
void note_layer(int fd, const LayerState& state);
void note_cgroup(int fd, std::string_view folder);
void note_failed(int fd, std::string_view why);
void note_ended(int fd, int status);

}  // namespace berth::sandbox
