// Tests of the time machine: it is on, and instances hold a few values.
#pragma once

#include <dirent.h>

#include <chrono>
#include <memory>
#include <string>

#include "base/file.h"
#include "manager/testing/rig_fixture.h"

namespace berth::manager {

class TimeMachineTest : public RigTest {
 protected:
  using sys_seconds = std::chrono::sys_seconds;

  TimeMachineTest() {
    start();
    run(rig_->settings.set("timeMachine", "on"));
    run(rig_->time_machine.apply());
    install();
  }
  void create(const std::string& name = "team") { make_instance(name, "example.com"); }
  void base() { done(run(rig_->time_machine_jobs.make_base("test"))); }
  void put(const std::string& value, const std::string& name = "team") {
    const auto database = open(name);
    run(database->run_script("CREATE TABLE IF NOT EXISTS thing (value text)"));
    run(database->query("INSERT INTO thing VALUES ($1)", value));
  }
  std::string values(const std::string& name = "team") {
    return run(open(name)->query_repeatable("SELECT string_agg(value, ' ' ORDER BY value) FROM thing"))
        .front()
        .get<std::string>(0);
  }
  // A moment between what was before and what comes after: they are of whole seconds.
  sys_seconds moment() {
    db::Database& clock = rig_->admin_database;
    const auto second = [&] {
      return run(clock.query("SELECT floor(extract(epoch FROM clock_timestamp()))::bigint"))
          .front()
          .get<std::int64_t>(0);
    };
    const auto before = second();
    auto after = before;
    while (after <= before + 1) after = second();
    return sys_seconds(std::chrono::seconds(before + 1));
  }
  RewindRequest to(sys_seconds at, const std::string& name = "team") {
    return {.name = name, .domain = "example.com", .moment = at};
  }
  Result<api::Job> rewind(RewindRequest request) {
    return run(rig_->time_machine_jobs.rewind(std::move(request), "test"));
  }
  void expect_nothing_left() {
    EXPECT_EQ(databases_like("%restore%"), 0u);
    const std::string scratch = rig_->time_machine.scratch_folder();
    std::size_t left = 0;
    const std::unique_ptr<DIR, int (*)(DIR*)> folder(::opendir(scratch.c_str()), ::closedir);
    while (const dirent* entry = folder ? ::readdir(folder.get()) : nullptr)
      if (entry->d_name[0] != '.') ++left;
    EXPECT_EQ(left, 0u);
    EXPECT_FALSE(path_exists(world_->layout.run() + "/pitr/.s.PGSQL.5433"));
  }
};

}  // namespace berth::manager
