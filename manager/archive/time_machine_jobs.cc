#include "manager/archive/time_machine_jobs.h"

#include <dirent.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "base/utc.h"
#include "manager/backup/child.h"
#include "manager/database/leftovers.h"
#include "manager/instances/names.h"
#include "manager/usage/limit_ranges.h"
#include "wire/json/json.h"

namespace berth::manager {
namespace {

using namespace std::chrono_literals;
using std::chrono::sys_seconds;

constexpr auto kStrayLimit = 10s;
constexpr int kPort = 5433;          // in a folder of its own
constexpr auto kArchiveLimit = 30s;  // until the last segment is archived; then it is taken from the live log
constexpr std::uint64_t kLogOfLoading = 512 << 20;  // what pg_wal may grow by while the data go in

sys_seconds now() { return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()); }

std::string mib(std::uint64_t bytes) { return fmt::format("{} MiB", (bytes + (1 << 20) - 1) >> 20); }

sys_seconds moment_of(const JobRun& run) { return parse_utc(run.text("at")).value_or(sys_seconds{}); }

}  // namespace

struct TimeMachineJobs::Recovered {
  Recovered(loop::Semaphore::Permit the_permit, const TimeMachineJobs& jobs, const std::string& job)
      : permit(std::move(the_permit)),
        cluster(jobs.loop_, jobs.cluster_, jobs.machine_, jobs.layout_.run() + "/pitr", "job-" + job, kPort,
                jobs.cluster_.settings().log_folder + "/time-machine.log") {}
  loop::Semaphore::Permit permit;
  ScratchCluster cluster;
  std::optional<Source> source;
};

TimeMachineJobs::TimeMachineJobs(loop::Loop& loop, JobRunner& runner, TimeMachine& machine,
                                 Instances& instances, InstanceJobs& instance_jobs, Restorer& restorer,
                                 const Cluster& cluster, db::Database& admin, db::Database& database,
                                 Settings& settings, const SecretBox& box, const Layout& layout)
    : loop_(loop),
      runner_(runner),
      machine_(machine),
      instances_(instances),
      instance_jobs_(instance_jobs),
      restorer_(restorer),
      cluster_(cluster),
      admin_(admin),
      database_(database),
      settings_(settings),
      box_(box),
      layout_(layout),
      turn_(loop, 1) {
  runner_.add_kind(api::JobKind::kBase, [this](const JobEntry&) { return base_steps(); });
  runner_.add_kind(api::JobKind::kRewind, [this](const JobEntry&) { return rewind_steps(); });
}

TimeMachineJobs::~TimeMachineJobs() { runner_.drop_all(); }

Task<Result<api::Job>> TimeMachineJobs::make_base(std::string by) {
  if (!machine_.is_on())
    co_return fail(Errc::kConflict, "the time machine is off: {}", machine_.view().reason);
  NewJob job;
  job.kind = api::JobKind::kBase;
  job.title = "Base backup for the time machine";
  job.target = "time machine";
  job.by = std::move(by);
  co_return co_await runner_.start(std::move(job));
}

JobRunner::Steps TimeMachineJobs::base_steps() {
  JobStep copy;
  copy.text = "copy what has changed";
  copy.run = [this](JobRun& run) { return make_copy(run); };
  copy.undo = [this](JobRun& run) -> Task<void> {
    if (run.text("id").empty()) co_return;
    co_await machine_.expire();  // what no manifest names goes
  };
  JobStep tidy;
  tidy.text = "remove what is too old";
  tidy.can_cancel = false;
  tidy.run = [this](JobRun&) -> Task<void> { co_await machine_.expire(); };
  JobRunner::Steps steps;
  steps.push_back(std::move(copy));
  steps.push_back(std::move(tidy));
  return steps;
}

