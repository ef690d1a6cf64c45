// Runs jobs step by step, each step journalled before the next begins.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "loop/sync.h"
#include "manager/jobs/journal.h"

namespace berth::manager {

// What a step sees of its job. Lives as long as the job runs.
class JobRun {
 public:
  virtual const JobEntry& entry() const = 0;
  // Written to the journal with the end of the step. A step may change it at any time.
  virtual api::JsonObject& data() = 0;
  virtual api::JsonObject& result() = 0;
  // Writes data now, in the middle of a step (before an act that must be known afterwards). kInOrder is enough before an
  // act in the platform's own PostgreSQL.
  virtual Task<void> save(CommitSync sync = CommitSync::kNow) = 0;
  // Of this step, 0 to 100.
  virtual void progress(std::uint64_t percent) = 0;
  virtual void log(std::string text) = 0;

  std::string text(std::string_view name) const {
    const auto* value = entry().data.if_contains(boost::json::string_view(name.data(), name.size()));
    return value && value->is_string() ? std::string(value->get_string()) : std::string();
  }
  bool flag(std::string_view name) const {
    const auto* value = entry().data.if_contains(boost::json::string_view(name.data(), name.size()));
    return value && value->is_bool() && value->get_bool();
  }

 protected:
  ~JobRun() = default;
};

// One step. Both halves must be idempotent: after a crash a half-done step runs again, and an undo meets steps that were
// half-done or never began. An empty undo has nothing to take back.
struct JobStep {
  std::string text;  // "download", for people
  std::function<Task<void>(JobRun&)> run;
  std::function<Task<void>(JobRun&)> undo;
  bool can_cancel = true;  // false: the point of no return is in or behind this step
  // How its end is written down. kInOrder if what the next step does outside the platform's own PostgreSQL may be done
  // before this one runs again.
  CommitSync sync = CommitSync::kNow;
};

struct NewJob {
  api::JobKind kind;
  std::string title, target, by;
  api::JsonObject data;
};

// Owned by the manager's main; destroying it stops all jobs where they are, and resume() of the next one
// goes on. A step that fails because PostgreSQL is away waits for it and runs again; any other failure (and a
// cancel) undoes the steps in reverse. An undo that fails is tried again with growing pauses, up to
// `kUndoTries` times; then the job ends as failed and says what is left.
class JobRunner {
 public:
  using Steps = std::vector<JobStep>;
  using Maker = std::function<Steps(const JobEntry&)>;
  static constexpr int kUndoTries = 8;
  static constexpr std::size_t kKeep = 1000;

  JobRunner(loop::Loop& loop, db::Database& database);
  ~JobRunner();

  // The steps of a kind; they must be the same for the same entry after a restart.
  void add_kind(api::JobKind kind, Maker maker);
  // Called when a job changed.
  std::function<void(const api::Job&)> changed;
  // For tests: awaited at "before N", "after N", "before undo N", "after undo N"; hanging there is a crash.
  std::function<Task<void>(const JobEntry&, std::string)> at_point;

  // Stops all jobs where they are, as destroying it does: for parts that their steps use and that go before it.
  void drop_all();
  // No step begins any more; done when none runs, at most after `limit`. Jobs that are asked for are written down and wait for
  // the next manager. There is no way back.
  Task<void> hold(loop::Duration limit);
  // Takes up the jobs that an earlier manager left.
  Task<void> resume();
  // Writes the job down and starts it. kConflict if one runs for the same target.
  Task<Result<api::Job>> start(NewJob job);
  // Waits for its end and gives it. kNotFound.
  Task<Result<api::Job>> wait(std::string id);
  // kNotFound, kConflict (ended, or past the point of no return). The undo goes on afterwards.
  Result<void> cancel(const std::string& id);
  // Running ones and those of the past, newest first.
  Task<std::vector<api::Job>> recent(std::size_t limit);
  Task<Result<api::Job>> find(std::string id);
  Journal& journal() { return journal_; }
  // The unfinished job on `target`.
  std::optional<api::Job> find_running(const std::string& target) const;
  std::size_t running() const { return running_.size(); }

 private:
  class Run;
  Run& add(JobEntry entry);
  void finished(const std::string& id);

  loop::Loop& loop_;
  db::Database& database_;
  Journal journal_;
  bool is_holding_ = false;
  loop::Event never_;   // what jobs wait for while we hold
  loop::Event rested_;  // one has come to rest, or to its end
  std::map<api::JobKind, Maker> makers_;
  std::map<std::string, std::unique_ptr<Run>> running_;
  std::map<std::string, std::string> starting_;  // targets being written down
  loop::Deferred reap_;
  std::vector<std::string> ended_;
};

// A journal entry as the messages show it.
api::Job to_api(const JobEntry& entry, std::string_view step_text, std::uint64_t step_percent);

}  // namespace berth::manager
