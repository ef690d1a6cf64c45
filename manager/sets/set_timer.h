// Starts policies and drills when they are due, by the platform's own clock.
#pragma once

#include <string>

#include "manager/sets/set_restore.h"

namespace berth::manager {

// Owned by the manager's main. Wakes up when something is due, and each hour for the case that the clock was set.
class SetTimer {
 public:
  SetTimer(loop::Loop& loop, BackupSets& sets, SetRestore& restore)
      : sets_(sets), restore_(restore), timer_(loop), tasks_(loop, "backup schedule") {}

  // From now on. What was due while the platform was off is made up for, once.
  void start();
  void stop();
  // A policy or a setting changed.
  void changed();
  // Starts what is due at `now`, and gives the moment of the next. For tests: with a clock of their own.
  Task<std::chrono::sys_seconds> run_due(std::chrono::sys_seconds now);

 private:
  Task<void> turn();
  Task<void> run_due_drill(std::chrono::sys_seconds now, std::chrono::sys_seconds& next);

  BackupSets& sets_;
  SetRestore& restore_;
  loop::Timer timer_;
  loop::TaskGroup tasks_;
  bool is_on_ = false;
};

}  // namespace berth::manager
