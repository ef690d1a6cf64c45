// Alarms by HTTP: to the Events app, and to webhooks.
#pragma once

#include "manager/alarms/alarms.h"
#include "net/http_client.h"

namespace berth::manager {

// Who tells: in every message.
struct AlarmSender {
  std::string host;    // the platform's name
  std::string serial;  // its MAC address
  std::string version;
};

// The Events app (docs/protocols/alarms.md). A mirror: hears of everything, and again every `repeat` while it is set.
class EventsChannel : public AlarmChannel {
 public:
  struct Place {
    std::string url, user, password;
    std::string fingerprint;  // SHA-256 of the server's certificate; empty: the system's roots decide
    std::chrono::seconds repeat{1800};
  };
  EventsChannel(net::HttpClient& http, Place place, AlarmSender sender)
      : http_(http), place_(std::move(place)), sender_(std::move(sender)) {}
  ChannelTraits traits() const override;
  Task<Result<void>> deliver(QueuedNotice notice, Alarm alarm) override;

 private:
  net::HttpClient& http_;
  Place place_;
  AlarmSender sender_;
};

// One URL that gets a JSON object for each notice.
class WebhookChannel : public AlarmChannel {
 public:
  // `number`: from 1, for people. The URL may hold a secret, so it is in no log and no table.
  WebhookChannel(net::HttpClient& http, std::string url, int number, AlarmSender sender)
      : http_(http), url_(std::move(url)), number_(number), sender_(std::move(sender)) {}
  ChannelTraits traits() const override;
  Task<Result<void>> deliver(QueuedNotice notice, Alarm alarm) override;

 private:
  net::HttpClient& http_;
  std::string url_;
  int number_;
  AlarmSender sender_;
};

// The bodies (docs/protocols/alarms.md). Pure.
std::string format_events_body(const QueuedNotice& notice, const Alarm& alarm, const AlarmSender& sender);
std::string format_webhook_body(const QueuedNotice& notice, const Alarm& alarm, const AlarmSender& sender);

}  // namespace berth::manager
