// Tests of jobs on one instance team@example.com with a value in it.
#pragma once

#include <string>
#include <vector>

#include "base/file.h"
#include "manager/testing/rig_fixture.h"
#include "manager/usage/limit_ranges.h"

namespace berth::manager {

class JobsTest : public RigTest {
 protected:
  JobsTest() { start(); }
  InstanceJobs::Created create(const std::string& name = "team") {
    return begin_to_create(name, "example.com").value();
  }
  void created(const std::string& name = "team") { make_instance(name, "example.com"); }
  // A table with one value in the instance's database, as the app would have it.
  void put_value(const std::string& value) {
    const auto database = open();
    // Repeatable: on a full disk PostgreSQL may end in a panic and come back.
    run(database->query_repeatable("CREATE TABLE IF NOT EXISTS thing (value text)"));
    run(database->query_repeatable("WITH gone AS (DELETE FROM thing) INSERT INTO thing VALUES ($1)", value));
  }
  std::string value() {
    return run(open()->query_repeatable("SELECT value FROM thing")).front().get<std::string>(0);
  }
  std::string backup(const std::string& name = "backup.dump") {
    const std::string path = world_->folder + "/" + name;
    FileSink sink(loop_, path);
    run(rig_->instance_jobs.backup("team", "example.com", sink));
    run(sink.finish());
    return path;
  }
  std::string upload(const std::string& path) {
    const std::string target = rig_->instance_jobs.upload_path();
    BERTH_CHECK(write_file_durably(target, read_file(path).value(), 0600).has_value());
    return target;
  }
  void set_limits(api::Limits limits) { run(rig_->instances.set_limits("team", "example.com", limits, "")); }
  std::string limits() { return format_limits(rig_->instances.get("team", "example.com")->limits); }
  const std::vector<KeptData>& kept() { return rig_->instances.find("team", "example.com")->kept; }
  void restored(const std::string& file) {
    done(run(rig_->instance_jobs.restore(upload(file), "", "", "test")));
  }
  api::Job undone(const std::string& id = "") {
    return rig_->finish(run(rig_->instance_jobs.undo("team", "example.com", id, "test")));
  }
};

}  // namespace berth::manager