Task<void> TimeMachineJobs::make_copy(JobRun& run) {
  if (run.text("id").empty()) {
    std::string stamp = format_utc(now());
    std::erase_if(stamp, [](char c) { return c == '-' || c == ':' || c == 'Z'; });
    run.data()["id"] = stamp + "-" + run.entry().id;
    co_await run.save();
  }
  const std::string id = run.text("id");
  if (machine_.read_manifest(id)) co_return;  // an earlier manager came so far
  co_await machine_.expire(id);
  if (machine_.free_bytes() < 2 * machine_.reserve_bytes())
    throw_failure(Errc::kNoSpace, "{} of the disk are free, a base backup wants {}",
                  mib(machine_.free_bytes()), mib(2 * machine_.reserve_bytes()));

  // The server keeps the backup open as long as this one session lives.
  db::DatabaseOptions options;
  options.connection = cluster_.superuser();
  options.query_limit = 1h;
  options.idle_release = 0ms;
  db::Database session(loop_, options);
  auto transaction = co_await session.begin();
  archive::Manifest manifest;
  manifest.id = id;
  manifest.started = now();
  const auto begun = co_await transaction.query(
      "SELECT pg_walfile_name(lsn), (SELECT system_identifier::text FROM pg_control_system()) "
      "FROM pg_backup_start($1, true) AS lsn",
      "berth " + id);
  manifest.start = archive::parse_segment_name(begun.front().get<std::string>(0)).value();
  manifest.system = begun.front().get<std::string>(1);
  const auto databases = co_await transaction.query("SELECT oid::bigint, datname::text FROM pg_database");
  for (const auto row : databases)
    manifest.databases.push_back(
        {static_cast<std::uint32_t>(row.get<std::int64_t>(0)), row.get<std::string>(1)});
  for (const auto& [key, row] : instances_.all())
    if (row.is_made) manifest.instances.push_back({row.name, row.domain, row.created, row.database});

  loop::SpawnOptions copy;
  copy.program = machine_.program();
  copy.arguments = {"copy", machine_.folder(), cluster_.settings().data_folder, id, machine_.newest_base()};
  copy.directory = "/";
  const auto child = Child::start(loop_, cluster_.as_database_user(std::move(copy)));
  std::string text;
  for (;;) {
    const std::string piece = co_await child->read();
    if (piece.empty()) break;
    text += piece;
    for (auto end = text.find('\n'); end != std::string::npos && text.starts_with("progress ");
         end = text.find('\n')) {
      const auto words = split(std::string_view(text).substr(0, end), ' ');
      const auto done = parse_integer(words[1]).value_or(0), of = parse_integer(words[2]).value_or(0);
      run.progress(of > 0 ? static_cast<std::uint64_t>(done * 100 / of) : 100);
      text.erase(0, end + 1);
    }
  }
  const auto status = co_await child->wait();
  if (!status.is_success()) throw Failure(error_of_child(*child, status, "copy the cluster"));
  if (!text.starts_with("files "))
    throw_failure(Errc::kFailed, "berth-archive said \"{}\"", text.substr(0, 200));
  manifest.files = or_throw(archive::parse_copied_files(std::string_view(text).substr(6)));

  // Not waited for the archive: what is not there yet lies in the live log.
  const auto ended = co_await transaction.query(
      "SELECT pg_walfile_name(lsn), labelfile, ceil(extract(epoch FROM clock_timestamp()))::bigint "
      "FROM pg_backup_stop(false)");
  manifest.stop = archive::parse_segment_name(ended.front().get<std::string>(0)).value();
  manifest.label = ended.front().get<std::string>(1);
  manifest.stopped = sys_seconds(std::chrono::seconds(ended.front().get<std::int64_t>(2)));
  co_await transaction.commit();
  cluster_.write_own_file(machine_.folder() + "/base/" + id + ".json", archive::format_manifest(manifest));
  run.log(fmt::format("{} of {} were new: {} on disk", id, mib(manifest.files.bytes()),
                      mib(manifest.files.new_bytes)));
  run.result()["id"] = id;
  run.result()["bytes"] = manifest.files.bytes();
  run.result()["newBytes"] = manifest.files.new_bytes;
}

std::string TimeMachineJobs::window_text() const {
  const auto zone = machine_.zone();
  const auto show = [&zone](sys_seconds moment) {
    std::string text = format_utc(sys_seconds(moment.time_since_epoch() + zone.offset_at(moment)));
    text[10] = ' ';
    text.back() = ' ';
    return text + zone.name_at(moment);
  };
  std::vector<std::string> parts;
  for (const auto& range : machine_.ranges())
    parts.push_back(
        fmt::format("from {} to {}", show(range.from), range.to ? show(*range.to) : std::string("now")));
  if (parts.empty()) return "no moment can be reached yet";
  return fmt::format("it reaches {}", fmt::join(parts, ", and "));
}

Task<std::string> TimeMachineJobs::created_at(std::string name, std::string domain) {
  const auto rows = co_await database_.query_repeatable(
      "SELECT extract(epoch FROM created)::text FROM instance WHERE name = $1 AND domain = $2", name, domain);
  co_return rows.empty() ? std::string() : rows.front().get<std::string>(0);
}

