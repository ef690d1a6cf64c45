#include "manager/care/database_care.h"

#include "base/log.h"
#include "base/utc.h"
#include "manager/platform/clock.h"
#include "wire/json/json.h"

namespace berth::manager {

using namespace std::chrono;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view kAllDatabases = "databases";  // the target of jobs on all of them
constexpr auto kLongestWait = 1h;                        // the clock may jump
constexpr auto kTryAgain = 10min;                        // another job has the databases
constexpr auto kSaveEvery = 5s;                          // of a run over thousands

std::uint64_t percent_of(std::uint64_t done, std::uint64_t of) { return of ? done * 100 / of : 100; }

std::uint64_t megabytes(std::uint64_t bytes) { return (bytes + (1 << 19)) >> 20; }

void note_failure(JobRun& run, const std::string& database, const std::string& error) {
  auto& failures = run.data()["failures"];
  if (!failures.is_array()) failures = json::Array();
  failures.as_array().push_back(json::Object{{"database", database}, {"error", error}});
  run.log(fmt::format("{}: {}", database, error));
}

json::Array failures_of(const JobRun& run) {
  const auto* failures = json::find_array(run.entry().data, "failures");
  return failures ? *failures : json::Array();
}

}  // namespace

DatabaseCare::DatabaseCare(loop::Loop& loop, JobRunner& runner, Instances& instances,
                           Maintenance& maintenance, DatabaseFigures& figures, db::Database& database,
                           const Settings& settings, const SecretBox& box, Now now)
    : loop_(loop),
      runner_(runner),
      instances_(instances),
      maintenance_(maintenance),
      figures_(figures),
      database_(database),
      settings_(settings),
      box_(box),
      now_(std::move(now)),
      timer_(loop),
      tasks_(loop, "database care") {
  runner_.add_kind(api::JobKind::kOptimise, [this](const JobEntry&) { return optimise_steps(); });
  runner_.add_kind(api::JobKind::kCleanUp, [this](const JobEntry& entry) {
    return entry.target == kAllDatabases ? clean_up_all_steps() : clean_up_steps();
  });
}

std::optional<NightPlan> DatabaseCare::plan() const {
  const auto hour = settings_.number("optimiseHour");
  if (hour < 0) return std::nullopt;
  auto zone = TimeZone::parse(settings_.text("timezone"));
  if (!zone) log_warning("time zone not understood, UTC is taken", {{"error", zone.error().detail}});
  return NightPlan(zone ? std::move(*zone) : TimeZone(), static_cast<int>(hour), [this](local_days night) {
    const auto bytes = box_.derive("optimisation\n" + format_day(night));
    std::uint64_t number = 0;
    for (int i = 0; i < 8; ++i)
      number = number << 8 | static_cast<std::uint8_t>(bytes[static_cast<std::size_t>(i)]);
    return seconds(static_cast<std::int64_t>(number % (seconds(NightPlan::kSpread).count() + 1)));
  });
}

void DatabaseCare::begin() {
  is_begun_ = true;
  replan();
}

void DatabaseCare::stop() {
  is_begun_ = false;
  timer_.cancel();
  tasks_.cancel_all();
}

void DatabaseCare::replan() {
  if (is_begun_ && !is_looking_) tasks_.spawn(look());
}

void DatabaseCare::wait_until(sys_seconds moment) {
  if (!is_begun_) return;
  const seconds wait = std::clamp<seconds>(moment - now_(), 1s, kLongestWait);
  timer_.start(wait, [this] { tasks_.spawn(look()); });
}

Task<void> DatabaseCare::read_runs() {
  const auto rows = co_await database_.query_repeatable(
      "SELECT job, night::text AS night, extract(epoch FROM started)::bigint AS started, "
      "extract(epoch FROM ended)::bigint AS ended, databases, failures FROM optimisation "
      "ORDER BY optimisation.started DESC, job DESC LIMIT $1",
      kRuns);
  runs_.clear();
  done_ = {};
  last_run_.reset();
  for (const auto row : rows) {
    api::Optimisation run;
    run.job = row.get<std::string>("job");
    const sys_seconds started{seconds(row.get<std::int64_t>("started"))};
    run.started_at = format_utc(started);
    if (const auto night = row.text("night"); !night.empty()) {
      run.night = std::string(night);
      if (const auto day = parse_day(night)) done_.nights.insert(*day);
    }
    if (!row.text("ended").empty())
      run.ended_at = format_utc(sys_seconds{seconds(row.get<std::int64_t>("ended"))});
    run.databases = row.get<std::uint64_t>("databases");
    if (auto value = json::parse(row.text("failures")))
      if (auto list = api::from_json<std::vector<api::DatabaseFailure>>(*value))
        run.failures = std::move(*list);
    // One from the future is of a clock that was wrong.
    if (started <= now_()) done_.last_started = std::max(done_.last_started.value_or(started), started);
    if (run.ended_at && !last_run_) last_run_ = run;
    runs_.push_back(std::move(run));
  }
}

