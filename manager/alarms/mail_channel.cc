#include "manager/alarms/mail_channel.h"

#include "base/bytes.h"
#include "base/utc.h"

namespace berth::manager {

using namespace std::chrono;
using namespace std::chrono_literals;

namespace {

Moment clock_now() { return floor<seconds>(system_clock::now()); }

std::string_view word_of(Notice notice) {
  switch (notice) {
    case Notice::kSet: return "Alarm";
    case Notice::kRepeat: return "Still";
    case Notice::kClear: return "Over";
    case Notice::kEvent: return "Event";
  }
  return "Alarm";
}

}  // namespace

mail::Message format_alarm_mail(const QueuedNotice& notice, const Alarm& alarm, const AlarmSender& sender,
                                Moment now) {
  mail::Message message;
  // Mail programs put a thread together by the ids; the first mail has the alarm's own.
  const auto thread =
      fmt::format("<berth.{}.{}@{}>", alarm.id, alarm.raised.time_since_epoch().count(), sender.host);
  const bool is_first = notice.notice == Notice::kSet || notice.notice == Notice::kEvent;
  message.id = is_first ? thread
                        : fmt::format("<berth.{}.{}.{}@{}>", alarm.id, notice.id,
                                      alarm.raised.time_since_epoch().count(), sender.host);
  if (!is_first) message.reply_to = thread;
  message.subject = fmt::format("[{}] {}: {}", sender.host, word_of(notice.notice), alarm.text);
  message.date = now;
  auto& text = message.text;
  text = alarm.text + "\n\n";
  if (!alarm.details.empty()) text += alarm.details + "\n\n";
  if (!alarm.fix.empty() && notice.notice != Notice::kClear) text += "What to do: " + alarm.fix + "\n";
  if (!alarm.command.empty() && notice.notice != Notice::kClear) text += "    " + alarm.command + "\n";
  text += fmt::format("\n{:<10}{}\n{:<10}{}\n{:<10}0x{:08x}, {}\n{:<10}{}\n", "Platform", sender.host,
                      "Source", alarm.source, "Code", alarm.code, api::word_of(alarm.severity), "Since",
                      format_utc(alarm.raised));
  if (alarm.cleared) text += fmt::format("{:<10}{}\n", "Until", format_utc(*alarm.cleared));
  if (alarm.count > 1) text += fmt::format("{:<10}{}\n", "Times", alarm.count);
  if (alarm.is_set() && alarm.mail_every > 0s)
    text += fmt::format(
        "\nThis mail comes again every {} until it is over or acknowledged:\n    berth alarm ack {}\n",
        alarm.mail_every >= 24h ? "day" : "hour", alarm.id);
  return message;
}

MailChannel::MailChannel(loop::Loop& loop, net::MailClient& client, net::HttpClient& http,
                         MailSettings settings, AlarmSender sender,
                         std::function<Task<void>(std::string)> refreshed)
    : loop_(loop), client_(client), settings_(std::move(settings)), sender_(std::move(sender)) {
  if (!settings_.token) return;
  token_.emplace(loop, http, *settings_.token);
  token_->refreshed = std::move(refreshed);
}

ChannelTraits MailChannel::traits() const {
  return {"mail", false, [](const Alarm& alarm) { return alarm.mail_every; },
          [](const Alarm& alarm) { return alarm.mail_after; }};
}

Task<void> MailChannel::send(std::vector<std::string> to, mail::Message message) {
  net::MailRequest request = settings_.server;
  if (token_) request.token = co_await token_->get();
  message.from = request.from;
  message.from_name = settings_.from_name;
  message.to = to;
  request.recipients = std::move(to);
  request.message = mail::format_message(message);
  std::optional<Error> error;
  try {
    co_await client_.send(std::move(request));
  } catch (const Failure& failure) {
    error = failure.error();
  }
  if (!error) co_return;
  if (token_ && error->code == Errc::kDenied) token_->forget();
  throw Failure(std::move(*error));
}

Task<Result<void>> MailChannel::deliver(QueuedNotice notice, Alarm alarm) {
  while (!sent_.empty() && loop_.now() - sent_.front() >= 1h) sent_.pop_front();
  if (static_cast<std::int64_t>(sent_.size()) >= settings_.per_hour)
    throw_failure(Errc::kUnavailable, "{} mails within the hour are enough: this one waits",
                  settings_.per_hour);
  std::optional<Error> error;
  try {
    co_await send(settings_.to, format_alarm_mail(notice, alarm, sender_, clock_now()));
  } catch (const Failure& failure) {
    error = failure.error();
  }
  if (!error) {
    sent_.push_back(loop_.now());
    co_return Result<void>();
  }
  // Refused for good is the mail, or a recipient; a login can be mended.
  if (error->code == Errc::kMalformed) co_return tl::unexpected(std::move(*error));
  throw Failure(std::move(*error));
}

Task<void> MailChannel::test(std::vector<std::string> to) {
  mail::Message message;
  message.id = fmt::format("<berth.test.{}@{}>", random_hex(8), sender_.host);
  message.subject = fmt::format("[{}] Test", sender_.host);
  message.date = clock_now();
  message.text = fmt::format("This platform can send you mail.\n\nPlatform  {}\nVersion   {}\n", sender_.host,
                             sender_.version);
  co_await send(to.empty() ? settings_.to : std::move(to), std::move(message));
}

}  // namespace berth::manager
