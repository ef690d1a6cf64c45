#include "manager/move/arrivals.h"

#include "base/bytes.h"
#include "base/disk_space.h"
#include "base/log.h"
#include "db/sql.h"
#include "manager/instances/names.h"
#include "manager/move/startup_packet.h"
#include "manager/platform/clock.h"
#include "manager/usage/limit_ranges.h"
#include "net/stream.h"
#include "wire/json/json.h"

namespace berth::manager {
namespace {

constexpr std::size_t kPieceBytes = 64 << 10;
constexpr std::uint64_t kRoom = 2;  // times the size: the copy and the log of writing it

// Lets nobody but `user` into nothing but `database`: our own process would be let in as superuser (pg_ident.conf).
class ArrivalLine final : public ByteLine {
 public:
  ArrivalLine(std::unique_ptr<net::Stream> stream, std::string user, std::string database)
      : stream_(std::move(stream)), user_(std::move(user)), database_(std::move(database)) {}

  Task<Bytes> read() override {
    Bytes buffer(kPieceBytes);
    const auto size = co_await stream_->read(buffer);
    buffer.resize(size);
    co_return std::move(buffer);
  }
  Task<void> write(Bytes bytes) override {
    if (!is_let_in_) {
      first_.insert(first_.end(), bytes.begin(), bytes.end());
      const auto packet = or_throw(parse_startup_packet(first_));
      if (!packet) co_return;
      if (packet->user != user_ || packet->database != database_ || packet->wants_replication)
        throw_failure(Errc::kDenied, "this connection is for user {} and database {} only", user_, database_);
      is_let_in_ = true;
      bytes = std::exchange(first_, {});
    }
    co_await stream_->write(std::move(bytes));
  }

