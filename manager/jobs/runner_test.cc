#include "manager/jobs/runner.h"

#include <gtest/gtest.h>

#include "db/migrate.h"
#include "db/testing/temporary_cluster.h"
#include "manager/platform/schema.h"

namespace berth::manager {
namespace {

using namespace std::chrono_literals;

// A world that jobs change: three flags that a job of three steps sets, and takes back in its undo.
struct World {
  std::vector<std::string> log;
  bool a = false, b = false, c = false;
  int failing = -1;  // this step fails
  int runs = 0;
};

class JobRunnerTest : public testing::Test {
 protected:
  JobRunnerTest() {
    set_log_sink([](LogLevel, std::string_view) {});
    db::DatabaseOptions options;
    options.connection = db::TemporaryCluster::shared().make_database();
    options.max_connections = 2;
    database_ = std::make_unique<db::Database>(loop_, options);
    loop::run_task(loop_, db::migrate(*database_, manager_migrations()));
  }
  ~JobRunnerTest() override { set_log_sink(nullptr); }

  std::unique_ptr<JobRunner> make_runner() {
    auto runner = std::make_unique<JobRunner>(loop_, *database_);
    runner->add_kind(api::JobKind::kInstall, [this](const JobEntry&) {
      JobRunner::Steps steps;
      bool* flags[] = {&world_.a, &world_.b, &world_.c};
      for (int i = 0; i < 3; ++i) {
        JobStep step;
        step.text = std::string(1, static_cast<char>('a' + i));
        step.can_cancel = i < 2;
        step.run = [this, i, flag = flags[i]](JobRun& run) -> Task<void> {
          ++world_.runs;
          co_await loop::sleep_for(loop_, 1ms);
          *flag = true;  // half-done even if it fails now
          if (world_.failing == i) throw_failure(Errc::kFailed, "step {} does not work", i);
          run.data()[run.entry().steps ? "done" : ""] = i;
        };
        step.undo = [this, flag = flags[i]](JobRun&) -> Task<void> {
          co_await loop::sleep_for(loop_, 1ms);
          *flag = false;
        };
        steps.push_back(std::move(step));
      }
      return steps;
    });
    return runner;
  }
  NewJob job(std::string target = "notes") {
    return {api::JobKind::kInstall, "Install Notes", std::move(target), "test", {}};
  }