Task<void> DatabaseCare::look() {
  if (is_looking_) co_return;
  is_looking_ = true;
  struct Looked {
    bool& is_looking;
    ~Looked() { is_looking = false; }
  } looked{is_looking_};
  auto next = now_() + kTryAgain;
  try {
    const auto today = format_day(local_days(floor<days>(now_()).time_since_epoch()));
    co_await figures_.sample(today);
    co_await read_runs();
    if (const auto plan = this->plan()) {
      auto run = plan->next(now_(), done_);
      if (run.moment <= now_()) {
        const auto started = co_await start_optimisation(format_day(run.night), "the night's plan");
        if (started) {
          done_.nights.insert(run.night);
          done_.last_started = now_();
          run = plan->next(now_(), done_);
          next = run.moment;
        }
      } else {
        next = run.moment;
      }
    } else {
      next = now_() + kLongestWait;
    }
  } catch (const Failure& failure) {
    log_warning("database care waits", {{"error", failure.error().detail}});  // the database is away
  }
  wait_until(next);
}

Task<Result<api::Job>> DatabaseCare::start_optimisation(std::string night, std::string by) {
  NewJob job;
  job.kind = api::JobKind::kOptimise;
  job.title = "Optimise all databases";
  job.target = kAllDatabases;
  job.by = std::move(by);
  job.data["night"] = night;
  co_return co_await runner_.start(std::move(job));
}

Task<Result<api::Job>> DatabaseCare::optimise(std::string by) {
  co_return co_await start_optimisation("", std::move(by));
}

JobRunner::Steps DatabaseCare::optimise_steps() {
  JobStep step;
  step.text = "refresh statistics";
  step.run = [this](JobRun& run) { return optimise_all(run); };
  step.undo = [this](JobRun& run) -> Task<void> {
    const std::string id = run.entry().id;
    co_await database_.query_repeatable(
        "UPDATE optimisation SET ended = now() WHERE job = $1 AND ended IS NULL", id);
    co_await read_runs();
  };
  JobRunner::Steps steps;
  steps.push_back(std::move(step));
  return steps;
}

Task<void> DatabaseCare::optimise_all(JobRun& run) {
  const std::string id = run.entry().id, night = run.text("night");
  const auto begun = static_cast<std::int64_t>(now_().time_since_epoch().count());
  co_await database_.query_repeatable(
      "INSERT INTO optimisation (job, night, started) VALUES ($1, nullif($2, '')::date, "
      "to_timestamp($3::bigint)) "
      "ON CONFLICT (job) DO NOTHING",
      id, night, begun);
  auto names = co_await maintenance_.databases();
  const std::size_t of = names.size();
  // Those before are done: a manager that died goes on behind them.
  const std::string after = run.text("after");
  std::erase_if(names, [&](const std::string& name) { return name <= after; });
  std::size_t done = of - names.size();
  auto saved = loop_.now();
  for (const auto& name : names) {
    run.progress(percent_of(done, of));
    std::optional<Error> error;
    try {
      co_await maintenance_.optimise(name);
    } catch (const Failure& failure) {
      error = failure.error();
    }
    if (error) {
      // PostgreSQL away: throws, and the job waits for it. A database that was dropped meanwhile is no failure.
      const auto present = co_await maintenance_.databases();
      if (std::find(present.begin(), present.end(), name) != present.end())
        note_failure(run, name, error->detail);
    }
    ++done;
    run.data()["after"] = name;
    if (loop_.now() - saved < kSaveEvery) continue;
    co_await run.save();
    saved = loop_.now();
  }
  const auto failures = failures_of(run);
  const std::string text = json::serialize(json::Value(failures));
  const auto ended = static_cast<std::int64_t>(now_().time_since_epoch().count());
  const auto succeeded = static_cast<std::int64_t>(done - std::min(done, failures.size()));
  co_await database_.query_repeatable(
      "UPDATE optimisation SET ended = to_timestamp($2::bigint), databases = $3, failures = $4::jsonb WHERE "
      "job = $1",
      id, ended, succeeded, text);
  co_await database_.query_repeatable(
      "DELETE FROM optimisation WHERE job NOT IN (SELECT job FROM optimisation ORDER BY started DESC LIMIT "
      "$1)",
      kRuns);
  run.result()["databases"] = succeeded;
  if (!failures.empty()) run.result()["failures"] = failures;
  co_await read_runs();
}

Task<Result<api::Job>> DatabaseCare::clean_up(std::string name, std::string domain, std::string by) {
  const auto row = instances_.get(name, domain);
  if (!row) co_return tl::unexpected(row.error());
  if (!row->is_made) co_return fail(Errc::kConflict, "{} is still being made", row->key());
  if (row->external)
    co_return fail(Errc::kConflict, "the data of {} are on {}: clean them up there (VACUUM FULL)", row->key(),
                   row->external->host);
  const auto need = co_await maintenance_.clean_up_need(row->database);
  const auto free = or_throw(maintenance_.free_bytes());
  if (free < need.bytes)
    co_return fail(
        Errc::kNoSpace,
        "cleaning up {} needs {} MB of free disk for its largest table {}; {} MB are free. Delete log files "
        "or data first, or enlarge the disk",
        row->key(), megabytes(need.bytes), need.table, megabytes(free));
  NewJob job;
  job.kind = api::JobKind::kCleanUp;
  job.title = fmt::format("Clean up the database of {}", row->key());
  job.target = row->key();
  job.by = std::move(by);
  job.data["database"] = row->database;
  co_return co_await runner_.start(std::move(job));
}

