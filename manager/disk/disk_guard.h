// Watches the disk: warns, stops the apps before PostgreSQL has no room, and starts them when somebody says so.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "loop/sync.h"
#include "loop/worker.h"
#include "manager/disk/disk_policy.h"

namespace berth::manager {

using loop::Task;

// What the guard works with; tests have their own.
struct DiskParts {
  std::function<Result<DiskSpace>()> figures;
  std::function<int()> threshold;          // per cent
  std::function<std::uint64_t()> reserve;  // bytes wanted
  std::string reserve_folder;
  std::function<Task<void>()> stop_apps;   // all, without changing what is wanted
  std::function<Task<void>()> start_apps;  // those that are wanted
  std::function<Task<std::vector<DiskGrowth>>()> growth;
  std::function<void()> changed;  // level or apps
};

// Owned by the manager's main.
class DiskGuard {
 public:
  static constexpr std::chrono::seconds kLook{10};
  static constexpr int kLooksToForecast = 360;  // an hour

  DiskGuard(loop::Loop& loop, DiskParts parts);

  // The reserve is made here only, at the start (S205), if there is room.
  Task<void> begin();
  void stop();
  // One look: stops the apps if it has become full. begin() calls it again and again.
  Task<void> look();

  // Apps are stopped because the disk was full; they stay so until start_apps() or the next start of the manager.
  bool are_apps_held() const { return are_apps_held_; }
  // Throws Failure: kNoSpace with the numbers while it is full.
  Task<void> start_apps();

  DiskLevel level() const { return level_; }
  std::vector<api::Check> checks() const;
  // As of the last look.
  DiskFacts facts() const;

 private:
  Task<void> make_reserve_file();
  Task<void> go_on();

  loop::Loop& loop_;
  DiskParts parts_;
  DiskSpace figures_;
  DiskLevel level_ = DiskLevel::kFine;
  bool are_apps_held_ = false, is_looking_ = false;
  std::optional<DiskForecast> forecast_;
  std::uint64_t reserve_bytes_ = 0;
  int looks_ = 0;
  loop::Worker worker_;
  loop::TaskGroup tasks_;
};

}  // namespace berth::manager
