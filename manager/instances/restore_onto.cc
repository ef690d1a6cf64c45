// Restores onto a server that is not ours (S87), and their undo: what is there is kept here first.
#include <unistd.h>

#include "base/log.h"
#include "manager/instances/instance_jobs.h"
#include "manager/instances/start_stop_steps.h"
#include "wire/json/json.h"

namespace berth::manager {
namespace {

constexpr int kDaysOfTheOnlyCopy = 30;

std::function<void(std::uint64_t, std::uint64_t)> progress_of(JobRun& run) {
  return [&run](std::uint64_t bytes, std::uint64_t of) { run.progress(of ? bytes * 100 / of : 0); };
}

int days_of(const JobRun& run) { return static_cast<int>(json::get_integer(run.entry().data, "days")); }

}  // namespace

JobStep InstanceJobs::save_aside_step() {
  JobStep save;
  save.text = "keep what is there";
  save.run = [this](JobRun& run) -> Task<void> {
    const auto row = row_of(run);
    co_await instances_.halt(row.name, row.domain);  // a new manager has started it again
    // Its instance is stopped and no longer holds it: nobody else may begin with it now.
    if (instances_.claim) co_await instances_.claim(*row.external);
    if (run.flag("replacing"))
      co_return;  // an earlier manager came further: what is there is not the old any more
    InstanceDatabaseNames names{row.database, row.database_user};
    auto place = or_throw(connection_of(*row.external));
    co_await restorer_.save_aside(std::move(place), std::move(names), row.database_password, run.entry().id,
                                  progress_of(run));
  };
  save.undo = [this](JobRun& run) -> Task<void> {
    // If what was there could not be put back these are the only ones: put_onto_step() says so, and keeps them.
    if (run.flag("replacing")) co_return;
    const auto row = row_of(run);
    co_await instances_.databases().drop_database(Restorer::old_name(row.database, run.entry().id));
  };
  return save;
}

JobStep InstanceJobs::put_onto_step(std::function<std::string(JobRun&)> source) {
  JobStep put;
  put.text = "replace";
  put.can_cancel = false;
  put.run = [this, source](JobRun& run) -> Task<void> {
    const auto row = row_of(run);
    co_await instances_.halt(row.name, row.domain);
    if (instances_.claim) co_await instances_.claim(*row.external);
    if (!run.flag("replacing")) {
      run.data()["replacing"] = true;  // from here on the undo has to put the old back
      co_await run.save();
    }
    auto place = or_throw(connection_of(*row.external));
    co_await restorer_.put_onto(std::move(place), source(run), progress_of(run));
    co_await take_limits(run);
  };
  put.undo = [this](JobRun& run) -> Task<void> {
    if (!run.flag("replacing")) co_return;
    const auto row = row_of(run);
    const std::string old = Restorer::old_name(row.database, run.entry().id);
    std::optional<Error> error;
    try {
      auto place = or_throw(connection_of(*row.external));
      co_await restorer_.put_onto(std::move(place), old);
    } catch (const Failure& failure) {
      error = failure.error();
    }
    if (!error) {
      co_await give_back_limits(run);
      run.data()["replacing"] = false;
      co_await run.save();
      co_return;
    }
    // The server may be away for long. Nothing is lost: what it held is kept with the instance.
    co_await instances_.repository().keep_data(run.entry().id, row.name, row.domain, old,
                                               std::max(days_of(run), kDaysOfTheOnlyCopy));
    co_await instances_.reload(row.name, row.domain);
    throw Failure(std::move(*error).within(
        fmt::format("what {} held could not be put back yet, it is kept here: berth instance undo {}",
                    row.external->describe(), row.key())));
  };
  return put;
}

JobRunner::Steps InstanceJobs::restore_onto_steps() {
  JobStep clean;
  clean.text = "clean up";
  clean.can_cancel = false;
  clean.run = [this](JobRun& run) -> Task<void> {
    const auto row = row_of(run);
    const std::string old = Restorer::old_name(row.database, run.entry().id);
    InstanceDatabaseNames names{row.database, row.database_user};
    const bool keeps = days_of(run) > 0;
    if (keeps)
      co_await instances_.repository().keep_data(run.entry().id, row.name, row.domain, old, days_of(run));
    co_await restorer_.forget(std::move(names), run.entry().id, keeps);
    co_await instances_.databases().keep_apps_out(row.database);  // which forget() lets in
    co_await instances_.reload(row.name, row.domain);
    ::unlink(run.text("file").c_str());
    run.result()["name"] = row.name;
    run.result()["domain"] = row.domain;
    run.result()["path"] = row.path;
  };
  JobRunner::Steps steps;
  steps.push_back(check_step());
  steps.push_back(load_step());
  steps.push_back(stop_step(instances_));
  steps.push_back(save_aside_step());
  steps.push_back(
      put_onto_step([](JobRun& run) { return Restorer::beside_name(run.text("database"), run.entry().id); }));
  steps.push_back(start_step(instances_));
  steps.push_back(std::move(clean));
  return steps;
}

JobRunner::Steps InstanceJobs::turn_back_onto_steps() {
  JobStep enter;
  enter.text = "keep what was replaced";
  enter.can_cancel = false;
  enter.run = [this](JobRun& run) -> Task<void> {
    const auto row = row_of(run);
    const std::string old = Restorer::old_name(row.database, run.entry().id);
    if (days_of(run) == 0) {
      co_await instances_.databases().drop_database(old);
      co_await instances_.repository().forget_kept(run.text("kept"));
    } else {
      co_await instances_.repository().turn_kept(run.text("kept"), old, days_of(run));
    }
    co_await instances_.databases().drop_database(run.text("keptDatabase"));
    co_await instances_.reload(row.name, row.domain);
  };
  JobRunner::Steps steps;
  steps.push_back(stop_step(instances_));
  steps.push_back(save_aside_step());
  steps.push_back(put_onto_step([](JobRun& run) { return run.text("keptDatabase"); }));
  steps.push_back(start_step(instances_));
  steps.push_back(std::move(enter));
  return steps;
}

}  // namespace berth::manager
