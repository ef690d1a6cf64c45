#include "api/replace.h"
#include "manager/endpoints/admin.h"

namespace berth::manager {

void Admin::add_replace() {
  on<api::ReplaceManager>(
      [this](api::ReplaceManager message, AdminRequest&) -> Task<api::ReplaceManagerResult> {
        const auto successor = co_await parts_.replace_manager(message.webserver);
        co_return api::ReplaceManagerResult{successor.version, successor.build};
      });
  on<api::ReplaceWebserver>(
      [this](api::ReplaceWebserver, AdminRequest&) -> Task<api::ReplaceWebserverResult> {
        co_return co_await parts_.replace_webserver();
      });
}

Task<void> Admin::finish_requests(loop::Duration limit) { co_await wait_at_most(parts_.loop, idle_, limit); }

}  // namespace berth::manager
