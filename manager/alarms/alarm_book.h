// Which alarms are set, and who has to be told of what. Pure: no clock, no database, no network, so that days of outage
// can be tested in a moment.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "manager/alarms/alarm.h"

namespace berth::manager {

// One way out, and what it wants to hear.
struct ChannelTraits {
  std::string name;
  // Mirrors the state: hears of everything, in order, whatever is silenced; else what is over before it was told is left
  // out, and silence counts.
  bool is_mirror = false;
  // An alarm that is still set is told again after so long; 0: never. Acknowledged ones are not, but to a mirror.
  std::function<std::chrono::seconds(const Alarm&)> repeat_every;
  // An alarm is told once it has lasted so long.
  std::function<std::chrono::seconds(const Alarm&)> delay;
};

// Owned by Alarms.
class AlarmBook {
 public:
  // Above these (of one app's source: kMaxSetOfSource) the newest is refused (alarms) or the oldest repeat or event forgotten (notices): a flood must not take
  // the memory.
  static constexpr std::size_t kMaxSet = 2'000, kMaxSetOfSource = 200, kMaxNotices = 5'000;
  static constexpr std::size_t kMaxText = 1'024, kMaxDetails = 16'384;
  // New alarms and events of one source within a minute; what is above is counted in dropped(). What is cleared and set
  // again, or comes again, within kAgain counts as the same.
  static constexpr int kMaxNew = 60;
  static constexpr std::chrono::seconds kAgain{60};

  struct Changes {
    std::set<std::int64_t> alarms;  // to be written
    std::set<std::int64_t> added;   // notices
    std::set<std::int64_t> removed;
    bool empty() const { return alarms.empty() && added.empty() && removed.empty(); }
  };

  // What was written by an earlier manager. Before all else.
  void load(std::vector<Alarm> alarms, std::vector<QueuedNotice> notices, std::int64_t last_alarm,
            std::int64_t last_notice);
  // Channels that are no more lose their notices.
  void set_channels(std::vector<ChannelTraits> channels);
  const std::vector<ChannelTraits>& channels() const { return channels_; }
  // Mirrors hear of everything that is set anew: they may have lost it.
  void tell_mirrors_again();

  // False if it was dropped.
  bool set(Condition condition, Moment now);
  bool clear(const std::string& key, Moment now);  // false if it is not set
  bool event(Condition condition, Moment now);
  Result<Alarm> acknowledge(std::int64_t id, std::string by, Moment now);
  // `minutes` 0: no longer.
  Result<Alarm> silence(std::int64_t id, std::uint64_t minutes, Moment now);

  // Queues what became due: repeats, delayed and no longer silenced alarms. Forgets what is no longer needed.
  void plan(Moment now);

  // The next notice of a channel with its alarm; nullopt: none waits. A copy: the book goes on changing.
  struct Due {
    QueuedNotice notice;
    Alarm alarm;
  };
  std::optional<Due> next(const std::string& channel) const;
  void delivered(const QueuedNotice& notice, Moment now);
  // It will never be taken.
  void refused(const QueuedNotice& notice, Moment now);
  std::size_t waiting(const std::string& channel) const;

  const Alarm* find_set(const std::string& key) const;
  const Alarm* find(std::int64_t id) const;
  const QueuedNotice* find_notice(std::int64_t id) const;
  std::vector<Alarm> all_set() const;  // the worst first, then the newest
  std::uint64_t dropped() const { return dropped_; }

  // What has to be written; the caller has it then, and gives it back if it could not.
  Changes take_changes();
  void give_back(Changes changes);
  bool has_changes() const { return !changes_.empty(); }

 private:
  struct Source {
    Moment since;
    int count = 0;
  };
  bool admits(const std::string& source, Moment now);
  Alarm& open(Condition condition, bool is_event, Moment now);
  Alarm* find_recent(const std::string& key, bool is_event, Moment now);
  void queue(const ChannelTraits& channel, Alarm& alarm, Notice notice, Moment now);
  void unqueue(std::map<std::int64_t, QueuedNotice>::iterator position);
  void shrink_queue();
  void plan_one(Alarm& alarm, Moment now);
  void end(const QueuedNotice& notice);
  QueuedNotice* find_queued(const std::string& channel, std::int64_t alarm);
  void touch(const Alarm& alarm) { changes_.alarms.insert(alarm.id); }

  std::vector<ChannelTraits> channels_;
  std::map<std::int64_t, Alarm> alarms_;     // that are set, have notices, or ended a moment ago
  std::map<std::string, std::int64_t> set_;  // by key
  std::map<std::string, std::int64_t> latest_, latest_event_;  // by key, of those in alarms_
  std::map<std::string, Moment> silences_;                     // by key: outlive the alarm
  std::map<std::int64_t, QueuedNotice> notices_;
  std::map<std::string, Source> sources_;
  std::int64_t last_alarm_ = 0, last_notice_ = 0;
  std::uint64_t dropped_ = 0;
  Changes changes_;
};

}  // namespace berth::manager
