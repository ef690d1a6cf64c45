#include "manager/endpoints/admin.h"

namespace berth::manager {

void Admin::add_usage() {
  on<api::GetUsage>([this](api::GetUsage message, AdminRequest&) -> Task<api::GetUsageResult> {
    co_return co_await parts_.usage.usage().tell(std::move(message));
  });
  on<api::GetLimits>([this](api::GetLimits message, AdminRequest&) -> Task<api::GetLimitsResult> {
    co_return co_await parts_.usage.limits().tell(std::move(message));
  });
  on<api::SetLimits>([this](api::SetLimits message, AdminRequest&) -> Task<api::SetLimitsResult> {
    auto limits = co_await parts_.usage.limits().set(std::move(message));
    status_changed();
    co_return api::SetLimitsResult{std::move(limits)};
  });
  on<api::AllowWrites>([this](api::AllowWrites message, AdminRequest&) -> Task<api::AllowWritesResult> {
    auto limits = co_await parts_.usage.limits().allow_writes(std::move(message));
    status_changed();
    co_return api::AllowWritesResult{std::move(limits)};
  });
}

}  // namespace berth::manager