Task<bool> TimeMachineJobs::has_been_known(std::string key) {
  const auto rows = co_await database_.query_repeatable("SELECT 1 FROM job WHERE target = $1 LIMIT 1", key);
  co_return !rows.empty();
}

Task<std::uint32_t> TimeMachineJobs::oid_of(std::string database) {
  const auto rows =
      co_await admin_.query_repeatable("SELECT oid::bigint FROM pg_database WHERE datname = $1", database);
  co_return rows.empty() ? 0 : static_cast<std::uint32_t>(rows.front().get<std::int64_t>(0));
}

// The databases in which the data of the instance may have been. A wrong guess costs time, no more: see recover().
Task<std::vector<std::uint32_t>> TimeMachineJobs::guess_databases(const archive::Manifest& manifest,
                                                                  std::string name, std::string domain,
                                                                  sys_seconds moment) {
  std::vector<std::uint32_t> oids;
  const auto add = [&](std::uint32_t oid) {
    const auto is_it = [oid](const archive::BaseDatabase& database) { return database.oid == oid; };
    if (std::any_of(manifest.databases.begin(), manifest.databases.end(), is_it) &&
        std::find(oids.begin(), oids.end(), oid) == oids.end())
      oids.push_back(oid);
  };
  const auto add_named = [&](const std::string& database) {
    for (const auto& one : manifest.databases)
      if (one.name == database) add(one.oid);
  };
  add_named("manager");
  if (const auto* row = instances_.find(name, domain)) {
    std::string database = row->database;
    // Newest first: the oldest that was replaced after the moment.
    for (const auto& kept : row->kept)
      if (const auto replaced = parse_utc(kept.replaced); replaced && *replaced > moment)
        database = kept.database;
    add(co_await oid_of(database));
  } else {
    for (const auto& instance : manifest.instances)
      if (instance.name == name && instance.domain == domain) add_named(instance.database);
  }
  co_return oids;
}

Task<Result<api::RewindPlan>> TimeMachineJobs::plan(RewindRequest request) {
  co_await machine_.refresh();
  const std::string key = instance_key(request.name, request.domain);
  if (request.moment > now())
    co_return fail(Errc::kMalformed, "{} is still to come (it is {} now)", format_utc(request.moment),
                   format_utc(now()));
  if (!machine_.is_on() && machine_.ranges().empty())
    co_return fail(Errc::kConflict, "the time machine is off: {}", machine_.view().reason);
  const auto* base = machine_.find_base(request.moment);
  if (!base)
    co_return fail(Errc::kNotFound, "{} is out of reach of the time machine: {}", format_utc(request.moment),
                   window_text());
  const archive::BaseFacts chosen = *base;
  const auto* row = instances_.find(request.name, request.domain);
  const auto* listed = machine_.instances_of(chosen.id);
  const bool was_there =
      listed && std::any_of(listed->begin(), listed->end(), [&](const archive::BaseInstance& one) {
        return one.name == request.name && one.domain == request.domain;
      });
  if (row && row->is_deleted() && request.as_name.empty())
    co_return fail(Errc::kConflict,
                   "{0} is in the bin: bring it back first (berth instance undo {0}), then its past", key);
  if (row && row->external)
    co_return fail(Errc::kUnsupported, "the data of {} lie on {}, which the time machine does not record",
                   key, row->external->host);
  const auto created = row ? parse_utc(row->created) : std::nullopt;
  if (created && request.moment < *created && !was_there)
    co_return fail(Errc::kNotFound, "{} was created at {}: at {} there was none", key, row->created,
                   format_utc(request.moment));
  if (!row && !was_there) {
    const bool known = co_await has_been_known(key);
    if (!known)
      co_return fail(Errc::kNotFound, "there is no instance {}, and none is known to have been", key);
  }

  const auto manifest = machine_.read_manifest(chosen.id);
  if (!manifest) co_return tl::unexpected(manifest.error());
  const auto databases = co_await guess_databases(*manifest, request.name, request.domain, request.moment);
  std::uint64_t scratch = 0, instance = 0;
  for (const auto& group : manifest->files.groups) {
    const bool is_wanted = std::find(databases.begin(), databases.end(), group.database) != databases.end();
    if (is_wanted || group.database < 16384) scratch += group.bytes;
  }
  row = instances_.find(request.name, request.domain);
  if (row) {
    const std::string database = row->database;
    const bool exists = co_await instances_.databases().exists(database);
    if (exists) instance = co_await instances_.databases().size(database);
  }
  for (const auto oid : databases) instance = std::max(instance, manifest->files.bytes_of(oid));
  api::RewindPlan plan;
  plan.at = format_utc(request.moment);
  plan.base = chosen.id;
  plan.base_made_at = format_utc(chosen.stopped);
  plan.log_bytes = machine_.log_bytes_between(chosen.start, request.moment);
  // The log brings at most its own size of other databases' pages. What is loaded goes through the live log, too.
  plan.needed_bytes = scratch + plan.log_bytes + instance + instance / 2 + kLogOfLoading;
  plan.free_bytes = machine_.free_bytes();
  if (plan.needed_bytes + machine_.reserve_bytes() > plan.free_bytes)
    co_return fail(
        Errc::kNoSpace,
        "it takes {} of disk for a while ({} of the base backup, up to {} of log, {} for the data) and "
        "{} have to stay free, but {} are",
        mib(plan.needed_bytes), mib(scratch), mib(plan.log_bytes),
        mib(instance + instance / 2 + kLogOfLoading), mib(machine_.reserve_bytes()), mib(plan.free_bytes));
  co_return plan;
}

