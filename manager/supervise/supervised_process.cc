#include "manager/supervise/supervised_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/file.h"
#include "base/log.h"
#include "manager/crashes/kernel_log.h"
#include "manager/platform/clock.h"
#include "manager/supervise/output_file.h"
#include "sandbox/cgroup.h"

namespace berth::manager {

using loop::Task;

namespace {

constexpr std::chrono::seconds kLaunchLimit{30};  // it takes milliseconds
constexpr std::chrono::seconds kHungGrace{5};     // to write a core

Task<void> wait_for(loop::Event& event) { co_await event.wait(); }

bool is_fault(const loop::ExitStatus& status) {
  switch (status.signal) {
    case SIGSEGV:
    case SIGABRT:
    case SIGBUS:
    case SIGFPE:
    case SIGILL:
    case SIGSYS:
    case SIGTRAP: return true;
    default: return false;
  }
}

bool is_launcher(pid_t pid) {
  const auto arguments = read_file(fmt::format("/proc/{}/cmdline", pid), 1 << 16);
  return arguments &&
         std::string_view(*arguments).substr(0, arguments->find('\0')).ends_with("/berth-launch");
}

// The status that wait(2) gave to another process.
loop::ExitStatus describe_wait(int value) {
  loop::ExitStatus status;
  status.known = true;
  if (WIFEXITED(value)) status.code = WEXITSTATUS(value);
  else status.signal = WTERMSIG(value);
  return status;
}

}  // namespace

Task<bool> wait_at_most(loop::Loop& loop, loop::Event& event, loop::Duration limit) {
  if (event.is_set()) co_return true;
  loop::Spawned<void> waiting(loop, wait_for(event));
  loop::Timer timer(loop);
  timer.start(limit, [&waiting] { waiting.done().set(); });
  co_await waiting.done().wait();
  co_return event.is_set();
}

std::string_view name_of(ProcessState state) {
  switch (state) {
    case ProcessState::kStopped: return "stopped";
    case ProcessState::kStarting: return "starting";
    case ProcessState::kRunning: return "running";
    case ProcessState::kStopping: return "stopping";
    case ProcessState::kFailed: return "failed";
    case ProcessState::kCrashed: return "crashed";
  }
  return "unknown";
}

SupervisedProcess::SupervisedProcess(loop::Loop& loop, ProcessTable& table, SupervisedOptions options)
    : loop_(loop),
      table_(table),
      options_(std::move(options)),
      policy_(options_.restart),
      wanted_(loop),
      ended_(loop),
      poked_(loop),
      pause_timer_(loop),
      force_timer_(loop),
      notify_(loop) {
  ended_.set();
  serving_ = std::make_unique<loop::Spawned<void>>(loop_, serve());
}

void SupervisedProcess::set_state(ProcessState state) {
  state_ = state;
  if (options_.changed) notify_.schedule([this] { options_.changed(); });
}

void SupervisedProcess::start() {
  policy_.forget();
  detail_.clear();
  wanted_.set();
  poked_.set();
}

void SupervisedProcess::note_ready() {
  was_ready_ = true;
  if (state_ == ProcessState::kStarting) {
    detail_.clear();
    set_state(ProcessState::kRunning);
  }
}

void SupervisedProcess::follow() {
  serving_.reset();
  watch_.reset();
  pause_timer_.cancel();
  force_timer_.cancel();
  serving_ = std::make_unique<loop::Spawned<void>>(loop_, serve());
  note_ready();
}

void SupervisedProcess::kill() {
  if (watch_) watch_->send_signal(SIGKILL);
}

void SupervisedProcess::recycle() {
  if (watch_) watch_->send_signal(SIGTERM);
}

void SupervisedProcess::end_hung(std::string why) {
  if (!watch_) return;
  log_error("hangs", {{"process", options_.name}, {"pid", pid()}, {"why", why}});
  hung_ = std::move(why);
  watch_->send_signal(SIGABRT);
  watch_->send_signal(SIGCONT);  // one that was stopped takes its signals when it goes on
  force_timer_.start(kHungGrace, [this] { kill(); });
}

Task<void> SupervisedProcess::stop() {
  wanted_.reset();
  poked_.set();
  if (!watch_) {
    detail_.clear();
    set_state(ProcessState::kStopped);
    co_return;
  }
  set_state(ProcessState::kStopping);
  if (options_.ask_to_stop && options_.grace.count() > 0) {
    options_.ask_to_stop();
    const bool gone = co_await wait_at_most(loop_, ended_, options_.grace);
    if (gone) co_return;
    log_warning("does not end when asked", {{"process", options_.name}});
  }
  for (const auto& step : options_.stop_steps) {
    if (watch_) watch_->send_signal(step.signal);
    const bool gone = co_await wait_at_most(loop_, ended_, step.wait);
    if (gone) co_return;
  }
  log_warning("ended by force", {{"process", options_.name}});
  kill();
  co_await ended_.wait();
}

Task<void> SupervisedProcess::pause(std::chrono::milliseconds time) {
  poked_.reset();
  pause_timer_.start(time, [this] { poked_.set(); });
  co_await poked_.wait();
  pause_timer_.cancel();
}

bool SupervisedProcess::adopt() {
  auto survivor = table_.find_survivor(options_.name, options_.program);
  if (!survivor && options_.find_other) survivor = options_.find_other();
  if (!survivor) return false;
  auto watch = loop::ProcessWatch::make(loop_, survivor->pid);
  if (!watch) return false;
  watch_ = std::move(*watch);
  adopted_ = true;
  started_at_ = survivor->started_at.empty() ? utc_now() : survivor->started_at;
  auto record = *survivor;
  record.started_at = started_at_;
  or_throw(table_.put(std::move(record)));
  take_notes();
  log_info("adopted", {{"process", options_.name}, {"pid", pid()}});
  return true;
}

// What the launcher wrote down of the process that we watch.
void SupervisedProcess::take_notes() {
  const auto notes = table_.read_notes(options_.name);
  if (!watch_ || notes.pid != watch_->pid()) return;
  main_pid_ = notes.main;
  sandbox_ = notes.layers;
  std::sort(sandbox_.begin(), sandbox_.end(), [](const auto& one, const auto& other) {
    return sandbox::parse_layer(one.layer) < sandbox::parse_layer(other.layer);
  });
  launch_error_ = notes.failed;
}

Task<void> SupervisedProcess::launch(ProcessPlan plan) {
  std::optional<uid_t> uid;
  if (plan.sandbox && plan.sandbox->spec.uid) uid = plan.sandbox->spec.uid;
  UniqueFd output;
  if (!plan.output.empty()) {
    output = or_throw(open_output(plan.output, uid));
    plan.spawn.descriptors.emplace_back(output.get(), 1);
    plan.spawn.descriptors.emplace_back(output.get(), 2);
  }
  const std::string starting = table_.starting_path(options_.name);
  const auto inner = plan.spawn.in_child;
  plan.spawn.in_child = [&starting, &inner] {
    if (const int number = note_own_pid(starting.c_str())) return number;
    return inner ? inner() : 0;
  };
  UniqueFd ready;
  pid_t pid;
  if (plan.sandbox) {
    auto start = or_throw(start_sandboxed(std::move(*plan.sandbox), plan.spawn, starting));
    pid = start.pid;
    ready = std::move(start.ready);
  } else {
    pid = or_throw(loop::spawn(plan.spawn));
  }
  watch_ = or_throw(loop::ProcessWatch::make(loop_, pid));
  ended_.reset();
  started_at_ = utc_now();
  ProcessRecord record;
  record.name = options_.name;
  record.pid = pid;
  record.start_time = loop::process_start_time(pid).value_or(0);
  record.program = plan.sandbox ? options_.program : plan.spawn.program;
  record.started_at = started_at_;
  if (auto put = table_.put(std::move(record)); !put)
    log_error("process table not written", {{"process", options_.name}, {"error", put.error().detail}});
  if (!ready) {
    log_info("started", {{"process", options_.name}, {"pid", pid}});
    co_return;
  }
  const bool launched = co_await wait_until_launched(loop_, std::move(ready), kLaunchLimit);
  take_notes();
  if (!launched) {
    launch_error_ = "its sandbox was not ready in time";
    kill();
  }
  if (launch_error_.empty()) log_info("started", {{"process", options_.name}, {"pid", this->pid()}});
}

Task<void> SupervisedProcess::begin() {
  adopted_ = false;
  was_ready_ = false;
  main_pid_ = 0;
  launch_error_.clear();
  hung_.clear();
  sandbox_.clear();
  began_ = loop_.now();
  if (adopt()) {
    // The last manager may have died while the walls went up: whose pid the service has is told in a moment.
    for (int tries = 0; tries < 20 && main_pid_ == 0 && is_launcher(watch_->pid()); ++tries) {
      co_await loop::sleep_for(loop_, std::chrono::milliseconds(50));
      take_notes();
    }
    co_return;
  }
  ProcessPlan plan = co_await options_.plan();
  // Wanted no more while the plan was made.
  if (!wanted_.is_set()) co_return;
  co_await launch(std::move(plan));
}

Task<void> SupervisedProcess::serve() {
  for (;;) {
    co_await wanted_.wait();
    set_state(ProcessState::kStarting);
    std::string reason;
    try {
      co_await begin();
    } catch (...) {
      reason = current_error().detail;
    }
    if (!watch_) {
      if (!wanted_.is_set()) {
        set_state(ProcessState::kStopped);
        continue;
      }
      detail_ = "cannot start: " + reason;
      log_error("cannot start", {{"process", options_.name}, {"error", reason}});
      set_state(ProcessState::kFailed);
      const auto wait = policy_.delay_after({});
      co_await pause(wait);
      continue;
    }
    ended_.reset();
    if (wanted_.is_set()) set_state(ProcessState::kStarting);
    const pid_t watched = watch_->pid(), pid = this->pid();
    loop::ExitStatus status = co_await watch_->wait();
    if (options_.end_group) ::kill(-watched, SIGKILL);
    bool was_out_of_memory = false, dumped_core = false;
    if (const auto ended = table_.read_notes(options_.name); ended.pid == watched) {
      if (ended.ended) {
        status = describe_wait(*ended.ended);
        dumped_core = WIFSIGNALED(*ended.ended) && WCOREDUMP(*ended.ended);
      }
      was_out_of_memory = status.signal == SIGKILL && sandbox::ran_out_of_memory(ended.cgroups);
      sandbox::remove_cgroups(ended.cgroups);
    }
    force_timer_.cancel();
    watch_.reset();
    main_pid_ = 0;
    if (auto removed = table_.remove(options_.name); !removed)
      log_error("process table not written", {{"process", options_.name}, {"error", removed.error().detail}});
    last_status_ = status;
    last_by_fault_ = is_fault(status);
    // Where no control group counts, the kernel's log tells.
    const std::string kernel_word =
        status.signal == SIGKILL && !was_out_of_memory && hung_.empty() && wanted_.is_set()
            ? find_oom_kill(read_kernel_log(), pid)
            : std::string();
    const std::string how =
        !hung_.empty() ? hung_ + ", ended by the manager"
                       : status.describe() + (was_out_of_memory      ? ", its memory was used up"
                                              : !kernel_word.empty() ? ", the machine's memory was used up"
                                                                     : "");
    last_exit_ = how + " at " + utc_now();
    const auto lasted = std::chrono::duration_cast<std::chrono::milliseconds>(loop_.now() - began_);
    const bool wanted = wanted_.is_set();
    if (wanted) log_warning("ended", {{"process", options_.name}, {"pid", pid}, {"how", how}});
    else log_info("stopped", {{"process", options_.name}, {"pid", pid}});
    if (!wanted) {
      set_state(ProcessState::kStopped);
      ended_.set();
      continue;
    }
    ++restarts_;
    if (options_.died && launch_error_.empty())
      options_.died({pid, status, how, dumped_core, was_out_of_memory, !hung_.empty(), kernel_word, lasted});
    if (!launch_error_.empty()) {
      detail_ = "cannot start: " + launch_error_;
      log_error("cannot start", {{"process", options_.name}, {"error", launch_error_}});
      set_state(ProcessState::kFailed);
      ended_.set();
      const auto wait = policy_.delay_after({});
      co_await pause(wait);
      continue;
    }
    const bool outside =
        hung_.empty() &&
        (!status.known || (status.signal == SIGKILL && !was_out_of_memory) || status.signal == SIGTERM);
    const auto wait = policy_.delay_after({lasted, was_ready_, outside});
    detail_ = policy_.is_crash_loop() ? fmt::format("ended {} times in a row, last: {}; next try in {} s",
                                                    policy_.faults(), how, (wait.count() + 999) / 1000)
                                      : "ended: " + how;
    set_state(policy_.is_crash_loop() ? ProcessState::kCrashed : ProcessState::kStarting);
    ended_.set();
    co_await pause(wait);
  }
}

}  // namespace berth::manager
