#include "manager/alarms/alarms.h"

#include "base/log.h"
#include "base/utc.h"
#include "wire/json/json.h"

namespace berth::manager {

using namespace std::chrono;
using namespace std::chrono_literals;

namespace {

constexpr auto kLastWrite = 1s;
constexpr int kLooksToThinOut = 360;  // an hour
constexpr std::string_view kCheckKeys = "check/";

}  // namespace

// A channel at work. Owned by Alarms.
struct Alarms::Sender {
  Sender(loop::Loop& loop, std::unique_ptr<AlarmChannel> owned)
      : channel(std::move(owned)), name(channel->traits().name), wake(loop) {}
  std::unique_ptr<AlarmChannel> channel;
  std::string name;
  loop::Event wake;
  ChannelBackoff backoff;
  std::string error;
  std::optional<Moment> delivered;
  std::unique_ptr<loop::Spawned<void>> task;  // last: goes first
};

Alarms::Alarms(loop::Loop& loop, AlarmStorage& storage, Now now)
    : loop_(loop),
      storage_(storage),
      now_(std::move(now)),
      dirty_(loop),
      clean_(loop),
      look_timer_(loop),
      tasks_(loop, "alarms") {
  clean_.set();
}

Alarms::~Alarms() = default;

Task<void> Alarms::load() {
  co_await storage_.load(book_);
  for (const auto& alarm : book_.all_set())
    if (alarm.key.starts_with(kCheckKeys)) watch_.remember(alarm.key);
}

void Alarms::set_channels(std::vector<std::unique_ptr<AlarmChannel>> channels) {
  senders_.clear();
  std::vector<ChannelTraits> traits;
  for (auto& channel : channels) {
    traits.push_back(channel->traits());
    senders_.push_back(std::make_unique<Sender>(loop_, std::move(channel)));
  }
  book_.set_channels(std::move(traits));
  if (!is_begun_) return;
  for (auto& sender : senders_) sender->task = std::make_unique<loop::Spawned<void>>(loop_, send(*sender));
  book_.plan(now_());
  happened();
}

void Alarms::begin() {
  is_begun_ = true;
  book_.tell_mirrors_again();
  tasks_.spawn(write());
  for (auto& sender : senders_) sender->task = std::make_unique<loop::Spawned<void>>(loop_, send(*sender));
  look();
  plan_look();
}

void Alarms::plan_look() {
  look_timer_.start(kLook, [this] {
    look();
    plan_look();
  });
}

Task<void> Alarms::stop() {
  look_timer_.cancel();
  senders_.clear();
  try {
    co_await loop::with_timeout(loop_, kLastWrite, flush(), "writing alarms");
  } catch (const Failure& failure) {
    log_warning("alarms not written", {{"error", failure.error().detail}});
  }
  tasks_.cancel_all();
}

void Alarms::look() {
  const auto now = now_();
  if (checks) {
    auto outcome = watch_.look(checks());
    for (const auto& key : outcome.clear) book_.clear(key, now);
    for (auto& condition : outcome.set) book_.set(std::move(condition), now);
  }
  book_.plan(now);
  if (const auto dropped = book_.dropped(); dropped != dropped_told_) {
    log_warning("too many alarms: some were dropped", {{"count", dropped - dropped_told_}});
    dropped_told_ = dropped;
  }
  happened();
  if (looks_++ % kLooksToThinOut == 0) tasks_.spawn(storage_.thin_out(now, history_days));
}

void Alarms::happened() {
  if (!book_.has_changes()) return;
  clean_.reset();
  dirty_.set();
  wake_all();
  if (changed) changed();
}

void Alarms::wake_all() {
  for (auto& sender : senders_) sender->wake.set();
}

void Alarms::set(Condition condition) {
  if (!book_.find_set(condition.key))
    log_warning("alarm", {{"code", fmt::format("0x{:08x}", condition.code)},
                          {"source", condition.source},
                          {"text", condition.text}});
  book_.set(std::move(condition), now_());
  happened();
}

void Alarms::clear(const std::string& key) {
  if (const auto* alarm = book_.find_set(key))
    log_info("alarm is over", {{"source", alarm->source}, {"text", alarm->text}});
  book_.clear(key, now_());
  happened();
}

void Alarms::event(Condition condition) {
  log_warning("event", {{"code", fmt::format("0x{:08x}", condition.code)},
                        {"source", condition.source},
                        {"text", condition.text}});
  book_.event(std::move(condition), now_());
  happened();
}

void Alarms::app_said(std::string source, const json::Object& message) {
  // What an app may say: anything else is its bug, and no reason to believe it.
  const auto type = json::get_integer(message, "type", -1),
             severity = json::get_integer(message, "severity", -1),
             code = json::get_integer(message, "code", -1);
  if (type < 0 || type > 2 || severity < 0 || severity > 2 || code < 0 || code > 0xffff) {
    BERTH_LOG(kAlarmClient, "no alarm", {"source", source}, {"type", type}, {"code", code});
    return;
  }
  Condition condition;
  condition.key = fmt::format("app/{}/{:04x}", source, code);
  condition.code = kAppAlarms + static_cast<std::uint32_t>(code);
  condition.severity = static_cast<api::AlarmSeverity>(severity);
  condition.source = std::move(source);
  condition.text = json::get_string(message, "text");
  if (const auto* details = json::find_object(message, "details"); details && !details->empty())
    condition.details = json::serialize(*details);
  const auto now = now_();
  if (type == 0) book_.set(std::move(condition), now);
  else if (type == 1) book_.clear(condition.key, now);
  else book_.event(std::move(condition), now);
  happened();
}

std::map<std::string, std::uint64_t> Alarms::count_set() const {
  std::map<std::string, std::uint64_t> counts;
  for (const auto word : api::Words<api::AlarmSeverity>::kList) counts[std::string(word)] = 0;
  for (const auto& alarm : book_.all_set()) ++counts[std::string(api::word_of(alarm.severity))];
  return counts;
}

Task<api::GetAlarmsResult> Alarms::list(std::uint64_t history) {
  api::GetAlarmsResult result;
  for (const auto& alarm : book_.all_set()) result.alarms.push_back(to_api(alarm));
  for (const auto& sender : senders_) {
    api::AlarmChannel view;
    view.name = sender->name;
    view.waiting = book_.waiting(sender->name);
    view.error = sender->error;
    if (sender->delivered) view.delivered_at = format_utc(*sender->delivered);
    result.channels.push_back(std::move(view));
  }
  if (history == 0) co_return result;
  co_await flush();
  const auto past = co_await storage_.history(std::min(history, kHistoryAtMost));
  for (const auto& alarm : past) result.history.push_back(to_api(alarm));
  co_return result;
}

Task<api::Alarm> Alarms::acknowledge(std::int64_t id, std::string by) {
  const auto alarm = or_throw(book_.acknowledge(id, std::move(by), now_()));
  happened();
  co_await flush();
  co_return to_api(alarm);
}

Task<api::Alarm> Alarms::silence(std::int64_t id, std::uint64_t minutes) {
  const auto alarm = or_throw(book_.silence(id, minutes, now_()));
  happened();
  co_await flush();
  co_return to_api(alarm);
}

std::vector<std::string> Alarms::test() {
  const auto now = now_();
  Condition condition;
  condition.key = fmt::format("test/{}", now.time_since_epoch().count());
  condition.code = alarm_code::kTest;
  condition.severity = api::AlarmSeverity::kIndeterminate;
  condition.source = "platform";
  condition.text = fmt::format("Test of {}: if you read this, alarms reach you.", format_utc(now));
  event(std::move(condition));
  std::vector<std::string> names;
  for (const auto& sender : senders_) names.push_back(sender->name);
  return names;
}

Task<void> Alarms::flush() { co_await clean_.wait(); }

Task<void> Alarms::write() {
  bool is_failing = false;
  for (;;) {
    co_await dirty_.wait();
    dirty_.reset();
    auto changes = book_.take_changes();
    if (changes.empty()) {
      clean_.set();
      continue;
    }
    const auto kept = changes;
    std::string error;
    try {
      co_await storage_.write(book_, std::move(changes));
    } catch (const Failure& failure) {
      error = failure.error().detail;
    }
    if (error.empty()) {
      is_failing = false;
      if (!book_.has_changes()) clean_.set();
      continue;
    }
    book_.give_back(kept);
    dirty_.set();
    if (!std::exchange(is_failing, true)) log_warning("alarms not written yet", {{"error", error}});
    co_await loop::sleep_for(loop_, kWriteAgain);
  }
}

Task<void> Alarms::send(Sender& sender) {
  for (;;) {
    auto due = book_.next(sender.name);
    if (!due) {
      sender.wake.reset();
      co_await sender.wake.wait();
      continue;
    }
    std::string error;
    bool is_refused = false;
    try {
      const auto outcome = co_await sender.channel->deliver(due->notice, due->alarm);
      if (!outcome) {
        is_refused = true;
        error = outcome.error().detail;
      }
    } catch (const Failure& failure) {
      error = failure.error().detail;
    }
    const auto now = now_();
    if (error.empty()) {
      if (!sender.error.empty()) log_info("alarms get through again", {{"channel", sender.name}});
      sender.error.clear();
      sender.delivered = now;
      sender.backoff.forget();
      book_.delivered(due->notice, now);
      happened();
      continue;
    }
    if (sender.error != error)
      log_warning(is_refused ? "alarm refused" : "alarm not delivered yet",
                  {{"channel", sender.name}, {"text", due->alarm.text}, {"error", error}});
    sender.error = error;
    if (is_refused) {
      book_.refused(due->notice, now);
      happened();
      continue;
    }
    co_await loop::sleep_for(loop_, sender.backoff.next());
  }
}

}  // namespace berth::manager
