#include "manager/instances/instances.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "base/bytes.h"
#include "base/file.h"
#include "base/log.h"
#include "manager/external/host.h"
#include "manager/instances/names.h"
#include "wire/json/json.h"

namespace berth::manager {

using namespace std::chrono_literals;

namespace {
// Each start is a session of its own, and many schemas at once must not drown PostgreSQL: so many of a service, so that one
// that hangs leaves room for the others, and of all.
constexpr int kStartsAtOnce = 8, kStartsInAll = 32;
// Instances that a service runs and that there are none of: so many are stopped at once.
constexpr std::size_t kUnknownAtOnce = 8;
constexpr auto kSizesPause = 1s;
constexpr auto kSizesPatience = 100ms;  // an answer to an admin waits no longer for them
}  // namespace

Instances::Instances(loop::Loop& loop, InstanceRepository& repository, InstanceDatabases& databases,
                     const Cluster& cluster, Services& services, WebserverControl& webserver,
                     const SecretBox& box, const Layout& layout)
    : loop_(loop),
      repository_(repository),
      databases_(databases),
      cluster_(cluster),
      services_(services),
      webserver_(webserver),
      box_(box),
      layout_(layout),
      starts_(loop, kStartsInAll),
      prepared_(loop),
      sizes_(databases.admin()),
      sizes_known_(loop) {
  sizes_known_.set();
  services_.is_instance_wanted_call = [this](const std::string& key) { return should_run(key); };
}

std::string Instances::grant_of(const InstanceRow& row) const {
  // Derived, not kept: a new manager gives the same, so survivors stay attached. The process that an isolated instance was in
  // before must not have the one that it has now.
  return format_hex(as_bytes(box_.derive("grant\n" + row.service + "\n" + row.key() + "\n" + row.path +
                                         (row.isolated ? "\nisolated" : ""))));
}

Task<void> Instances::grant(const InstanceRow& row) {
  const std::string path = row.path, secret = grant_of(row);
  const uid_t uid = services_.uid_of(row.service);
  co_await webserver_.set_grant(path, secret, uid);
}

Task<void> Instances::load() {
  auto rows = co_await repository_.all();
  rows_.clear();
  for (auto& row : rows) {
    if (!row.is_deleted()) co_await grant(row);
    const std::string key = row.key();
    place(row);
    rows_.emplace(key, std::move(row));
  }
  services_.start_wanted();
}

void Instances::place(const InstanceRow& row) {
  if (row.isolated) services_.isolate(row.service, {row.key(), row.database});
}

std::shared_ptr<Service> Instances::process_of(const InstanceRow& row) const {
  return services_.process_of(row.service, row.key());
}

const InstanceRow* Instances::find(const std::string& name, const std::string& domain) const {
  const auto found = rows_.find(instance_key(name, domain));
  return found == rows_.end() ? nullptr : &found->second;
}

Result<InstanceRow> Instances::get(const std::string& name, const std::string& domain) const {
  const auto* row = find(name, domain);
  if (!row) return fail(Errc::kNotFound, "there is no instance {}", instance_key(name, domain));
  return *row;
}

std::vector<InstanceRow> Instances::of_service(const std::string& service) const {
  std::vector<InstanceRow> rows;
  for (const auto& [key, row] : rows_)
    if (row.service == service) rows.push_back(row);
  return rows;
}

void Instances::tell(const InstanceRow& row) {
  if (changed) changed(row);
}

InstanceStart Instances::start_message(const InstanceRow& row) const {
  InstanceStart start;
  start.name = row.name;
  start.domain = row.domain;
  start.password = row.password;
  start.path = row.path;
  start.grant = grant_of(row);
  start.link_sockets = webserver_.link_sockets();
  if (row.external) {
    const auto host = or_throw(parse_database_host(row.external->host, default_port_of(row.external->type)));
    start.database_type = name_of(row.external->type);
    start.database_host = host.name;
    start.database_port = host.port;
    start.database = row.external->database;
    start.database_user = row.external->user;
    start.database_password = row.external->password;
  } else {
    start.database_type = name_of(DatabaseType::kPostgresql);
    start.database_host = cluster_.settings().socket_folder;
    start.database_port = cluster_.settings().port;
    start.database = row.database;
    start.database_user = row.database_user;
    start.database_password = row.database_password;
  }
  start.log_flags = log_flags_of(row);
  start.domains = registered_domains;
  if (limits_of) start.limits = limits_of(row);
  start.working_path = layout_.work_of(row.service, row.database);
  return start;
}

std::uint64_t Instances::log_flags_of(const InstanceRow& row) const {
  const auto trace = traced ? traced(row.key()) : std::nullopt;
  return trace ? trace->flags : row.log_flags;
}

void Instances::apply_log_flags(const InstanceRow& row, std::uint64_t flags) {
  if (const auto service = process_of(row))
    service->tell(json::Object{
        {"mt", "AppSetLogFlags"}, {"name", row.name}, {"domain", row.domain}, {"logFlags", flags}});
  tell(row);
}

void Instances::apply_limits(const InstanceRow& row) {
  const auto service = process_of(row);
  if (!service || !limits_of) return;
  service->tell(json::Object{{"mt", "AppSetLimits"},
                             {"name", row.name},
                             {"domain", row.domain},
                             {"limits", format_limits(limits_of(row))}});
}

Task<void> Instances::set_limits(std::string name, std::string domain, api::Limits limits,
                                 std::string writable_until) {
  auto row = or_throw(get(name, domain));
  row.limits = limits;
  row.writable_until = std::move(writable_until);
  co_await repository_.update(row);
  rows_[row.key()] = row;
}

Result<db::ConnectionOptions> Instances::data_source(const InstanceRow& row) const {
  if (!row.external) return cluster_.superuser(row.database);
  if (row.external->type == DatabaseType::kMysql)
    return fail(
        Errc::kUnsupported,
        "the data of {} are in MySQL on {}, which backups of the platform do not cover: save them with "
        "the tools of that server (mysqldump)",
        row.key(), row.external->host);
  return connection_of(*row.external);
}

DatabaseType Instances::database_type(const std::string& id) const {
  const Service* service = services_.find(id);
  if (!service) return DatabaseType::kPostgresql;
  return parse_database_type(json::get_string(service->row().hello, "databaseType"))
      .value_or(DatabaseType::kPostgresql);
}

// While a start gets ready to be told to the service: who stops the instance waits that long, else it would begin after that.
class Instances::Preparing {
 public:
  Preparing(Instances& instances, std::string key) : instances_(instances) {
    place_ = instances_.preparing_.insert(std::move(key));
  }
  ~Preparing() { end(); }
  void end() {
    if (!place_) return;
    instances_.preparing_.erase(*place_);
    place_.reset();
    instances_.prepared_.set();
  }