  loop::Loop loop_;
  World world_;
  std::unique_ptr<db::Database> database_;
};

TEST_F(JobRunnerTest, RunsItsStepsInOrderAndTellsTheEnd) {
  auto runner = make_runner();
  std::vector<std::string> told;
  runner->changed = [&](const api::Job& job) {
    told.push_back(fmt::format("{} {}/{} {}", api::word_of(job.state), job.step, job.steps, job.step_text));
  };
  const auto started = loop::run_task(loop_, runner->start(job())).value();
  const auto ended = loop::run_task(loop_, runner->wait(started.id)).value();
  EXPECT_EQ(ended.state, api::JobState::kDone);
  EXPECT_EQ(ended.percent, 100u);
  EXPECT_TRUE(world_.a && world_.b && world_.c);
  EXPECT_EQ(told, (std::vector<std::string>{"running 1/3 a", "running 2/3 b", "running 3/3 c", "done 3/3 "}));
}

TEST_F(JobRunnerTest, AFailureUndoesAlsoTheHalfDoneStep) {
  world_.failing = 1;
  auto runner = make_runner();
  const auto started = loop::run_task(loop_, runner->start(job())).value();
  const auto ended = loop::run_task(loop_, runner->wait(started.id)).value();
  EXPECT_EQ(ended.state, api::JobState::kFailed);
  EXPECT_EQ(ended.error, "step 1 does not work");
  EXPECT_FALSE(world_.a || world_.b || world_.c);
}

TEST_F(JobRunnerTest, OneJobForATargetAtATime) {
  auto runner = make_runner();
  const auto first = loop::run_task(loop_, runner->start(job()));
  ASSERT_TRUE(first);
  const auto second = loop::run_task(loop_, runner->start(job()));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Errc::kConflict);
  EXPECT_NE(second.error().detail.find("Install Notes"), std::string::npos);
  const auto other = loop::run_task(loop_, runner->start(job("echo")));
  EXPECT_TRUE(other);
  loop::run_task(loop_, runner->wait(first->id));
  loop::run_task(loop_, runner->wait(other->id));
  EXPECT_TRUE(loop::run_task(loop_, runner->start(job())));
}

TEST_F(JobRunnerTest, CancelUndoesUpToThePointOfNoReturn) {
  auto runner = make_runner();
  loop::Event reached(loop_), never(loop_);
  std::string stop_at = "before 1";
  runner->at_point = [&](const JobEntry&, std::string point) -> Task<void> {
    if (point != stop_at) co_return;
    reached.set();
    co_await loop::sleep_for(loop_, 20ms);
  };
  const auto started = loop::run_task(loop_, runner->start(job())).value();
  ASSERT_TRUE(loop_.run_until([&] { return reached.is_set(); }));
  EXPECT_TRUE(runner->cancel(started.id));
  const auto ended = loop::run_task(loop_, runner->wait(started.id)).value();
  EXPECT_EQ(ended.state, api::JobState::kCancelled);
  EXPECT_FALSE(world_.a || world_.b || world_.c);

  reached.reset();
  stop_at = "before 2";  // step 2 cannot be cancelled
  const auto late = loop::run_task(loop_, runner->start(job())).value();
  ASSERT_TRUE(loop_.run_until([&] { return reached.is_set(); }));
  EXPECT_EQ(runner->cancel(late.id).error().code, Errc::kConflict);
  EXPECT_EQ(loop::run_task(loop_, runner->wait(late.id))->state, api::JobState::kDone);
}

TEST_F(JobRunnerTest, HoldsBetweenTwoStepsAndTheNextOneGoesOnThere) {
  auto runner = make_runner();
  loop::Event reached(loop_), may_go_on(loop_);
  runner->at_point = [&](const JobEntry&, std::string point) -> Task<void> {
    if (point != "before 1") co_return;
    reached.set();
    co_await may_go_on.wait();
  };
  const auto started = loop::run_task(loop_, runner->start(job())).value();
  ASSERT_TRUE(loop_.run_until([&] { return reached.is_set(); }));
  std::string late_id;
  {
    loop::Spawned<void> holding(loop_, runner->hold(1h));
    // One that is asked for meanwhile waits for the next manager.
    const auto late = loop::run_task(loop_, runner->start(job("late"))).value();
    EXPECT_FALSE(holding.is_done()) << "a step is under way";
    may_go_on.set();
    ASSERT_TRUE(loop_.run_until([&] { return holding.is_done(); }));
    EXPECT_TRUE(world_.a && world_.b);
    EXPECT_FALSE(world_.c);
    EXPECT_EQ(world_.runs, 2);
    late_id = late.id;
  }
  runner = make_runner();
  loop::run_task(loop_, runner->resume());
  EXPECT_EQ(loop::run_task(loop_, runner->wait(started.id))->state, api::JobState::kDone);
  EXPECT_EQ(loop::run_task(loop_, runner->wait(late_id))->state, api::JobState::kDone);
  EXPECT_EQ(world_.runs, 2 + 1 + 3) << "each step once";
}

TEST_F(JobRunnerTest, HoldsNoLongerThanItsLimit) {
  auto runner = make_runner();
  loop::Event reached(loop_), never(loop_);
  runner->at_point = [&](const JobEntry&, std::string point) -> Task<void> {
    if (point != "before 1") co_return;
    reached.set();
    co_await never.wait();
  };
  const auto started = loop::run_task(loop_, runner->start(job())).value();
  ASSERT_TRUE(loop_.run_until([&] { return reached.is_set(); }));
  loop::run_task(loop_, runner->hold(5ms));
  EXPECT_FALSE(world_.b);
  runner = make_runner();
  loop::run_task(loop_, runner->resume());
  EXPECT_EQ(loop::run_task(loop_, runner->wait(started.id))->state, api::JobState::kDone);
}

// Dies at every point of a job that succeeds and of one that fails; the next runner must bring it to the end.
TEST_F(JobRunnerTest, AfterDeathAtAnyPointTheNextOneEndsItInTheOldOrTheNewState) {
  for (const int failing : {-1, 2}) {
    for (const char* point :
         {"before 0", "after 0", "before 1", "after 1", "before 2", "after 2", "before undo 2",
          "after undo 2", "before undo 1", "after undo 1", "before undo 0", "after undo 0"}) {
      SCOPED_TRACE(fmt::format("failing {} dies {}", failing, point));
      world_ = World{};
      world_.failing = failing;
      loop::Event dead(loop_), never(loop_);
      std::string id;
      {
        auto runner = make_runner();
        runner->at_point = [&](const JobEntry&, std::string at) -> Task<void> {
          if (at != point) co_return;
          dead.set();
          co_await never.wait();
        };
        const auto started = loop::run_task(loop_, runner->start(job())).value();
        id = started.id;
        bool ended = false;
        ASSERT_TRUE(loop_.run_until([&] {
          ended = runner->running() == 0;
          return dead.is_set() || ended;
        }));
        if (ended) continue;  // this point is not on its way
      }
      auto next = make_runner();
      loop::run_task(loop_, next->resume());
      const auto ended = loop::run_task(loop_, next->wait(id)).value();
      const bool all = world_.a && world_.b && world_.c, none = !world_.a && !world_.b && !world_.c;
      if (failing < 0) {
        EXPECT_EQ(ended.state, api::JobState::kDone);
        EXPECT_TRUE(all);
      } else {
        EXPECT_EQ(ended.state, api::JobState::kFailed);
        EXPECT_EQ(ended.error, "step 2 does not work");
        EXPECT_TRUE(none);
      }
    }
  }
}

TEST_F(JobRunnerTest, AJobThatWaitsForAnotherDoesSoThoughBothAreTakenUpAgain) {
  const auto add_waiting = [&](JobRunner& runner) {
    runner.add_kind(api::JobKind::kUpdate, [&runner](const JobEntry&) {
      JobStep step;
      step.text = "wait";
      step.run = [&runner](JobRun& run) -> Task<void> {
        const auto other = co_await runner.wait(run.text("other"));
        run.result()["other"] = std::string(api::word_of(other.value().state));
      };
      return JobRunner::Steps{step};
    });
  };
  std::string waiting;
  {
    loop::Event never(loop_);
    auto runner = make_runner();
    add_waiting(*runner);
    runner->at_point = [&](const JobEntry&, std::string) -> Task<void> { co_await never.wait(); };
    // The one that waits has the lower number, so that it is taken up first.
    const auto first = loop::run_task(loop_, runner->start({api::JobKind::kUpdate, "Wait", "a", "test", {}}));
    waiting = first->id;
    const auto second = loop::run_task(loop_, runner->start(job()));
    loop::run_task(
        loop_,
        database_->query("UPDATE job SET data = jsonb_build_object('other', $1::text) WHERE id = $2::bigint",
                         second->id, waiting));
  }
  auto runner = make_runner();
  add_waiting(*runner);
  loop::run_task(loop_, runner->resume());
  const auto ended = loop::run_task(loop_, runner->wait(waiting)).value();
  EXPECT_EQ(ended.state, api::JobState::kDone);
  EXPECT_EQ(ended.result->at("other").as_string(), "done");
}

TEST_F(JobRunnerTest, FinishedJobsAreReadFromTheJournalWithTheirLog) {
  std::string id;
  {
    auto runner = make_runner();
    id = loop::run_task(loop_, runner->start(job()))->id;
    loop::run_task(loop_, runner->wait(id));
    loop_.run_until([&] { return runner->running() == 0; });
  }
  auto runner = make_runner();
  const auto found = loop::run_task(loop_, runner->find(id)).value();
  EXPECT_EQ(found.title, "Install Notes");
  EXPECT_EQ(found.by, "test");
  EXPECT_TRUE(found.started_at && found.ended_at);
  EXPECT_EQ(loop::run_task(loop_, runner->find("99999")).error().code, Errc::kNotFound);
  EXPECT_EQ(loop::run_task(loop_, runner->find("x")).error().code, Errc::kNotFound);
  const auto recent = loop::run_task(loop_, runner->recent(10));
  ASSERT_EQ(recent.size(), 1u);
  EXPECT_EQ(recent[0].id, id);
}

}  // namespace
}  // namespace berth::manager
