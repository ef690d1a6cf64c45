// Packet capture for a while (S192): an admin switches it on, it ends by itself.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/status.h"
#include "loop/sync.h"
#include "manager/platform/layout.h"
#include "manager/settings/settings.h"
#include "manager/supervise/supervised_process.h"

namespace berth::manager {

// The settings capture…: on while captureUntil lies ahead. Then berth-capture (room capture/) runs, and every admin is
// told. Owned by the manager's main; a new manager adopts what runs.
class CaptureSwitch {
 public:
  static constexpr std::chrono::hours kLongest{24};

  // `program`: path of berth-capture.
  CaptureSwitch(loop::Loop& loop, ProcessTable& table, Settings& settings, const Layout& layout, bool is_root,
                std::string program);

  // After the settings are loaded, and whenever some have changed.
  void begin();
  void changed(const std::vector<std::string>& names);
  void secret_changed(const std::string& name);
  // The process goes, what is wanted stays.
  Task<void> stop();
  // The same without touching the process: for a successor.
  void let_go();
  // That it is on, for everybody to see; absent: it is not.
  std::optional<api::Mode> mode() const;
  // That it should be on and is not.
  std::vector<api::Check> checks() const;

 private:
  std::vector<std::string> arguments() const;
  Task<ProcessPlan> plan();
  Task<bool> end_survivor(bool is_wanted);
  Task<void> apply();
  void wake();
  bool is_wanted() const;
  // Why it cannot run; empty: it does, or is about to.
  std::string trouble() const;

  loop::Loop& loop_;
  ProcessTable& table_;
  Settings& settings_;
  const Layout& layout_;
  bool is_root_;
  std::string program_;
  UniqueFd password_;  // the reading end, until the program has it
  std::unique_ptr<SupervisedProcess> process_;
  std::string running_;  // what the process was started with
  loop::Timer timer_;
  bool is_on_ = false, is_again_ = false, is_applying_ = false;
  bool has_looked_ = false;   // for what an earlier manager has left, and has ended it
  int password_changes_ = 0;  // each starts the program anew
  loop::TaskGroup tasks_;
};

// "192.0.2.7 ::1": addresses, separated by spaces or commas. kMalformed names what is none.
Result<std::vector<std::string>> parse_capture_from(std::string_view text);
Result<void> check_capture_from(std::string_view text);
// A moment as 2026-11-23T08:00:00Z that is at most kLongest ahead.
Result<void> check_capture_until(std::string_view text);
Result<void> check_capture_interfaces(std::string_view text);

}  // namespace berth::manager
