#include "manager/sets/platform_restore.h"

#include <unistd.h>

#include <algorithm>

#include "base/bytes.h"
#include "base/disk_space.h"
#include "base/log.h"
#include "db/migrate.h"
#include "manager/platform/clock.h"
#include "manager/platform/schema.h"
#include "manager/store/index.h"
#include "wire/json/json.h"

namespace berth::manager {
namespace {

constexpr std::size_t kMostManifest = 256 << 20;
// Which loading beside this is; part of the scratch database's name.
constexpr const char* kScratch = "p";

// Rows of `from` into the table of the same name, but those that are there. Members in `sealed` are opened with the
// old platform's key and sealed with ours. `order` makes the rows come one after the other, so that one is in memory.
struct TableCopy {
  const char* table;
  const char* condition = "true";
  std::vector<const char*> sealed;
};

class Copier {
 public:
  Copier(db::Transaction& from, db::Transaction& to, const SecretBox& old_box, const SecretBox& box)
      : from_(from), to_(to), old_box_(old_box), box_(box) {}

  Task<std::size_t> copy(TableCopy what) {
    co_await from_.query(
        fmt::format("DECLARE rows NO SCROLL CURSOR FOR SELECT to_jsonb(t)::text AS row FROM {} t WHERE {}",
                    what.table, what.condition));
    std::size_t count = 0;
    for (;;) {
      const auto rows = co_await from_.query("FETCH 1 FROM rows");
      if (rows.empty()) break;
      auto row = or_throw(json::parse_object(rows[0].text("row"), {.size_bytes = 64 << 20}));
      for (const auto* member : what.sealed) reseal(row, member);
      const std::string text = json::serialize(row);
      const auto written =
          co_await to_.query(fmt::format("INSERT INTO {0} SELECT * FROM jsonb_populate_record(NULL::{0}, "
                                         "$1::jsonb) ON CONFLICT DO NOTHING",
                                         what.table),
                             text);
      count += static_cast<std::size_t>(written.affected());
    }
    co_await from_.query("CLOSE rows");
    co_return count;
  }

 private:
  void reseal(json::Object& row, std::string_view member) const {
    const std::string sealed = json::get_string(row, member);
    if (!sealed.starts_with("s1:")) return;
    auto secret = or_throw(old_box_.unseal(sealed));
    row[member] = box_.seal(secret);
    erase_secret(secret);
  }