Task<Result<api::Job>> TimeMachineJobs::rewind(RewindRequest request, std::string by) {
  const auto plan = co_await this->plan(request);
  if (!plan) co_return tl::unexpected(plan.error());
  const auto* present = instances_.find(request.name, request.domain);
  const bool is_copy = !request.as_name.empty();
  const std::string key = instance_key(request.name, request.domain);
  NewJob job;
  job.kind = api::JobKind::kRewind;
  job.by = std::move(by);
  job.target = is_copy ? instance_key(request.as_name, request.as_domain) : key;
  job.title = is_copy ? fmt::format("Make {} of {} as it was at {}", job.target, key, plan->at)
                      : fmt::format("Bring {} back to {}", key, plan->at);
  job.data["at"] = plan->at;
  job.data["ofName"] = request.name;
  job.data["ofDomain"] = request.domain;
  job.data["created"] = co_await created_at(request.name, request.domain);
  job.data["asName"] = request.as_name;
  job.data["asDomain"] = request.as_domain;
  job.data["replace"] = present && !is_copy;
  job.data["days"] = settings_.number("restoreUndoDays");
  if (present && !is_copy) {
    instance_jobs_.put_row(job.data, *present);
  } else if (is_copy) {
    if (instances_.find(request.as_name, request.as_domain))
      co_return fail(Errc::kExists, "there is already an instance {}", job.target);
    auto valid = check_instance_name(request.as_name);
    if (valid) valid = check_domain(request.as_domain);
    if (!valid) co_return tl::unexpected(valid.error());
  }
  co_return co_await runner_.start(std::move(job));
}

Task<void> TimeMachineJobs::prepare(JobRun& run) {
  RewindRequest request{run.text("ofName"), run.text("ofDomain"), moment_of(run), run.text("asName"),
                        run.text("asDomain")};
  const auto plan = or_throw(co_await this->plan(std::move(request)));
  run.data()["base"] = plan.base;
  run.log(fmt::format("from base backup {} of {}, up to {} of log; {} of disk", plan.base, plan.base_made_at,
                      mib(plan.log_bytes), mib(plan.needed_bytes)));
  if (!machine_.is_on()) co_return;
  // The journal has just written a commit that is later than the moment; its segment is closed, so that it is whole.
  const auto rows = co_await admin_.query("SELECT pg_walfile_name(pg_switch_wal())");
  const auto segment = rows.front().get<std::string>(0);
  const auto deadline = loop_.now() + kArchiveLimit;
  while (!machine_.is_archived(segment)) {
    if (loop_.now() >= deadline) {
      run.log("segment " + segment + " is not archived yet: it is taken from the live log");
      co_return;
    }
    co_await loop::sleep_for(loop_, 100ms);
  }
}