 private:
  std::unique_ptr<net::Stream> stream_;
  std::string user_, database_;
  Bytes first_;
  bool is_let_in_ = false;
};

ReadLimits limits_of(const api::PrepareArrival& told) {
  const auto* written = told.limits ? told.limits->if_object() : nullptr;
  return written ? read_limits(*written) : ReadLimits();
}

}  // namespace

Arrivals::Arrivals(loop::Loop& loop, JobRunner& runner, Instances& instances, InstanceJobs& instance_jobs,
                   db::Database& admin, const Layout& layout, std::string version)
    : loop_(loop),
      runner_(runner),
      instances_(instances),
      instance_jobs_(instance_jobs),
      admin_(admin),
      layout_(layout),
      version_(std::move(version)),
      tasks_(loop, "arrivals") {}

Arrivals::~Arrivals() = default;

Result<InstanceRow> Arrivals::find(const std::string& name, const std::string& domain,
                                   const std::string& token) const {
  auto row = instances_.get(name, domain);
  const bool is_it =
      row && row->moved && !token.empty() && equal_in_constant_time(row->moved->token, token) &&
      (row->moved->state == Moved::State::kArriving || row->moved->state == Moved::State::kArrived);
  if (!is_it)
    return fail(Errc::kNotFound, "no instance {} arrives here under this token", instance_key(name, domain));
  return row;
}

NewInstance Arrivals::wanted_of(const ArrivalRequest& request) const {
  const auto& told = request.told;
  NewInstance wanted;
  wanted.service = told.service;
  wanted.name = told.name;
  wanted.domain = told.domain;
  wanted.path = told.path;
  wanted.password = request.password;
  wanted.database = told.database;
  wanted.database_user = told.database_user;
  wanted.database_password = request.database_password;
  wanted.log_flags = told.log_flags;
  wanted.exclude_from_backup = told.exclude_from_backup;
  wanted.isolated = told.isolated;
  wanted.limits = limits_of(told).limits;
  wanted.start = told.wanted;
  return wanted;
}

std::vector<std::string> Arrivals::obstacles(const api::PrepareArrival& told) const {
  std::vector<std::string> all;
  if (const Service* service = instances_.services().find(told.service)) {
    const auto build = std::strtoull(service->row().build.c_str(), nullptr, 16);
    if (build < std::strtoull(told.build.c_str(), nullptr, 16))
      all.push_back(
          fmt::format("service {} there is of build {}, the data are of the newer build {}: update it first "
                      "(berth service update {})",
                      told.service, service->row().build, told.build, told.service));
    if (!service->process().is_wanted())
      all.push_back(fmt::format("service {} is stopped there: start it first", told.service));
  }
  const auto row = instance_jobs_.complete(wanted_of({told, {}, {}, {}}));
  if (!row) {
    std::string text = row.error().detail;
    const auto* present = instances_.find(told.name, told.domain);
    if (present && present->moved && present->moved->state == Moved::State::kMoved)
      text += ", which has moved away; what it left is kept: delete it first (berth instance rm NAME --now)";
    else if (!instances_.services().find(told.service))
      text += fmt::format(" there: install it first (berth service install {})", told.service);
    all.push_back(std::move(text));
  }
  const auto disk = read_disk_space(layout_.library());
  if (disk && disk->free_bytes < told.bytes * kRoom)
    all.push_back(fmt::format("{} MB are free on the disk there; for a database of {} MB {} MB are needed",
                              disk->free_bytes >> 20, told.bytes >> 20, told.bytes * kRoom >> 20));
  return all;
}

Task<api::PrepareArrivalResult> Arrivals::prepare(ArrivalRequest request) {
  api::PrepareArrivalResult result;
  result.version = version_;
  const auto& told = request.told;
  if (told.check_only) {
    result.obstacles = obstacles(told);
    for (const auto& name : limits_of(told).left_out)
      result.remarks.push_back(
          fmt::format("the limit {} is not known, or not with this value: it is left out", name));
    co_return result;
  }
  if (told.token.size() < 32) throw_failure(Errc::kMalformed, "a token of 32 characters is needed");
  const std::string key = instance_key(told.name, told.domain);
  if (const auto running = runner_.find_running(key); running && running->kind == api::JobKind::kMove) {
    // Ours from before the connection was lost, or that of another move: then it is told below.
    const std::string id = running->id;
    (void)co_await runner_.wait(id);
  }
  if (const auto present = find(told.name, told.domain, told.token); present && present->is_made)
    co_return result;
  auto hindering = obstacles(told);
  if (!hindering.empty()) throw Failure(Error{Errc::kConflict, hindering.front()});
  const auto row = or_throw(instance_jobs_.complete(wanted_of(request)));
  NewJob job;
  job.kind = api::JobKind::kMove;
  job.title = fmt::format("Take in {} from {}", row.key(), told.from);
  job.target = row.key();
  job.by = request.by;
  instance_jobs_.put_row(job.data, row);
  job.data["arrival"] = true;
  job.data["token"] = told.token;
  job.data["from"] = told.from;
  const auto started = or_throw(co_await runner_.start(std::move(job)));
  const auto ended = or_throw(co_await runner_.wait(started.id));
  if (ended.state != api::JobState::kDone)
    throw_failure(Errc::kFailed, "it cannot be made there: {}", ended.error.value_or("cancelled"));
  co_return result;
}

JobRunner::Steps Arrivals::steps() {
  JobStep enter;
  enter.text = "wait for the data";
  enter.run = [this](JobRun& run) -> Task<void> {
    auto row = instance_jobs_.row_of(run);
    // Triggers have done their work at the source; only what the other platform sends is to be written.
    co_await admin_.query(fmt::format("ALTER ROLE {} IN DATABASE {} SET session_replication_role = replica",
                                      db::quote_identifier(row.database_user),
                                      db::quote_identifier(row.database)));
    row.is_made = true;
    row.moved = Moved{.state = Moved::State::kArriving,
                      .token = run.text("token"),
                      .url = run.text("from"),
                      .at = utc_now()};
    co_await instances_.repository().update(row);
    co_await instances_.reload(row.name, row.domain);
  };
  JobRunner::Steps steps;
  steps.push_back(instance_jobs_.reserve_step("reserve name and path"));
  steps.push_back(instance_jobs_.make_step("make database"));
  steps.push_back(std::move(enter));
  return steps;
}

Task<std::unique_ptr<ByteLine>> Arrivals::open_line(std::string token) {
  const InstanceRow* found = nullptr;
  for (const auto& [key, row] : instances_.all())
    if (row.moved && row.moved->state == Moved::State::kArriving && !token.empty() &&
        equal_in_constant_time(row.moved->token, token) && !trials_.contains(key))
      found = &row;
  if (!found) throw_failure(Errc::kNotFound, "no instance arrives here under this token");
  const auto& settings = instances_.cluster().settings();
  auto stream = or_throw(
      net::Stream::connect_unix(loop_, fmt::format("{}/.s.PGSQL.{}", settings.socket_folder, settings.port)));
  co_return std::make_unique<ArrivalLine>(std::move(stream), found->database_user, found->database);
}

// Ends the sessions of the move, and what it left in the database.
Task<void> Arrivals::free_database(InstanceRow row) {
  co_await instances_.databases().keep_apps_out(row.database);
  co_await admin_.query(fmt::format("ALTER ROLE {} IN DATABASE {} RESET session_replication_role",
                                    db::quote_identifier(row.database_user),
                                    db::quote_identifier(row.database)));
  {
    db::DatabaseOptions options;
    options.connection = instances_.cluster().superuser(row.database);
    db::Database database(loop_, options);
    co_await database.run_script(
        "SET client_min_messages = warning; DROP SCHEMA IF EXISTS berth_move CASCADE");
  }
  co_await instances_.databases().let_apps_in(row.database);
}

Task<void> Arrivals::start(std::string name, std::string domain, std::string token) {
  const auto row = or_throw(find(name, domain, token));
  if (row.moved->state == Moved::State::kArrived) co_return;
  const auto trial_ends = [this, name, domain, key = row.key()] {
    log_warning("an instance that was to come from another platform was not confirmed: it is stopped",
                {{"instance", key}});
    tasks_.spawn(instances_.halt(name, domain));
  };
  const bool is_on_trial = trials_.contains(row.key());
  auto& trial = trials_[row.key()];
  if (!trial) trial = std::make_unique<loop::Timer>(loop_);
  trial->cancel();
  if (is_on_trial && instances_.view(row).state == api::InstanceState::kRunning) {
    trial->start(trial_time, trial_ends);  // the answer was lost, not more
    co_return;
  }
  std::optional<Error> error;
  try {
    co_await free_database(row);
    if (row.wanted) co_await instances_.start_on_trial(name, domain);
  } catch (const Failure& failure) {
    error = failure.error();
  }
  // Abandoned meanwhile: nobody waits for it.
  if (!trials_.contains(row.key())) throw_failure(Errc::kNotFound, "{} does not arrive any more", row.key());
  if (error) {
    trials_.erase(row.key());
    co_await instances_.halt(name, domain);
    throw Failure(*error);
  }
  trials_[row.key()]->start(trial_time, trial_ends);
}

Task<void> Arrivals::confirm(std::string name, std::string domain, std::string token) {
  auto row = or_throw(find(name, domain, token));
  if (row.moved->state != Moved::State::kArrived) {
    row.moved->state = Moved::State::kArrived;
    row.moved->at = utc_now();
    co_await instances_.repository().update(row);
    co_await instances_.reload(name, domain);
    log_info("an instance has come from another platform",
             {{"instance", row.key()}, {"from", row.moved->url}});
  }
  trials_.erase(row.key());
  try {
    co_await instances_.start_if_wanted(name, domain);
  } catch (const Failure& failure) {
    log_error("it does not start", {{"instance", row.key()}, {"error", failure.error().detail}});
  }
}

Task<void> Arrivals::abandon(std::string name, std::string domain, std::string token, std::string by) {
  const std::string key = instance_key(name, domain);
  // While it is still being made its job says whose it is.
  if (const auto running = runner_.find_running(key); running && running->kind == api::JobKind::kMove) {
    const std::string id = running->id;
    (void)co_await runner_.wait(id);
  }
  const auto row = find(name, domain, token);
  if (!row) co_return;  // it never came so far, or is gone
  if (row->moved->state == Moved::State::kArrived)
    throw_failure(Errc::kConflict, "{} has arrived and been confirmed there", key);
  trials_.erase(key);
  co_await instances_.halt(name, domain);
  const auto started = or_throw(co_await instance_jobs_.remove(name, domain, true, std::move(by)));
  const auto ended = or_throw(co_await runner_.wait(started.id));
  if (ended.state != api::JobState::kDone)
    throw_failure(Errc::kFailed, "what had come of it cannot be deleted: {}", ended.error.value_or(""));
}

}  // namespace berth::manager
