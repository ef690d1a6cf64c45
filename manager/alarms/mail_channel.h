// Alarms by mail.
#pragma once

#include <deque>
#include <memory>
#include <optional>

#include "manager/alarms/access_token.h"
#include "manager/alarms/alarms.h"
#include "manager/alarms/http_channels.h"
#include "net/mail_client.h"
#include "wire/mail/message.h"

namespace berth::manager {

struct MailSettings {
  net::MailRequest server;  // all but token, recipients and message
  std::string from_name;
  std::vector<std::string> to;
  std::optional<TokenPlace> token;  // instead of the password
  std::int64_t per_hour = 20;
};

// One mail a notice, all of one alarm in one thread. What comes above the limit per hour waits.
class MailChannel : public AlarmChannel {
 public:
  MailChannel(loop::Loop& loop, net::MailClient& client, net::HttpClient& http, MailSettings settings,
              AlarmSender sender, std::function<Task<void>(std::string)> refreshed);
  ChannelTraits traits() const override;
  Task<Result<void>> deliver(QueuedNotice notice, Alarm alarm) override;
  // Sends a mail at once, outside of the limit. Throws Failure with what went wrong.
  Task<void> test(std::vector<std::string> to);

 private:
  Task<void> send(std::vector<std::string> to, mail::Message message);

  loop::Loop& loop_;
  net::MailClient& client_;
  MailSettings settings_;
  AlarmSender sender_;
  std::optional<AccessToken> token_;
  std::deque<loop::TimePoint> sent_;  // within the last hour
};

// What people read. Pure.
mail::Message format_alarm_mail(const QueuedNotice& notice, const Alarm& alarm, const AlarmSender& sender,
                                Moment now);

}  // namespace berth::manager