Task<std::optional<TimeMachineJobs::Source>> TimeMachineJobs::find_source(const Recovered& recovered,
                                                                          std::string name,
                                                                          std::string domain,
                                                                          std::string created) {
  db::DatabaseOptions options;
  options.connection = recovered.cluster.superuser("manager");
  db::Database then(loop_, options);
  // Columns that every version of the platform has had, and limits where there were any. The same instance under another name goes before another
  // one under the same name.
  const auto rows = co_await then.query(
      "SELECT name, domain, service, path, password, database, database_user, database_host, "
      "log_flags::text, "
      "exclude_from_backup, coalesce(to_jsonb(instance) ->> 'limits', ''), "
      "coalesce((to_jsonb(instance) ->> 'isolated')::boolean, false) FROM instance WHERE is_made AND "
      "(extract(epoch FROM created)::text = $3 "
      "OR (name = $1 AND domain = $2)) ORDER BY extract(epoch FROM created)::text = $3 DESC LIMIT 1",
      name, domain, created);
  if (rows.empty()) co_return std::nullopt;
  const auto row = rows.front();
  Source source;
  source.database = row.get<std::string>(5);
  source.row.name = row.get<std::string>(0);
  source.row.domain = row.get<std::string>(1);
  source.row.service = row.get<std::string>(2);
  source.row.path = row.get<std::string>(3);
  source.row.password = or_throw(box_.unseal(row.get<std::string>(4)));
  source.row.database = source.database;
  source.row.database_user = row.get<std::string>(6);
  source.host = row.get<std::string>(7);
  source.row.log_flags = std::strtoull(row.get<std::string>(8).c_str(), nullptr, 10);
  source.row.exclude_from_backup = row.get<bool>(9);
  source.row.isolated = row.get<bool>(11);
  if (const auto limits = row.get<std::string>(10); !limits.empty())
    source.row.limits = read_limits(or_throw(json::parse_object(limits))).limits;
  co_return source;
}

Task<TimeMachineJobs::Source> TimeMachineJobs::recover(JobRun& run) {
  const std::string job = run.entry().id;
  if (const auto found = recovered_.find(job);
      found != recovered_.end() && found->second->cluster.is_running() && found->second->source)
    co_return *found->second->source;
  co_await forget(job);
  auto permit = co_await turn_.acquire();
  auto& recovered = recovered_[job];
  recovered = std::make_unique<Recovered>(std::move(permit), *this, job);
  const auto manifest = or_throw(machine_.read_manifest(run.text("base")));
  const std::string key = instance_key(run.text("ofName"), run.text("ofDomain"));
  auto databases =
      co_await guess_databases(manifest, run.text("ofName"), run.text("ofDomain"), moment_of(run));
  for (;;) {
    std::function<void(std::uint64_t)> progress = [&run](std::uint64_t percent) { run.progress(percent); };
    auto recovering = recovered->cluster.recover(manifest.id, databases, moment_of(run), std::move(progress));
    co_await recovering;
    auto source =
        co_await find_source(*recovered, run.text("ofName"), run.text("ofDomain"), run.text("created"));
    if (!source) throw_failure(Errc::kNotFound, "at {} there was no instance {}", run.text("at"), key);
    if (!source->host.empty())
      throw_failure(Errc::kUnsupported,
                    "at {} the data of {} lay on {}, which the time machine does not record", run.text("at"),
                    key, source->host);
    db::DatabaseOptions options;
    options.connection = recovered->cluster.superuser("postgres");
    db::Database then(loop_, options);
    const auto rows =
        co_await then.query("SELECT oid::bigint FROM pg_database WHERE datname = $1", source->database);
    if (rows.empty())
      throw_failure(Errc::kNotFound, "at {} the database {} of {} was not there", run.text("at"),
                    source->database, key);
    const auto oid = static_cast<std::uint32_t>(rows.front().get<std::int64_t>(0));
    const auto is_it = [oid](const archive::BaseDatabase& database) { return database.oid == oid; };
    const bool is_in_base = std::any_of(manifest.databases.begin(), manifest.databases.end(), is_it);
    if (is_in_base && std::find(databases.begin(), databases.end(), oid) == databases.end()) {
      run.log("its data were in another database then: once more with that");
      databases.push_back(oid);
      continue;
    }
    recovered->source = std::move(source);
    co_return *recovered->source;
  }
}

Task<void> TimeMachineJobs::forget(std::string job) {
  const auto found = recovered_.find(job);
  if (found == recovered_.end()) co_return;
  co_await found->second->cluster.remove();
  recovered_.erase(job);
}

