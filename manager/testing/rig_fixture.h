// What tests of jobs share: a rig on a world of its own, instances in it, and the death of the manager.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/log.h"
#include "manager/testing/rig.h"

namespace berth::manager {

class RigTest : public testing::Test {
 protected:
  // What goes when the lights go out. kPower: PostgreSQL as well, and it recovers.
  enum class Death : std::uint8_t { kManager, kPower };

  // `loop`: that of another's; absent: one of its own.
  explicit RigTest(loop::Loop* loop = nullptr)
      : own_loop_(loop ? nullptr : std::make_unique<loop::Loop>()), loop_(loop ? *loop : *own_loop_) {
    ::signal(SIGPIPE, SIG_IGN);
    set_log_sink([](LogLevel, std::string_view) {});
    world_ = std::make_unique<RigWorld>(loop_);
    world_->publish("notes", "1a");
  }
  ~RigTest() override {
    end();
    world_.reset();
    set_log_sink(nullptr);
  }
  // The end of manager and services.
  void end() {
    if (rig_) rig_->stop_services();
    rig_.reset();
  }
  // A manager's start, after the end of the one before.
  void start() {
    rig_.reset();
    rig_ = std::make_unique<Rig>(*world_);
    prepare(*rig_);
    rig_->start();
  }
  virtual void prepare(Rig& rig) {}

  template <class T>
  T run(Task<T> task) {
    return loop::run_task(loop_, std::move(task));
  }
  template <class T>
  Error failure(Task<T> task) {
    try {
      (void)run(std::move(task));
    } catch (const Failure& failure) {
      return failure.error();
    }
    return Error{Errc::kCancelled, "it went well"};
  }
  api::Job done(Result<api::Job> started) {
    const auto job = rig_->finish(std::move(started));
    EXPECT_EQ(job.state, api::JobState::kDone) << job.title << ": " << job.error.value_or("");
    return job;
  }
  void install(const std::string& service = "notes") {
    done(run(rig_->service_jobs.install(service, "", "test")));
  }
  Result<InstanceJobs::Created> begin_to_create(const std::string& name, const std::string& domain) {
    NewInstance wanted;
    wanted.service = "notes";
    wanted.name = name;
    wanted.domain = domain;
    return run(rig_->instance_jobs.create(std::move(wanted), "test"));
  }
  void make_instance(const std::string& name, const std::string& domain) {
    const auto made = begin_to_create(name, domain);
    ASSERT_TRUE(made) << made.error().detail;
    done(made->job);
  }
  bool is_running(const std::string& name = "team", const std::string& domain = "example.com") {
    const auto* row = rig_->instances.find(name, domain);
    return row && rig_->instances.view(*row).state == api::InstanceState::kRunning;
  }
  bool comes_to_run(const std::string& name = "team", const std::string& domain = "example.com") {
    return loop_.run_until([&] { return is_running(name, domain); });
  }
  // As the app has it open.
  std::unique_ptr<db::Database> open(const std::string& name = "team",
                                     const std::string& domain = "example.com") {
    const auto row = rig_->instances.get(name, domain).value();
    return std::make_unique<db::Database>(
        loop_, world_->cluster.options(row.database, row.database_user, row.database_password));
  }
  std::size_t databases_like(const std::string& pattern) {
    return run(rig_->admin_database.query_repeatable("SELECT datname FROM pg_database WHERE datname LIKE $1",
                                                     pattern))
        .size();
  }

  // All points of a job of `steps` steps: at "before" the manager dies, at "after" the power goes.
  struct Point {
    std::string name;
    Death death;
  };
  static std::vector<Point> points_of(int steps, const std::string& undo = "") {
    std::vector<Point> points;
    for (int step = 0; step < steps; ++step) {
      points.push_back({fmt::format("before {}{}", undo, step), Death::kManager});
      points.push_back({fmt::format("after {}{}", undo, step), Death::kPower});
    }
    return points;
  }
  // Lets the manager die at `point` of the job that `begin` starts (of no job that this one starts), and a new one go on.
  // False if the job does not come by that point. `ended`: how it ended at last.
  bool die_at(const std::string& point, const std::function<Result<api::Job>()>& begin, api::Job& ended,
              Death death = Death::kManager) {
    loop::Event dead(loop_), never(loop_);
    std::string first;
    rig_->jobs.at_point = [&](const JobEntry& entry, std::string at) -> Task<void> {
      if (first.empty()) first = entry.id;
      if (at != point || entry.id != first) co_return;
      dead.set();
      co_await never.wait();
    };
    const auto job = begin();
    EXPECT_TRUE(job) << job.error().detail;
    if (!job) return false;
    EXPECT_TRUE(loop_.run_until([&] { return dead.is_set() || rig_->jobs.running() == 0; }, kLongest));
    const bool died = dead.is_set();
    come_back(job->id, ended, death);
    return died;
  }
  // The same in the middle of steps: after `turns` turns of the manager's loop. False if the job has ended before.
  bool die_after(int turns, const std::function<Result<api::Job>()>& begin, api::Job& ended,
                 Death death = Death::kManager) {
    const auto job = begin();
    EXPECT_TRUE(job) << job.error().detail;
    if (!job) return false;
    EXPECT_TRUE(loop_.run_until([&] { return turns-- <= 0 || rig_->jobs.running() == 0; }, kLongest));
    const bool died = rig_->jobs.running() > 0;
    come_back(job->id, ended, death);
    return died;
  }

  static constexpr std::chrono::seconds kLongest{120};
  const std::unique_ptr<loop::Loop> own_loop_;
  loop::Loop& loop_;
  std::unique_ptr<RigWorld> world_;
  std::unique_ptr<Rig> rig_;

 private:
  void come_back(const std::string& job, api::Job& ended, Death death) {
    rig_.reset();
    if (death == Death::kPower) {
      world_->cluster.kill_now();
      world_->cluster.start();
    }
    start();
    ended = run(rig_->jobs.wait(job)).value();
  }
};

}  // namespace berth::manager
