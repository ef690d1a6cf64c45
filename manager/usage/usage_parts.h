// Usage and limits, put together for the platform.
#pragma once

#include "manager/instances/instances.h"
#include "manager/settings/settings.h"
#include "manager/usage/limits.h"
#include "manager/usage/usage.h"

namespace berth::manager {

// Owned by the manager's main. What it borrows outlives it.
class UsageParts {
 public:
  UsageParts(loop::Loop& loop, db::Database& database, Settings& settings, Instances& instances,
             std::function<std::chrono::sys_seconds()> now);

  Usage& usage() { return usage_; }
  InstanceLimits& limits() { return limits_; }
  const InstanceLimits& limits() const { return limits_; }

  // Before the instances start.
  Task<void> load();
  void begin();
  // While the database is still there.
  Task<void> stop();
  void settings_changed(const std::vector<std::string>& names);

 private:
  Usage usage_;
  InstanceLimits limits_;
};

// Made, and not in the bin, with the sizes of their databases as they were looked at last.
std::vector<WatchedInstance> watched_instances(const Instances& instances);

}  // namespace berth::manager
