#include "manager/sets/set_restore.h"

#include <unistd.h>

#include <algorithm>

#include <fmt/ranges.h>

#include "base/bytes.h"
#include "base/disk_space.h"
#include "base/log.h"
#include "db/database.h"
#include "manager/instances/names.h"
#include "manager/platform/boot_id.h"
#include "manager/store/index.h"
#include "wire/json/json.h"

namespace berth::manager {
namespace {

// A restored database takes as much as the one it was dumped from, and the file beside it meanwhile.
void check_room(const std::string& folder, const ItemRow& item) {
  const auto free_bytes = or_throw(read_disk_space(folder)).free_bytes;
  const std::uint64_t needed = item.bytes + std::max(item.bytes, item.estimate);
  if (free_bytes < needed)
    throw_failure(Errc::kNoSpace, "restoring {} beside the present data needs {} MiB, {} are free",
                  item.key(), needed >> 20, free_bytes >> 20);
}

// Which instances a drill is done with, in the data of its job.
bool was_noted(const JobRun& run, const std::string& key) {
  const auto* drilled = json::find_array(run.entry().data, "drilled");
  return drilled && std::any_of(drilled->begin(), drilled->end(), [&](const json::Value& one) {
           return one.is_string() && std::string_view(one.get_string()) == key;
         });
}
void note(JobRun& run, const std::string& key) {
  auto& drilled = run.data()["drilled"];
  if (!drilled.is_array()) drilled = json::Array();
  drilled.get_array().emplace_back(key);
}

std::string text_of(const RowCounts& counts) {
  std::string text;
  for (const auto& [table, rows] : counts) {
    if (text.size() > 300) return text + " …";
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", table, rows);
  }
  return text;
}

}  // namespace

SetRestore::SetRestore(BackupSets& sets) : sets_(sets) {
  sets_.parts().jobs.add_kind(api::JobKind::kFetch, [this](const JobEntry&) { return restore_steps(); });
  sets_.parts().jobs.add_kind(api::JobKind::kDrill, [this](const JobEntry&) { return drill_steps(); });
}

Task<Result<api::Job>> SetRestore::restore(std::string set, std::string name, std::string domain,
                                           std::string as_name, std::string as_domain, std::string by,
                                           bool onto_external) {
  const auto& parts = sets_.parts();
  if (name.empty())
    co_return fail(Errc::kUnsupported,
                   "the manager's own database comes back with the whole platform: berth platform restore");
  const auto item = co_await sets_.store().item(set, name, domain);
  if (item.object.empty())
    co_return fail(Errc::kConflict, "{} is not in the set {}: {}", item.key(), set, item.error);
  if (item.state == ItemState::kDamaged)
    co_return fail(Errc::kConflict, "{} of the set {} is damaged: take another set ({})", item.key(), set,
                   item.error);
  if (as_name.empty()) as_name = name, as_domain = domain;
  const InstanceRow* present = parts.instances.find(as_name, as_domain);
  if (present && present->is_deleted())
    co_return fail(Errc::kConflict,
                   "{} is in the bin: bring it back and restore into it, or delete it for good",
                   present->key());
  if (present && present->service != item.service)
    co_return fail(Errc::kConflict, "the backup is of service {}, but {} belongs to {}", item.service,
                   present->key(), present->service);
  if (present)
    if (const auto may = InstanceJobs::may_replace(*present, onto_external); !may)
      co_return tl::unexpected(may.error());
  const Service* service = parts.instances.services().find(item.service);
  if (!service)
    co_return fail(
        Errc::kConflict,
        "the backup is of service {}, which is not installed. Install it first: berth service install {}",
        item.service, item.service);
  if (is_newer_build(item.build, service->row().build))
    co_return fail(
        Errc::kUnsupported,
        "the backup was made by {} build {}, installed is build {}. Update it first: berth service update {}",
        item.service, item.build, service->row().build, item.service);
  check_room(parts.layout.library(), item);
  NewJob job;
  job.kind = api::JobKind::kFetch;
  const std::string key = instance_key(as_name, as_domain);
  job.title = fmt::format("Restore {} from the backup set {}", key, set);
  job.target = "fetch " + key;
  job.by = by;
  job.data["set"] = set;
  job.data["name"] = name;
  job.data["domain"] = domain;
  job.data["asName"] = as_name;
  job.data["asDomain"] = as_domain;
  job.data["ontoExternal"] = onto_external;
  job.data["file"] = parts.instance_jobs.upload_path();
  co_return co_await parts.jobs.start(std::move(job));
}

JobRunner::Steps SetRestore::restore_steps() {
  JobStep fetching;
  fetching.text = "fetch";
  fetching.run = [this](JobRun& run) { return fetch(run); };
  fetching.undo = [](JobRun& run) -> Task<void> {
    ::unlink(run.text("file").c_str());
    co_return;
  };
  JobStep handing;
  handing.text = "begin to restore";
  handing.run = [this](JobRun& run) { return hand_over(run); };
  JobStep waiting;
  waiting.text = "restore";
  waiting.run = [this](JobRun& run) { return wait_for_restore(run); };
  // Cancelled: so is the restore. If it is past that it comes to its end by itself.
  waiting.undo = [this](JobRun& run) -> Task<void> {
    if (run.text("restore").empty()) co_return;
    if (const auto cancelled = sets_.parts().jobs.cancel(run.text("restore")); !cancelled)
      run.log("the restore goes on: " + cancelled.error().detail);
    co_await sets_.parts().jobs.wait(run.text("restore"));
  };
  JobRunner::Steps steps;
  for (auto* step : {&fetching, &handing, &waiting}) steps.push_back(std::move(*step));
  return steps;
}

Task<void> SetRestore::fetch(JobRun& run) {
  const auto item = co_await sets_.store().item(run.text("set"), run.text("name"), run.text("domain"));
  const bool is_vouched = co_await sets_.get_file(item, run.text("file"));
  run.data()["vouchedIn"] = is_vouched ? boot_id() : "";
}

Task<void> SetRestore::hand_over(JobRun& run) {
  const auto& parts = sets_.parts();
  const std::string file = run.text("file");
  // The power may have gone between its beginning and our knowing it.
  const auto begun = co_await parts.database.query_repeatable(
      "SELECT id FROM job WHERE kind = 'restore' AND data->>'file' = $1", file);
  if (begun.empty()) {
    const auto started =
        co_await parts.instance_jobs.restore(file, run.text("asName"), run.text("asDomain"), run.entry().by,
                                             run.flag("ontoExternal"), run.text("vouchedIn"));
    if (!started) throw Failure(started.error());
    run.data()["restore"] = started->id;
  } else {
    run.data()["restore"] = begun[0].get<std::string>(std::size_t{0});
  }
}

Task<void> SetRestore::wait_for_restore(JobRun& run) {
  const auto ended = or_throw(co_await sets_.parts().jobs.wait(run.text("restore")));
  if (ended.state != api::JobState::kDone)
    throw_failure(ended.state == api::JobState::kCancelled ? Errc::kCancelled : Errc::kFailed, "{}",
                  ended.error.value_or("the restore was cancelled"));
  if (ended.result && ended.result->is_object()) run.result() = ended.result->get_object();
  run.result()["restoreJob"] = ended.id;
}

// ---- drills

Task<Result<api::Job>> SetRestore::drill(std::string name, std::string domain, std::string by) {
  const auto& parts = sets_.parts();
  NewJob job;
  job.kind = api::JobKind::kDrill;
  job.by = by;
  if (name.empty()) {
    job.title = "Prove the newest backup of each instance";
    job.target = "drill";
  } else {
    or_throw(parts.instances.get(name, domain));
    const auto newest = co_await sets_.store().newest_items();
    const bool has_backup = std::any_of(newest.begin(), newest.end(), [&](const ItemRow& item) {
      return item.name == name && item.domain == domain;
    });
    if (!has_backup)
      co_return fail(Errc::kConflict, "{} is in no backup set yet: berth backup run",
                     instance_key(name, domain));
    job.title = "Prove the newest backup of " + instance_key(name, domain);
    job.target = "drill " + instance_key(name, domain);
  }
  job.data["name"] = name;
  job.data["domain"] = domain;
  job.data["file"] = parts.instance_jobs.upload_path();
  co_return co_await parts.jobs.start(std::move(job));
}

JobRunner::Steps SetRestore::drill_steps() {
  JobStep drilling;
  drilling.text = "prove";
  drilling.run = [this](JobRun& run) { return drill_all(run); };
  drilling.undo = [this](JobRun& run) -> Task<void> {
    ::unlink(run.text("file").c_str());
    const auto* at = run.entry().data.if_contains("at");
    if (!at || !at->is_string()) co_return;
    auto& databases = sets_.parts().instances.databases();
    co_await databases.drop_database(Restorer::beside_name(run.text("at"), "d" + run.entry().id));
  };
  JobRunner::Steps steps;
  steps.push_back(std::move(drilling));
  return steps;
}

Task<void> SetRestore::drill_all(JobRun& run) {
  auto items = co_await sets_.store().newest_items();
  std::erase_if(items, [&](const ItemRow& item) {
    const auto* instance = sets_.parts().instances.find(item.name, item.domain);
    const bool is_wanted =
        run.text("name").empty() || (item.name == run.text("name") && item.domain == run.text("domain"));
    return item.is_manager() || !is_wanted || !instance || instance->is_deleted() || !instance->is_made;
  });
  const auto proofs = co_await sets_.store().proofs();
  std::string red;
  std::size_t done = 0, failed = 0;
  for (const auto& item : items) {
    run.progress(done++ * 100 / items.size());
    // Drilled before the power went.
    const auto was_drilled = was_noted(run, item.key());
    const auto proof = std::find_if(proofs.begin(), proofs.end(), [&](const ProofRow& one) {
      return was_drilled && one.key() == item.key() && one.set == item.set;
    });
    std::optional<Error> error;
    if (proof == proofs.end()) {
      run.data()["at"] = item.database;
      co_await run.save();
      const auto began = sets_.parts().loop.now();
      error = co_await drill_one(item, run.text("file"), "d" + run.entry().id);
      const auto took =
          std::chrono::duration_cast<std::chrono::milliseconds>(sets_.parts().loop.now() - began).count();
      if (error && error->code == Errc::kUnavailable)
        co_await sets_.parts().database.query_repeatable("SELECT 1");
      co_await sets_.store().add_proof(item, error ? error->detail : "", static_cast<std::uint64_t>(took));
      note(run, item.key());
      co_await run.save();
      run.log(error ? fmt::format("{}: {}", item.key(), error->detail)
                    : fmt::format("{}: proven in {} ms", item.key(), took));
    } else if (!proof->error.empty()) {
      error = Error{Errc::kMalformed, proof->error};
    }
    if (!error) continue;
    ++failed;
    if (red.size() < 500) red += fmt::format("; {}: {}", item.key(), error->detail);
  }
  co_await sets_.refresh_overview();
  run.result()["proven"] = items.size() - failed;
  run.result()["failed"] = failed;
  if (failed) throw_failure(Errc::kMalformed, "{} of {} could not be restored{}", failed, items.size(), red);
}

Task<std::optional<Error>> SetRestore::drill_one(ItemRow item, std::string file, std::string id) {
  const auto& parts = sets_.parts();
  std::optional<Error> error;
  const auto instance = parts.instances.get(item.name, item.domain);
  if (!instance) co_return instance.error();
  // The role is that of the present instance, which may have another database by now.
  const InstanceDatabaseNames names{item.database, instance->database_user};
  try {
    check_room(parts.layout.library(), item);
    co_await sets_.get_file(item, file);
    co_await parts.reader.verify(file, {});
    co_await parts.restorer.load_beside(file, names, instance->database_password, id);
    co_await compare(item, Restorer::beside_name(names.database, id));
    co_await ask_service(*instance, item.service, Restorer::beside_name(names.database, id));
  } catch (const Failure& failure) {
    error = failure.error();
  }
  ::unlink(file.c_str());
  try {
    co_await parts.instances.databases().drop_database(Restorer::beside_name(names.database, id));
  } catch (const Failure& failure) {
    if (!error) error = failure.error();
  }
  co_return error;
}

// Whether the data add up only the app can tell. One that does not run, or has no such check, is not asked.
Task<void> SetRestore::ask_service(InstanceRow instance, std::string service, std::string database) {
  const auto app = sets_.parts().instances.services().process_of(service, instance.key());
  if (!app || !app->can_check_itself()) co_return;
  const auto place = sets_.parts().instances.cluster().connection(database, instance.database_user,
                                                                  instance.database_password);
  InstanceStart start;
  start.name = instance.name;
  start.domain = instance.domain;
  start.database_host = place.host;
  start.database_port = place.port;
  start.database = place.database;
  start.database_user = place.user;
  start.database_password = place.password;
  const auto problems = co_await app->self_check(std::move(start));
  if (problems && !problems->empty())
    throw_failure(Errc::kMalformed, "{} finds that its data do not add up: {}", service,
                  fmt::join(*problems, "; "));
}

// Foreign keys and checks were tried by the restore itself, which makes them after the rows are in.
Task<void> SetRestore::compare(ItemRow item, std::string database) {
  db::DatabaseOptions options;
  options.connection = sets_.parts().instances.cluster().superuser(database);
  options.query_limit = std::chrono::milliseconds(0);
  db::Database restored(sets_.parts().loop, std::move(options));
  auto counting =
      count_rows([&restored](std::string sql) { return restored.query_repeatable(std::move(sql)); });
  const auto counts = co_await counting;
  if (counts != item.rows) {
    RowCounts had, has;
    for (const auto& [table, rows] : item.rows)
      if (const auto found = counts.find(table); found == counts.end() || found->second != rows)
        had[table] = rows;
    for (const auto& [table, rows] : counts)
      if (const auto found = item.rows.find(table); found == item.rows.end() || found->second != rows)
        has[table] = rows;
    throw_failure(Errc::kMalformed, "other rows came back than were dumped: {} instead of {}", text_of(has),
                  text_of(had));
  }
  const auto invalid = co_await restored.query_repeatable(
      "SELECT indexrelid::regclass::text AS name FROM pg_index WHERE NOT indisvalid LIMIT 1");
  if (!invalid.empty())
    throw_failure(Errc::kMalformed, "the index {} did not come back whole",
                  invalid[0].get<std::string>("name"));
}

}  // namespace berth::manager
