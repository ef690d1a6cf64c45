#include "manager/jobs/runner.h"

#include <algorithm>

#include "base/log.h"
#include "base/text.h"
#include "manager/platform/clock.h"

namespace berth::manager {

using namespace std::chrono_literals;

api::Job to_api(const JobEntry& entry, std::string_view step_text, std::uint64_t step_percent) {
  api::Job job;
  job.id = entry.id;
  job.kind = entry.kind;
  job.title = entry.title;
  job.target = entry.target;
  switch (entry.phase) {
    case JobPhase::kWaiting: job.state = api::JobState::kWaiting; break;
    case JobPhase::kForward:
    case JobPhase::kBackward: job.state = api::JobState::kRunning; break;
    case JobPhase::kDone: job.state = api::JobState::kDone; break;
    case JobPhase::kFailed: job.state = api::JobState::kFailed; break;
    case JobPhase::kCancelled: job.state = api::JobState::kCancelled; break;
  }
  job.steps = entry.steps;
  job.step = std::min(entry.step + 1, entry.steps);
  job.step_text = step_text;
  if (entry.phase == JobPhase::kDone) job.percent = 100;
  else if (entry.steps > 0)
    job.percent = std::min<std::uint64_t>(
        99, (entry.step * 100 + std::min<std::uint64_t>(step_percent, 100)) / entry.steps);
  if (!entry.started.empty()) job.started_at = entry.started;
  if (!entry.ended.empty()) job.ended_at = entry.ended;
  job.by = entry.by;
  if (entry.error) job.error = entry.error->detail;
  if (!entry.result.empty()) job.result = api::Json(entry.result);
  return job;
}

class JobRunner::Run final : public JobRun {
 public:
  Run(JobRunner& runner, JobEntry entry, Steps steps)
      : runner_(runner),
        entry_(std::move(entry)),
        steps_(std::move(steps)),
        done_(runner.loop_),
        logs_(runner.loop_, "job log") {
    entry_.steps = steps_.size();
  }
  ~Run() {
    task_.reset();
    step_.reset();
  }
  void begin() { task_ = std::make_unique<loop::Spawned<void>>(runner_.loop_, serve()); }

  const JobEntry& entry() const override { return entry_; }
  api::JsonObject& data() override { return entry_.data; }
  api::JsonObject& result() override { return entry_.result; }
  Task<void> save(CommitSync sync) override { return runner_.journal_.write(entry_, sync); }
  Task<void> save() { return save(CommitSync::kNow); }
  void progress(std::uint64_t percent) override {
    if (percent == percent_) return;
    percent_ = percent;
    tell();
  }
  void log(std::string text) override { logs_.spawn(runner_.journal_.add_log(entry_.id, std::move(text))); }

  api::Job view() const { return to_api(entry_, step_text_, percent_); }
  loop::Event& done() { return done_; }

  Result<void> cancel() {
    if (entry_.phase == JobPhase::kBackward) return fail(Errc::kConflict, "it is being undone already");
    if (entry_.step < steps_.size() && !steps_[entry_.step].can_cancel)
      return fail(Errc::kConflict, "\"{}\" cannot be stopped half-way", steps_[entry_.step].text);
    cancelled_ = true;
    if (step_) step_->done().set();  // serve() wakes and drops the step
    return {};
  }

 private:
  void tell() {
    if (runner_.changed) runner_.changed(view());
  }

  Task<void> pass(std::string point) {
    if (runner_.at_point) co_await runner_.at_point(entry_, std::move(point));
  }

  // Runs one half of a step; nullopt if it went well. Cancelling is dropping the step's task.
  Task<std::optional<Error>> attempt(const std::function<Task<void>(JobRun&)>& act) {
    if (!act) co_return std::nullopt;
    std::optional<Error> error;
    step_ = std::make_unique<loop::Spawned<void>>(runner_.loop_, act(*this));
    co_await step_->done().wait();
    if (cancelled_ && entry_.phase == JobPhase::kForward) {
      error = Error{Errc::kCancelled, "cancelled"};
    } else {
      try {
        step_->take();
      } catch (...) {
        error = current_error();
      }
    }
    step_.reset();
    co_return error;
  }

  Task<bool> database_answers() {
    bool answers = false;
    try {
      co_await runner_.database_.query_repeatable("SELECT 1");
      answers = true;
    } catch (const Failure&) {
      answers = false;  // that is the question
    }
    co_return answers;
  }

