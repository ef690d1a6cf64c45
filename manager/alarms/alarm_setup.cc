#include "manager/alarms/alarm_setup.h"

#include "base/text.h"
#include "manager/alarms/places.h"

namespace berth::manager {

using namespace std::chrono;

Task<std::string> AlarmSetup::secret(std::string_view name) {
  const auto value = co_await settings_.secret(name);
  co_return value.value_or("");
}

Task<std::optional<MailSettings>> AlarmSetup::mail_settings() {
  const auto server = parse_mail_server(settings_.text("mailServer"));
  if (settings_.text("mailServer").empty() || !server) co_return std::nullopt;
  MailSettings mail;
  mail.server.host = server->first;
  const auto& security = settings_.text("mailSecurity");
  mail.server.security = security == "tls"             ? net::MailSecurity::kTls
                         : security == "plain"         ? net::MailSecurity::kPlain
                         : security == "opportunistic" ? net::MailSecurity::kOpportunistic
                                                       : net::MailSecurity::kStartTls;
  mail.server.port = server->second                                      ? server->second
                     : mail.server.security == net::MailSecurity::kTls   ? 465
                     : mail.server.security == net::MailSecurity::kPlain ? 25
                                                                         : 587;
  mail.server.helo = settings_.text("mailHelo");
  mail.server.user = settings_.text("mailUser");
  mail.server.pinned_fingerprint = settings_.text("mailFingerprint");
  mail.server.from = settings_.text("mailFrom").empty() ? mail.server.user : settings_.text("mailFrom");
  mail.from_name = settings_.text("mailFromName");
  mail.to = mail::parse_addresses(settings_.text("mailTo"));
  mail.per_hour = settings_.number("mailPerHour");
  if (settings_.text("mailTokenUrl").empty()) {
    mail.server.password = co_await secret("mailPassword");
  } else {
    TokenPlace place;
    place.url = settings_.text("mailTokenUrl");
    place.client_id = settings_.text("mailClientId");
    place.scope = settings_.text("mailScope");
    place.client_secret = co_await secret("mailClientSecret");
    place.refresh_token = co_await secret("mailRefreshToken");
    mail.token = std::move(place);
  }
  co_return mail;
}

Task<void> AlarmSetup::apply() {
  alarms_.history_days = settings_.number("alarmHistoryDays");
  const auto sender = sender_();
  std::vector<std::unique_ptr<AlarmChannel>> channels;
  EventsChannel::Place events;
  events.url = settings_.text("alarmUrl");
  events.user = settings_.text("alarmUser");
  events.fingerprint = settings_.text("alarmFingerprint");
  events.repeat = minutes(settings_.number("alarmRepeatMinutes"));
  events.password = co_await secret("alarmPassword");
  has_events_password_ = !events.password.empty();
  if (!events.url.empty())
    channels.push_back(std::make_unique<EventsChannel>(http_, std::move(events), sender));
  const auto hooks = co_await secret("alarmWebhooks");
  int number = 0;
  for (const auto url : split(hooks, ' ')) {
    const auto place = trim(url);
    if (place.empty() || number >= static_cast<int>(kMaxWebhooks)) continue;
    channels.push_back(std::make_unique<WebhookChannel>(http_, std::string(place), ++number, sender));
  }
  auto mail = co_await mail_settings();
  if (mail && !mail->to.empty())
    channels.push_back(std::make_unique<MailChannel>(
        loop_, mail_, http_, std::move(*mail), sender,
        [this](std::string token) { return settings_.set_secret("mailRefreshToken", std::move(token)); }));
  alarms_.set_channels(std::move(channels));
}

Task<std::vector<std::string>> AlarmSetup::test_mail(std::string to) {
  auto mail = co_await mail_settings();
  if (!mail) throw_failure(Errc::kConflict, "no mail server is set: berth config set mailServer HOST");
  auto recipients = to.empty() ? mail->to : mail::parse_addresses(to);
  if (recipients.empty())
    throw_failure(Errc::kConflict, "nobody is set to get it: berth config set mailTo ADDRESS");
  MailChannel channel(loop_, mail_, http_, std::move(*mail), sender_(), [this](std::string token) {
    return settings_.set_secret("mailRefreshToken", std::move(token));
  });
  co_await channel.test(recipients);
  co_return recipients;
}

std::vector<api::Check> AlarmSetup::checks() const {
  const auto& url = settings_.text("alarmUrl");
  if (!has_events_password_ || !url.starts_with("http://") || check_secret_url(url)) return {};
  api::Check check;
  check.id = "alarm-url-plain";
  check.severity = api::Severity::kWarning;
  check.text = "Alarms and their password go to the Events app unencrypted.";
  check.why = "Whoever listens on the way can read them, and send alarms of their own.";
  check.fix = "Use the address with https.";
  check.command = "berth config set alarmUrl https://…";
  return {check};
}

}  // namespace berth::manager
