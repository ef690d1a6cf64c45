// Trace flags that hold for a while instead of the usual ones: of an instance, of a service, of the manager.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/trace.h"
#include "db/database.h"
#include "loop/loop.h"
#include "loop/sync.h"

namespace berth::manager {

using loop::Task;

// Owned by the manager's main. Kept in the database, so that a manager that was away ends what should have ended meanwhile.
class TraceSwitches {
 public:
  static constexpr std::uint64_t kMostMinutes = 10'080;
  using Now = std::function<std::chrono::sys_seconds()>;

  TraceSwitches(loop::Loop& loop, db::Database& database, Now now);

  // The flags that `target` has otherwise; nullopt: there is no such target.
  std::function<std::optional<std::uint64_t>(const std::string& target)> usual;
  // Makes `flags` hold.
  std::function<void(const std::string& target, std::uint64_t flags)> apply;

  // Reads what an earlier manager left and ends what is over; before services come up. Throws Failure.
  Task<void> load();
  // Throws Failure: kNotFound, kMalformed.
  Task<std::optional<api::TraceSwitch>> set(std::string target, std::optional<std::uint64_t> flags,
                                            std::uint64_t minutes, std::string by);
  // Those that end soonest first.
  std::vector<api::TraceSwitch> list() const;
  std::optional<api::TraceSwitch> find(const std::string& target) const;
  // All that hold, told again: after the start.
  void apply_all();

 private:
  struct Switch {
    std::uint64_t flags = 0;
    std::chrono::sys_seconds until;
    std::string by;
  };
  api::TraceSwitch view(const std::string& target, const Switch& one) const;
  void plan();
  void end_due();
  Task<void> forget(std::string target);

  db::Database& database_;
  Now now_;
  std::map<std::string, Switch> switches_;
  loop::Timer timer_;
  loop::TaskGroup tasks_;
};

}  // namespace berth::manager
