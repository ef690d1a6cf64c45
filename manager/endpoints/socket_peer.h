#pragma once

#include "manager/control/control_server.h"
#include "manager/endpoints/admin.h"

namespace berth::manager {

// Serves one connection of the `berth` command on manager.sock. Root, the manager's own user and the owner of the root
// folder are admin; others are told so and closed. Requests of one connection run side by side (a follow and a backup do not
// wait for each other).
Task<void> serve_admin_socket(Admin& admin, ControlPeer& connection, uid_t owner);

}  // namespace berth::manager
