#pragma once

namespace berth::manager {

// How berth-manager ends. ./run and systemd start it again after anything but 0 and 2.
inline constexpr int kExitClean = 0;    // SIGTERM, SIGINT or an admin asked; everything is stopped
inline constexpr int kExitCrashed = 1;  // an unexpected failure; services live on, start me again
inline constexpr int kExitConfiguration =
    2;  // cannot start this way: usage, root, second manager, port taken

}  // namespace berth::manager