JobRunner::Steps DatabaseCare::clean_up_steps() {
  JobStep step;
  step.text = "rewrite the tables";
  step.run = [this](JobRun& run) -> Task<void> {
    std::function<void(const CleanUpProgress&)> progress = [&run](const CleanUpProgress& at) {
      run.progress(percent_of(at.bytes_done, at.of));
      run.log(fmt::format("{} ({} of {} MB done)", at.table, megabytes(at.bytes_done), megabytes(at.of)));
    };
    const auto result = co_await maintenance_.clean_up(run.text("database"), std::move(progress));
    // Should it run again after a crash, the size before is that of the first time.
    if (!run.entry().data.contains("bytesBefore")) run.data()["bytesBefore"] = result.bytes_before;
    run.result()["bytesBefore"] = run.data()["bytesBefore"];
    run.result()["bytesAfter"] = result.bytes_after;
    run.result()["tables"] = result.tables;
  };
  JobStep measure;
  measure.text = "measure";
  measure.run = [this](JobRun& run) -> Task<void> {
    run.data()["bytesBefore"] = co_await instances_.databases().size(run.text("database"));
  };
  JobRunner::Steps steps;
  steps.push_back(std::move(measure));
  steps.push_back(std::move(step));
  return steps;
}

Task<Result<api::Job>> DatabaseCare::clean_up_all(std::string by) {
  NewJob job;
  job.kind = api::JobKind::kCleanUp;
  job.title = "Clean up all databases";
  job.target = kAllDatabases;
  job.by = std::move(by);
  co_return co_await runner_.start(std::move(job));
}

JobRunner::Steps DatabaseCare::clean_up_all_steps() {
  JobStep step;
  step.text = "rewrite the tables";
  step.run = [this](JobRun& run) -> Task<void> {
    auto names = co_await maintenance_.databases();
    const std::size_t of = names.size();
    const std::string after = run.text("after");
    std::erase_if(names, [&](const std::string& name) { return name <= after; });
    std::size_t done = of - names.size();
    for (const auto& name : names) {
      std::optional<Error> error;
      try {
        std::function<void(const CleanUpProgress&)> progress = [&](const CleanUpProgress& at) {
          run.progress((done * 100 + percent_of(at.bytes_done, at.of)) / of);
        };
        const auto result = co_await maintenance_.clean_up(name, std::move(progress));
        const auto given = result.bytes_before - std::min(result.bytes_before, result.bytes_after);
        run.data()["given"] = json::get_integer(run.data(), "given") + static_cast<std::int64_t>(given);
        run.log(fmt::format("{}: {} MB given back", name, megabytes(given)));
      } catch (const Failure& failure) {
        error = failure.error();
      }
      if (error) {
        const auto present =
            co_await maintenance_.databases();  // throws when PostgreSQL is away: the job waits
        if (std::find(present.begin(), present.end(), name) != present.end())
          note_failure(run, name, error->detail);
      }
      ++done;
      run.data()["after"] = name;
      co_await run.save();
    }
    run.result()["bytesGivenBack"] = json::get_integer(run.data(), "given");
    run.result()["databases"] = done;
    if (auto failures = failures_of(run); !failures.empty()) run.result()["failures"] = std::move(failures);
  };
  JobRunner::Steps steps;
  steps.push_back(std::move(step));
  return steps;
}

Task<api::GetDatabasesResult> DatabaseCare::overview() {
  auto result = co_await figures_.of_all();
  result.free_bytes = maintenance_.free_bytes().value_or(0);
  co_await read_runs();
  result.runs = runs_;
  if (const auto plan = this->plan()) result.next_run = format_utc(plan->next(now_(), done_).moment);
  co_return result;
}

Task<api::InstanceDatabase> DatabaseCare::of_instance(std::string name, std::string domain) {
  const auto row = or_throw(instances_.get(name, domain));
  if (!row.is_made) throw_failure(Errc::kConflict, "{} is still being made", row.key());
  if (row.external)
    throw_failure(Errc::kConflict, "the data of {} are on {}, whose sizes are told there", row.key(),
                  row.external->host);
  auto told = co_await figures_.of(row.name, row.domain, row.database);
  const auto need = co_await maintenance_.clean_up_need(row.database);
  told.clean_up_needs_bytes = need.bytes;
  told.free_bytes = maintenance_.free_bytes().value_or(0);
  co_return told;
}

}  // namespace berth::manager
