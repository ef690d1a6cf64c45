// Where alarms and notices outlive the manager.
#pragma once

#include <vector>

#include "db/database.h"
#include "manager/alarms/alarm_book.h"

namespace berth::manager {

using loop::Task;

// What Alarms needs of a storage, so that tests can let it be away.
class AlarmStorage {
 public:
  virtual ~AlarmStorage() = default;
  // Fills an empty book with what is set and what is to be told.
  virtual Task<void> load(AlarmBook& book) = 0;
  // All of it or nothing. Throws Failure if it could not be written; if cancelled it may be written or not.
  virtual Task<void> write(const AlarmBook& book, AlarmBook::Changes changes) = 0;
  // Events and alarms that are over, newest first.
  virtual Task<std::vector<Alarm>> history(std::uint64_t limit) = 0;
  // Forgets what ended more than `days` ago, and what is above kHistory.
  virtual Task<void> thin_out(Moment now, std::int64_t days) = 0;
};

// In tables alarm and alarm_notice of the manager's database.
class AlarmTables : public AlarmStorage {
 public:
  static constexpr std::uint64_t kHistory = 5'000;

  explicit AlarmTables(db::Database& database) : database_(database) {}
  Task<void> load(AlarmBook& book) override;
  Task<void> write(const AlarmBook& book, AlarmBook::Changes changes) override;
  Task<std::vector<Alarm>> history(std::uint64_t limit) override;
  Task<void> thin_out(Moment now, std::int64_t days) override;

 private:
  db::Database& database_;
};

}  // namespace berth::manager
