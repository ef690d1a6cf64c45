#include "manager/endpoints/admin.h"

namespace berth::manager {

void Admin::add_databases() {
  on<api::GetDatabases>([this](api::GetDatabases, AdminRequest&) -> Task<api::GetDatabasesResult> {
    co_return co_await parts_.care.overview();
  });
  on<api::GetInstanceDatabase>(
      [this](api::GetInstanceDatabase message, AdminRequest&) -> Task<api::GetInstanceDatabaseResult> {
        api::GetInstanceDatabaseResult result;
        result.database = co_await parts_.care.of_instance(message.name, message.domain);
        co_return result;
      });
  on<api::CleanUpInstance>([this](api::CleanUpInstance message,
                                  AdminRequest& request) -> Task<api::CleanUpInstanceResult> {
    api::CleanUpInstanceResult result;
    result.job = or_throw(co_await parts_.care.clean_up(message.name, message.domain, request.peer.who()));
    co_return result;
  });
  on<api::CleanUpAll>([this](api::CleanUpAll, AdminRequest& request) -> Task<api::CleanUpAllResult> {
    api::CleanUpAllResult result;
    result.job = or_throw(co_await parts_.care.clean_up_all(request.peer.who()));
    co_return result;
  });
  on<api::OptimiseDatabases>(
      [this](api::OptimiseDatabases, AdminRequest& request) -> Task<api::OptimiseDatabasesResult> {
        api::OptimiseDatabasesResult result;
        result.job = or_throw(co_await parts_.care.optimise(request.peer.who()));
        co_return result;
      });
}

}  // namespace berth::manager