  db::Transaction& from_;
  db::Transaction& to_;
  const SecretBox& old_box_;
  const SecretBox& box_;
};

}  // namespace

PlatformRestore::PlatformRestore(BackupSets& sets, SetRestore& restore) : sets_(sets), restore_(restore) {
  sets_.parts().jobs.add_kind(api::JobKind::kPlatform, [this](const JobEntry&) { return steps(); });
}

Task<PlatformRestore::Found> PlatformRestore::find_set(TargetRow row, std::string set) {
  const auto target = sets_.open(row);
  if (!target->can_read())
    throw_failure(Errc::kUnsupported,
                  "what lies at {} is opened with its key sheet first (berth backup open), then restored",
                  row.place);
  co_await target->prepare(true);
  auto objects = co_await target->list("", std::string(kManifestName));
  std::sort(objects.begin(), objects.end(),
            [](const StoredObject& a, const StoredObject& b) { return a.set > b.set; });
  Found found;
  for (const auto& object : objects) found.sets.push_back(object.set);
  for (const auto& object : objects) {
    if (!set.empty() && object.set != set) continue;
    TextSink text(kMostManifest);
    auto fetching = target->fetch(object, text);
    co_await fetching;
    auto manifest = or_throw(parse_manifest(text.text));
    erase_secret(text.text);
    const bool has_manager = std::any_of(manifest.items.begin(), manifest.items.end(),
                                         [](const ItemRow& item) { return item.is_manager(); });
    if (!has_manager && set.empty()) continue;
    found.manifest = std::move(manifest);
    found.object = object.id;
    co_return found;
  }
  if (!set.empty()) throw_failure(Errc::kNotFound, "{} has no set {}", row.place, set);
  throw_failure(Errc::kNotFound, "{} has no set with the manager's database, of {} there", row.place,
                objects.size());
}

Task<PlatformPlan> PlatformRestore::plan(TargetRow row, std::string set) {
  const auto& parts = sets_.parts();
  or_throw(complete_target(row, parts.layout, {}));
  auto found = co_await find_set(row, set);
  PlatformPlan plan;
  plan.sets = std::move(found.sets);
  plan.manifest = std::move(found.manifest);
  auto& manifest = plan.manifest;
  std::uint64_t largest = 0;
  for (const auto& item : manifest.items) {
    plan.bytes += item.bytes;
    largest = std::max(largest, item.bytes);
  }
  const bool has_manager = std::any_of(manifest.items.begin(), manifest.items.end(),
                                       [](const ItemRow& item) { return item.is_manager(); });
  if (!has_manager || manifest.platform_key.empty())
    plan.obstacles.push_back(
        fmt::format("the set {} does not hold the manager's database: take one of a policy of everything, or "
                    "restore its instances one by one",
                    manifest.id));
  if (!manifest.architecture.empty() && manifest.architecture != own_architecture())
    plan.obstacles.push_back(
        fmt::format("its services are built for {}, this machine is {}: install the services here, then "
                    "restore the instances one by one (berth instance restore … --from)",
                    manifest.architecture, own_architecture()));
  std::size_t present = 0;
  for (const auto& [key, instance] : parts.instances.all()) present += instance.is_deleted() ? 0U : 1U;
  if (present)
    plan.obstacles.push_back(
        fmt::format("this platform has {} instances already: a whole platform comes back on a fresh one "
                    "(another root folder). Single instances come back here: berth instance restore … --from",
                    present));
  const auto disk = read_disk_space(parts.layout.library());
  if (disk && disk->free_bytes < plan.bytes + largest)
    plan.obstacles.push_back(
        fmt::format("it needs {} MiB, {} are free", (plan.bytes + largest) >> 20, disk->free_bytes >> 20));
  if (!manifest.dns.empty())
    plan.remarks.push_back(
        fmt::format("the platform was reached as {}: let that name point here", manifest.dns));
  plan.remarks.emplace_back("the manager's password will be the one of then");
  erase_secret(manifest.platform_key);
  manifest.platform_key.clear();
  co_return plan;
}

Task<Result<api::Job>> PlatformRestore::restore(TargetRow row, std::string set, std::string by) {
  const auto& parts = sets_.parts();
  const auto plan = co_await this->plan(row, set);
  if (!plan.obstacles.empty()) co_return fail(Errc::kConflict, "{}", fmt::join(plan.obstacles, "; "));
  or_throw(complete_target(row, parts.layout, {}));
  NewJob job;
  job.kind = api::JobKind::kPlatform;
  job.title = "Restore the whole platform from the set " + plan.manifest.id;
  job.target = "platform";
  job.by = by;
  job.data["set"] = plan.manifest.id;
  job.data["target"] = row.name;
  job.data["kind"] = row.kind;
  job.data["place"] = row.place;
  json::Object options, secrets;
  for (const auto& [name, value] : row.options) options[name] = value;
  for (const auto& [name, value] : row.secrets) secrets[name] = value;
  job.data["options"] = std::move(options);
  job.data["secrets"] = parts.box.seal(json::serialize(secrets));
  job.data["password"] = parts.box.seal(random_password());  // of the scratch database's role
  job.data["file"] = parts.instance_jobs.upload_path();
  co_return co_await parts.jobs.start(std::move(job));
}

InstanceDatabaseNames PlatformRestore::scratch_names(const JobRun& run) const {
  const std::string name = "berth_platform_" + run.entry().id;
  return {name, name};
}

db::ConnectionOptions PlatformRestore::scratch_place(const JobRun& run) const {
  const auto& parts = sets_.parts();
  const auto names = scratch_names(run);
  return parts.instances.cluster().connection(Restorer::beside_name(names.database, kScratch), names.user,
                                              or_throw(parts.box.unseal(run.text("password"))));
}

JobRunner::Steps PlatformRestore::steps() {
  const auto make = [this](std::string text, Task<void> (PlatformRestore::*act)(JobRun&)) {
    JobStep step;
    step.text = std::move(text);
    step.run = [this, act](JobRun& run) { return (this->*act)(run); };
    return step;
  };
  JobRunner::Steps steps;
  steps.push_back(make("read the set", &PlatformRestore::keep_target));
  steps.push_back(make("load the manager's database beside", &PlatformRestore::load_manager));
  // Of what was taken over nothing is taken back: it can be used, and the job can be started again.
  steps.back().undo = [this](JobRun& run) { return clean_up(run); };
  steps.push_back(make("take over settings and services", &PlatformRestore::take_over));
  steps.push_back(make("start the services", &PlatformRestore::start_services));
  steps.push_back(make("restore the instances", &PlatformRestore::restore_instances));
  steps.push_back(make("clean up", &PlatformRestore::clean_up));
  return steps;
}

// The target stays a target of this platform, and the set one of its sets: what follows are ordinary restores.
Task<void> PlatformRestore::keep_target(JobRun& run) {
  const auto& parts = sets_.parts();
  TargetRow row;
  row.name = run.text("target");
  row.kind = run.text("kind");
  row.place = run.text("place");
  if (const auto* options = json::find_object(run.entry().data, "options"))
    for (const auto& option : *options) row.options[option.key()] = std::string(option.value().as_string());
  const auto secrets = or_throw(json::parse_object(or_throw(parts.box.unseal(run.text("secrets")))));
  for (const auto& secret : secrets) row.secrets[secret.key()] = std::string(secret.value().as_string());
  row = co_await sets_.put_target(std::move(row));
  co_await sets_.store().target_made(row.name);
  auto found = co_await find_set(row, run.text("set"));
  SetRow set;
  set.id = found.manifest.id;
  set.policy = found.manifest.policy;
  set.target = row.name;
  set.job = run.entry().id;
  co_await sets_.store().add_set(set, found.manifest.items);
  for (auto item : found.manifest.items) co_await sets_.store().put_item(item);
  set.state = SetState::kGood;
  set.ended = found.manifest.started;
  set.manifest = found.object;
  co_await sets_.store().put_set(set);
  run.data()["platformKey"] = parts.box.seal(found.manifest.platform_key);
  erase_secret(found.manifest.platform_key);
}

Task<void> PlatformRestore::load_manager(JobRun& run) {
  const auto& parts = sets_.parts();
  const auto item = co_await sets_.store().item(run.text("set"), "", "");
  const std::string file = run.text("file");
  co_await sets_.get_file(item, file);
  co_await parts.reader.verify(file, {});
  const auto names = scratch_names(run);
  const auto password = or_throw(parts.box.unseal(run.text("password")));
  // From a try before; as long as it is there the role counts as somebody else's.
  co_await parts.instances.databases().drop_database(Restorer::beside_name(names.database, kScratch));
  co_await parts.instances.databases().create(names, password);
  co_await parts.restorer.load_beside(file, names, password, kScratch);
  ::unlink(file.c_str());
}

Task<void> PlatformRestore::take_over(JobRun& run) {
  const auto& parts = sets_.parts();
  const SecretBox old_box(or_throw(parts.box.unseal(run.text("platformKey"))));
  db::DatabaseOptions options;
  options.connection = scratch_place(run);
  db::Database scratch(parts.loop, std::move(options));
  // To the form that we know; from a newer platform this says so.
  co_await db::migrate(scratch, manager_migrations());
  auto from = co_await scratch.begin("ISOLATION LEVEL REPEATABLE READ READ ONLY");
  auto to = co_await parts.database.begin();
  // Ours came with the first start: the old ones go before them.
  co_await to.query("DELETE FROM config WHERE name IN ('adminPassword', 'selfSignedCertificate')");
  co_await to.query(
      "DELETE FROM backup_policy WHERE NOT EXISTS (SELECT 1 FROM backup_set WHERE policy = "
      "backup_policy.name "
      "AND job <> $1)",
      run.entry().id);
  Copier copier(from, to, old_box, parts.box);
  co_await copier.copy({"config", "name <> 'drillDue'", {"value"}});
  const auto services = co_await copier.copy({"service", "true", {}});
  const char* current = "EXISTS (SELECT 1 FROM service s WHERE s.id = t.service AND s.build = t.build)";
  co_await copier.copy({"service_file", current, {}});
  co_await copier.copy({"service_chunk", current, {}});
  co_await copier.copy({"registered_domain", "true", {"password"}});
  co_await copier.copy({"user_agreement", "true", {}});
  co_await copier.copy({"domain_limit", "true", {}});
  co_await copier.copy({"backup_target", "true", {"secrets"}});
  co_await copier.copy({"backup_policy", "true", {}});
  co_await to.query(
      "SELECT setval('service_uid', greatest((SELECT max(uid) FROM service), (SELECT last_value FROM "
      "service_uid)))");
  const auto left_out = co_await from.query(
      "SELECT name || '@' || domain AS key FROM instance WHERE deleted IS NULL AND is_made AND "
      "exclude_from_backup ORDER BY 1");
  const auto stopped =
      co_await from.query("SELECT name || '@' || domain AS key FROM instance WHERE NOT wanted ORDER BY 1");
  co_await to.commit();
  run.log(fmt::format("{} services taken over", services));
  json::Array not_backed_up, not_wanted;
  for (const auto row : left_out) not_backed_up.emplace_back(row.get<std::string>("key"));
  for (const auto row : stopped) not_wanted.emplace_back(row.get<std::string>("key"));
  if (!not_backed_up.empty()) run.result()["excluded"] = not_backed_up;
  run.data()["stopped"] = not_wanted;
  if (taken_over) co_await taken_over();
}

Task<void> PlatformRestore::start_services(JobRun& run) {
  auto& services = sets_.parts().instances.services();
  const auto rows =
      co_await sets_.parts().database.query_repeatable("SELECT id, wanted FROM service ORDER BY id");
  std::string failed;
  for (const auto row : rows) {
    const std::string id(row.text("id"));
    co_await services.take_over(id);
    if (!row.get<bool>("wanted")) continue;
    std::optional<Error> error;
    try {
      co_await services.start_and_wait(
          id, std::chrono::seconds(sets_.parts().settings.number("serviceStartSeconds")));
    } catch (const Failure& failure) {
      error = failure.error();
    }
    if (!error) continue;
    // Its data come back all the same; that it does not run is told on the overview.
    run.log(fmt::format("{} does not start: {}", id, error->detail));
  }
}

Task<void> PlatformRestore::restore_instances(JobRun& run) {
  const auto& parts = sets_.parts();
  auto items = co_await sets_.store().items(run.text("set"));
  std::erase_if(items, [](const ItemRow& item) { return item.is_manager(); });
  std::set<std::string> stopped;
  if (const auto* list = json::find_array(run.entry().data, "stopped"))
    for (const auto& key : *list) stopped.emplace(key.as_string());
  std::string failed;
  std::size_t done = 0, failures = 0;
  for (const auto& item : items) {
    run.progress(done++ * 100 / items.size());
    const auto* present = parts.instances.find(item.name, item.domain);
    // Before the power went; one that is being restored is waited for below.
    const auto running = parts.jobs.find_running("fetch " + item.key());
    if (present && present->is_made && !running) continue;
    std::optional<Error> error;
    std::string id = running ? running->id : "";
    if (!running) {
      try {
        const auto job = co_await restore_.restore(item.set, item.name, item.domain, "", "", run.entry().by);
        if (job) id = job->id;
        else error = job.error();
      } catch (const Failure& failure) {
        error = failure.error();
      }
    }
    if (!error) {
      const auto ended = or_throw(co_await parts.jobs.wait(id));
      if (ended.state != api::JobState::kDone)
        error = Error{Errc::kFailed, ended.error.value_or("it was cancelled")};
    }
    if (error && error->code == Errc::kUnavailable) throw Failure(*error);
    run.log(error ? fmt::format("{}: {}", item.key(), error->detail) : item.key() + " is back");
    if (!error) {
      if (stopped.contains(item.key())) co_await parts.instances.stop(item.name, item.domain);
      continue;
    }
    ++failures;
    failed += fmt::format("{}{}: {}", failed.empty() ? "" : "; ", item.key(), error->detail);
  }
  run.result()["instances"] = items.size() - failures;
  if (failures)
    throw_failure(Errc::kFailed,
                  "{} of {} instances did not come back: {}. The others are there; restore these one by one: "
                  "berth instance "
                  "restore NAME@DOMAIN --from {}",
                  failures, items.size(), failed, run.text("set"));
}

Task<void> PlatformRestore::clean_up(JobRun& run) {
  const auto names = scratch_names(run);
  auto& databases = sets_.parts().instances.databases();
  ::unlink(run.text("file").c_str());
  co_await databases.drop_database(Restorer::beside_name(names.database, kScratch));
  co_await databases.drop(names);
  run.data()["platformKey"] = "";
  run.data()["secrets"] = "";
}

}  // namespace berth::manager
