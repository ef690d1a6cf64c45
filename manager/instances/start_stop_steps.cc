#include "manager/instances/start_stop_steps.h"

namespace berth::manager {

JobStep stop_step(Instances& instances) {
  JobStep step;
  step.text = "stop";
  step.run = [&instances](JobRun& run) -> Task<void> {
    co_await instances.halt(run.text("name"), run.text("domain"));
  };
  step.undo = [&instances](JobRun& run) -> Task<void> {
    co_await instances.start_if_wanted(run.text("name"), run.text("domain"));
  };
  return step;
}

JobStep start_step(Instances& instances) {
  JobStep step;
  step.text = "start";
  step.can_cancel = false;
  step.run = [&instances](JobRun& run) -> Task<void> {
    co_await instances.start_if_wanted(run.text("name"), run.text("domain"));
  };
  return step;
}

}  // namespace berth::manager
