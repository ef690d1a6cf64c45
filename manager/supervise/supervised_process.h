// One program that the manager keeps running.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "loop/process.h"
#include "loop/sync.h"
#include "loop/task.h"
#include "manager/supervise/process_table.h"
#include "manager/supervise/restart_policy.h"
#include "manager/supervise/sandboxed_start.h"

namespace berth::manager {

enum class ProcessState : std::uint8_t { kStopped, kStarting, kRunning, kStopping, kFailed, kCrashed };
std::string_view name_of(ProcessState state);  // "stopped", "starting", ...

// What to start; made anew before each start.
struct ProcessPlan {
  loop::SpawnOptions spawn;  // program, arguments, directory, environment
  // Behind walls: then the program, its arguments, environment and folder are those in here.
  std::optional<SandboxPlan> sandbox;
  std::string output;  // file that gets stdout and stderr (output_file.h)
};

struct StopStep {
  int signal;
  std::chrono::milliseconds wait;
};

// How a process ended that was wanted.
struct Death {
  pid_t pid = 0;
  loop::ExitStatus status;
  std::string how;           // for people: "signal 11 (Segmentation fault)"
  bool dumped_core = false;  // told by the init beside it only
  bool out_of_memory = false;
  bool was_hung = false;    // the manager ended it for that
  std::string kernel_word;  // of the kernel's log, if it ended the process for want of memory
  std::chrono::milliseconds ran{0};
};

struct SupervisedOptions {
  std::string name;
  std::string program;  // to recognise a survivor
  // May do I/O (write out a binary). What it throws is shown as the reason and tried again with back-off.
  std::function<loop::Task<ProcessPlan>()> plan;
  // Another way to know a survivor, if the table does not (a pid file of the program's own). May be empty.
  std::function<std::optional<ProcessRecord>()> find_other;
  RestartPolicy::Limits restart;
  // Asks the program to end by itself, and how long it may take; then the steps, then SIGKILL.
  std::function<void()> ask_to_stop;
  std::chrono::milliseconds grace{0};
  std::vector<StopStep> stop_steps;
  bool end_group = true;                   // kill what it leaves behind in its session
  std::function<void(const Death&)> died;  // before it is started again; within our stack
  std::function<void()> changed;           // state, pid or counters changed; called outside of our stack
};

// Starts, adopts, watches, restarts and stops one program. Owned by the part that knows the program;
// goes without touching the process: whoever wants it stopped calls stop() first.
class SupervisedProcess {
 public:
  SupervisedProcess(loop::Loop& loop, ProcessTable& table, SupervisedOptions options);
  SupervisedProcess(const SupervisedProcess&) = delete;

  // Wants it to run; adopts the survivor of an earlier manager or starts it. The admin's wish: forgets
  // earlier crashes and an open back-off wait.
  void start();
  // Wants it not to run; done when the process is gone. If cancelled the wish stays, the process may live on.
  loop::Task<void> stop();
  // It said that it works.
  void note_ready();
  // Another process took the place of this one and has its name in the table: watches that one from now on, as ready. The
  // former is let go of, alive.
  void follow();
  // Ends the process by SIGKILL; it comes back if wanted.
  void kill();
  // The same by SIGTERM, which lets it put its things in order.
  void recycle();
  // It runs, but works no more: ended with SIGABRT, so that a core shows where it hangs, then by force. Counts as a crash of
  // its own with the cause `why` ("did not answer for 30 s").
  void end_hung(std::string why);

  ProcessState state() const { return state_; }
  bool is_wanted() const { return wanted_.is_set(); }
  // Of the program itself; 0: none. In a sandbox the process that is watched is the init beside it, and until the program
  // runs there is only that one.
  pid_t pid() const { return !watch_ ? 0 : main_pid_ ? main_pid_ : watch_->pid(); }
  bool is_adopted() const { return adopted_; }
  const std::string& name() const { return options_.name; }
  const std::string& started_at() const { return started_at_; }
  const std::string& last_exit() const { return last_exit_; }  // "" or "signal 11 (...) at 2026-..."
  const loop::ExitStatus& last_status() const { return last_status_; }
  const std::string& detail() const { return detail_; }        // why it failed or crashes
  bool last_ended_by_fault() const { return last_by_fault_; }  // segfault and the like
  int restarts() const { return restarts_; }
  const std::vector<sandbox::LayerState>& sandbox() const { return sandbox_; }
  // Set while no process exists.
  loop::Event& ended() { return ended_; }

 private:
  loop::Task<void> serve();
  loop::Task<void> begin();
  bool adopt();
  loop::Task<void> launch(ProcessPlan plan);
  void take_notes();
  void set_state(ProcessState state);
  loop::Task<void> pause(std::chrono::milliseconds time);

  loop::Loop& loop_;
  ProcessTable& table_;
  SupervisedOptions options_;
  RestartPolicy policy_;
  loop::Event wanted_, ended_, poked_;
  loop::Timer pause_timer_, force_timer_;
  loop::Deferred notify_;
  std::unique_ptr<loop::ProcessWatch> watch_;
  pid_t main_pid_ = 0;
  std::string launch_error_, hung_;
  ProcessState state_ = ProcessState::kStopped;
  bool adopted_ = false;
  bool was_ready_ = false;
  bool last_by_fault_ = false;
  loop::TimePoint began_{};
  std::string started_at_, last_exit_, detail_;
  loop::ExitStatus last_status_;
  int restarts_ = 0;
  std::vector<sandbox::LayerState> sandbox_;
  std::unique_ptr<loop::Spawned<void>> serving_;
};

// True as soon as `event` is set, false after `limit`.
loop::Task<bool> wait_at_most(loop::Loop& loop, loop::Event& event, loop::Duration limit);

}  // namespace berth::manager
