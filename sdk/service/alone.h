// A service without a manager, for debugging.
#pragma once

#include "berth/app_service.h"

namespace berth::sdk {

// Starts berth-webserver as a child in a root folder of its own (below /tmp, removed at the end), tells it
// what the manager would, starts one instance and serves it until the service is shut down. Throws Failure when
// something cannot be started.
loop::Task<void> run_alone(AppService& service);

}  // namespace berth::sdk
