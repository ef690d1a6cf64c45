#include "manager/instances/instance_jobs.h"

#include <dirent.h>
#include <unistd.h>

#include <set>

#include "api/json.h"
#include "base/bytes.h"
#include "base/file.h"
#include "base/log.h"
#include "manager/external/host.h"
#include "manager/instances/names.h"
#include "manager/instances/start_stop_steps.h"
#include "manager/jobs/upload_guard.h"
#include "manager/store/index.h"
#include "manager/usage/limit_ranges.h"
#include "wire/json/json.h"

namespace berth::manager {

InstanceJobs::InstanceJobs(JobRunner& runner, Instances& instances, BackupWriter& backups,
                           BackupReader& reader, Restorer& restorer, Settings& settings, const SecretBox& box,
                           const Layout& layout, std::string version)
    : runner_(runner),
      instances_(instances),
      backups_(backups),
      reader_(reader),
      restorer_(restorer),
      settings_(settings),
      box_(box),
      layout_(layout),
      version_(std::move(version)) {
  runner_.add_kind(api::JobKind::kCreate, [this](const JobEntry&) { return create_steps(); });
  const auto is_of_kept = [](const JobEntry& entry) { return entry.data.contains("kept"); };
  runner_.add_kind(api::JobKind::kDelete, [this, is_of_kept](const JobEntry& entry) {
    return is_of_kept(entry) ? remove_kept_steps() : delete_steps(entry);
  });
  const auto is_onto_external = [](const JobEntry& entry) { return entry.data.contains("onto"); };
  runner_.add_kind(api::JobKind::kUndo, [this, is_of_kept, is_onto_external](const JobEntry& entry) {
    if (!is_of_kept(entry)) return undo_steps();
    return is_onto_external(entry) ? turn_back_onto_steps() : turn_back_steps();
  });
  runner_.add_kind(api::JobKind::kRestore, [this, is_onto_external](const JobEntry& entry) {
    return is_onto_external(entry) ? restore_onto_steps() : restore_steps();
  });
}

void InstanceJobs::put_row(api::JsonObject& data, const InstanceRow& row) const {
  data["name"] = row.name;
  data["domain"] = row.domain;
  data["service"] = row.service;
  data["path"] = row.path;
  data["password"] = box_.seal(row.password);
  data["database"] = row.database;
  data["databaseUser"] = row.database_user;
  data["external"] = row.external ? box_.seal(format_place(*row.external)) : std::string();
  data["databasePassword"] = box_.seal(row.database_password);
  data["logFlags"] = std::to_string(row.log_flags);
  data["exclude"] = row.exclude_from_backup;
  data["isolated"] = row.isolated;
  data["wanted"] = row.wanted;
  data["limits"] = api::to_json(row.limits);
}

InstanceRow InstanceJobs::row_of(const JobRun& run) const {
  InstanceRow row;
  row.name = run.text("name");
  row.domain = run.text("domain");
  row.service = run.text("service");
  row.path = run.text("path");
  row.password = or_throw(box_.unseal(run.text("password")));
  row.database = run.text("database");
  row.database_user = run.text("databaseUser");
  if (const auto sealed = run.text("external"); !sealed.empty())
    row.external = or_throw(parse_place(or_throw(box_.unseal(sealed))));
  row.database_password = or_throw(box_.unseal(run.text("databasePassword")));
  row.log_flags = std::strtoull(run.text("logFlags").c_str(), nullptr, 10);
  row.exclude_from_backup = run.flag("exclude");
  row.isolated = run.flag("isolated");
  row.wanted = run.flag("wanted");
  if (const auto* limits = json::find_object(run.entry().data, "limits"))
    row.limits = read_limits(*limits).limits;
  return row;
}

Result<InstanceRow> InstanceJobs::complete(NewInstance wanted) const {
  if (!instances_.services().find(wanted.service))
    return fail(Errc::kNotFound, "service {} is not installed", wanted.service);
  BERTH_TRY_VOID(check_instance_name(wanted.name));
  BERTH_TRY_VOID(check_domain(wanted.domain));
  InstanceRow row;
  row.name = wanted.name;
  row.domain = wanted.domain;
  row.service = wanted.service;
  BERTH_TRY(row.path,
            normalise_path(wanted.path.empty() ? suggest_path(wanted.domain, wanted.name) : wanted.path));
  row.database =
      wanted.database.empty() ? suggest_database_name(wanted.domain, wanted.name) : wanted.database;
  row.database_user = wanted.database_user.empty() ? row.database : wanted.database_user;
  BERTH_TRY_VOID(check_database_name(row.database));
  BERTH_TRY_VOID(check_database_name(row.database_user));
  row.external = wanted.external;
  const auto needed = instances_.database_type(wanted.service);
  const auto given = row.external ? row.external->type : DatabaseType::kPostgresql;
  if (needed != given && !row.external && wanted.start)
    return fail(Errc::kConflict, "service {} is written for {}: give it an external database of that type",
                wanted.service, name_of(needed));
  if (needed != given && row.external)
    return fail(Errc::kConflict, "service {} is written for {}, not for {}", wanted.service, name_of(needed),
                name_of(given));
  if (row.external) {
    BERTH_TRY_VOID(parse_database_host(row.external->host, default_port_of(given)));
  }
  row.password = wanted.password.empty() ? random_password() : wanted.password;
  row.database_password = wanted.database_password.empty() ? random_password() : wanted.database_password;
  BERTH_TRY_VOID(check_password(row.password));
  BERTH_TRY_VOID(check_password(row.database_password));
  row.log_flags = wanted.log_flags;
  row.exclude_from_backup = wanted.exclude_from_backup;
  row.isolated = wanted.isolated;
  row.limits = wanted.limits;
  row.wanted = wanted.start;
  BERTH_TRY_VOID(instances_.check_free(row, ""));
  return row;
}

Task<Result<InstanceJobs::Created>> InstanceJobs::create(NewInstance wanted, std::string by) {
  auto row = complete(std::move(wanted));
  if (!row) co_return tl::unexpected(row.error());
  NewJob job;
  job.kind = api::JobKind::kCreate;
  job.title = "Create " + row->key();
  job.target = row->key();
  job.by = by;
  put_row(job.data, *row);
  auto started = co_await runner_.start(std::move(job));
  if (!started) co_return tl::unexpected(started.error());
  co_return Created{std::move(*started), std::move(*row)};
}

// The row of a new instance. Its undo takes away only what this job has made: a row is ours if it has our random
// password.
JobStep InstanceJobs::reserve_step(std::string text, CommitSync sync) {
  JobStep step;
  step.text = std::move(text);
  step.run = [this, sync](JobRun& run) -> Task<void> {
    if (run.flag("replace")) co_return;
    const auto row = row_of(run);
    co_await instances_.repository().add(row, sync);
    co_await instances_.reload(row.name, row.domain);
  };
  step.undo = [this](JobRun& run) -> Task<void> {
    if (run.flag("replace") || run.text("name").empty()) co_return;
    const auto row = row_of(run);
    const auto present = co_await instances_.repository().find(row.name, row.domain);
    if (!present || present->database_password != row.database_password) co_return;
    if (instances_.find(row.name, row.domain)) co_await instances_.halt(row.name, row.domain);
    co_await instances_.repository().remove(row.name, row.domain);
    co_await instances_.forget(row.name, row.domain);
    or_throw(remove_tree(layout_.work_of(row.service, row.database)));
  };
  return step;
}

// Role and database of a new instance.
JobStep InstanceJobs::make_step(std::string text, CommitSync sync) {
  JobStep step;
  step.text = std::move(text);
  step.run = [this, sync](JobRun& run) -> Task<void> {
    if (run.flag("replace")) co_return;
    const auto row = row_of(run);
    if (!run.flag("making")) {
      const bool taken = co_await instances_.databases().exists(row.database);
      if (taken)
        throw_failure(Errc::kExists,
                      "there is already a database {}, which belongs to no instance: choose another name",
                      row.database);
      run.data()["making"] = true;  // from here on the undo may drop it
      co_await run.save(CommitSync::kInOrder);
    }
    InstanceDatabaseNames names{row.database, row.database_user};
    co_await instances_.databases().create(std::move(names), row.database_password, sync);
    if (row.external) co_await instances_.databases().keep_apps_out(row.database);  // there, but unused
  };
  step.undo = [this](JobRun& run) -> Task<void> {
    if (run.flag("replace") || !run.flag("making")) co_return;
    const auto row = row_of(run);
    if (instances_.find(row.name, row.domain)) co_await instances_.halt(row.name, row.domain);
    InstanceDatabaseNames names{row.database, row.database_user};
    co_await instances_.databases().drop(std::move(names));
  };
  return step;
}

JobRunner::Steps InstanceJobs::create_steps() {
  JobStep finish;
  finish.text = "enter";
  finish.run = [this](JobRun& run) -> Task<void> {
    const auto row = row_of(run);
    bool is_entered = co_await instances_.repository().enter(row);
    if (!is_entered) {
      InstanceDatabaseNames names{row.database, row.database_user};
      co_await instances_.databases().create(std::move(names), row.database_password);
      if (row.external) co_await instances_.databases().keep_apps_out(row.database);
      is_entered = co_await instances_.repository().enter(row);
    }
    if (!is_entered) throw_failure(Errc::kFailed, "database {} is not there any more", row.database);
    co_await instances_.reload(row.name, row.domain);
  };
  JobStep start;
  start.text = "start";
  start.run = [this](JobRun& run) -> Task<void> {
    co_await instances_.start_if_wanted(run.text("name"), run.text("domain"));
    run.result()["name"] = run.text("name");
    run.result()["domain"] = run.text("domain");
    run.result()["path"] = run.text("path");
  };
  JobRunner::Steps steps;
  steps.push_back(reserve_step("reserve name and path", CommitSync::kInOrder));
  steps.push_back(make_step("make database", CommitSync::kInOrder));
  steps.push_back(std::move(finish));
  // What they do is in the cluster but for the grant, which any start gives again.
  for (auto& step : steps) step.sync = CommitSync::kInOrder;
  steps.push_back(std::move(start));
  return steps;
}

Task<Result<api::Job>> InstanceJobs::remove(std::string name, std::string domain, bool now, std::string by) {
  const auto row = instances_.get(name, domain);
  if (!row) co_return tl::unexpected(row.error());
  const auto days = settings_.number("binDays");
  if (row->is_deleted() && !now) co_return fail(Errc::kConflict, "{} is in the bin already", row->key());
  NewJob job;
  job.kind = api::JobKind::kDelete;
  job.title = fmt::format("Delete {}{}", row->key(), now || days == 0 ? " for good" : "");
  job.target = row->key();
  job.by = by;
  put_row(job.data, *row);
  job.data["now"] = now || days == 0;
  job.data["days"] = days;
  co_return co_await runner_.start(std::move(job));
}

JobRunner::Steps InstanceJobs::delete_steps(const JobEntry& entry) {
  JobStep stop;
  stop.text = "stop";
  stop.run = [this](JobRun& run) -> Task<void> {
    if (instances_.find(run.text("name"), run.text("domain")))
      co_await instances_.halt(run.text("name"), run.text("domain"));
  };
  stop.undo = [this](JobRun& run) -> Task<void> {
    if (instances_.find(run.text("name"), run.text("domain")))
      co_await instances_.start_if_wanted(run.text("name"), run.text("domain"));
  };
  JobStep bin;
  bin.text = "put in the bin";
  bin.run = [this](JobRun& run) -> Task<void> {
    const auto days = static_cast<int>(json::get_integer(run.entry().data, "days"));
    co_await instances_.repository().put_in_bin(run.text("name"), run.text("domain"), days);
    co_await instances_.reload(run.text("name"), run.text("domain"));
  };
  bin.undo = [this](JobRun& run) -> Task<void> {
    co_await instances_.repository().take_from_bin(run.text("name"), run.text("domain"));
    co_await instances_.reload(run.text("name"), run.text("domain"));
  };
  JobRunner::Steps steps;
  steps.push_back(std::move(stop));
  steps.push_back(std::move(bin));
  if (!json::get_bool(entry.data, "now")) return steps;
  JobStep drop;
  drop.text = "delete";
  drop.can_cancel = false;
  drop.run = [this](JobRun& run) -> Task<void> {
    const auto row = row_of(run);
    // As long as it owns other data the role would stay.
    const auto present = co_await instances_.repository().find(row.name, row.domain);
    if (present)
      for (const auto& kept : present->kept) co_await instances_.databases().drop_database(kept.database);
    InstanceDatabaseNames names{row.database, row.database_user};
    co_await instances_.databases().drop(std::move(names));
    or_throw(remove_tree(layout_.work_of(row.service, row.database)));
    co_await instances_.repository().remove(row.name, row.domain);
    co_await instances_.forget(row.name, row.domain);
  };
  steps.push_back(std::move(drop));
  return steps;
}

namespace {

// `id` empty: the newest.
Result<KeptData> find_kept(const InstanceRow& row, const std::string& id) {
  for (const auto& kept : row.kept)
    if (id.empty() || kept.id == id) return kept;
  if (id.empty())
    return fail(Errc::kConflict, "{} is not in the bin, and there is no restore of it that could be undone",
                row.key());
  return fail(Errc::kNotFound, "{} has no kept data {}", row.key(), id);
}

}  // namespace

Task<Result<api::Job>> InstanceJobs::undo(std::string name, std::string domain, std::string kept,
                                          std::string by) {
  const auto row = instances_.get(name, domain);
  if (!row) co_return tl::unexpected(row.error());
  NewJob job;
  job.kind = api::JobKind::kUndo;
  job.title = "Bring back " + row->key();
  job.target = row->key();
  job.by = by;
  if (row->is_deleted() && !kept.empty())
    co_return fail(Errc::kConflict, "{} is in the bin: bring it back first, then its data", row->key());
  if (row->is_deleted()) {
    job.data["name"] = name;
    job.data["domain"] = domain;
    co_return co_await runner_.start(std::move(job));
  }
  const auto data = find_kept(*row, kept);
  if (!data) co_return tl::unexpected(data.error());
  if (row->external) job.data["onto"] = true;
  job.title = fmt::format("Bring back the data of {} from before {}", row->key(), data->replaced);
  put_row(job.data, *row);
  job.data["kept"] = data->id;
  job.data["keptDatabase"] = data->database;
  job.data["days"] = settings_.number("restoreUndoDays");
  co_return co_await runner_.start(std::move(job));
}

// The kept data and the live ones change places; what was live is kept in their stead.
JobRunner::Steps InstanceJobs::turn_back_steps() {
  JobStep swap;
  swap.text = "swap back";
  swap.can_cancel = false;
  swap.run = [this](JobRun& run) -> Task<void> {
    co_await instances_.halt(run.text("name"), run.text("domain"));  // a new manager has started it again
    const auto row = row_of(run);
    const std::string aside = Restorer::old_name(row.database, run.entry().id);
    co_await instances_.databases().swap(row.database, run.text("keptDatabase"), aside);
  };
  swap.undo = [this](JobRun& run) -> Task<void> {
    const auto row = row_of(run);
    const std::string aside = Restorer::old_name(row.database, run.entry().id);
    const bool swapped = co_await instances_.databases().exists(aside);
    if (!swapped) co_return;
    co_await instances_.halt(row.name, row.domain);
    co_await instances_.databases().swap(row.database, aside, run.text("keptDatabase"));
  };

  JobStep enter;
  enter.text = "keep what was replaced";
  enter.can_cancel = false;
  enter.run = [this](JobRun& run) -> Task<void> {
    const auto row = row_of(run);
    const std::string aside = Restorer::old_name(row.database, run.entry().id);
    const auto days = static_cast<int>(json::get_integer(run.entry().data, "days"));
    if (days == 0) co_await instances_.databases().drop_database(aside);
    if (days == 0) co_await instances_.repository().forget_kept(run.text("kept"));
    else co_await instances_.repository().turn_kept(run.text("kept"), aside, days);
    co_await instances_.reload(row.name, row.domain);
  };
  JobRunner::Steps steps;
  steps.push_back(stop_step(instances_));
  steps.push_back(std::move(swap));
  steps.push_back(start_step(instances_));
  steps.push_back(std::move(enter));
  return steps;
}

Task<Result<api::Job>> InstanceJobs::remove_kept(std::string name, std::string domain, std::string kept,
                                                 std::string by) {
  const auto row = instances_.get(name, domain);
  if (!row) co_return tl::unexpected(row.error());
  const auto data = find_kept(*row, kept);
  if (!data) co_return tl::unexpected(data.error());
  NewJob job;
  job.kind = api::JobKind::kDelete;
  job.title = fmt::format("Delete the data of {} from before {} for good", row->key(), data->replaced);
  job.target = row->key();
  job.by = by;
  job.data["name"] = name;
  job.data["domain"] = domain;
  job.data["kept"] = data->id;
  job.data["keptDatabase"] = data->database;
  co_return co_await runner_.start(std::move(job));
}

JobRunner::Steps InstanceJobs::remove_kept_steps() {
  JobStep drop;
  drop.text = "delete";
  drop.can_cancel = false;
  drop.run = [this](JobRun& run) -> Task<void> {
    co_await instances_.databases().drop_database(run.text("keptDatabase"));
    co_await instances_.repository().forget_kept(run.text("kept"));
    co_await instances_.reload(run.text("name"), run.text("domain"));
  };
  JobRunner::Steps steps;
  steps.push_back(std::move(drop));
  return steps;
}

JobRunner::Steps InstanceJobs::undo_steps() {
  JobStep take;
  take.text = "take from the bin";
  take.run = [this](JobRun& run) -> Task<void> {
    co_await instances_.repository().take_from_bin(run.text("name"), run.text("domain"));
    co_await instances_.reload(run.text("name"), run.text("domain"));
  };
  JobStep start;
  start.text = "start";
  start.run = [this](JobRun& run) -> Task<void> {
    // It is back either way; that its app does not start is no reason to put it into the bin again.
    std::optional<Error> error;
    try {
      co_await instances_.start_if_wanted(run.text("name"), run.text("domain"));
    } catch (const Failure& failure) {
      error = failure.error();
    }
    if (error && error->code == Errc::kUnavailable) throw Failure(*error);
    if (error) {
      run.log("it is back, but does not start: " + error->detail);
      run.result()["warning"] = "does not start: " + error->detail;
    }
  };
  JobRunner::Steps steps;
  steps.push_back(std::move(take));
  steps.push_back(std::move(start));
  return steps;
}

Task<BackupResult> InstanceJobs::backup(std::string name, std::string domain, BackupSink& sink) {
  auto writing = write_backup(name, domain, sink);
  auto result = co_await writing;
  co_await instances_.backed_up(name, domain);
  co_return result;
}

Task<BackupResult> InstanceJobs::write_backup(std::string name, std::string domain, BackupSink& sink,
                                              WriteOptions options,
                                              std::function<void(BackupProgress)> progress) {
  const auto row = or_throw(instances_.get(name, domain));
  if (!row.is_made) throw_failure(Errc::kConflict, "{} is still being made", row.key());
  const Service* service = instances_.services().find(row.service);
  BackupMetadata metadata;
  metadata.name = row.name;
  metadata.domain = row.domain;
  metadata.path = row.path;
  metadata.password = row.password;
  metadata.service = row.service;
  metadata.build = service ? std::strtoull(service->row().build.c_str(), nullptr, 16) : 0;
  metadata.label = service ? service->row().label : "";
  metadata.database = row.database;
  metadata.database_user = row.database_user;
  metadata.log_flags = row.log_flags;
  metadata.exclude_from_backup = row.exclude_from_backup;
  metadata.isolated = row.isolated;
  if (!is_empty(row.limits)) metadata.limits_json = format_limits(row.limits);
  metadata.platform_version = version_;
  std::optional<BackupKey> key;
  if (const auto passphrase = co_await settings_.secret("backupPassphrase"))
    key = or_throw(BackupKey::from_passphrase(*passphrase, BackupKey::new_salt()));
  auto source = or_throw(instances_.data_source(row));
  co_return co_await backups_.write(std::move(source), std::move(metadata), std::move(key), sink,
                                    std::move(progress), options);
}

Task<void> InstanceJobs::purge() {
  const auto rows = co_await instances_.repository().purgeable();
  for (const auto& row : rows) {
    const auto started = co_await remove(row.name, row.domain, true, "bin");
    if (!started)
      log_warning("bin not emptied", {{"instance", row.key()}, {"error", started.error().detail}});
  }
  // One at a time for each instance; the others go with the next round.
  const auto data = co_await instances_.repository().purgeable_data();
  for (const auto& one : data) {
    const auto started = co_await remove_kept(one.name, one.domain, one.id, "bin");
    if (!started)
      log_warning("kept data not deleted",
                  {{"instance", one.name + "@" + one.domain}, {"error", started.error().detail}});
  }
}

Task<void> InstanceJobs::remove_stray_uploads() {
  const auto entries = co_await runner_.journal().unfinished();
  std::set<std::string> known;
  for (const auto& entry : entries) known.insert(json::get_string(entry.data, "file"));
  DIR* folder = ::opendir(layout_.backup().c_str());
  if (!folder) co_return;
  std::vector<std::string> strays;
  while (const dirent* entry = ::readdir(folder)) {
    const std::string path = layout_.backup() + "/" + entry->d_name;
    if (std::string_view(entry->d_name).starts_with("upload-") && !known.contains(path))
      strays.push_back(path);
  }
  ::closedir(folder);
  for (const auto& path : strays) ::unlink(path.c_str());
}

}  // namespace berth::manager
