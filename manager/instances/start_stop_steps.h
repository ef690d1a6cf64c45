// Steps of jobs whose data name an instance ("name", "domain").
#pragma once

#include "manager/instances/instances.h"
#include "manager/jobs/runner.h"

namespace berth::manager {

// Stops it; undone, it starts if it is wanted. `instances` outlives the steps.
JobStep stop_step(Instances& instances);
// Starts it if it is wanted; from here on the job is not cancelled.
JobStep start_step(Instances& instances);

}  // namespace berth::manager