 private:
  Instances& instances_;
  std::optional<std::multiset<std::string>::iterator> place_;
};

Task<void> Instances::start_row(InstanceRow row, bool only_if_wanted) {
  const auto service = process_of(row);
  if (!service) throw_failure(Errc::kNotFound, "service {} is not installed", row.service);
  const auto needed = database_type(row.service);
  const auto given = row.external ? row.external->type : DatabaseType::kPostgresql;
  if (needed != given)
    throw_failure(
        Errc::kConflict,
        "service {} is written for {}, but the database of {} is {}: give it an external one (berth instance "
        "use-database)",
        row.service, name_of(needed), row.key(), name_of(given));
  Preparing preparing(*this, row.key());
  if (row.external && claim) co_await claim(*row.external);
  auto start = start_message(row);
  or_throw(make_directories(start.working_path, 0700));
  if (services_.is_root()) {
    const uid_t uid = services_.uid_of(row.service);
    if (::chown(start.working_path.c_str(), uid, uid) != 0)
      throw Failure(errno_error(errno, "chown " + start.working_path));
  }
  co_await grant(row);
  preparing.end();
  if (only_if_wanted && !should_run(row.key())) {  // stopped meanwhile
    if (row.external && release) co_await release(*row.external);
    co_return;
  }
  co_await service->start_instance(std::move(start));
}

bool Instances::should_run(const std::string& key) const {
  const auto found = rows_.find(key);
  return found != rows_.end() && should_run(found->second);
}
bool Instances::should_run(const InstanceRow& row) {
  return row.wanted && row.is_made && !row.is_deleted() && !row.is_away();
}

Task<void> Instances::service_ready(Service& service) {
  // The service tells the webserver's sockets only with the first instance, so those must be known.
  const std::string id = service.name();
  const bool webserver = co_await wait_at_most(loop_, webserver_.ready(), 30s);
  if (!webserver) log_warning("webserver is not there, instances start without it", {{"service", id}});
  loop::Semaphore permits(loop_, kStartsAtOnce);
  const auto one = [](Instances& self, loop::Semaphore& permits, InstanceRow row) -> Task<void> {
    const auto permit = co_await permits.acquire();
    const auto general = co_await self.starts_.acquire();
    if (!self.should_run(row.key())) co_return;  // stopped while it waited
    try {
      co_await self.start_row(row, true);
    } catch (const Failure& failure) {
      log_error("instance does not start", {{"instance", row.key()}, {"error", failure.error().detail}});
    }
  };
  // Not only told: who wants to start it meanwhile must see that it stops.
  const auto stop = [&service](std::string name, std::string domain) -> Task<void> {
    try {
      co_await service.stop_instance(name, domain);
    } catch (const Failure& failure) {
      log_error("instance does not stop",
                {{"instance", instance_key(name, domain)}, {"error", failure.error().detail}});
    }
  };
  std::vector<std::unique_ptr<loop::Spawned<void>>> starts;
  for (const auto& row : of_service(service.row().id)) {
    place(row);
    if (process_of(row).get() != &service || awaited_.contains(row.key())) continue;
    const auto* runtime = service.find_instance(row.key());
    const bool runs = runtime && runtime->state == api::InstanceState::kRunning;
    const bool should = should_run(row);
    if (should && !runs) {
      starts.push_back(std::make_unique<loop::Spawned<void>>(loop_, one(*this, permits, row)));
    } else if (should) {
      // It lived on without us: what changed meanwhile is told again.
      service.renew_instance(start_message(row));
      tell(row);
    } else if (runs) {
      starts.push_back(std::make_unique<loop::Spawned<void>>(loop_, stop(row.name, row.domain)));
    }
  }
  std::vector<std::string> unknown;
  for (const auto& [key, runtime] : service.instances())
    if (!rows_.contains(key)) unknown.push_back(key);
  // A service may claim as many as it likes: few are stopped at once, and one that leaves the first unanswered is asked no more.
  const auto stop_unknown = [&service, &unknown]() -> Task<void> {
    while (!unknown.empty()) {
      const std::string key = std::move(unknown.back());
      unknown.pop_back();
      const auto at = key.find('@');
      try {
        co_await service.stop_instance(key.substr(0, at), key.substr(at + 1));
      } catch (const Failure& failure) {
        log_error("unknown instance does not stop", {{"service", service.name()},
                                                     {"instance", key},
                                                     {"error", failure.error().detail},
                                                     {"not_asked", unknown.size()}});
        unknown.clear();
      }
    }
  };
  for (std::size_t i = std::min<std::size_t>(kUnknownAtOnce, unknown.size()); i > 0; --i)
    starts.push_back(std::make_unique<loop::Spawned<void>>(loop_, stop_unknown()));
  if (!service.isolated()) services_.start_isolated(service.row().id);
  for (auto& start : starts) co_await start->join();
}

Task<void> Instances::start(std::string name, std::string domain) {
  auto row = or_throw(get(name, domain));
  if (row.is_deleted()) throw_failure(Errc::kConflict, "{} is in the bin: bring it back first", row.key());
  if (!row.is_made) throw_failure(Errc::kConflict, "{} is still being made", row.key());
  if (row.is_away()) throw_failure(Errc::kConflict, "{} {}", row.key(), describe(*row.moved));
  if (!row.wanted) {
    row.wanted = true;
    co_await repository_.update(row);
    rows_[row.key()] = row;
  }
  co_await start_when_ready(std::move(row));
}

Task<void> Instances::start_on_trial(std::string name, std::string domain) {
  auto row = or_throw(get(name, domain));
  co_await start_when_ready(std::move(row));
}

Task<void> Instances::start_when_ready(InstanceRow row) {
  const auto* shared = services_.find(row.service);
  if (!shared) throw_failure(Errc::kNotFound, "service {} is not installed", row.service);
  if (!shared->process().is_wanted())
    throw_failure(Errc::kConflict, "service {} is stopped: start it first", row.service);
  const auto service = process_of(row);
  // Else it would be started as soon as its process is there, and by us once more.
  struct Awaited {
    std::multiset<std::string>& all;
    std::multiset<std::string>::iterator place;
    ~Awaited() { all.erase(place); }
  } awaited{awaited_, awaited_.insert(row.key())};
  if (!service->process().is_wanted()) service->process().start();
  const bool connected = co_await wait_at_most(loop_, service->ready(), 15s);
  if (!connected)
    throw_failure(Errc::kUnavailable, "service {} does not run: {}", service->name(),
                  service->process().detail());
  const auto* runtime = service->find_instance(row.key());
  if (runtime && runtime->state == api::InstanceState::kRunning) co_return;
  co_await start_row(row, false);
}

Task<void> Instances::start_if_wanted(std::string name, std::string domain) {
  const auto row = or_throw(get(name, domain));
  const Service* service = services_.find(row.service);
  if (!row.wanted || row.is_deleted() || row.is_away() || !service || !service->process().is_wanted())
    co_return;
  co_await start(name, domain);
}

Task<void> Instances::halt(std::string name, std::string domain) {
  const auto row = or_throw(get(name, domain));
  while (preparing_.contains(row.key())) {
    prepared_.reset();
    co_await prepared_.wait();
  }
  if (const auto service = process_of(row)) {
    co_await service->stop_instance(name, domain);
    if (service->isolated()) co_await service->process().stop();
  }
  if (row.external && release) co_await release(*row.external);
}

Task<void> Instances::stop(std::string name, std::string domain) {
  auto row = or_throw(get(name, domain));
  if (row.wanted) {
    row.wanted = false;
    co_await repository_.update(row);
    rows_[row.key()] = row;
  }
  co_await halt(name, domain);
  tell(row);
}

Task<void> Instances::restart(std::string name, std::string domain) {
  co_await halt(name, domain);
  co_await start(name, domain);
}

Task<InstanceRow> Instances::edit(api::EditInstance edit) {
  auto row = or_throw(get(edit.name, edit.domain));
  const std::string old_key = row.key();
  auto wanted = row;
  if (edit.new_name) wanted.name = *edit.new_name;
  if (edit.new_domain) wanted.domain = *edit.new_domain;
  if (edit.path) wanted.path = or_throw(normalise_path(*edit.path));
  if (edit.log_flags) wanted.log_flags = *edit.log_flags;
  if (edit.exclude_from_backup) wanted.exclude_from_backup = *edit.exclude_from_backup;
  if (edit.isolated) wanted.isolated = *edit.isolated;
  or_throw(check_instance_name(wanted.name));
  or_throw(check_domain(wanted.domain));
  or_throw(check_free(wanted, old_key));
  const bool moves = wanted.key() != old_key || wanted.path != row.path || wanted.isolated != row.isolated;
  if (moves) co_await halt(row.name, row.domain);
  if (wanted.key() != old_key) {
    co_await repository_.rename(row.name, row.domain, wanted.name, wanted.domain);
    rows_.erase(old_key);
    if (removed) removed(row.name, row.domain);
  }
  co_await repository_.update(wanted);
  if (moves) {
    co_await webserver_.remove_grant(row.path);
    co_await services_.unite(old_key);
  }
  rows_[wanted.key()] = wanted;
  place(wanted);
  if (moves) {
    co_await start_if_wanted(wanted.name, wanted.domain);
  } else {
    apply_log_flags(wanted, log_flags_of(wanted));
  }
  tell(wanted);
  co_return wanted;
}

Task<void> Instances::set_password(std::string name, std::string domain, std::string password) {
  or_throw(check_password(password));
  auto row = or_throw(get(name, domain));
  row.password = password;
  co_await repository_.update(row);
  rows_[row.key()] = row;
  if (const auto service = process_of(row))
    service->tell(
        json::Object{{"mt", "AppSetPassword"}, {"name", name}, {"domain", domain}, {"password", password}});
}

Task<void> Instances::set_database_password(std::string name, std::string domain, std::string password) {
  or_throw(check_password(password));
  auto row = or_throw(get(name, domain));
  // The role first: should we end in between, the row still has the old one, and asking again repairs it.
  if (row.external) {
    // It is the admin of that server who changes it there; we are told.
    row.external->password = password;
  } else {
    co_await databases_.set_password(row.database_user, password);
    row.database_password = password;
  }
  co_await repository_.update(row);
  rows_[row.key()] = row;
  if (const auto service = process_of(row))
    service->tell(json::Object{
        {"mt", "AppSetDatabasePassword"}, {"name", name}, {"domain", domain}, {"dbPassword", password}});
}

Task<void> Instances::registered_domain_changed(std::string domain, std::optional<std::string> password) {
  if (password) registered_domains[domain] = *password;
  else registered_domains.erase(domain);
  for (const auto& [key, row] : rows_) {
    const auto service = process_of(row);
    if (!service || row.is_deleted()) continue;
    json::Object message{{"mt", password ? "AppDomain" : "AppDomainRemoved"},
                         {"name", row.name},
                         {"domain", row.domain},
                         {"regDomain", domain}};
    if (password) message["password"] = *password;
    service->tell(std::move(message));
  }
  co_return;
}

Task<void> Instances::put(InstanceRow row) {
  if (!row.is_deleted()) co_await grant(row);
  else co_await webserver_.remove_grant(row.path);
  rows_[row.key()] = row;
  place(row);
  tell(row);
}

Task<void> Instances::forget(std::string name, std::string domain) {
  const auto found = rows_.find(instance_key(name, domain));
  if (found == rows_.end()) co_return;
  const std::string path = found->second.path;
  // Of a process of its own, now or earlier, that no instance will ever have again.
  const std::string logs = place_of_instance(layout_, found->second.service, found->second.database).logs;
  rows_.erase(found);
  if (removed) removed(name, domain);
  co_await webserver_.remove_grant(path);
  co_await services_.unite(instance_key(name, domain));
  if (auto gone = remove_tree(logs); !gone)
    log_warning("log files stay", {{"folder", logs}, {"error", gone.error().detail}});
}

Task<void> Instances::reload(std::string name, std::string domain) {
  auto row = co_await repository_.find(name, domain);
  if (row) co_await put(std::move(*row));
  else co_await forget(name, domain);
}

Task<void> Instances::backed_up(std::string name, std::string domain) {
  co_await repository_.set_backed_up(name, domain);
  const auto row = co_await repository_.find(name, domain);
  const auto found = rows_.find(instance_key(name, domain));
  if (!row || found == rows_.end()) co_return;  // deleted meanwhile
  found->second.backed_up = row->backed_up;
  tell(found->second);
}

Result<void> Instances::check_free(const InstanceRow& row, const std::string& self) const {
  for (const auto& [key, other] : rows_) {
    if (key == self) continue;
    const std::string bin =
        other.is_deleted() ? " (it is in the bin: bring it back, or delete it for good)" : "";
    if (key == row.key()) return fail(Errc::kExists, "there is already an instance {}{}", key, bin);
    if (other.path == row.path) return fail(Errc::kExists, "path {} is taken by {}{}", row.path, key, bin);
    if (row.path.starts_with(other.path + "/"))
      return fail(Errc::kExists, "path {} lies below {}, which belongs to {}{}", row.path, other.path, key,
                  bin);
    if (other.path.starts_with(row.path + "/"))
      return fail(Errc::kExists, "path {} of {} lies below {}{}", other.path, key, row.path, bin);
    if (other.database == row.database)
      return fail(Errc::kExists, "database name {} is taken by {}{}", row.database, key, bin);
    if (other.database_user == row.database_user)
      return fail(Errc::kExists, "database user {} is taken by {}{}", row.database_user, key, bin);
  }
  return {};
}

api::SuggestInstanceResult Instances::suggest(const api::SuggestInstance& request) const {
  api::SuggestInstanceResult result;
  std::string base = request.name.value_or(request.service);
  result.name = base;
  if (!request.name)
    for (int number = 2; find(result.name, request.domain); ++number)
      result.name = fmt::format("{}{}", base, number);
  result.path = request.path.value_or(suggest_path(request.domain, result.name));
  result.database = request.database.value_or(suggest_database_name(request.domain, result.name));
  const auto check = [&](const char* field, Result<void> checked) {
    if (!checked) result.problems.push_back({field, checked.error().detail});
  };
  if (!services_.find(request.service))
    result.problems.push_back({"service", fmt::format("service {} is not installed", request.service)});
  check("name", check_instance_name(result.name));
  check("domain", check_domain(request.domain));
  if (auto path = normalise_path(result.path); !path)
    result.problems.push_back({"path", path.error().detail});
  else result.path = std::move(*path);
  check("database", check_database_name(result.database));
  if (result.problems.empty()) {
    InstanceRow row;
    row.name = result.name;
    row.domain = request.domain;
    row.path = result.path;
    row.database = row.database_user = result.database;
    if (auto free = check_free(row, ""); !free) {
      const auto& text = free.error().detail;
      result.problems.push_back({text.starts_with("path")       ? "path"
                                 : text.starts_with("database") ? "database"
                                                                : "name",
                                 text});
    }
  }
  return result;
}

api::Instance Instances::view(const InstanceRow& row) const {
  api::Instance view;
  view.service = row.service;
  view.name = row.name;
  view.domain = row.domain;
  view.path = row.path;
  const auto service = process_of(row);
  if (row.is_deleted()) {
    view.state = api::InstanceState::kDeleted;
    view.deleted_at = row.deleted;
    if (!row.purge.empty()) view.purge_at = row.purge;
  } else if (!service) {
    view.state = api::InstanceState::kFailed;
    view.detail = "its service is not installed";
  } else {
    const auto process = service->process().state();
    const auto& runtimes = service->instances();
    const auto runtime = runtimes.find(row.key());
    if (!row.is_made) {
      view.state = api::InstanceState::kStarting;
      view.detail = "is being made";
    } else if (runtime != runtimes.end() && service->is_connected()) {
      view.state = runtime->second.state;
      view.detail = runtime->second.detail;
      if (row.is_away() && view.detail.empty()) view.detail = describe(*row.moved);
      view.sessions = runtime->second.sessions;
    } else if (row.is_away()) {
      view.state = api::InstanceState::kStopped;
      view.detail = describe(*row.moved);
    } else if (!row.wanted || process == ProcessState::kStopped || process == ProcessState::kStopping) {
      view.state = api::InstanceState::kStopped;
      if (row.wanted) view.detail = "its service is stopped";
    } else if (process == ProcessState::kCrashed || process == ProcessState::kFailed) {
      view.state = api::InstanceState::kCrashed;
      view.detail = service->process().detail();
    } else {
      view.state = api::InstanceState::kStarting;
    }
  }
  if (service)
    if (const auto* apps = json::find_array(service->row().hello, "apps"))
      for (const auto& app : *apps) {
        if (!app.is_object() || json::get_bool(app.get_object(), "websocketOnly")) continue;
        view.app = json::get_string(app.get_object(), "name");
        break;
      }
  if (view.app.empty()) view.app = row.service;
  view.url = fmt::format("{}{}/{}.htm", url_base, row.path, view.app);
  view.database = row.database;
  view.database_user = row.database_user;
  if (row.external) {
    view.database_host = row.external->host;
    view.external = api::ExternalDatabase{.type = std::string(name_of(row.external->type)),
                                          .host = row.external->host,
                                          .database = row.external->database,
                                          .user = row.external->user};
  }
  const auto& sizes = sizes_.all();
  if (const auto size = sizes.find(row.database); size != sizes.end()) view.database_bytes = size->second;
  for (const auto& kept : row.kept) {
    api::KeptData data{kept.id, kept.replaced, kept.purge};
    if (const auto size = sizes.find(kept.database); size != sizes.end()) data.database_bytes = size->second;
    view.kept.push_back(std::move(data));
  }
  if (row.is_away()) view.moved = to_api(*row.moved);
  if (!row.created.empty()) view.created_at = row.created;
  if (!row.backed_up.empty()) view.backed_up_at = row.backed_up;
  view.log_flags = row.log_flags;
  if (traced) view.trace = traced(row.key());
  view.exclude_from_backup = row.exclude_from_backup;
  view.isolated = row.isolated;
  return view;
}

Task<void> Instances::measure() {
  try {
    co_await sizes_.refresh();
    sizes_failure_.reset();
  } catch (const Failure& failure) {
    sizes_failure_ = failure.error();
    BERTH_LOG(kDatabase, "no sizes", {"error", failure.error().detail});  // the last ones stay
  }
  sizes_read_ = loop_.now();
  sizes_known_.set();
}

void Instances::begin_measuring() {
  sizes_known_.reset();
  measuring_ = std::make_unique<loop::Spawned<void>>(loop_, measure());
}

Task<void> Instances::refresh_sizes() {
  if (sizes_known_.is_set() && (sizes_.all().empty() || loop_.now() - sizes_read_ >= kSizesPause))
    begin_measuring();
  co_await wait_at_most(loop_, sizes_known_, kSizesPatience);
}

Task<void> Instances::measure_sizes() {
  // What began before may have looked before the change that is asked about.
  while (!sizes_known_.is_set()) co_await sizes_known_.wait();
  begin_measuring();
  co_await sizes_known_.wait();
  if (sizes_failure_) throw Failure(*sizes_failure_);
}

}  // namespace berth::manager
