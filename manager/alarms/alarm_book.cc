#include "manager/alarms/alarm_book.h"

#include <algorithm>
#include <string_view>

#include "manager/platform/cut_text.h"

namespace berth::manager {

using namespace std::chrono;

namespace {

constexpr std::string_view kPlatform = "platform";  // its findings have a bound of their own

// Time that has gone by; none if the clock was put back.
seconds since(Moment then, Moment now) { return std::max(seconds(0), now - then); }

}  // namespace

void AlarmBook::load(std::vector<Alarm> alarms, std::vector<QueuedNotice> notices, std::int64_t last_alarm,
                     std::int64_t last_notice) {
  for (auto& alarm : alarms) {
    if (alarm.is_set()) set_[alarm.key] = alarm.id;
    if (alarm.silenced_until) silences_[alarm.key] = *alarm.silenced_until;
    const auto id = alarm.id;
    (alarm.is_event ? latest_event_ : latest_)[alarm.key] = id;
    last_alarm = std::max(last_alarm, id);
    alarms_[id] = std::move(alarm);
  }
  for (auto& notice : notices) {
    last_notice = std::max(last_notice, notice.id);
    if (alarms_.contains(notice.alarm)) notices_[notice.id] = std::move(notice);
    else changes_.removed.insert(notice.id);
  }
  last_alarm_ = last_alarm;
  last_notice_ = last_notice;
}

void AlarmBook::set_channels(std::vector<ChannelTraits> channels) {
  channels_ = std::move(channels);
  const auto is_known = [&](const std::string& name) {
    return std::any_of(channels_.begin(), channels_.end(), [&](const auto& one) { return one.name == name; });
  };
  for (auto it = notices_.begin(); it != notices_.end();) {
    const auto next = std::next(it);
    if (!is_known(it->second.channel)) unqueue(it);
    it = next;
  }
  for (auto& [id, alarm] : alarms_)
    if (std::erase_if(alarm.told, [&](const auto& one) { return !is_known(one.first); })) touch(alarm);
}

void AlarmBook::tell_mirrors_again() {
  for (const auto& channel : channels_) {
    if (!channel.is_mirror) continue;
    for (const auto& [key, id] : set_) {
      auto& alarm = alarms_.at(id);
      if (const auto told = alarm.told.find(channel.name); told != alarm.told.end()) told->second = Moment{};
    }
  }
}

bool AlarmBook::admits(const std::string& source, Moment now) {
  if (sources_.size() > kMaxSet) sources_.clear();
  auto& known = sources_[source];
  if (now < known.since || now - known.since >= minutes(1)) known = {now, 0};
  if (known.count >= kMaxNew) {
    ++dropped_;
    return false;
  }
  ++known.count;
  return true;
}

Alarm* AlarmBook::find_recent(const std::string& key, bool is_event, Moment now) {
  const auto& latest = is_event ? latest_event_ : latest_;
  const auto known = latest.find(key);
  if (known == latest.end()) return nullptr;
  auto& alarm = alarms_.at(known->second);
  const auto ended = is_event ? std::optional(alarm.raised) : alarm.cleared;
  return ended && since(*ended, now) < kAgain ? &alarm : nullptr;
}

Alarm& AlarmBook::open(Condition condition, bool is_event, Moment now) {
  cut_text(condition.text, kMaxText);
  cut_text(condition.details, kMaxDetails);
  cut_text(condition.source, kMaxText);
  Alarm alarm;
  static_cast<Condition&>(alarm) = std::move(condition);
  alarm.id = ++last_alarm_;
  alarm.is_event = is_event;
  alarm.raised = now;
  if (const auto silence = silences_.find(alarm.key); silence != silences_.end() && silence->second > now)
    alarm.silenced_until = silence->second;
  auto& kept = alarms_[alarm.id] = std::move(alarm);
  if (!is_event) set_[kept.key] = kept.id;
  (is_event ? latest_event_ : latest_)[kept.key] = kept.id;
  touch(kept);
  return kept;
}

bool AlarmBook::set(Condition condition, Moment now) {
  if (const auto known = set_.find(condition.key); known != set_.end()) {
    auto& alarm = alarms_.at(known->second);
    cut_text(condition.text, kMaxText);
    cut_text(condition.details, kMaxDetails);
    const bool is_worse = condition.severity > alarm.severity;
    const bool has_changed = condition.severity != alarm.severity || condition.text != alarm.text ||
                             condition.details != alarm.details;
    if (!has_changed) return true;
    static_cast<Condition&>(alarm) = std::move(condition);
    touch(alarm);
    if (!is_worse) return true;
    // What got worse is told at once, even if the milder form is known.
    alarm.acknowledged_by.clear();
    alarm.acknowledged.reset();
    for (const auto& channel : channels_)
      if (alarm.told.contains(channel.name) && !find_queued(channel.name, alarm.id) &&
          (channel.is_mirror || !alarm.is_silenced(now)))
        queue(channel, alarm, Notice::kRepeat, now);
    return true;
  }
  if (Alarm* recent = find_recent(condition.key, false, now)) {
    // Off and on again: the same alarm, so that nobody gets a mail for each swing.
    static_cast<Condition&>(*recent) = std::move(condition);
    recent->cleared.reset();
    ++recent->count;
    set_[recent->key] = recent->id;
    touch(*recent);
    for (auto it = notices_.begin(); it != notices_.end();) {
      const auto next = std::next(it);
      if (it->second.alarm == recent->id && it->second.notice == Notice::kClear) {
        recent->told[it->second.channel] = now;
        unqueue(it);
      }
      it = next;
    }
    plan_one(*recent, now);
    return true;
  }
  if (!admits(condition.source, now)) return false;
  // One that lies must not take the room of the others.
  const auto of_source = std::count_if(set_.begin(), set_.end(), [&](const auto& entry) {
    return alarms_.at(entry.second).source == condition.source;
  });
  const bool is_greedy =
      condition.source != kPlatform && static_cast<std::size_t>(of_source) >= kMaxSetOfSource;
  if (set_.size() >= kMaxSet || is_greedy) {
    ++dropped_;
    return false;
  }
  plan_one(open(std::move(condition), false, now), now);
  return true;
}

bool AlarmBook::clear(const std::string& key, Moment now) {
  const auto known = set_.find(key);
  if (known == set_.end()) return false;
  auto& alarm = alarms_.at(known->second);
  set_.erase(known);
  alarm.cleared = std::max(now, alarm.raised);
  touch(alarm);
  for (const auto& channel : channels_) {
    QueuedNotice* queued = find_queued(channel.name, alarm.id);
    const bool is_told = alarm.told.contains(channel.name);
    if (queued && queued->notice == Notice::kRepeat) {
      unqueue(notices_.find(queued->id));
      queued = nullptr;
    }
    if (queued && !channel.is_mirror && !is_told) {
      unqueue(notices_.find(queued->id));  // nobody heard of it, nobody needs to hear of its end
      continue;
    }
    if (is_told || queued) queue(channel, alarm, Notice::kClear, now);
  }
  return true;
}

bool AlarmBook::event(Condition condition, Moment now) {
  if (Alarm* recent = find_recent(condition.key, true, now); recent && recent->text == condition.text) {
    ++recent->count;
    touch(*recent);
    return true;
  }
  if (!admits(condition.source, now)) return false;
  auto& alarm = open(std::move(condition), true, now);
  for (const auto& channel : channels_)
    if (channel.is_mirror || !alarm.is_silenced(now)) queue(channel, alarm, Notice::kEvent, now);
  return true;
}

Result<Alarm> AlarmBook::acknowledge(std::int64_t id, std::string by, Moment now) {
  const auto known = alarms_.find(id);
  if (known == alarms_.end() || !known->second.is_set())
    return fail(Errc::kNotFound, "there is no alarm {} that is set", id);
  auto& alarm = known->second;
  alarm.acknowledged_by = std::move(by);
  alarm.acknowledged = now;
  touch(alarm);
  return alarm;
}

Result<Alarm> AlarmBook::silence(std::int64_t id, std::uint64_t minutes, Moment now) {
  constexpr std::uint64_t kLongest = 30 * 24 * 60;
  if (minutes > kLongest) return fail(Errc::kMalformed, "an alarm can be silenced for 30 days at most");
  const auto known = alarms_.find(id);
  if (known == alarms_.end() || !known->second.is_set())
    return fail(Errc::kNotFound, "there is no alarm {} that is set", id);
  auto& alarm = known->second;
  alarm.silenced_until.reset();
  silences_.erase(alarm.key);
  if (minutes > 0) {
    alarm.silenced_until = now + std::chrono::minutes(minutes);
    silences_[alarm.key] = *alarm.silenced_until;
  }
  touch(alarm);
  return alarm;
}

void AlarmBook::plan_one(Alarm& alarm, Moment now) {
  for (const auto& channel : channels_) {
    if (find_queued(channel.name, alarm.id)) continue;
    if (!channel.is_mirror && alarm.is_silenced(now)) continue;
    const auto told = alarm.told.find(channel.name);
    if (told == alarm.told.end()) {
      if (since(alarm.raised, now) >= channel.delay(alarm)) queue(channel, alarm, Notice::kSet, now);
      continue;
    }
    if (told->second > now) told->second = now;  // the clock was put back
    const auto every = channel.repeat_every(alarm);
    if (every.count() == 0 || now - told->second < every) continue;
    if (alarm.acknowledged && !channel.is_mirror) continue;
    queue(channel, alarm, Notice::kRepeat, now);
  }
}

void AlarmBook::plan(Moment now) {
  for (const auto& [key, id] : set_) plan_one(alarms_.at(id), now);
  std::erase_if(silences_, [&](const auto& one) { return one.second <= now; });
  std::set<std::int64_t> needed;
  for (const auto& [id, notice] : notices_) needed.insert(notice.alarm);
  std::erase_if(alarms_, [&](const auto& one) {
    const auto& alarm = one.second;
    const auto ended = alarm.is_event ? alarm.raised : alarm.cleared.value_or(now);
    return !alarm.is_set() && !needed.contains(one.first) && !changes_.alarms.contains(one.first) &&
           (ended > now || now - ended >= kAgain);
  });
  for (auto* latest : {&latest_, &latest_event_})
    std::erase_if(*latest, [&](const auto& one) { return !alarms_.contains(one.second); });
}

void AlarmBook::queue(const ChannelTraits& channel, Alarm& alarm, Notice notice, Moment now) {
  QueuedNotice queued{++last_notice_, channel.name, alarm.id, notice, now};
  changes_.added.insert(queued.id);
  notices_[queued.id] = std::move(queued);
  shrink_queue();
}

void AlarmBook::unqueue(std::map<std::int64_t, QueuedNotice>::iterator position) {
  // One that was never written need not be taken away.
  if (changes_.added.erase(position->first) == 0) changes_.removed.insert(position->first);
  notices_.erase(position);
}

void AlarmBook::shrink_queue() {
  if (notices_.size() <= kMaxNotices) return;
  const auto victim = std::find_if(notices_.begin(), notices_.end(), [](const auto& one) {
    return one.second.notice == Notice::kEvent || one.second.notice == Notice::kRepeat;
  });
  ++dropped_;
  unqueue(victim == notices_.end() ? notices_.begin() : victim);
}

QueuedNotice* AlarmBook::find_queued(const std::string& channel, std::int64_t alarm) {
  for (auto& [id, notice] : notices_)
    if (notice.alarm == alarm && notice.channel == channel && notice.notice != Notice::kClear) return &notice;
  return nullptr;
}

std::optional<AlarmBook::Due> AlarmBook::next(const std::string& channel) const {
  for (const auto& [id, notice] : notices_)
    if (notice.channel == channel) return Due{notice, alarms_.at(notice.alarm)};
  return std::nullopt;
}

void AlarmBook::end(const QueuedNotice& notice) {
  if (const auto queued = notices_.find(notice.id); queued != notices_.end()) unqueue(queued);
}

void AlarmBook::delivered(const QueuedNotice& notice, Moment now) {
  end(notice);
  const auto known = alarms_.find(notice.alarm);
  if (known == alarms_.end()) return;
  auto& alarm = known->second;
  if (notice.notice == Notice::kClear) alarm.told.erase(notice.channel);
  else if (notice.notice != Notice::kEvent) alarm.told[notice.channel] = now;
  touch(alarm);
  // Its end came while the news of it was on the way.
  if (notice.notice != Notice::kSet && notice.notice != Notice::kRepeat) return;
  if (!alarm.cleared) return;
  const auto has_clear = std::any_of(notices_.begin(), notices_.end(), [&](const auto& one) {
    return one.second.alarm == alarm.id && one.second.channel == notice.channel;
  });
  if (has_clear) return;
  for (const auto& channel : channels_)
    if (channel.name == notice.channel) queue(channel, alarm, Notice::kClear, now);
}

void AlarmBook::refused(const QueuedNotice& notice, Moment now) {
  // As told: it is repeated when its time has come, not at once.
  delivered(notice, now);
}

std::size_t AlarmBook::waiting(const std::string& channel) const {
  return static_cast<std::size_t>(std::count_if(
      notices_.begin(), notices_.end(), [&](const auto& one) { return one.second.channel == channel; }));
}

const Alarm* AlarmBook::find_set(const std::string& key) const {
  const auto known = set_.find(key);
  return known == set_.end() ? nullptr : &alarms_.at(known->second);
}

const Alarm* AlarmBook::find(std::int64_t id) const {
  const auto known = alarms_.find(id);
  return known == alarms_.end() ? nullptr : &known->second;
}

const QueuedNotice* AlarmBook::find_notice(std::int64_t id) const {
  const auto known = notices_.find(id);
  return known == notices_.end() ? nullptr : &known->second;
}

std::vector<Alarm> AlarmBook::all_set() const {
  std::vector<Alarm> list;
  for (const auto& [key, id] : set_) list.push_back(alarms_.at(id));
  std::sort(list.begin(), list.end(), [](const Alarm& a, const Alarm& b) {
    return a.severity != b.severity ? a.severity > b.severity : a.id > b.id;
  });
  return list;
}

AlarmBook::Changes AlarmBook::take_changes() { return std::exchange(changes_, {}); }

void AlarmBook::give_back(Changes changes) {
  changes_.alarms.merge(changes.alarms);
  for (const auto id : changes.added) {
    // Delivered meanwhile: it may have been written or not.
    if (notices_.contains(id)) changes_.added.insert(id);
    else changes_.removed.insert(id);
  }
  changes_.removed.merge(changes.removed);
}

}  // namespace berth::manager
