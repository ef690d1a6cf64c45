// The channels as the settings want them.
#pragma once

#include "manager/alarms/alarms.h"
#include "manager/alarms/mail_channel.h"
#include "manager/settings/settings.h"

namespace berth::manager {

// Owned by the manager's main.
class AlarmSetup {
 public:
  static constexpr std::size_t kMaxWebhooks = 8;

  // `sender` gives who we are, each time anew.
  AlarmSetup(loop::Loop& loop, Alarms& alarms, net::HttpClient& http, Settings& settings,
             std::function<AlarmSender()> sender)
      : loop_(loop),
        alarms_(alarms),
        http_(http),
        mail_(loop),
        settings_(settings),
        sender_(std::move(sender)) {}

  // Reads settings and secrets and gives Alarms its channels. Throws Failure.
  Task<void> apply();
  // Sends a mail at once by the settings as they are; empty `to`: the setting mailTo. Gives the recipients. Throws
  // Failure: kConflict if mail is not set up, or what went wrong.
  Task<std::vector<std::string>> test_mail(std::string to);
  // What an admin should know about the settings.
  std::vector<api::Check> checks() const;

 private:
  Task<std::string> secret(std::string_view name);
  Task<std::optional<MailSettings>> mail_settings();

  loop::Loop& loop_;
  Alarms& alarms_;
  net::HttpClient& http_;
  net::MailClient mail_;
  Settings& settings_;
  std::function<AlarmSender()> sender_;
  bool has_events_password_ = false;
};

}  // namespace berth::manager
