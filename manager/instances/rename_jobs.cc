#include "manager/instances/rename_jobs.h"

#include <map>

#include "manager/instances/names.h"
#include "wire/json/json.h"

namespace berth::manager {
namespace {

// "/old/team" with "/old" → "/new": "/new/team"; nullopt if it does not begin so, by whole segments.
std::optional<std::string> with_other_front(const std::string& path, const std::string& front,
                                            const std::string& other) {
  if (path == front) return other;
  if (!path.starts_with(front + "/")) return std::nullopt;
  return other + path.substr(front.size());
}

std::string as_front(std::string text) {
  while (text.ends_with('/')) text.pop_back();
  if (!text.empty() && !text.starts_with('/')) text.insert(0, "/");
  return text;
}

// What undoes it.
api::Renaming turned(api::Renaming one) {
  std::swap(one.domain, one.new_domain);
  std::swap(one.path, one.new_path);
  return one;
}

}  // namespace

std::vector<api::Renaming> plan_renaming(const std::vector<InstanceRow>& rows,
                                         const api::RenameInstances& asked) {
  std::vector<api::Renaming> plan;
  std::map<std::string, int> keys, paths;  // as they will be
  for (const auto& row : rows) {
    api::Renaming one{row.name, row.domain, row.path, row.domain, row.path, {}};
    const bool is_meant = !row.is_deleted() && (!asked.domain || row.domain == *asked.domain);
    if (is_meant) {
      if (asked.new_domain) one.new_domain = *asked.new_domain;
      const std::string front = as_front(asked.path.value_or(row.domain));
      const std::string other = as_front(asked.new_path.value_or(asked.path ? *asked.path : one.new_domain));
      if (!front.empty())
        if (const auto path = with_other_front(row.path, front, other)) one.new_path = *path;
    }
    ++keys[instance_key(one.name, one.new_domain)];
    ++paths[one.new_path];
    if (one.new_domain == one.domain && one.new_path == one.path) continue;
    plan.push_back(std::move(one));
  }
  for (auto& one : plan) {
    const auto key = instance_key(one.name, one.new_domain);
    if (auto checked = check_domain(one.new_domain); !checked) one.problem = checked.error().detail;
    else if (auto path = normalise_path(one.new_path); !path) one.problem = path.error().detail;
    else if (keys[key] > 1) one.problem = fmt::format("there would be two instances {}", key);
    else if (paths[one.new_path] > 1)
      one.problem = fmt::format("two instances would have the path {}", one.new_path);
    else {
      const auto above = paths.begin();
      for (auto at = above; at != paths.end() && !one.problem; ++at)
        if (at->first != one.new_path &&
            (at->first.starts_with(one.new_path + "/") || one.new_path.starts_with(at->first + "/")))
          one.problem =
              fmt::format("one of the paths {} and {} would lie below the other", one.new_path, at->first);
    }
  }
  return plan;
}

RenameJobs::RenameJobs(JobRunner& runner, Instances& instances) : runner_(runner), instances_(instances) {
  runner_.add_kind(api::JobKind::kRename, [this](const JobEntry& entry) { return steps(entry); });
}

Task<Result<api::RenameInstancesResult>> RenameJobs::rename(api::RenameInstances asked, std::string by) {
  if (!asked.new_domain && !asked.new_path)
    co_return fail(Errc::kMalformed, "nothing to change: a new domain or a new path is needed");
  if (asked.new_path && !asked.path && !asked.domain)
    co_return fail(Errc::kMalformed,
                   "which paths? the front that is to be replaced, or the domain, is needed");
  std::vector<InstanceRow> rows;
  for (const auto& [key, row] : instances_.all()) rows.push_back(row);
  api::RenameInstancesResult result;
  result.renamings = plan_renaming(rows, asked);
  if (asked.dry_run || result.renamings.empty()) co_return result;
  json::Array list;
  for (const auto& one : result.renamings) {
    if (one.problem)
      co_return fail(Errc::kConflict, "{}: {}; nothing is changed", instance_key(one.name, one.domain),
                     *one.problem);
    if (const auto busy = runner_.find_running(instance_key(one.name, one.domain)))
      co_return fail(Errc::kConflict, "{} is busy: \"{}\" is running", instance_key(one.name, one.domain),
                     busy->title);
    list.push_back(api::to_json(one));
  }
  NewJob job;
  job.kind = api::JobKind::kRename;
  job.title = fmt::format("Rename {} instances", result.renamings.size());
  job.target = "instances";
  job.by = std::move(by);
  job.data["renamings"] = std::move(list);
  auto started = co_await runner_.start(std::move(job));
  if (!started) co_return tl::unexpected(started.error());
  result.job = std::move(*started);
  co_return result;
}

// `run`: of the way forward, for its log; an app that does not start at its new place is no reason to go back.
Task<void> RenameJobs::apply(api::Renaming one, JobRun* run) {
  api::EditInstance edit{.name = one.name, .domain = one.domain};
  if (!instances_.find(one.name, one.domain)) {
    // Its name is the new one already; the path may not be.
    edit.domain = one.new_domain;
    if (!instances_.find(one.name, one.new_domain)) co_return;  // deleted meanwhile
  }
  edit.new_domain = one.new_domain;
  edit.path = one.new_path;
  std::optional<Error> error;
  try {
    co_await instances_.edit(std::move(edit));
  } catch (const Failure& failure) {
    error = failure.error();
  }
  if (!error) co_return;
  const auto* row = instances_.find(one.name, one.new_domain);
  if (!row || row->path != one.new_path) throw Failure(*error);
  if (run) run->log(fmt::format("{} does not start: {}", row->key(), error->detail));
}

JobRunner::Steps RenameJobs::steps(const JobEntry& entry) {
  JobRunner::Steps steps;
  const auto* list = json::find_array(entry.data, "renamings");
  if (!list) return steps;
  for (const auto& value : *list) {
    const auto one = or_throw(api::from_json<api::Renaming>(value));
    JobStep step;
    step.text = fmt::format("{} becomes {}", instance_key(one.name, one.domain),
                            instance_key(one.name, one.new_domain));
    step.run = [this, one](JobRun& run) { return apply(one, &run); };
    step.undo = [this, one](JobRun&) { return apply(turned(one), nullptr); };
    steps.push_back(std::move(step));
  }
  return steps;
}

}  // namespace berth::manager