  // Between two steps, where the journal has all there is.
  Task<void> rest() {
    if (!runner_.is_holding_) co_return;
    is_at_rest_ = true;
    runner_.rested_.set();
    co_await runner_.never_.wait();
  }

  Task<void> forward() {
    while (entry_.step < steps_.size()) {
      co_await rest();
      const JobStep& step = steps_[entry_.step];
      step_text_ = step.text;
      percent_ = 0;
      tell();
      co_await pass(fmt::format("before {}", entry_.step));
      const auto error = co_await attempt(step.run);
      if (error && (error->code == Errc::kUnavailable || error->code == Errc::kTimeout) && !cancelled_) {
        const bool answers = co_await database_answers();
        if (!answers) {
          log(fmt::format("{}: waits for the database ({})", step.text, error->detail));
          co_await loop::sleep_for(runner_.loop_, 300ms);
          continue;
        }
      }
      if (error) {
        entry_.error = *error;
        entry_.phase = JobPhase::kBackward;
        ++entry_.step;  // this one may be half-done
        log(fmt::format("{}: {}", step.text, error->detail));
        co_await save();
        co_return;
      }
      co_await pass(fmt::format("after {}", entry_.step));
      ++entry_.step;
      const bool is_end = entry_.step == steps_.size();
      if (is_end) {
        entry_.phase = JobPhase::kDone;
        entry_.ended = utc_now();
      }
      co_await save(is_end ? CommitSync::kNow : step.sync);
      log(step.text + ": done");
    }
    if (entry_.phase == JobPhase::kForward) {  // a job without steps, or stopped right before its end
      entry_.phase = JobPhase::kDone;
      entry_.ended = utc_now();
      co_await save();
    }
  }

