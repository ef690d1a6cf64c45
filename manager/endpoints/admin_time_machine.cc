#include "manager/archive/moment.h"
#include "manager/endpoints/admin.h"

namespace berth::manager {

void Admin::add_time_machine() {
  on<api::GetTimeMachine>([this](api::GetTimeMachine, AdminRequest&) -> Task<api::GetTimeMachineResult> {
    co_await parts_.time_machine.refresh();
    co_return api::GetTimeMachineResult{parts_.time_machine.view()};
  });
  on<api::MakeBaseBackup>(
      [this](api::MakeBaseBackup, AdminRequest& request) -> Task<api::MakeBaseBackupResult> {
        api::MakeBaseBackupResult result;
        result.job = or_throw(co_await parts_.time_machine_jobs.make_base(request.peer.who()));
        co_return result;
      });
  on<api::RewindInstance>([this](api::RewindInstance message,
                                 AdminRequest& request) -> Task<api::RewindInstanceResult> {
    RewindRequest wanted;
    wanted.name = message.name;
    wanted.domain = message.domain;
    wanted.moment = or_throw(parse_moment(message.at, parts_.time_machine.zone()));
    wanted.as_name = message.as_name.value_or("");
    wanted.as_domain = message.as_domain.value_or(wanted.as_name.empty() ? "" : message.domain);
    api::RewindInstanceResult result;
    RewindRequest same = wanted;
    result.plan = or_throw(co_await parts_.time_machine_jobs.plan(std::move(same)));
    if (message.only_plan) co_return result;
    result.job = or_throw(co_await parts_.time_machine_jobs.rewind(std::move(wanted), request.peer.who()));
    co_return result;
  });
}

}  // namespace berth::manager
