// The alarms of the platform: raised, kept, told.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "loop/sync.h"
#include "manager/alarms/alarm_book.h"
#include "manager/alarms/alarm_storage.h"
#include "manager/alarms/check_watch.h"
#include "wire/json/json_fwd.h"

namespace berth::manager {

// A way out. Owned by Alarms.
class AlarmChannel {
 public:
  virtual ~AlarmChannel() = default;
  virtual ChannelTraits traits() const = 0;
  // An error: it will never be taken, with the reason. Throws Failure: try again later. If cancelled it may have been
  // taken.
  virtual Task<Result<void>> deliver(QueuedNotice notice, Alarm alarm) = 0;
};

// How long to wait before the next try of a channel that fails.
class ChannelBackoff {
 public:
  static constexpr std::chrono::seconds kFirst{1}, kLongest{300};
  std::chrono::seconds next() { return std::exchange(wait_, std::min(wait_ * 2, kLongest)); }
  void forget() { wait_ = kFirst; }

 private:
  std::chrono::seconds wait_ = kFirst;
};

// Owned by the manager's main. Everything works while the database is away, too: it is written as soon as it can.
class Alarms {
 public:
  using Now = std::function<Moment()>;
  static constexpr std::chrono::seconds kLook{10};  // between two looks at what is due
  static constexpr std::chrono::seconds kWriteAgain{5};
  static constexpr std::uint64_t kHistoryAtMost = 1'000;

  Alarms(loop::Loop& loop, AlarmStorage& storage, Now now);
  ~Alarms();

  // Findings of the overview, asked for at each look. May be empty.
  std::function<std::vector<api::Check>()> checks;
  std::function<void()> changed;  // the list of those that are set
  std::int64_t history_days = 90;

  // Reads what an earlier manager left. Throws Failure.
  Task<void> load();
  // Ends what is being delivered; it is tried again by the new channels.
  void set_channels(std::vector<std::unique_ptr<AlarmChannel>> channels);
  // From here on it looks and delivers.
  void begin();
  // Writes what is left, if the database lets it within a second.
  Task<void> stop();

  void set(Condition condition);
  void clear(const std::string& key);
  void event(Condition condition);
  const Alarm* find_set(const std::string& key) const { return book_.find_set(key); }
  // How many are set, by severity ("major", …).
  std::map<std::string, std::uint64_t> count_set() const;
  // What an app said (docs/protocols/control.md, AppSendAlarm). `source`: name@domain, or the service.
  void app_said(std::string source, const json::Object& message);

  Task<api::GetAlarmsResult> list(std::uint64_t history);
  Task<api::Alarm> acknowledge(std::int64_t id, std::string by);
  Task<api::Alarm> silence(std::int64_t id, std::uint64_t minutes);
  // Names of the channels it goes to.
  std::vector<std::string> test();

  // One look at checks and what is due. begin() calls it.
  void look();
  // Everything that happened so far is in the database. For tests and for stop().
  Task<void> flush();

 private:
  struct Sender;
  Task<void> send(Sender& sender);
  Task<void> write();
  void happened();
  void wake_all();
  void plan_look();

  loop::Loop& loop_;
  AlarmStorage& storage_;
  Now now_;
  AlarmBook book_;
  CheckWatch watch_;
  std::vector<std::unique_ptr<Sender>> senders_;
  loop::Event dirty_, clean_;
  loop::Timer look_timer_;
  std::uint64_t dropped_told_ = 0;
  int looks_ = 0;
  bool is_begun_ = false;
  loop::TaskGroup tasks_;
};

}  // namespace berth::manager
