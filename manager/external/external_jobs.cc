#include "manager/external/external_jobs.h"

#include "base/log.h"
#include "manager/external/copy.h"
#include "manager/instances/start_stop_steps.h"
#include "wire/json/json.h"

namespace berth::manager {

ExternalJobs::ExternalJobs(loop::Loop& loop, JobRunner& runner, Instances& instances,
                           ExternalDatabases& externals, const SecretBox& box)
    : loop_(loop),
      runner_(runner),
      instances_(instances),
      externals_(externals),
      box_(box),
      timer_(loop),
      tasks_(loop, "external databases") {
  runner_.add_kind(api::JobKind::kMoveData, [this](const JobEntry&) { return steps(); });
}

void ExternalJobs::put_place(api::JsonObject& data, std::string_view member,
                             const std::optional<ExternalPlace>& place) const {
  data[member] = place ? box_.seal(format_place(*place)) : std::string();
}

std::optional<ExternalPlace> ExternalJobs::place_of(const JobRun& run, std::string_view member) const {
  const auto sealed = run.text(member);
  if (sealed.empty()) return std::nullopt;
  return or_throw(parse_place(or_throw(box_.unseal(sealed))));
}

Task<Result<api::Job>> ExternalJobs::use(UseExternal wanted) {
  const auto row = instances_.get(wanted.name, wanted.domain);
  if (!row) co_return tl::unexpected(row.error());
  if (!row->is_made) co_return fail(Errc::kConflict, "{} is still being made", row->key());
  if (row->is_deleted()) co_return fail(Errc::kConflict, "{} is in the bin: bring it back first", row->key());
  if (row->external == wanted.place)
    co_return fail(Errc::kConflict, "the data of {} are there already", row->key());
  if (wanted.move && (row->external || !wanted.place))
    co_return fail(
        Errc::kUnsupported,
        "data are moved from the platform's own database to another only. To bring {} back: make a backup "
        "(berth instance backup), use the own database, and restore the file",
        row->key());
  NewJob job;
  if (wanted.place) {
    const auto needed = instances_.database_type(row->service);
    if (needed != wanted.place->type)
      co_return fail(Errc::kConflict, "service {} is written for {}, not for {}", row->service,
                     name_of(needed), name_of(wanted.place->type));
    if (wanted.move && wanted.place->type != DatabaseType::kPostgresql)
      co_return fail(Errc::kUnsupported, "only PostgreSQL data can be moved");
    const auto told = co_await externals_.check(*wanted.place);
    if (!told.owner.empty() && !wanted.take_over)
      co_return fail(Errc::kConflict,
                     "the database {} is in use by the platform {}: two at once would destroy it",
                     wanted.place->describe(), told.owner);
    if (wanted.move && told.tables > 0)
      co_return fail(
          Errc::kConflict,
          "the database {} is not empty ({} tables and sequences): data can be moved into an empty one only",
          wanted.place->describe(), told.tables);
  }
  job.kind = api::JobKind::kMoveData;
  job.title = wanted.place ? fmt::format("{} {} to {}", wanted.move ? "Move the data of" : "Connect",
                                         row->key(), wanted.place->describe())
                           : fmt::format("Connect {} to the platform's own database", row->key());
  job.target = row->key();
  job.by = wanted.by;
  job.data["name"] = row->name;
  job.data["domain"] = row->domain;
  job.data["database"] = row->database;
  job.data["move"] = wanted.move;
  job.data["takeOver"] = wanted.take_over;
  put_place(job.data, "to", wanted.place);
  put_place(job.data, "from", row->external);
  co_return co_await runner_.start(std::move(job));
}

JobStep ExternalJobs::claim_step() {
  JobStep claim;
  claim.text = "claim";
  claim.run = [this](JobRun& run) -> Task<void> {
    auto to = place_of(run, "to");
    const bool take_over = run.flag("takeOver");
    if (to) co_await externals_.claim(std::move(*to), take_over);
  };
  claim.undo = [this](JobRun& run) -> Task<void> {
    auto to = place_of(run, "to");
    if (to) co_await externals_.release(std::move(*to));
  };
  return claim;
}

JobStep ExternalJobs::copy_step() {
  JobStep copy;
  copy.text = "copy the data";
  copy.run = [this](JobRun& run) -> Task<void> {
    const std::string database = run.text("database");
    const auto to = place_of(run, "to");
    if (!run.flag("move") || !to) co_return;
    // A new manager has started it again; and nobody may write into what is being left.
    co_await instances_.databases().keep_apps_out(database);
    co_await instances_.halt(run.text("name"), run.text("domain"));
    const auto told = co_await externals_.check(*to);
    if (run.flag("copying") && told.tables > 0) {
      // The copy is one transaction: what is there of a manager that died is all of it, but may not have been counted.
      co_await empty_database(loop_, or_throw(connection_of(*to)));
    } else if (told.tables > 0) {
      throw_failure(Errc::kConflict, "the database {} is not empty any more", to->describe());
    }
    run.data()["copying"] = true;  // from here on the undo may empty it
    co_await run.save();
    const auto bytes = std::max<std::uint64_t>(co_await instances_.databases().size(database), 1);
    std::function<void(std::uint64_t)> progress = [&run, bytes](std::uint64_t copied) {
      run.progress(std::min<std::uint64_t>(copied * 100 / bytes, 99));
    };
    auto source = instances_.cluster().superuser(database);
    auto target = or_throw(connection_of(*to));
    const auto copied = co_await copy_database(loop_, instances_.cluster().settings().binaries,
                                               std::move(source), std::move(target), std::move(progress));
    run.result()["tables"] = copied.tables;
    run.result()["rows"] = copied.rows;
  };
  copy.undo = [this](JobRun& run) -> Task<void> {
    const auto to = place_of(run, "to");
    if (run.flag("copying") && to) co_await empty_database(loop_, or_throw(connection_of(*to)));
    if (!place_of(run, "from")) co_await instances_.databases().let_apps_in(run.text("database"));
  };
  return copy;
}

JobStep ExternalJobs::switch_step() {
  const auto enter = [this](JobRun& run, std::string_view member) -> Task<void> {
    auto row = co_await instances_.repository().find(run.text("name"), run.text("domain"));
    if (!row) throw_failure(Errc::kNotFound, "the instance is gone");
    row->external = place_of(run, member);
    const bool is_external = row->external.has_value();
    const std::string name = row->name, domain = row->domain, database = row->database;
    co_await instances_.halt(name, domain);
    co_await instances_.repository().update(std::move(*row));
    co_await instances_.reload(name, domain);
    if (is_external) co_await instances_.databases().keep_apps_out(database);
    else co_await instances_.databases().let_apps_in(database);
  };
  JobStep step;
  step.text = "switch";
  step.can_cancel = false;
  step.run = [enter](JobRun& run) -> Task<void> { return enter(run, "to"); };
  step.undo = [enter](JobRun& run) -> Task<void> { return enter(run, "from"); };
  return step;
}

JobRunner::Steps ExternalJobs::steps() {
  JobStep start;
  start.text = "start";
  start.can_cancel = false;
  start.run = [this](JobRun& run) -> Task<void> {
    co_await instances_.start_if_wanted(run.text("name"), run.text("domain"));
    // The place that was left is free for others.
    auto from = place_of(run, "from");
    std::optional<Error> error;
    try {
      if (from) co_await externals_.release(std::move(*from));
    } catch (const Failure& failure) {
      error = failure.error();
    }
    if (error) run.log("the place before was not released: " + error->detail);
  };
  JobRunner::Steps steps;
  steps.push_back(claim_step());
  steps.push_back(stop_step(instances_));
  steps.push_back(copy_step());
  steps.push_back(switch_step());
  steps.push_back(std::move(start));
  return steps;
}

Task<void> ExternalJobs::take_over(std::string name, std::string domain) {
  const auto row = or_throw(instances_.get(name, domain));
  if (!row.external)
    throw_failure(Errc::kConflict, "the data of {} are in the platform's own database", row.key());
  co_await externals_.claim(*row.external, true);
  log_warning("external database taken over",
              {{"instance", row.key()}, {"database", row.external->describe()}});
  co_await instances_.start(name, domain);
  taken_.erase(row.key());
}

void ExternalJobs::begin() {
  timer_.start(kWatch, [this] {
    tasks_.spawn(look());
    begin();
  });
}

void ExternalJobs::stop() {
  timer_.cancel();
  tasks_.cancel_all();
}

Task<void> ExternalJobs::look() {
  std::erase_if(taken_, [this](const auto& one) {
    const auto found = instances_.all().find(one.first);
    return found == instances_.all().end() || !found->second.external || found->second.wanted ||
           found->second.is_deleted();
  });
  std::vector<InstanceRow> rows;
  for (const auto& [key, row] : instances_.all())
    if (row.external && row.wanted && !row.is_deleted() && !runner_.find_running(key)) rows.push_back(row);
  for (const auto& row : rows) {
    std::string owner;
    try {
      owner = co_await externals_.other_owner(*row.external);
    } catch (const Failure& failure) {
      BERTH_LOG(kDatabase, "external database not reached", {"instance", row.key()},
                {"error", failure.error().detail});
    }
    if (owner.empty()) continue;
    taken_[row.key()] = owner;
    log_error("another platform took the external database: the instance is stopped",
              {{"instance", row.key()}, {"database", row.external->describe()}, {"platform", owner}});
    try {
      co_await instances_.stop(row.name, row.domain);
    } catch (const Failure& failure) {
      log_error("it does not stop", {{"instance", row.key()}, {"error", failure.error().detail}});
    }
  }
}

}  // namespace berth::manager
