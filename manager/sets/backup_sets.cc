#include "manager/sets/backup_sets.h"

#include <unistd.h>

#include <algorithm>
#include <set>

#include "base/bytes.h"
#include "base/utc.h"
#include "manager/instances/keeper.h"
#include "manager/platform/clock.h"
#include "manager/sets/item_check.h"

namespace berth::manager {
namespace {

constexpr std::size_t kMostSets = 10'000;
constexpr const char* kDefaultTarget = "local";
constexpr const char* kDefaultPolicy = "daily";
constexpr std::string_view kDefaultsRow = "backupDefaults";

}  // namespace

BackupSets::BackupSets(SetParts parts)
    : parts_(std::move(parts)), store_(parts_.database, parts_.box), written_(parts_.loop) {
  open = [this](const TargetRow& row) {
    return open_target(parts_.loop, parts_.http, parts_.layout, row, stall());
  };
  parts_.jobs.add_kind(api::JobKind::kBackup, [this](const JobEntry& entry) {
    return entry.data.contains("check") ? verify_steps() : run_steps();
  });
  parts_.jobs.add_kind(api::JobKind::kPrune, [this](const JobEntry&) { return prune_steps(); });
}

BackupSets::~BackupSets() { parts_.jobs.drop_all(); }

TimeZone BackupSets::zone() const {
  return TimeZone::parse(parts_.settings.text("timezone")).value_or(TimeZone());
}

Task<void> BackupSets::refresh_overview() {
  Overview now;
  const auto proofs = co_await store_.proofs();
  for (const auto& proof : proofs) now.proofs[proof.key()] = proof;
  const auto targets = co_await store_.targets();
  const auto policies = co_await store_.policies();
  for (const auto& target : targets)
    if (std::any_of(policies.begin(), policies.end(),
                    [&](const PolicyRow& policy) { return policy.enabled && policy.target == target.name; }))
      now.targets.emplace_back(target.name, target.error);
  const auto sets = co_await store_.sets("", 1);
  now.has_sets = !sets.empty();
  const auto shown = co_await parts_.settings.secret(kKeysShownRow);
  now.keys_were_shown = shown.has_value();
  overview_ = std::move(now);
}

std::chrono::seconds BackupSets::stall() const {
  return std::chrono::seconds(parts_.settings.number("backupStallSeconds"));
}

Gate& BackupSets::gate(const std::string& target) {
  auto& gate = gates_[target];
  if (!gate) gate = std::make_unique<Gate>(parts_.loop);
  return *gate;
}

Task<void> BackupSets::make_defaults() {
  const auto done = co_await parts_.settings.secret(kDefaultsRow);
  if (done) co_return;
  TargetRow target;
  target.name = kDefaultTarget;
  target.kind = "directory";
  target.place = parts_.layout.backup() + "/repository";
  co_await put_target(std::move(target));
  PolicyRow policy;
  policy.name = kDefaultPolicy;
  policy.target = kDefaultTarget;
  policy.schedule = "daily 02:00";
  policy.keep = {.last = 1, .daily = 7, .weekly = 4};
  co_await put_policy(std::move(policy));
  co_await parts_.settings.set_secret(kDefaultsRow, "made");
}

Task<TargetRow> BackupSets::put_target(TargetRow row) {
  std::vector<std::string> folders;
  for (const auto& [key, instance] : parts_.instances.all())
    if (instance.is_in_backups() && !instance.is_deleted())
      folders.push_back(parts_.layout.work_of(instance.service, instance.database));
  or_throw(complete_target(row, parts_.layout, folders));
  if (const auto url = net::parse_url(row.place))
    if (const auto* keeper =
            find_keeper(parts_.instances, parts_.settings.text("dnsName"), parts_.is_own_port, *url))
      throw_failure(Errc::kConflict,
                    "{} of this platform would keep the backups and is backed up itself: exclude it from "
                    "backup, or choose another place",
                    keeper->key());
  auto told_once = row.secrets.extract(kToldOnce);
  co_await store_.put_target(row);
  if (told_once) row.secrets.insert(std::move(told_once));
  co_return row;
}

Task<void> BackupSets::remove_target(std::string name) {
  const auto row = co_await store_.target(name);
  const auto policies = co_await store_.policies();
  for (const auto& policy : policies)
    if (policy.target == name)
      throw_failure(Errc::kConflict,
                    "the policy {} writes to the target {}: give it another one, or remove it, first",
                    policy.name, name);
  co_await store_.remove_target(row.name);
  co_await refresh_overview();
}

Task<void> BackupSets::noting(std::string target, Task<void> act) {
  std::optional<Error> error;
  try {
    co_await act;
  } catch (const Failure& failure) {
    error = failure.error();
  }
  co_await store_.target_tried(target, error ? error->detail : "");
  co_await refresh_overview();
  if (error) throw Failure(std::move(*error).within("target " + target));
}

Task<void> BackupSets::test_target(std::string name) {
  const auto row = co_await store_.target(name);
  auto hold_task = gate(name).share();
  const auto hold = co_await hold_task;
  const auto target = open(row);
  co_await noting(name, target->test(!row.made.empty()));
  if (row.made.empty()) co_await store_.target_made(name);
}

std::vector<ItemRow> BackupSets::select(const PolicyRow& policy, const std::string& set) const {
  std::vector<ItemRow> items;
  if (policy.scope == Scope::kAll || policy.scope == Scope::kManager) {
    ItemRow item;
    item.set = set;
    item.service = "manager";
    item.database = "manager";
    item.build = parts_.build;
    item.label = parts_.version;
    items.push_back(std::move(item));
  }
  if (policy.scope == Scope::kManager) return items;
  for (const auto& [key, row] : parts_.instances.all()) {
    if (!row.is_made || row.is_deleted() || !row.is_in_backups()) continue;
    if (policy.scope == Scope::kDomain && row.domain != policy.domain) continue;
    if (policy.scope == Scope::kInstance && (row.name != policy.instance || row.domain != policy.domain))
      continue;
    if (std::find(policy.excluded.begin(), policy.excluded.end(), key) != policy.excluded.end()) continue;
    ItemRow item;
    item.set = set;
    item.name = row.name;
    item.domain = row.domain;
    item.service = row.service;
    item.path = row.path;
    item.database = row.database;
    if (const Service* service = parts_.instances.services().find(row.service)) {
      item.build = service->row().build;
      item.label = service->row().label;
    }
    items.push_back(std::move(item));
  }
  return items;
}

std::vector<std::string> BackupSets::selection(const PolicyRow& policy) const {
  std::vector<std::string> keys;
  for (const auto& item : select(policy, "")) keys.push_back(item.key());
  return keys;
}

Task<PolicyRow> BackupSets::put_policy(PolicyRow row) {
  if (row.name.empty() || row.name.size() > 63 || row.name.find_first_of(" /\t\n\"'@") != std::string::npos)
    throw_failure(Errc::kMalformed,
                  "\"{}\": a policy's name has 1 to 63 bytes and no blanks, '/', '@' or quotes", row.name);
  const auto schedule = or_throw(Schedule::parse(row.schedule));
  co_await store_.target(row.target);
  if (row.scope == Scope::kInstance) or_throw(parts_.instances.get(row.instance, row.domain));
  if (row.scope == Scope::kDomain && row.domain.empty())
    throw_failure(Errc::kMalformed, "a policy of a domain needs the domain's name");
  const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  const auto due = row.enabled ? schedule.next_after(now, zone()) : std::nullopt;
  row.due = due ? format_utc(*due) : "";
  co_await store_.put_policy(row);
  co_await refresh_overview();
  co_return row;
}

// ---- reading back by hand

Task<Result<api::Job>> BackupSets::verify_set(std::string set, std::string by) {
  const auto row = co_await store_.set(set);
  if (row.state == SetState::kRunning || row.state == SetState::kFailed)
    co_return fail(Errc::kConflict, "the set {} is {}: there is nothing to read back", row.id,
                   name_of(row.state));
  NewJob job;
  job.kind = api::JobKind::kBackup;
  job.title = "Read back the backup set " + row.id;
  job.target = "set " + row.id;
  job.by = by;
  job.data["check"] = true;
  job.data["set"] = row.id;
  co_return co_await parts_.jobs.start(std::move(job));
}

JobRunner::Steps BackupSets::verify_steps() {
  JobStep check;
  check.text = "read back";
  check.run = [this](JobRun& run) { return check_set(run, true); };
  JobStep tell;
  tell.text = "report";
  tell.run = [this](JobRun& run) { return report(run); };
  JobRunner::Steps steps;
  steps.push_back(std::move(check));
  steps.push_back(std::move(tell));
  return steps;
}

Task<std::uint64_t> BackupSets::get(std::string set, std::string name, std::string domain, BackupSink& sink) {
  const auto item = co_await store_.item(set, name, domain);
  if (item.object.empty())
    throw_failure(Errc::kConflict, "{} is not in the set {}: {}", item.key(), set, item.error);
  const auto set_row = co_await store_.set(set);
  const auto row = co_await store_.target(set_row.target);
  auto hold_task = gate(row.name).share();
  const auto hold = co_await hold_task;
  const auto target = open(row);
  ProvingSink proof(item, &sink);
  const StoredObject object{item.object, item.set, item.file(), item.written};
  auto fetching = target->fetch(object, proof);
  co_await fetching;
  proof.finish();
  co_return item.bytes;
}

Task<bool> BackupSets::get_file(ItemRow item, std::string path) {
  const auto set = co_await store_.set(item.set);
  const auto row = co_await store_.target(set.target);
  auto hold_task = gate(row.name).share();
  const auto hold = co_await hold_task;
  const auto target = open(row);
  ::unlink(path.c_str());
  const StoredObject object{item.object, item.set, item.file(), item.written};
  auto fetching = target->fetch_to_file(object, path);
  co_await fetching;
  co_return target->vouches();
}

// ---- thinning out

Task<RetentionPlan> BackupSets::plan_retention(PolicyRow policy) {
  RetentionPlan plan;
  plan.policy = policy.name;
  plan.target = policy.target;
  plan.sets = co_await store_.sets(policy.name, kMostSets);
  std::erase_if(plan.sets, [](const SetRow& set) { return set.state == SetState::kRunning; });
  std::map<std::string, std::vector<std::string>> newest_of;
  const auto newest = co_await store_.newest_items();
  for (const auto& item : newest) {
    const auto* instance = parts_.instances.find(item.name, item.domain);
    if (item.is_manager() || (instance && instance->is_in_backups()))
      newest_of[item.set].push_back(item.key());
  }
  std::vector<DatedSet> dated;
  for (const auto& set : plan.sets) {
    DatedSet one;
    one.id = set.id;
    one.at = parse_utc(set.started).value_or(std::chrono::sys_seconds{});
    one.is_good = set.state == SetState::kGood;
    if (const auto found = newest_of.find(set.id); found != newest_of.end()) one.newest_of = found->second;
    dated.push_back(std::move(one));
  }
  // In the order of their ids, also if the clock was set back between them.
  for (std::size_t i = dated.size(); i-- > 1;) dated[i - 1].at = std::max(dated[i - 1].at, dated[i].at);
  plan.verdicts = decide_retention(std::move(dated), policy.keep, zone());
  // In the order of the verdicts.
  std::map<std::string, SetRow> by_id;
  for (auto& set : plan.sets) by_id[set.id] = std::move(set);
  plan.sets.clear();
  for (const auto& verdict : plan.verdicts) plan.sets.push_back(by_id.at(verdict.id));
  co_return plan;
}

Task<std::uint64_t> BackupSets::remove_sets(RetentionPlan plan) {
  std::map<std::string, std::vector<std::string>> going;  // sets by target
  for (std::size_t i = 0; i < plan.sets.size(); ++i)
    if (!plan.verdicts[i].stays) going[plan.sets[i].target].push_back(plan.sets[i].id);
  std::uint64_t removed = 0;
  const auto targets = co_await store_.targets();
  for (const auto& [name, sets] : going) {
    const auto row =
        std::find_if(targets.begin(), targets.end(), [&](const TargetRow& one) { return one.name == name; });
    if (row == targets.end() || row->append_only) continue;
    auto hold_task = gate(name).alone();
    const auto hold = co_await hold_task;
    const auto target = open(*row);
    if (!target->can_read()) continue;
    // By what lies there, not by what we remember: a try that a power cut ended is there as well.
    const std::set<std::string> ids(sets.begin(), sets.end());
    const auto objects = co_await target->list("", "");
    std::vector<std::string> gone;
    for (const auto& object : objects)
      if (ids.contains(object.set)) gone.push_back(object.id);
    co_await target->remove(gone);
    co_await store_.remove_sets(sets);
    removed += sets.size();
  }
  co_return removed;
}

Task<void> BackupSets::thin_out(JobRun& run) {
  std::optional<Error> error;
  std::uint64_t removed = 0;
  try {
    const auto policy = co_await store_.policy(run.text("policy"));
    auto plan = co_await plan_retention(policy);
    removed = co_await remove_sets(std::move(plan));
  } catch (const Failure& failure) {
    error = failure.error();
  }
  run.result()["removed"] = removed;
  if (removed) run.log(fmt::format("{} older sets are removed", removed));
  if (!error) co_return;
  // The backup is made; what is left over goes the next time.
  if (error->code == Errc::kUnavailable) co_await parts_.database.query_repeatable("SELECT 1");
  run.log("older sets stay: " + error->detail);
  run.result()["warning"] = "older sets stay: " + error->detail;
}

Task<Result<api::Job>> BackupSets::prune(std::string policy, std::string by) {
  const auto row = co_await store_.policy(policy);
  NewJob job;
  job.kind = api::JobKind::kPrune;
  job.title = "Thin out the sets of policy " + row.name;
  job.target = "backup " + row.name;
  job.by = by;
  job.data["policy"] = row.name;
  co_return co_await parts_.jobs.start(std::move(job));
}

JobRunner::Steps BackupSets::prune_steps() {
  JobStep thin;
  thin.text = "thin out";
  thin.run = [this](JobRun& run) -> Task<void> {
    const auto policy = co_await store_.policy(run.text("policy"));
    auto plan = co_await plan_retention(policy);
    run.result()["removed"] = co_await remove_sets(std::move(plan));
  };
  JobRunner::Steps steps;
  steps.push_back(std::move(thin));
  return steps;
}

}  // namespace berth::manager
