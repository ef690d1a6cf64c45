#include "manager/endpoints/admin.h"

namespace berth::manager {

void Admin::add_alarms() {
  on<api::GetAlarms>([this](api::GetAlarms message, AdminRequest&) -> Task<api::GetAlarmsResult> {
    co_return co_await parts_.alarms.list(message.history);
  });
  on<api::AcknowledgeAlarm>(
      [this](api::AcknowledgeAlarm message, AdminRequest& request) -> Task<api::AcknowledgeAlarmResult> {
        api::AcknowledgeAlarmResult result;
        result.alarm = co_await parts_.alarms.acknowledge(message.id, request.peer.who());
        co_return result;
      });
  on<api::SilenceAlarm>([this](api::SilenceAlarm message, AdminRequest&) -> Task<api::SilenceAlarmResult> {
    api::SilenceAlarmResult result;
    result.alarm = co_await parts_.alarms.silence(message.id, message.minutes);
    co_return result;
  });
  on<api::TestAlarm>([this](api::TestAlarm, AdminRequest&) -> Task<api::TestAlarmResult> {
    co_return api::TestAlarmResult{parts_.alarms.test()};
  });
  on<api::StartApps>([this](api::StartApps, AdminRequest&) -> Task<api::StartAppsResult> {
    co_await parts_.disk_guard.start_apps();
    co_return api::StartAppsResult{};
  });
  on<api::TestMail>([this](api::TestMail message, AdminRequest&) -> Task<api::TestMailResult> {
    api::TestMailResult result;
    result.recipients = co_await parts_.alarm_setup.test_mail(message.to.value_or(""));
    co_return result;
  });
}

}  // namespace berth::manager