Task<void> TimeMachineJobs::load(JobRun& run) {
  const auto source = co_await recover(run);
  const auto row = instance_jobs_.row_of(run);
  const auto from = recovered_.at(run.entry().id)->cluster.superuser(source.database);
  db::DatabaseOptions options;
  options.connection = from;
  std::uint64_t bytes = 0;
  {
    db::Database then(loop_, options);
    const auto rows = co_await then.query("SELECT pg_database_size(current_database())");
    bytes = static_cast<std::uint64_t>(rows.front().get<std::int64_t>(0));
  }
  InstanceDatabaseNames names{row.database, row.database_user};
  std::function<void(std::uint64_t, std::uint64_t)> progress = [&run](std::uint64_t done, std::uint64_t of) {
    run.progress(of ? done * 100 / of : 0);
  };
  auto loading = restorer_.load_beside_from(from, bytes, std::move(names), row.database_password,
                                            run.entry().id, std::move(progress));
  co_await loading;
  co_await forget(run.entry().id);
}

JobRunner::Steps TimeMachineJobs::rewind_steps() {
  JobStep prepare;
  prepare.text = "close the log";
  prepare.run = [this](JobRun& run) { return this->prepare(run); };

  JobStep recover;
  recover.text = "go back in time";
  recover.run = [this](JobRun& run) -> Task<void> {
    const auto source = co_await this->recover(run);
    if (run.flag("replace")) co_return;
    // A new instance, from what it was then. Its database password is a new one.
    const bool is_copy = !run.text("asName").empty();
    NewInstance wanted;
    wanted.service = source.row.service;
    wanted.name = is_copy ? run.text("asName") : source.row.name;
    wanted.domain = is_copy ? run.text("asDomain") : source.row.domain;
    if (!is_copy) {
      wanted.path = source.row.path;
      wanted.database = source.row.database;
      wanted.database_user = source.row.database_user;
    }
    wanted.password = source.row.password;
    wanted.log_flags = source.row.log_flags;
    wanted.exclude_from_backup = source.row.exclude_from_backup;
    wanted.limits = source.row.limits;
    wanted.isolated = source.row.isolated;
    if (!run.text("name").empty()) co_return;  // an earlier manager came so far: the same passwords
    const auto row = or_throw(instance_jobs_.complete(std::move(wanted)));
    instance_jobs_.put_row(run.data(), row);
  };
  recover.undo = [this](JobRun& run) -> Task<void> { co_await forget(run.entry().id); };

  JobStep load;
  load.text = "load beside";
  load.run = [this](JobRun& run) { return this->load(run); };
  load.undo = [this](JobRun& run) -> Task<void> {
    const auto row = instance_jobs_.row_of(run);
    InstanceDatabaseNames names{row.database, row.database_user};
    // Should the swap not have been undone, the old data are the only ones: they stay.
    co_await restorer_.forget(std::move(names), run.entry().id, true);
  };

  JobRunner::Steps steps;
  steps.push_back(std::move(prepare));
  steps.push_back(std::move(recover));
  steps.push_back(instance_jobs_.reserve_step("reserve name and path"));
  steps.push_back(instance_jobs_.make_step("make database"));
  steps.push_back(std::move(load));
  for (auto& step : instance_jobs_.swap_steps()) steps.push_back(std::move(step));
  return steps;
}

Task<void> TimeMachineJobs::look_after() {
  if (looking_after_) co_return;
  struct Done {
    bool& flag;
    ~Done() { flag = false; }
  } done{looking_after_};
  looking_after_ = true;
  co_await machine_.apply();
  const bool is_making = runner_.find_running("time machine").has_value();
  if (is_making) co_await machine_.refresh();
  else co_await machine_.expire();
  if (!machine_.is_base_due() || is_making) co_return;
  const auto started = co_await make_base("time machine");
  if (!started) log_warning("no base backup", {{"error", started.error().detail}});
}

Task<void> TimeMachineJobs::begin() {
  try {
    co_await machine_.apply();
    co_await machine_.refresh();
  } catch (const Failure& failure) {
    log_warning("time machine",
                {{"error", failure.error().detail}});  // no reason not to start; tried every hour
  }
  const std::string folder = machine_.scratch_folder();
  std::vector<std::string> strays;
  {
    const std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(folder.c_str()), ::closedir);
    while (const dirent* entry = open ? ::readdir(open.get()) : nullptr)
      if (entry->d_name[0] != '.') strays.push_back(folder + "/" + entry->d_name);
  }
  // Whose jobs are not at their end begin anew.
  for (const auto& stray : strays) {
    co_await end_leftovers(loop_, stray, kStrayLimit);
    or_throw(remove_tree(stray));
  }
}

}  // namespace berth::manager
