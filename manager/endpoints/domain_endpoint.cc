#include "manager/endpoints/domain_endpoint.h"

#include "base/bytes.h"
#include "base/log.h"
#include "loop/sync.h"
#include "manager/instances/names.h"
#include "net/address.h"

namespace berth::manager {

using loop::Task;
using namespace std::chrono_literals;

Task<std::vector<std::string>> DomainEndpoint::passwords(sdk::AppInstance&, sdk::Login login) {
  co_return std::vector<std::string>{"-"};
}

Result<void> DomainEndpoint::admit(sdk::AppInstance&, const sdk::Login& login) {
  if (login.app() != "manager-domain") return fail(Errc::kDenied, "app \"{}\" is not here", login.app());
  if (login.domain().empty()) return fail(Errc::kDenied, "the login names no domain to register");
  return check_domain(login.domain());
}

Task<void> DomainEndpoint::received(sdk::AppSession& session, sdk::Message message) {
  if (message.mt() != "RegisterDomain") {
    BERTH_LOG(kApp, "unknown message on manager-domain", {"mt", message.mt()});
    co_return;
  }
  co_await register_domain(session, std::move(message));
}

Task<void> DomainEndpoint::register_domain(sdk::AppSession& session, sdk::Message message) {
  const std::string domain(session.domain());
  const auto* password_value = message.body().if_contains("pwd");
  const auto* admin_value = message.body().if_contains("managerPwd");
  if (!admin_value) {
    const Error error{Errc::kUnsupported, message.body().contains("email")
                                              ? "registration by e-mail is switched off: send managerPwd"
                                              : "managerPwd is missing"};
    session.reply_error(message, error);
    co_return;
  }
  const auto password = password_value ? session.open_secret(*password_value) : std::nullopt;
  const auto given = session.open_secret(*admin_value);
  const auto expected = co_await parts_.settings.secret(kAdminPasswordRow);
  // Attempts are counted by address, not by connection: reconnecting does not make guessing faster.
  const std::string peer(net::without_port(session.peer()));
  if (!given || !expected || !equal_in_constant_time(*given, *expected)) {
    if (failures_.size() > 10'000) failures_.clear();
    const int failed = ++failures_[peer];
    log_warning("domain registration refused", {{"domain", domain}, {"peer", peer}});
    const auto delay = std::min(std::chrono::milliseconds(500) * failed, std::chrono::milliseconds(10'000));
    co_await loop::sleep_for(parts_.loop, delay);
    const Error error{Errc::kDenied, "the manager password is wrong"};
    session.reply_error(message, error);
    co_return;
  }
  failures_.erase(peer);
  const auto checked =
      password ? check_password(*password) : Result<void>(fail(Errc::kMalformed, "pwd is missing"));
  if (!checked) {
    session.reply_error(message, checked.error());
    co_return;
  }
  const std::string sealed = parts_.box.seal(*password);
  co_await parts_.database.query_repeatable(
      "INSERT INTO registered_domain (domain, password) VALUES ($1, $2) ON CONFLICT (domain) DO UPDATE SET "
      "password = $2",
      domain, sealed);
  co_await parts_.instances.registered_domain_changed(domain, *password);
  log_info("domain registered", {{"domain", domain}, {"peer", peer}});
  session.reply(message, {});
}

}  // namespace berth::manager
