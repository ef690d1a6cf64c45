// Targets, policies and sets.
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "api/backup.h"
#include "base/utc.h"
#include "manager/endpoints/admin.h"

namespace berth::manager {
namespace {

std::optional<std::string> or_absent(const std::string& text) {
  return text.empty() ? std::nullopt : std::optional(text);
}

std::vector<api::BackupOption> view_of(const std::map<std::string, std::string>& options) {
  std::vector<api::BackupOption> all;
  for (const auto& [name, value] : options) all.push_back({name, value});
  return all;
}

api::BackupTarget view_of(const TargetRow& row) {
  api::BackupTarget view;
  view.name = row.name;
  view.kind = row.kind;
  view.place = row.place;
  view.options = view_of(row.options);
  view.append_only = row.append_only;
  view.made_at = or_absent(row.made);
  view.tested_at = or_absent(row.tested);
  view.error = row.error;
  return view;
}

api::BackupPolicy view_of(const PolicyRow& row) {
  api::BackupPolicy view;
  view.name = row.name;
  view.target = row.target;
  view.scope = static_cast<api::BackupScope>(row.scope);
  view.instance = row.instance;
  view.domain = row.domain;
  view.excluded = row.excluded;
  view.schedule = row.schedule;
  view.keep = format_keep_rules(row.keep);
  view.enabled = row.enabled;
  view.verify = row.verify;
  view.due_at = or_absent(row.due);
  return view;
}

api::BackupSet view_of(const SetRow& row) {
  api::BackupSet view;
  view.id = row.id;
  view.policy = row.policy;
  view.target = row.target;
  view.job = row.job;
  view.state = static_cast<api::BackupSetState>(row.state);
  view.error = row.error;
  view.started_at = or_absent(row.started);
  view.ended_at = or_absent(row.ended);
  view.verified_at = or_absent(row.verified);
  return view;
}

api::BackupItem view_of(const ItemRow& row) {
  api::BackupItem view;
  view.set = row.set;
  view.name = row.name;
  view.domain = row.domain;
  view.service = row.service;
  view.build = row.build;
  view.label = row.label;
  view.state = static_cast<api::BackupItemState>(row.state);
  view.error = row.error;
  view.bytes = row.bytes;
  view.sha256 = row.sha256;
  view.tables = row.rows.size();
  for (const auto& [table, rows] : row.rows) view.rows += rows;
  view.written_at = or_absent(row.written);
  view.verified_at = or_absent(row.verified);
  return view;
}

api::BackupProof view_of(const ProofRow& row) {
  api::BackupProof view;
  view.name = row.name;
  view.domain = row.domain;
  view.set = row.set;
  view.drilled_at = or_absent(row.drilled);
  view.error = row.error;
  view.proven_at = or_absent(row.proven);
  view.proven_ms = row.proven_ms;
  return view;
}

void fill(TargetRow& row, const api::SetBackupTarget& message, const AdminPeer& peer) {
  row.name = message.name;
  row.kind = message.kind;
  row.place = message.place;
  // What was generated stays.
  std::erase_if(row.options, [](const auto& option) { return option.first != "publicKey"; });
  for (const auto& option : message.options) row.options[option.name] = option.value;
  if (message.password) row.secrets["password"] = or_throw(peer.open_secret(*message.password));
  if (message.repository_key)
    row.secrets["repositoryKey"] = or_throw(peer.open_secret(*message.repository_key));
  row.append_only = message.append_only;
}

}  // namespace

void Admin::add_backups() {
  add_backup_places();
  on<api::RunBackup>([this](api::RunBackup message, AdminRequest& request) -> Task<api::RunBackupResult> {
    co_return api::RunBackupResult{
        or_throw(co_await parts_.sets.run_policy(message.policy, request.peer.who()))};
  });
  on<api::GetBackupSets>([this](api::GetBackupSets message, AdminRequest&) -> Task<api::GetBackupSetsResult> {
    auto& store = parts_.sets.store();
    api::GetBackupSetsResult result;
    const auto sets =
        co_await store.sets(message.policy.value_or(""), std::min<std::uint64_t>(message.limit, 10'000));
    for (const auto& set : sets) result.sets.push_back(view_of(set));
    const auto newest = co_await store.newest_items();
    for (const auto& item : newest) result.newest.push_back(view_of(item));
    const auto proofs = co_await store.proofs();
    for (const auto& proof : proofs) result.proofs.push_back(view_of(proof));
    co_return result;
  });
  on<api::GetBackupSet>([this](api::GetBackupSet message, AdminRequest&) -> Task<api::GetBackupSetResult> {
    api::GetBackupSetResult result;
    result.set = view_of(co_await parts_.sets.store().set(message.id));
    const auto items = co_await parts_.sets.store().items(message.id);
    for (const auto& item : items) result.items.push_back(view_of(item));
    std::sort(result.items.begin(), result.items.end(),
              [](const api::BackupItem& a, const api::BackupItem& b) {
                return std::tie(a.domain, a.name) < std::tie(b.domain, b.name);
              });
    co_return result;
  });
  on<api::FetchBackup>(
      [this](api::FetchBackup message, AdminRequest& request) -> Task<api::FetchBackupResult> {
        if (request.descriptors.empty())
          throw_failure(Errc::kMalformed, "FetchBackup comes with the descriptor to write to");
        UniqueFd place = std::move(request.descriptors.front());
        DescriptorSink sink(parts_.loop, place.get());
        api::FetchBackupResult result;
        result.bytes = co_await parts_.sets.get(message.set, message.name, message.domain, sink);
        struct stat info{};
        if (::fstat(place.get(), &info) == 0 && S_ISREG(info.st_mode) && ::fsync(place.get()) != 0)
          throw Failure(errno_error(errno, "write the backup"));
        co_return result;
      });
  on<api::VerifyBackup>(
      [this](api::VerifyBackup message, AdminRequest& request) -> Task<api::VerifyBackupResult> {
        co_return api::VerifyBackupResult{
            or_throw(co_await parts_.sets.verify_set(message.set, request.peer.who()))};
      });
  on<api::DrillBackup>(
      [this](api::DrillBackup message, AdminRequest& request) -> Task<api::DrillBackupResult> {
        co_return api::DrillBackupResult{
            or_throw(co_await parts_.set_restore.drill(message.name, message.domain, request.peer.who()))};
      });
  on<api::PlanBackupPrune>(
      [this](api::PlanBackupPrune message, AdminRequest&) -> Task<api::PlanBackupPruneResult> {
        auto policy = co_await parts_.sets.store().policy(message.policy);
        if (message.keep) policy.keep = or_throw(parse_keep_rules(*message.keep));
        const auto plan = co_await parts_.sets.plan_retention(std::move(policy));
        api::PlanBackupPruneResult result;
        for (std::size_t i = 0; i < plan.sets.size(); ++i)
          result.verdicts.push_back({plan.sets[i].id, or_absent(plan.sets[i].started), plan.verdicts[i].stays,
                                     plan.verdicts[i].reasons});
        co_return result;
      });
  on<api::PruneBackups>(
      [this](api::PruneBackups message, AdminRequest& request) -> Task<api::PruneBackupsResult> {
        co_return api::PruneBackupsResult{
            or_throw(co_await parts_.sets.prune(message.policy, request.peer.who()))};
      });
  on<api::RestorePlatform>(
      [this](api::RestorePlatform message, AdminRequest& request) -> Task<api::RestorePlatformResult> {
        TargetRow row;
        fill(row, message.target, request.peer);
        if (row.secrets["repositoryKey"].empty())
          throw_failure(Errc::kMalformed, "the key of the key sheet is needed to read {}", row.place);
        const auto plan = co_await parts_.platform_restore.plan(row, message.set.value_or(""));
        api::RestorePlatformResult result;
        result.set = plan.manifest.id;
        result.started_at = or_absent(plan.manifest.started);
        result.version = plan.manifest.platform_version;
        result.sets = plan.sets;
        for (const auto& item : plan.manifest.items) result.items.push_back(view_of(item));
        result.obstacles = plan.obstacles;
        result.remarks = plan.remarks;
        if (message.check_only || !plan.obstacles.empty()) co_return result;
        result.job = or_throw(
            co_await parts_.platform_restore.restore(std::move(row), plan.manifest.id, request.peer.who()));
        co_return result;
      });
  on<api::RestoreFromSet>(
      [this](api::RestoreFromSet message, AdminRequest& request) -> Task<api::RestoreFromSetResult> {
        co_return api::RestoreFromSetResult{or_throw(co_await parts_.set_restore.restore(
            message.set, message.name, message.domain, message.as_name.value_or(""),
            message.as_domain.value_or(""), request.peer.who(), message.onto_external))};
      });
}

void Admin::add_backup_places() {
  on<api::GetBackupTargets>(
      [this](api::GetBackupTargets, AdminRequest&) -> Task<api::GetBackupTargetsResult> {
        api::GetBackupTargetsResult result;
        const auto rows = co_await parts_.sets.store().targets();
        for (const auto& row : rows) result.targets.push_back(view_of(row));
        co_return result;
      });
  on<api::SetBackupTarget>(
      [this](api::SetBackupTarget message, AdminRequest& request) -> Task<api::SetBackupTargetResult> {
        TargetRow row;
        const auto present = co_await parts_.sets.store().targets();
        for (const auto& one : present)
          if (one.name == message.name) row = one;
        fill(row, message, request.peer);
        const auto kept = co_await parts_.sets.put_target(std::move(row));
        api::SetBackupTargetResult result;
        result.target = view_of(kept);
        if (const auto told = kept.secrets.find(kToldOnce); told != kept.secrets.end())
          result.private_key = request.peer.seal_secret(told->second);
        co_return result;
      });
  on<api::TestBackupTarget>(
      [this](api::TestBackupTarget message, AdminRequest&) -> Task<api::TestBackupTargetResult> {
        const auto began = parts_.loop.now();
        co_await parts_.sets.test_target(message.name);
        const auto took = parts_.loop.now() - began;
        co_return api::TestBackupTargetResult{
            static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(took).count())};
      });
  on<api::RemoveBackupTarget>(
      [this](api::RemoveBackupTarget message, AdminRequest&) -> Task<api::RemoveBackupTargetResult> {
        co_await parts_.sets.remove_target(message.name);
        co_return api::RemoveBackupTargetResult{};
      });
  on<api::GetBackupPolicies>(
      [this](api::GetBackupPolicies, AdminRequest&) -> Task<api::GetBackupPoliciesResult> {
        api::GetBackupPoliciesResult result;
        const auto rows = co_await parts_.sets.store().policies();
        for (const auto& row : rows) {
          auto view = view_of(row);
          view.would_back_up = parts_.sets.selection(row);
          result.policies.push_back(std::move(view));
        }
        co_return result;
      });
  on<api::SetBackupPolicy>(
      [this](api::SetBackupPolicy message, AdminRequest&) -> Task<api::SetBackupPolicyResult> {
        const auto& wanted = message.policy;
        PolicyRow row;
        row.name = wanted.name;
        row.target = wanted.target;
        row.scope = static_cast<Scope>(wanted.scope);
        row.instance = wanted.instance;
        row.domain = wanted.domain;
        row.excluded = wanted.excluded;
        row.schedule = wanted.schedule.empty() ? "daily 02:00" : wanted.schedule;
        row.keep = wanted.keep.empty() ? KeepRules{} : or_throw(parse_keep_rules(wanted.keep));
        row.enabled = wanted.enabled;
        row.verify = wanted.verify;
        row = co_await parts_.sets.put_policy(std::move(row));
        if (parts_.backup_schedule_changed) parts_.backup_schedule_changed();
        auto view = view_of(row);
        view.would_back_up = parts_.sets.selection(row);
        co_return api::SetBackupPolicyResult{std::move(view)};
      });
  on<api::RemoveBackupPolicy>(
      [this](api::RemoveBackupPolicy message, AdminRequest&) -> Task<api::RemoveBackupPolicyResult> {
        co_await parts_.sets.store().policy(message.name);
        co_await parts_.sets.store().remove_policy(message.name);
        co_await parts_.sets.refresh_overview();
        co_return api::RemoveBackupPolicyResult{};
      });
  on<api::GetBackupKeys>([this](api::GetBackupKeys, AdminRequest& request) -> Task<api::GetBackupKeysResult> {
    api::GetBackupKeysResult result;
    const auto rows = co_await parts_.sets.store().targets();
    for (const auto& row : rows) {
      // A drop box has none that we know.
      const auto key = row.secrets.find("repositoryKey");
      if (key == row.secrets.end()) continue;
      result.keys.push_back(
          {row.name, row.kind, row.place, view_of(row.options), request.peer.seal_secret(key->second)});
    }
    co_await parts_.settings.set_secret(kKeysShownRow, "yes");
    co_await parts_.sets.refresh_overview();
    status_changed();
    co_return result;
  });
}

}  // namespace berth::manager
