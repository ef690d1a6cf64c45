#include "manager/move/move_jobs.h"

#include "base/bytes.h"
#include "base/log.h"
#include "base/utc.h"
#include "manager/move/gate.h"
#include "manager/platform/clock.h"
#include "wire/json/json.h"

namespace berth::manager {

using namespace std::chrono_literals;

namespace {

constexpr auto kCloseEnough = 500ms;
constexpr int kFollowTries = 5;  // of a connection that is lost while changes are carried over
constexpr auto kAskAgain = 1s;
constexpr auto kAskAgainRarely = 15s;
constexpr int kClearTries = 60;  // of 1 s, while the database is away

std::int64_t milliseconds_now() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

std::vector<WholeTable> whole_of(const JobRun& run) {
  std::vector<WholeTable> whole;
  if (const auto* list = json::find_array(run.entry().data, "whole"))
    for (const auto& one : *list)
      whole.push_back({json::get_string(one.as_object(), "table"),
                       json::get_string(one.as_object(), "identity").front()});
  return whole;
}

bool is_lost(const Error& error) { return error.code == Errc::kUnavailable || error.code == Errc::kTimeout; }

}  // namespace

// Goes in reverse: what uses the gate before it, the gate before the platform.
struct MoveJobs::Work {
  std::unique_ptr<OtherPlatform> platform;
  std::unique_ptr<MoveGate> gate;
  std::unique_ptr<MoveData> data;
};

MoveJobs::MoveJobs(loop::Loop& loop, JobRunner& runner, Instances& instances, InstanceJobs& instance_jobs,
                   Arrivals& arrivals, const Settings& settings, const SecretBox& box, const Layout& layout,
                   FindPlatform find_platform)
    : loop_(loop),
      runner_(runner),
      instances_(instances),
      instance_jobs_(instance_jobs),
      arrivals_(arrivals),
      settings_(settings),
      box_(box),
      layout_(layout),
      find_platform_(std::move(find_platform)) {
  runner_.add_kind(api::JobKind::kMove, [this](const JobEntry& entry) {
    return json::get_bool(entry.data, "arrival") ? arrivals_.steps() : steps();
  });
}

MoveTarget MoveJobs::target_of(const JobRun& run) const {
  return or_throw(parse_target(or_throw(box_.unseal(run.text("to")))));
}

InstanceRow MoveJobs::row_of(const JobRun& run) const {
  return or_throw(instances_.get(run.text("name"), run.text("domain")));
}

Task<std::unique_ptr<OtherPlatform>> MoveJobs::connect(const JobRun& run) const {
  return find_platform_(target_of(run));
}

// For what is done at the source alone; the target is not reached by it.
MoveData MoveJobs::source_data(const JobRun& run) const {
  return MoveData(loop_, instances_.cluster(), run.text("database"), {}, run.entry().id);
}

Task<std::unique_ptr<MoveJobs::Work>> MoveJobs::open(JobRun& run) {
  auto work = std::make_unique<Work>();
  work->platform = co_await connect(run);
  work->gate = std::make_unique<MoveGate>(loop_, *work->platform, layout_.move_socket(run.entry().id),
                                          or_throw(box_.unseal(run.text("token"))));
  const auto row = row_of(run);
  auto place = work->gate->place(row.database, row.database_user, row.database_password);
  work->data =
      std::make_unique<MoveData>(loop_, instances_.cluster(), row.database, std::move(place), run.entry().id);
  co_return std::move(work);
}

api::PrepareArrival MoveJobs::arrival_of(const InstanceRow& row, std::string token,
                                         std::uint64_t bytes) const {
  api::PrepareArrival request;
  request.token = std::move(token);
  request.from = own_name ? own_name() : "";
  request.service = row.service;
  if (const Service* service = instances_.services().find(row.service)) request.build = service->row().build;
  request.name = row.name;
  request.domain = row.domain;
  request.path = row.path;
  request.database = row.database;
  request.database_user = row.database_user;
  request.log_flags = row.log_flags;
  request.exclude_from_backup = row.exclude_from_backup;
  request.isolated = row.isolated;
  request.limits = api::to_json(row.limits);
  request.wanted = row.wanted;
  request.bytes = bytes;
  return request;
}

Task<Result<api::MoveInstanceResult>> MoveJobs::move(std::string name, std::string domain, MoveTarget to,
                                                     bool check_only, std::string by) {
  const auto row = instances_.get(name, domain);
  if (!row) co_return tl::unexpected(row.error());
  if (auto checked = check_target(to); !checked) co_return tl::unexpected(checked.error());
  if (!row->is_made) co_return fail(Errc::kConflict, "{} is still being made", row->key());
  if (row->is_deleted()) co_return fail(Errc::kConflict, "{} is in the bin: bring it back first", row->key());
  if (row->is_away()) co_return fail(Errc::kConflict, "{} {}", row->key(), describe(*row->moved));
  if (row->external)
    co_return fail(Errc::kUnsupported,
                   "the data of {} are on {}, not on this platform: nothing has to be carried. Create it on "
                   "the other platform with "
                   "this database (berth instance create … --external-host) and delete it here",
                   row->key(), row->external->describe());
  api::MoveInstanceResult result;
  {
    MoveData data(loop_, instances_.cluster(), row->database, {}, "");
    result.obstacles = co_await data.obstacles();
    const auto catalog = co_await data.catalog();
    std::size_t whole = 0, unlogged = 0;
    for (const auto& table : catalog.tables) {
      whole += table.needs_whole;
      unlogged += table.is_unlogged;
    }
    if (whole > 0)
      result.remarks.push_back(
          fmt::format("{} tables have no primary key: until the move is over their changes are written to "
                      "the log as whole rows",
                      whole));
    if (unlogged > 0)
      result.remarks.push_back(fmt::format("{} unlogged tables are copied within the pause", unlogged));
    if (catalog.large_objects > 0)
      result.remarks.push_back(fmt::format(
          "of {} large objects those that change are copied within the pause", catalog.large_objects));
    if (!catalog.views.empty())
      result.remarks.push_back(
          fmt::format("{} materialized views are refreshed within the pause", catalog.views.size()));
  }
  result.bytes = co_await instances_.databases().size(row->database);
  const std::string token = random_hex(24);
  {
    auto finding = find_platform_(to);
    const auto platform = co_await std::move(finding);
    auto request = arrival_of(*row, token, result.bytes);
    request.check_only = true;
    auto told = co_await platform->prepare(std::move(request), {}, {});
    for (auto& obstacle : told.obstacles) result.obstacles.push_back("there: " + std::move(obstacle));
    for (auto& remark : told.remarks) result.remarks.push_back("there: " + std::move(remark));
    result.version = told.version;
  }
  if (check_only || !result.obstacles.empty()) co_return result;
  NewJob job;
  job.kind = api::JobKind::kMove;
  job.title = fmt::format("Move {} to {}", row->key(), to.url);
  job.target = row->key();
  job.by = std::move(by);
  job.data["name"] = row->name;
  job.data["domain"] = row->domain;
  job.data["database"] = row->database;
  job.data["bytes"] = result.bytes;
  job.data["token"] = box_.seal(token);
  job.data["to"] = box_.seal(format_target(to));
  auto started = co_await runner_.start(std::move(job));
  if (!started) co_return tl::unexpected(started.error());
  result.job = std::move(*started);
  co_return result;
}

Task<void> MoveJobs::mark(InstanceRow row, std::optional<Moved> moved) {
  row.moved = std::move(moved);
  const std::string name = row.name, domain = row.domain;
  co_await instances_.repository().update(std::move(row));
  co_await instances_.reload(name, domain);
}

JobStep MoveJobs::prepare_step() {
  JobStep step;
  step.text = "make it there";
  step.run = [this](JobRun& run) -> Task<void> {
    const auto row = row_of(run);
    const auto platform = co_await connect(run);
    auto request = arrival_of(row, or_throw(box_.unseal(run.text("token"))),
                              static_cast<std::uint64_t>(json::get_integer(run.entry().data, "bytes")));
    co_await platform->prepare(std::move(request), row.password, row.database_password);
  };
  step.undo = [this](JobRun& run) -> Task<void> {
    if (run.flag("moved")) co_return;
    const auto platform = co_await connect(run);
    co_await platform->abandon(
        {run.text("name"), run.text("domain"), or_throw(box_.unseal(run.text("token")))});
    run.data().erase("to");  // the password of the other platform is not needed any more
  };
  return step;
}

JobStep MoveJobs::log_step() {
  JobStep step;
  step.text = "let the log tell its changes";
  step.run = [this](JobRun& run) -> Task<void> {
    auto data = source_data(run);
    if (!run.entry().data.contains("whole")) {
      json::Array list;
      const auto whole = co_await data.whole_tables();
      for (const auto& table : whole)
        list.push_back(json::Object{{"table", table.table}, {"identity", std::string(1, table.identity)}});
      run.data()["whole"] = std::move(list);
      co_await run.save();  // the undo must know
    }
    co_await data.open_log(whole_of(run));
  };
  step.undo = [this](JobRun& run) -> Task<void> {
    auto data = source_data(run);
    co_await data.close_log(whole_of(run));
  };
  return step;
}

JobStep MoveJobs::copy_step() {
  JobStep step;
  step.text = "copy the data";
  step.run = [this](JobRun& run) -> Task<void> {
    const auto work = co_await open(run);
    const bool again = run.flag("copying");
    run.data()["copying"] = true;
    co_await run.save();
    const auto bytes =
        std::max<std::uint64_t>(static_cast<std::uint64_t>(json::get_integer(run.entry().data, "bytes")), 1);
    std::function<void(std::uint64_t)> progress = [&run, bytes](std::uint64_t copied) {
      run.progress(std::min<std::uint64_t>(copied * 100 / bytes, 99));
    };
    const auto copied = co_await work->data->copy(again, std::move(progress));
    run.data()["schema"] = copied.schema;
    run.result()["tables"] = copied.tables;
    run.result()["rows"] = copied.rows;
  };
  return step;
}

JobStep MoveJobs::follow_step() {
  JobStep step;
  step.text = "catch up";
  step.run = [this](JobRun& run) -> Task<void> {
    const auto limit = std::chrono::seconds(settings_.number("moveCatchUpSeconds"));
    for (int tries = 1;; ++tries) {
      std::optional<Error> error;
      try {
        const auto work = co_await open(run);
        const auto followed = co_await work->data->catch_up(run.text("schema"), kCloseEnough, limit);
        run.result()["changes"] =
            json::get_integer(run.entry().result, "changes") + static_cast<std::int64_t>(followed.changes);
      } catch (const Failure& failure) {
        error = failure.error();
      }
      if (!error) co_return;
      if (error->code != Errc::kUnavailable || tries >= kFollowTries) throw Failure(std::move(*error));
      run.log("catch up: " + error->detail);
      co_await loop::sleep_for(loop_, kAskAgain);
    }
  };
  return step;
}

Task<void> MoveJobs::open_again(JobRun& run) {
  auto row = row_of(run);
  if (row.moved && row.moved->state == Moved::State::kLeaving) {
    co_await instances_.databases().let_apps_in(row.database);
    co_await mark(row, std::nullopt);
  }
  co_await instances_.start_if_wanted(row.name, row.domain);
}

JobStep MoveJobs::pause_step() {
  JobStep step;
  step.text = "stop it and carry over the rest";
  step.run = [this](JobRun& run) -> Task<void> {
    const auto work = co_await open(run);  // before anybody has to wait
    auto row = row_of(run);
    if (!run.entry().data.contains("pausedAt")) run.data()["pausedAt"] = milliseconds_now();
    run.data()["pausing"] = true;
    co_await run.save();
    const auto target = target_of(run);
    Moved moved{.state = Moved::State::kLeaving,
                .token = or_throw(box_.unseal(run.text("token"))),
                .url = target.url,
                .fingerprint = target.fingerprint,
                .verify = target.verify,
                .at = utc_now()};
    co_await mark(row, std::move(moved));
    co_await instances_.halt(row.name, row.domain);
    co_await instances_.databases().keep_apps_out(row.database);
    const auto finished = co_await work->data->finish(run.text("schema"), whole_of(run));
    run.result()["changes"] =
        json::get_integer(run.entry().result, "changes") + static_cast<std::int64_t>(finished.changes);
    run.result()["largeObjects"] = finished.objects;
    run.result()["compared"] = finished.compared;
  };
  step.undo = [this](JobRun& run) -> Task<void> {
    if (!run.flag("pausing")) co_return;
    co_await open_again(run);
  };
  return step;
}

JobStep MoveJobs::switch_step() {
  JobStep step;
  step.text = "start it there";
  step.run = [this](JobRun& run) -> Task<void> {
    const std::string name = run.text("name"), domain = run.text("domain");
    const std::string token = or_throw(box_.unseal(run.text("token")));
    for (int tries = 1;; ++tries) {
      run.data()["startedAt"] = milliseconds_now();
      co_await run.save();  // from now on it may run there, for a while
      std::optional<Error> error;
      try {
        const auto platform = co_await connect(run);
        co_await platform->start({name, domain, token});
      } catch (const Failure& failure) {
        error = failure.error();
      }
      if (!error) break;
      if (!is_lost(*error) || tries >= patience.start_tries) throw Failure(std::move(*error));
      run.log("start it there: " + error->detail);
      co_await loop::sleep_for(loop_, kAskAgain);
    }
  };
  step.undo = [this](JobRun& run) -> Task<void> {
    if (run.flag("moved") || !run.entry().data.contains("startedAt")) co_return;
    // It must not run in two places. If the other platform cannot be asked, it has stopped it by itself after its trial.
    const auto safe_at = json::get_integer(run.entry().data, "startedAt") + patience.taken_back.count();
    for (;;) {
      std::optional<Error> error;
      try {
        const auto platform = co_await connect(run);
        co_await platform->abandon(
            {run.text("name"), run.text("domain"), or_throw(box_.unseal(run.text("token")))});
      } catch (const Failure& failure) {
        error = failure.error();
      }
      if (!error) co_return;
      if (milliseconds_now() >= safe_at) {
        run.log("the other platform is not reached, but it has stopped the instance by now: " +
                error->detail);
        co_return;
      }
      co_await loop::sleep_for(loop_, kAskAgain);
    }
  };
  return step;
}

JobStep MoveJobs::confirm_step() {
  JobStep step;
  step.text = "hand it over";
  step.can_cancel = false;
  step.run = [this](JobRun& run) -> Task<void> {
    // The journal says that it runs there: until then it comes back, from here on it lives there.
    run.data()["moved"] = true;
    auto row = row_of(run);
    if (row.moved && row.moved->state == Moved::State::kLeaving) {
      const auto days = settings_.number("moveForwardDays");
      Moved moved = *row.moved;
      moved.state = Moved::State::kMoved;
      moved.at = utc_now();
      moved.until = format_utc(std::chrono::system_clock::now() + std::chrono::hours(24) * days);
      moved.forwards = days > 0;
      run.result()["url"] = moved.url;
      run.result()["pauseMs"] = milliseconds_now() - json::get_integer(run.entry().data, "pausedAt");
      co_await mark(row, std::move(moved));
    }
    for (int tries = 1;; ++tries) {
      std::optional<Error> error;
      try {
        const auto platform = co_await connect(run);
        co_await platform->confirm(
            {run.text("name"), run.text("domain"), or_throw(box_.unseal(run.text("token")))});
      } catch (const Failure& failure) {
        error = failure.error();
      }
      if (!error) co_return;
      run.log("hand it over: " + error->detail);
      if (error->code == Errc::kNotFound) {
        // Somebody has deleted it there. What is here is kept, and the admin decides.
        run.result()["remark"] = error->detail;
        co_return;
      }
      co_await loop::sleep_for(loop_,
                               tries < 60 ? loop::Duration(kAskAgain) : loop::Duration(kAskAgainRarely));
    }
  };
  return step;
}

JobStep MoveJobs::clear_step() {
  JobStep step;
  step.text = "clear away";
  step.can_cancel = false;
  step.run = [this](JobRun& run) -> Task<void> {
    // The instance lives there whatever becomes of this: a failure is told, and nothing is undone for it.
    std::optional<Error> error;
    for (int tries = 1; tries == 1 || (error && is_lost(*error) && tries <= kClearTries); ++tries) {
      if (error) co_await loop::sleep_for(loop_, kAskAgain);
      error.reset();
      try {
        auto data = source_data(run);
        co_await data.close_log(whole_of(run));
      } catch (const Failure& failure) {
        error = failure.error();
      }
    }
    run.data().erase("to");  // the password of the other platform is not needed any more
    if (!error) co_return;
    run.log("clear away: " + error->detail);
    run.result()["remark"] = "what the move needed in the old database is not all gone: " + error->detail;
  };
  return step;
}

JobRunner::Steps MoveJobs::steps() {
  JobRunner::Steps steps;
  steps.push_back(prepare_step());
  steps.push_back(log_step());
  steps.push_back(copy_step());
  steps.push_back(follow_step());
  steps.push_back(pause_step());
  steps.push_back(switch_step());
  steps.push_back(confirm_step());
  steps.push_back(clear_step());
  return steps;
}

Task<void> MoveJobs::end_forward(std::string name, std::string domain) {
  auto row = or_throw(instances_.get(name, domain));
  if (!row.moved || row.moved->state != Moved::State::kMoved)
    throw_failure(Errc::kConflict, "{} has not moved to another platform", row.key());
  Moved moved = *row.moved;
  moved.forwards = false;
  co_await mark(std::move(row), std::move(moved));
}

Task<void> MoveJobs::undo(std::string name, std::string domain) {
  auto row = or_throw(instances_.get(name, domain));
  if (const auto running = runner_.find_running(row.key()))
    throw_failure(Errc::kConflict, "{} is busy: \"{}\" is running", row.key(), running->title);
  if (!row.moved || row.moved->state != Moved::State::kMoved)
    throw_failure(Errc::kConflict, "{} has not moved to another platform", row.key());
  if (row.is_deleted()) throw_failure(Errc::kConflict, "{} is in the bin: bring it back first", row.key());
  log_warning("an instance that has moved runs here again",
              {{"instance", row.key()}, {"was", row.moved->url}});
  co_await instances_.databases().let_apps_in(row.database);
  co_await mark(std::move(row), std::nullopt);
  co_await instances_.start_if_wanted(name, domain);
}

Task<void> MoveJobs::look_after() {
  std::vector<InstanceRow> over;
  const auto now = std::chrono::system_clock::now();
  for (const auto& [key, row] : instances_.all()) {
    if (!row.moved || row.moved->state != Moved::State::kMoved || row.is_deleted()) continue;
    const auto until = parse_utc(row.moved->until);
    if (until && *until <= now && !runner_.find_running(key)) over.push_back(row);
  }
  for (const auto& row : over) {
    const auto started = co_await instance_jobs_.remove(row.name, row.domain, false, "the end of its move");
    if (!started)
      log_warning("what a moved instance left stays",
                  {{"instance", row.key()}, {"error", started.error().detail}});
  }
}

}  // namespace berth::manager
