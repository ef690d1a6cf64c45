// Running a policy: the steps of its job.
#include <algorithm>

#include "base/bytes.h"
#include "base/utc.h"
#include "manager/platform/clock.h"
#include "manager/sets/backup_sets.h"
#include "manager/sets/item_check.h"
#include "manager/store/index.h"

namespace berth::manager {
namespace {

// Ids sort in the order in which sets began, though two begin in one second or the clock is set back: then they are
// told a little later than it was.
std::string new_set_id(const std::vector<SetRow>& newest) {
  auto moment = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  const auto text_of = [](std::chrono::sys_seconds at) {
    std::string text;  // of 2026-11-22T16:05:12Z
    for (const char c : format_utc(at))
      if (c == 'T') text += '-';
      else if (c >= '0' && c <= '9') text += c;
    return text;
  };
  std::string time = text_of(moment);
  if (!newest.empty() && newest[0].id.size() > time.size() && newest[0].id.substr(0, time.size()) >= time) {
    const auto& last = newest[0].id;  // 20261122-160512-3fa9
    const auto at =
        parse_utc(fmt::format("{}-{}-{}T{}:{}:{}Z", last.substr(0, 4), last.substr(4, 2), last.substr(6, 2),
                              last.substr(9, 2), last.substr(11, 2), last.substr(13, 2)));
    if (at) time = text_of(*at + std::chrono::seconds(1));
  }
  return time + "-" + random_hex(2);
}

}  // namespace

Task<Result<api::Job>> BackupSets::run_policy(std::string policy, std::string by) {
  const auto row = co_await store_.policy(policy);
  NewJob job;
  job.kind = api::JobKind::kBackup;
  job.title = fmt::format("Back up by policy {} to {}", row.name, row.target);
  job.target = "backup " + row.name;
  job.by = by;
  job.data["policy"] = row.name;
  co_return co_await parts_.jobs.start(std::move(job));
}

JobRunner::Steps BackupSets::run_steps() {
  JobStep begin;
  begin.text = "choose";
  begin.run = [this](JobRun& run) { return begin_set(run); };
  // What is there stays there; a set that did not come to its end says so.
  begin.undo = [this](JobRun& run) -> Task<void> {
    if (run.text("set").empty()) co_return;
    auto set = co_await store_.set(run.text("set"));
    if (set.state != SetState::kRunning) co_return;
    set.state = SetState::kFailed;
    set.ended = utc_now();
    set.error = run.entry().error ? run.entry().error->detail : "broken off";
    co_await store_.put_set(set);
  };
  JobStep write;
  write.text = "write";
  write.run = [this](JobRun& run) { return write_items(run); };
  JobStep close;
  close.text = "close";
  close.run = [this](JobRun& run) { return close_set(run); };
  JobStep check;
  check.text = "read back";
  check.run = [this](JobRun& run) { return check_set(run, false); };
  JobStep thin;
  thin.text = "thin out";
  thin.run = [this](JobRun& run) { return thin_out(run); };
  JobStep tell;
  tell.text = "report";
  tell.run = [this](JobRun& run) { return report(run); };
  JobRunner::Steps steps;
  for (auto* step : {&begin, &write, &close, &check, &thin, &tell}) steps.push_back(std::move(*step));
  return steps;
}

Task<void> BackupSets::begin_set(JobRun& run) {
  const auto policy = co_await store_.policy(run.text("policy"));
  if (run.text("set").empty()) {
    const auto newest = co_await store_.sets("", 1);
    run.data()["set"] = new_set_id(newest);
    co_await run.save();
  }
  SetRow set;
  set.id = run.text("set");
  set.policy = policy.name;
  set.target = policy.target;
  set.job = run.entry().id;
  run.result()["set"] = set.id;
  auto items = select(policy, set.id);
  const auto sizes = co_await parts_.instances.databases().sizes();
  for (auto& item : items)
    if (const auto size = sizes.find(item.database); size != sizes.end()) item.estimate = size->second;
  co_await store_.add_set(set, std::move(items));
  const auto row = co_await store_.target(policy.target);
  const auto target = open(row);
  co_await noting(row.name, target->prepare(!row.made.empty()));
  if (row.made.empty()) co_await store_.target_made(row.name);
}

Task<BackupResult> BackupSets::write_manager(BackupSink& sink, WriteOptions options,
                                             std::function<void(BackupProgress)> progress) {
  BackupMetadata about;
  about.name = "manager";
  about.service = "manager";
  about.database = "manager";
  about.platform_version = parts_.version;
  auto source = parts_.instances.cluster().superuser("manager");
  co_return co_await parts_.backups.write(std::move(source), std::move(about), std::nullopt, sink,
                                          std::move(progress), options);
}

Task<void> BackupSets::write_items(JobRun& run) {
  const auto set = co_await store_.set(run.text("set"));
  const auto row = co_await store_.target(set.target);
  auto hold_task = gate(set.target).share();
  const auto hold = co_await hold_task;
  const auto target = open(row);
  auto items = co_await store_.items(set.id);
  std::erase_if(items, [](const ItemRow& item) { return item.state != ItemState::kWaiting; });

  // Workers take one after the other from the front, the smallest first: a large one holds up nobody but its worker.
  std::size_t next = 0;
  const auto work = [&]() -> Task<void> {
    while (next < items.size()) {
      run.progress(next * 100 / items.size());
      auto item = items[next++];
      auto writing = write_item(*target, std::move(item), run);
      co_await writing;
    }
  };
  std::vector<std::unique_ptr<loop::Spawned<void>>> workers;
  const auto count =
      std::min<std::size_t>(static_cast<std::size_t>(parts_.settings.number("backupParallel")), items.size());
  for (std::size_t i = 0; i < count; ++i)
    workers.push_back(std::make_unique<loop::Spawned<void>>(parts_.loop, work()));
  std::optional<Error> error;
  for (auto& worker : workers) {
    try {
      co_await worker->join();
    } catch (const Failure& failure) {
      if (!error) error = failure.error();
      next = items.size();  // the others end with what they are at
    }
  }
  if (!error) co_return;
  co_await store_.target_tried(set.target, error->detail);
  co_await refresh_overview();
  throw Failure(std::move(*error).within("target " + set.target));
}

namespace {

// Tells who failed: the one who writes to it, or the target behind it.
struct Judge : BackupSink {
  explicit Judge(BackupSink& the_sink) : sink(the_sink) {}
  Task<void> write(std::string bytes) override {
    target_failed = true;
    co_await sink.write(std::move(bytes));
    target_failed = false;
  }
  BackupSink& sink;
  bool target_failed = false;
};

}  // namespace

// Fails only if the target does; that a database cannot be read is noted in the item.
Task<void> BackupSets::write_item(Target& target, ItemRow item, JobRun& run) {
  while (writing_ >= parts_.settings.number("backupParallel")) {
    written_.reset();
    co_await written_.wait();
  }
  ++writing_;
  struct Release {
    BackupSets& sets;
    ~Release() {
      --sets.writing_;
      sets.written_.set();
    }
  } const release{*this};

  const InstanceRow* instance = item.is_manager() ? nullptr : parts_.instances.find(item.name, item.domain);
  if (!item.is_manager() && (!instance || instance->is_deleted())) {
    run.log(item.key() + " is gone meanwhile");
    co_await store_.remove_item(item);
    co_return;
  }
  constexpr int kTries = 3;
  std::optional<Error> source_error;
  std::optional<StoredObject> stored;
  for (int tries = 1; tries <= kTries && !stored; ++tries) {
    source_error.reset();
    BackupResult written;
    const WriteOptions options{.compress = !target.deduplicates(), .count_rows = true};
    ObjectWriter write = [&](BackupSink& sink) -> Task<void> {
      Judge judge(sink);
      try {
        auto writing = item.is_manager()
                           ? write_manager(judge, options, {})
                           : parts_.instance_jobs.write_backup(item.name, item.domain, judge, options);
        written = co_await writing;
      } catch (const Failure& failure) {
        if (!judge.target_failed) source_error = failure.error();
        throw;
      }
    };
    try {
      auto storing = target.store(item.set, item.file(), write);
      stored = co_await storing;
    } catch (const Failure&) {
      if (!source_error) throw;
    }
    if (stored) {
      item.object = stored->id;
      item.bytes = written.bytes;
      item.sha256 = written.sha256;
      item.rows = written.rows;
    } else if (source_error->code != Errc::kUnavailable) {
      break;
    } else {
      // PostgreSQL is away: when it is back it is the next try, as for the steps of any job.
      co_await loop::sleep_for(parts_.loop, std::chrono::seconds(1));
      co_await parts_.database.query_repeatable("SELECT 1");
    }
  }
  item.state = stored ? ItemState::kWritten : ItemState::kFailed;
  item.error = source_error ? source_error->detail : "";
  item.written = stored ? utc_now() : "";
  co_await store_.put_item(item);
  run.log(stored ? fmt::format("{}: {} bytes", item.key(), item.bytes)
                 : fmt::format("{}: {}", item.key(), item.error));
}

// What was stored is looked up, and the set gets its end: what the target does not list it does not have.
Task<void> BackupSets::close_set(JobRun& run) {
  auto set = co_await store_.set(run.text("set"));
  if (set.state != SetState::kRunning) co_return;  // done before the power went
  const auto row = co_await store_.target(set.target);
  auto hold_task = gate(set.target).share();
  const auto hold = co_await hold_task;
  const auto target = open(row);
  auto items = co_await store_.items(set.id);
  if (target->can_read()) {
    const auto objects = co_await target->list(set.id, "");
    for (auto& item : items) {
      if (item.state != ItemState::kWritten) continue;
      const auto found = std::find_if(objects.begin(), objects.end(), [&](const StoredObject& object) {
        return object.id.starts_with(item.object) && object.name == item.file();
      });
      if (found == objects.end()) {
        item.state = ItemState::kFailed;
        item.error = "the target said that it stored it, but does not have it";
      } else {
        item.object = found->id;
      }
      co_await store_.put_item(item);
    }
  }
  Manifest manifest;
  manifest.id = set.id;
  manifest.policy = set.policy;
  manifest.started = set.started;
  manifest.platform_version = parts_.version;
  manifest.platform_build = parts_.build;
  manifest.architecture = own_architecture();
  manifest.dns = parts_.settings.text("dnsName");
  std::size_t failed = 0;
  for (const auto& item : items) {
    if (item.state != ItemState::kWritten) {
      ++failed;
      continue;
    }
    if (item.is_manager()) manifest.platform_key = parts_.box.key();
    manifest.items.push_back(item);
  }
  set.ended = utc_now();
  if (manifest.items.empty()) {
    set.state = SetState::kFailed;
    set.error = items.empty() ? "there is nothing that this policy backs up" : items.front().error;
    co_await store_.put_set(set);
    co_return;
  }
  std::string text = format_manifest(manifest);
  ObjectWriter write = [&text](BackupSink& sink) -> Task<void> { co_await sink.write(text); };
  auto storing = target->store(set.id, std::string(kManifestName), write);
  const auto stored = co_await storing;
  erase_secret(text);
  set.manifest = stored.id;
  set.state = failed ? SetState::kPartial : SetState::kGood;
  if (failed) set.error = fmt::format("{} of {} could not be backed up", failed, items.size());
  co_await store_.put_set(set);
  for (const auto& item : manifest.items)
    if (!item.is_manager() && parts_.instances.find(item.name, item.domain))
      co_await parts_.instances.backed_up(item.name, item.domain);
}

// Reads every item back. `again`: also those that were read back before.
Task<void> BackupSets::check_set(JobRun& run, bool again) {
  auto set = co_await store_.set(run.text("set"));
  if (set.state == SetState::kFailed || set.state == SetState::kRunning) co_return;
  if (!again) {
    const auto policies = co_await store_.policies();
    for (const auto& policy : policies)
      if (policy.name == set.policy && !policy.verify) co_return;
  }
  const auto row = co_await store_.target(set.target);
  auto hold_task = gate(set.target).share();
  const auto hold = co_await hold_task;
  const auto target = open(row);
  if (!target->can_read()) {
    run.log("this target gives nothing back: only its key sheet opens what lies there");
    co_return;
  }
  auto items = co_await store_.items(set.id);
  std::size_t done = 0, damaged = 0;
  for (auto& item : items) {
    run.progress(done++ * 100 / items.size());
    // By this job, before a crash. In doubt (the times are whole seconds) it is read once more.
    const bool was_checked = item.verified > run.entry().created;
    const bool is_there = item.state == ItemState::kWritten || (again && item.state == ItemState::kDamaged);
    if (!is_there || was_checked) continue;
    std::optional<Error> error;
    try {
      auto checking = check_item(parts_.loop, *target, item, parts_.instances.cluster().settings().binaries);
      co_await checking;
    } catch (const Failure& failure) {
      error = failure.error();
    }
    if (error && error->code != Errc::kMalformed && error->code != Errc::kNotFound)
      throw Failure(std::move(*error).within("target " + set.target));
    if (error) ++damaged;
    item.state = error ? ItemState::kDamaged : ItemState::kWritten;
    item.error = error ? error->detail : "";
    item.verified = error ? "" : utc_now();
    co_await store_.put_item(item);
    run.log(error ? error->detail : item.key() + " is read back");
  }
  const bool is_whole = std::all_of(items.begin(), items.end(),
                                    [](const ItemRow& item) { return item.state == ItemState::kWritten; });
  const bool has_damage = std::any_of(items.begin(), items.end(),
                                      [](const ItemRow& item) { return item.state == ItemState::kDamaged; });
  set.state = has_damage ? SetState::kDamaged : is_whole ? SetState::kGood : SetState::kPartial;
  if (has_damage) set.error = fmt::format("{} cannot be read back", damaged);
  else if (is_whole) set.error.clear();
  set.verified = has_damage ? "" : utc_now();
  co_await store_.put_set(set);
}

Task<void> BackupSets::report(JobRun& run) {
  co_await refresh_overview();
  const auto set = co_await store_.set(run.text("set"));
  const auto items = co_await store_.items(set.id);
  std::uint64_t bytes = 0;
  std::string first;
  for (const auto& item : items) {
    if (item.state == ItemState::kWritten) bytes += item.bytes;
    else if (first.empty()) first = fmt::format("{}: {}", item.key(), item.error);
  }
  run.result()["items"] = items.size();
  run.result()["bytes"] = bytes;
  run.result()["state"] = std::string(name_of(set.state));
  if (set.state == SetState::kGood) co_return;
  throw_failure(set.state == SetState::kDamaged ? Errc::kMalformed : Errc::kFailed,
                "the set {} is {}: {}{}{}", set.id, name_of(set.state), set.error, first.empty() ? "" : "; ",
                first);
}

}  // namespace berth::manager
