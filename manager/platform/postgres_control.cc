#include "manager/platform/postgres_control.h"

#include <signal.h>

#include "base/log.h"

namespace berth::manager {

using namespace std::chrono_literals;

PostgresControl::PostgresControl(loop::Loop& loop, ProcessTable& table, Cluster& cluster, std::string output)
    : loop_(loop), cluster_(cluster), output_(std::move(output)), tasks_(loop, "postgres") {
  SupervisedOptions options;
  options.name = "postgres";
  options.program = cluster_.program("postgres");
  options.plan = [this] { return plan(); };
  options.find_other = [this]() -> std::optional<ProcessRecord> {
    const auto running = cluster_.find_running();
    if (!running) return std::nullopt;
    ProcessRecord record;
    record.name = "postgres";
    record.pid = running->pid;
    record.start_time = running->start_time;
    record.program = cluster_.program("postgres");
    return record;
  };
  options.restart.first = 50ms;
  options.restart.longest = 5s;
  options.end_group = false;  // its backends end by themselves, after they have put shared memory in order
  // SIGINT: fast shutdown; SIGQUIT: immediate, recovery at the next start (PostgreSQL, "Shutting Down the Server").
  options.stop_steps = {{SIGINT, 60s}, {SIGQUIT, 10s}};
  options.died = [this](const Death& death) {
    if (died) died(death);
  };
  options.changed = [this] {
    if (process_->state() == ProcessState::kStarting && process_->pid() > 0 && !probing_) {
      probing_ = true;
      tasks_.spawn(watch_ready());
    }
    if (changed) changed();
  };
  process_ = std::make_unique<SupervisedProcess>(loop_, table, std::move(options));
}

Task<ProcessPlan> PostgresControl::plan() {
  co_await cluster_.prepare();
  ProcessPlan plan;
  plan.spawn = cluster_.start_options();
  plan.output = output_;
  co_return plan;
}

Task<void> PostgresControl::watch_ready() {
  struct Done {
    bool& probing;
    ~Done() { probing = false; }
  } done{probing_};
  while (process_->state() == ProcessState::kStarting && process_->pid() > 0) {
    const bool ready = co_await cluster_.is_ready();
    if (ready) {
      process_->note_ready();
      co_return;
    }
    co_await loop::sleep_for(loop_, 30ms);
  }
}

Task<void> PostgresControl::start(std::chrono::milliseconds limit) {
  process_->start();
  const auto deadline = loop_.now() + limit;
  while (process_->state() != ProcessState::kRunning) {
    if (process_->state() == ProcessState::kFailed || process_->state() == ProcessState::kCrashed)
      throw_failure(Errc::kFailed, "PostgreSQL: {} (see its log)", process_->detail());
    if (loop_.now() >= deadline) throw_failure(Errc::kTimeout, "PostgreSQL does not answer (see its log)");
    co_await loop::sleep_for(loop_, 10ms);
  }
}

Task<void> PostgresControl::stop() { co_await process_->stop(); }

}  // namespace berth::manager
