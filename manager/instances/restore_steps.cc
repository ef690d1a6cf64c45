// Bringing data of an instance back from a backup file: beside, checked, swapped in.
#include <fmt/ranges.h>
#include <unistd.h>

#include "api/json.h"
#include "base/bytes.h"
#include "base/file.h"
#include "manager/instances/instance_jobs.h"
#include "manager/instances/names.h"
#include "manager/instances/start_stop_steps.h"
#include "manager/jobs/upload_guard.h"
#include "manager/platform/boot_id.h"
#include "manager/store/index.h"
#include "manager/usage/limit_ranges.h"
#include "wire/json/json.h"

namespace berth::manager {

Task<BackupKeys> InstanceJobs::keys() {
  BackupKeys keys;
  keys.passphrase = co_await settings_.secret("backupPassphrase");
  co_return keys;
}

std::string InstanceJobs::upload_path() const { return layout_.backup() + "/upload-" + random_hex(8); }

Result<void> InstanceJobs::may_replace(const InstanceRow& row, bool onto_external) {
  if (!row.external) return {};
  const auto place = row.external->describe();
  if (row.external->type != DatabaseType::kPostgresql)
    return fail(Errc::kUnsupported, "the data of {} are in {}: a backup of PostgreSQL does not go there",
                row.key(), place);
  if (onto_external) return {};
  return fail(
      Errc::kUnsupported,
      "the data of {} are in {}: on a server that is not its own the platform replaces nothing unless "
      "it is told to (--onto-external). By hand: empty that database, then pg_restore --no-owner "
      "--dbname=… FILE; or restore as another instance (--as), or go back to the own database first "
      "(berth instance use-database --local)",
      row.key(), place);
}

Task<Result<api::Job>> InstanceJobs::restore(std::string file, std::string name, std::string domain,
                                             std::string by, bool onto_external, std::string vouched_in) {
  UploadGuard guard{file};
  BackupKeys keys = co_await this->keys();
  auto about = co_await reader_.inspect(file, std::move(keys));
  if (about.about && about.about->missing_key) co_return fail(Errc::kDenied, "{}", *about.about->missing_key);
  if (name.empty()) {
    if (!about.about)
      co_return fail(Errc::kMalformed,
                     "the file does not say whose data it holds (it was not made by a platform): name the "
                     "instance to restore into");
    name = about.about->metadata.name;
    domain = about.about->metadata.domain;
  }
  const InstanceRow* present = instances_.find(name, domain);
  if (present && present->is_deleted())
    co_return fail(Errc::kConflict,
                   "{} is in the bin: bring it back and restore into it, or delete it for good",
                   present->key());
  if (!present && !about.about)
    co_return fail(Errc::kNotFound, "there is no instance {} to restore into", instance_key(name, domain));
  if (present)
    if (const auto may = may_replace(*present, onto_external); !may) co_return tl::unexpected(may.error());
  NewJob job;
  const std::string service = present ? present->service : about.about->metadata.service;
  const Service* installed = instances_.services().find(service);
  if (!installed)
    co_return fail(Errc::kConflict, "the backup is of service {}, which is not installed: install it first",
                   service);
  if (about.about) {
    const auto& metadata = about.about->metadata;
    if (metadata.service != service)
      co_return fail(Errc::kConflict, "the backup is of service {}, but {} belongs to {}", metadata.service,
                     instance_key(name, domain), service);
    const std::string made = fmt::format("{:x}", metadata.build);
    if (is_newer_build(made, installed->row().build))
      co_return fail(Errc::kUnsupported,
                     "the backup was made by {} build {}, installed is build {}: update {} first", service,
                     made, installed->row().build, service);
  }
  ReadLimits limits;
  if (about.about && !about.about->metadata.limits_json.empty())
    limits = read_limits(or_throw(json::parse_object(about.about->metadata.limits_json)));
  // What an admin has set meanwhile is newer than the backup.
  const bool has_own_limits = present && !is_empty(present->limits);
  const bool takes_limits = present && !has_own_limits && !is_empty(limits.limits);
  InstanceRow row;
  if (present) {
    row = *present;
    if (takes_limits) row.limits = limits.limits;
  } else {
    const auto& metadata = about.about->metadata;
    NewInstance wanted;
    wanted.service = service;
    wanted.name = name;
    wanted.domain = domain;
    const bool renamed = name != metadata.name || domain != metadata.domain;
    if (!renamed) {
      wanted.path = metadata.path;
      wanted.database = metadata.database;
      wanted.database_user = metadata.database_user;
    }
    wanted.password = metadata.password;
    wanted.log_flags = metadata.log_flags;
    wanted.exclude_from_backup = metadata.exclude_from_backup;
    wanted.isolated = metadata.isolated;
    wanted.limits = limits.limits;
    auto complete = this->complete(std::move(wanted));
    if (!complete) co_return tl::unexpected(complete.error());
    row = std::move(*complete);
  }
  job.kind = api::JobKind::kRestore;
  job.title = "Restore " + row.key();
  job.target = row.key();
  job.by = by;
  put_row(job.data, row);
  job.data["replace"] = present != nullptr;
  job.data["takesLimits"] = takes_limits;
  if (!has_own_limits) job.data["unknownLimits"] = fmt::format("{}", fmt::join(limits.left_out, ", "));
  job.data["days"] = settings_.number("restoreUndoDays");
  job.data["file"] = file;
  job.data["vouchedIn"] = vouched_in;
  if (row.external) job.data["onto"] = true;
  auto started = co_await runner_.start(std::move(job));
  if (started) guard.keep = true;
  co_return started;
}

namespace {

// Limits of the file that are not known here are told where the job begins.
void tell_unknown_limits(JobRun& run) {
  if (const auto names = run.text("unknownLimits"); !names.empty())
    run.log(fmt::format(
        "limits in the backup that this platform does not know, or not with these values, are left out: {}",
        names));
}

InstanceDatabaseNames names_of(const InstanceRow& row) { return {row.database, row.database_user}; }

}  // namespace

// The instance is there and has had no limits of its own: from now on it has those of the file.
Task<void> InstanceJobs::take_limits(JobRun& run) {
  if (!run.flag("takesLimits")) co_return;
  const auto row = row_of(run);
  const auto present = or_throw(instances_.get(row.name, row.domain));
  co_await instances_.set_limits(row.name, row.domain, row.limits, present.writable_until);
}

Task<void> InstanceJobs::give_back_limits(JobRun& run) {
  if (!run.flag("takesLimits")) co_return;
  const auto row = row_of(run);
  const auto present = instances_.get(row.name, row.domain);
  // Those that an admin has set since stay.
  if (!present || format_limits(present->limits) != format_limits(row.limits)) co_return;
  co_await instances_.set_limits(row.name, row.domain, api::Limits(), present->writable_until);
}

JobStep InstanceJobs::check_step() {
  JobStep check;
  check.text = "check the file";
  check.run = [this](JobRun& run) -> Task<void> {
    tell_unknown_limits(run);
    if (const auto boot = run.text("vouchedIn"); !boot.empty() && boot == boot_id()) co_return;
    BackupKeys keys = co_await this->keys();
    std::function<void(std::uint64_t, std::uint64_t)> progress =
        [&run](std::uint64_t bytes, std::uint64_t of) { run.progress(of ? bytes * 100 / of : 0); };
    co_await reader_.verify(run.text("file"), std::move(keys), std::move(progress));
  };
  check.undo = [](JobRun& run) -> Task<void> {
    ::unlink(run.text("file").c_str());
    co_return;
  };
  return check;
}

JobStep InstanceJobs::load_step() {
  JobStep load;
  load.text = "load beside";
  load.run = [this](JobRun& run) -> Task<void> {
    const auto row = row_of(run);
    std::function<void(std::uint64_t, std::uint64_t)> progress =
        [&run](std::uint64_t bytes, std::uint64_t of) { run.progress(of ? bytes * 100 / of : 0); };
    auto names = names_of(row);
    co_await restorer_.load_beside(run.text("file"), std::move(names), row.database_password, run.entry().id,
                                   std::move(progress));
  };
  load.undo = [this](JobRun& run) -> Task<void> {
    auto names = names_of(row_of(run));
    // Should the swap not have been undone, the old data are the only ones: they stay.
    co_await restorer_.forget(std::move(names), run.entry().id, true);
    const auto row = row_of(run);
    if (row.external) co_await instances_.databases().keep_apps_out(row.database);
  };
  return load;
}

JobRunner::Steps InstanceJobs::restore_steps() {
  JobRunner::Steps steps;
  steps.push_back(check_step());
  steps.push_back(reserve_step("reserve name and path"));
  steps.push_back(make_step("make database"));
  steps.push_back(load_step());
  for (auto& step : swap_steps()) steps.push_back(std::move(step));
  return steps;
}

JobRunner::Steps InstanceJobs::swap_steps() {
  JobStep stop;
  stop.text = "stop";
  stop.run = [this](JobRun& run) -> Task<void> {
    co_await instances_.halt(run.text("name"), run.text("domain"));
  };
  stop.undo = [this](JobRun& run) -> Task<void> {
    if (run.flag("replace")) co_await instances_.start_if_wanted(run.text("name"), run.text("domain"));
  };

  JobStep swap;
  swap.text = "swap in";
  swap.can_cancel = false;
  swap.run = [this](JobRun& run) -> Task<void> {
    co_await instances_.halt(run.text("name"), run.text("domain"));  // a new manager has started it again
    auto names = names_of(row_of(run));
    co_await restorer_.swap_in(std::move(names), run.entry().id);
    if (run.flag("replace")) {
      co_await take_limits(run);
      co_return;
    }
    auto row = row_of(run);
    row.is_made = true;
    co_await instances_.repository().update(row);
    co_await instances_.reload(row.name, row.domain);
  };
  swap.undo = [this](JobRun& run) -> Task<void> {
    const auto row = row_of(run);
    const bool swapped =
        co_await instances_.databases().exists(Restorer::old_name(row.database, run.entry().id));
    if (!swapped) co_return;
    co_await instances_.halt(row.name, row.domain);
    co_await give_back_limits(run);
    auto names = names_of(row);
    co_await restorer_.undo(std::move(names), run.entry().id);
  };

  JobStep clean;
  clean.text = "clean up";
  clean.can_cancel = false;
  clean.run = [this](JobRun& run) -> Task<void> {
    const auto row = row_of(run);
    const auto days = static_cast<int>(json::get_integer(run.entry().data, "days"));
    const bool keeps = run.flag("replace") && days > 0;
    if (keeps)
      co_await instances_.repository().keep_data(run.entry().id, row.name, row.domain,
                                                 Restorer::old_name(row.database, run.entry().id), days);
    co_await restorer_.forget(names_of(row), run.entry().id, keeps);
    if (keeps) co_await instances_.reload(row.name, row.domain);
    if (!run.text("file").empty()) ::unlink(run.text("file").c_str());
    run.result()["name"] = run.text("name");
    run.result()["domain"] = run.text("domain");
    run.result()["path"] = run.text("path");
  };

  JobRunner::Steps steps;
  steps.push_back(std::move(stop));
  steps.push_back(std::move(swap));
  steps.push_back(start_step(instances_));
  steps.push_back(std::move(clean));
  return steps;
}

}  // namespace berth::manager