  Task<void> backward() {
    std::string left;
    while (entry_.step > 0) {
      co_await rest();
      const std::size_t index = entry_.step - 1;
      const JobStep& step = steps_[index];
      step_text_ = "undo " + step.text;
      percent_ = 0;
      tell();
      co_await pass(fmt::format("before undo {}", index));
      auto pause = 200ms;
      for (int tries = 1;; ++tries) {
        const auto error = co_await attempt(step.undo);
        if (!error) break;
        log(fmt::format("undo {}: {}", step.text, error->detail));
        const bool answers = co_await database_answers();
        if (answers && tries >= kUndoTries) {
          left += fmt::format("; could not undo \"{}\": {}", step.text, error->detail);
          break;
        }
        co_await loop::sleep_for(runner_.loop_, pause);
        pause = std::min(pause * 2, std::chrono::milliseconds(10'000));
      }
      co_await pass(fmt::format("after undo {}", index));
      entry_.step = index;
      if (entry_.step > 0) co_await save();
    }
    if (entry_.error) entry_.error->detail += left;
    entry_.phase = entry_.error && entry_.error->code == Errc::kCancelled && left.empty()
                       ? JobPhase::kCancelled
                       : JobPhase::kFailed;
    entry_.ended = utc_now();
    co_await save();
  }

  Task<void> serve() {
    if (entry_.phase == JobPhase::kWaiting) {
      entry_.phase = JobPhase::kForward;
      entry_.started = utc_now();
      co_await save(CommitSync::kInOrder);  // without it the job begins the same way
    }
    if (entry_.phase == JobPhase::kForward) co_await forward();
    if (entry_.phase == JobPhase::kBackward) co_await backward();
    step_text_.clear();
    log_event(entry_.phase == JobPhase::kDone ? LogLevel::kInfo : LogLevel::kWarning, "job ended",
              {{"job", entry_.id},
               {"title", entry_.title},
               {"state", name_of(entry_.phase)},
               {"error", entry_.error ? entry_.error->detail : ""}});
    tell();
    done_.set();
    runner_.rested_.set();
    runner_.finished(entry_.id);
  }

  JobRunner& runner_;
  JobEntry entry_;
  Steps steps_;
  std::string step_text_;
  std::uint64_t percent_ = 0;
  bool cancelled_ = false;
  bool is_at_rest_ = false;
  loop::Event done_;
  loop::TaskGroup logs_;
  std::unique_ptr<loop::Spawned<void>> step_;
  std::unique_ptr<loop::Spawned<void>> task_;
  friend class JobRunner;
};

JobRunner::JobRunner(loop::Loop& loop, db::Database& database)
    : loop_(loop), database_(database), journal_(loop, database), never_(loop), rested_(loop), reap_(loop) {}
JobRunner::~JobRunner() = default;

void JobRunner::drop_all() {
  reap_.cancel();
  running_.clear();
}

Task<void> JobRunner::hold(loop::Duration limit) {
  is_holding_ = true;
  const auto is_busy = [this] {
    return std::any_of(running_.begin(), running_.end(), [](const auto& entry) {
      const Run& run = *entry.second;
      return !run.is_at_rest_ && !is_final(run.entry_.phase);
    });
  };
  bool is_late = false;
  loop::Timer timer(loop_);
  timer.start(limit, [&] {
    is_late = true;
    rested_.set();
  });
  while (is_busy() && !is_late) {
    rested_.reset();
    co_await rested_.wait();
  }
}

void JobRunner::add_kind(api::JobKind kind, Maker maker) { makers_[kind] = std::move(maker); }

JobRunner::Run& JobRunner::add(JobEntry entry) {
  const auto maker = makers_.find(entry.kind);
  BERTH_CHECK(maker != makers_.end());
  auto steps = maker->second(entry);
  const std::string id = entry.id;
  auto run = std::make_unique<Run>(*this, std::move(entry), std::move(steps));
  Run& added = *run;
  running_[id] = std::move(run);
  return added;
}

Task<void> JobRunner::resume() {
  co_await journal_.prune(kKeep);
  auto entries = co_await journal_.unfinished();
  // All are there before the first goes on: it may wait for another.
  std::vector<Run*> runs;
  for (auto& entry : entries) {
    log_info("job taken up again", {{"job", entry.id}, {"title", entry.title}, {"step", entry.step}});
    runs.push_back(&add(std::move(entry)));
  }
  for (Run* run : runs) run->begin();
}

std::optional<api::Job> JobRunner::find_running(const std::string& target) const {
  for (const auto& [id, run] : running_)
    if (run->entry_.target == target && !is_final(run->entry_.phase)) return run->view();
  return std::nullopt;
}

Task<Result<api::Job>> JobRunner::start(NewJob job) {
  const auto busy = [&](std::string_view title) {
    return fail(Errc::kConflict, "{} is busy: \"{}\" is already running; wait for its end or cancel it",
                job.target, title);
  };
  if (const auto running = find_running(job.target)) co_return busy(running->title);
  if (const auto starting = starting_.find(job.target); starting != starting_.end())
    co_return busy(starting->second);
  starting_[job.target] = job.title;
  struct Release {
    std::map<std::string, std::string>& targets;
    const std::string& target;
    ~Release() { targets.erase(target); }
  } release{starting_, job.target};

  JobEntry entry;
  entry.kind = job.kind;
  entry.title = job.title;
  entry.target = job.target;
  entry.by = job.by;
  entry.data = std::move(job.data);
  entry.created = utc_now();
  entry.id = co_await journal_.add(entry);
  Run& run = add(std::move(entry));
  run.begin();
  co_return run.view();
}

Task<Result<api::Job>> JobRunner::wait(std::string id) {
  const auto found = running_.find(id);
  if (found != running_.end()) co_await found->second->done().wait();
  co_return co_await find(id);
}

Task<Result<api::Job>> JobRunner::find(std::string id) {
  const auto found = running_.find(id);
  if (found != running_.end()) co_return found->second->view();
  const auto entry = co_await journal_.find(id);
  if (!entry) co_return fail(Errc::kNotFound, "there is no job {}", id);
  co_return to_api(*entry, "", 0);
}

Result<void> JobRunner::cancel(const std::string& id) {
  const auto found = running_.find(id);
  if (found == running_.end() || is_final(found->second->entry_.phase))
    return fail(Errc::kConflict, "job {} does not run", id);
  return found->second->cancel();
}

Task<std::vector<api::Job>> JobRunner::recent(std::size_t limit) {
  const auto entries = co_await journal_.recent(std::min<std::size_t>(limit, kKeep));
  std::vector<api::Job> jobs;
  for (const auto& entry : entries) {
    const auto running = running_.find(entry.id);
    jobs.push_back(running != running_.end() ? running->second->view() : to_api(entry, "", 0));
  }
  co_return jobs;
}

void JobRunner::finished(const std::string& id) {
  // The run is still on the stack, and those who wait() for it are resumed before it goes.
  ended_.push_back(id);
  reap_.schedule([this] {
    for (const auto& gone : std::exchange(ended_, {})) running_.erase(gone);
  });
}

}  // namespace berth::manager
