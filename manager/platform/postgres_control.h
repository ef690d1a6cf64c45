#pragma once

#include <functional>
#include <memory>

#include "manager/database/cluster.h"
#include "manager/supervise/supervised_process.h"

namespace berth::manager {

// Keeps the platform's PostgreSQL running. Owned by the manager's main.
class PostgresControl {
 public:
  PostgresControl(loop::Loop& loop, ProcessTable& table, Cluster& cluster, std::string output);

  SupervisedProcess& process() { return *process_; }
  const SupervisedProcess& process() const { return *process_; }
  // Prepares the cluster, adopts or starts PostgreSQL, waits until it answers.
  Task<void> start(std::chrono::milliseconds limit);
  Task<void> stop();
  std::function<void()> changed;
  std::function<void(const Death&)> died;  // may be empty

 private:
  Task<ProcessPlan> plan();
  Task<void> watch_ready();
  loop::Loop& loop_;
  Cluster& cluster_;
  std::string output_;
  bool probing_ = false;
  loop::TaskGroup tasks_;
  std::unique_ptr<SupervisedProcess> process_;
};

}  // namespace berth::manager
