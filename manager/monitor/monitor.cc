#include "manager/monitor/monitor.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <list>

#include "base/disk_space.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "base/utc.h"
#include "wire/json/json.h"

namespace berth::manager {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t kMostSubjects = 1000, kMostMarkedJobs = 200;
constexpr int kMostUnaskedTicks = 60;
constexpr std::chrono::milliseconds kFallAsleep{100};  // a webserver that has answered
constexpr std::string_view kService = "service/", kInstance = "instance/";

// Of each instance, in the order in which SteadySum and the columns of an instance have them.
constexpr std::array<std::string_view, 4> kCounters = {"requests", "messagesIn", "messagesOut", "databaseMs"};

double seconds_of_ticks(std::uint64_t ticks) {
  static const auto kTicks = static_cast<double>(::sysconf(_SC_CLK_TCK));
  return static_cast<double>(ticks) / kTicks;
}

double counter(const json::Object& object, std::string_view name) {
  const auto* value = json::find(object, name);
  return value && value->is_number() ? value->to_number<double>() : kUnknown;
}

// Four digits: what a curve can show, and a third of the bytes.
double round_for_curve(float value) {
  if (std::isnan(value)) return -1;
  const double known = value;
  if (known <= 0) return 0;
  const double unit = std::pow(10.0, std::floor(std::log10(known)) - 3);
  return unit >= 1 ? std::round(known / unit) * unit : std::round(known / unit) / std::round(1 / unit);
}

// What the machine told at one moment.
struct Machine {
  std::optional<CpuTimes> cpu;
  std::optional<MemoryFigures> memory;
  std::optional<double> load;
  Traffic network, disks;
  std::uint64_t disk_used = 0, disk_total = 0;
  std::vector<std::optional<ProcessFigures>> processes;
};

Machine read_machine(const std::vector<std::pair<pid_t, bool>>& pids,
                     const std::set<std::string, std::less<>>& disks, const std::string& disk) {
  Machine machine;
  const auto text = [](const char* path) { return read_file(path, 1 << 20).value_or(std::string()); };
  machine.cpu = parse_cpu_times(text("/proc/stat"));
  machine.memory = parse_memory(text("/proc/meminfo"));
  machine.load = parse_load(text("/proc/loadavg"));
  machine.network = parse_network(text("/proc/net/dev"));
  machine.disks = parse_disks(text("/proc/diskstats"), disks);
  if (const auto space = read_disk_space(disk)) {
    machine.disk_total = space->total_bytes;
    machine.disk_used = space->used_bytes;
  }
  for (const auto& [pid, with_children] : pids)
    machine.processes.push_back(pid > 0 ? read_process(pid, with_children) : std::nullopt);
  return machine;
}

bool is_marked(api::JobKind kind) {
  using enum api::JobKind;
  switch (kind) {
    case kCreate:
    case kUndo:
    case kStart:
    case kStop:
    case kCommands:
    case kRename:
    case kPrune:
    case kFetch: return false;
    default: return true;
  }
}

}  // namespace

struct Monitor::Gathered {
  Machine machine;
  std::optional<json::Object> webserver;
  std::map<std::string, json::Object> services;
  std::optional<db::Rows> postgres, sessions;
  bool wants_instances = false;
};

Monitor::Monitor(loop::Loop& loop, std::string folder, MonitorSources sources)
    : loop_(loop),
      sources_(std::move(sources)),
      store_(std::move(folder)),
      disks_(find_disks()),
      worker_(loop),
      tasks_(loop, "monitor") {}

void Monitor::begin() { tasks_.spawn(go_on()); }
void Monitor::stop() { tasks_.cancel_all(); }

Task<void> Monitor::go_on() {
  for (;;) {
    // By the system's clock, so that steps begin where they do on other machines; a jump costs one pause at most.
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const auto left = std::chrono::seconds(kTick) - now % std::chrono::seconds(kTick);
    co_await loop::sleep_for(loop_, std::chrono::duration_cast<loop::Duration>(left));
    const auto at = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
    try {
      co_await measure(at.time_since_epoch().count());
      is_failing_ = false;
    } catch (const Failure& failure) {
      if (!std::exchange(is_failing_, true)) log_warning("monitoring", {{"error", failure.error().detail}});
    }
  }
}

// A question wakes all its reactors, and an unused webserver is to sleep: while nothing wakes it, its last answer holds. What came
// in the moment when it fell asleep is told with the next thing that happens, or after ten minutes.
Task<void> Monitor::ask_webserver(Gathered& gathered, pid_t pid) {
  if (webserver_sleeps_at_ && ++unasked_ticks_ < kMostUnaskedTicks &&
      sources_.wakeups(pid) == webserver_sleeps_at_) {
    gathered.webserver = last_webserver_;
    co_return;
  }
  unasked_ticks_ = 0;
  webserver_sleeps_at_.reset();
  try {
    gathered.webserver = co_await loop::with_timeout(loop_, kSourceLimit, sources_.webserver(), "webserver");
    const bool is_unused =
        counter(*gathered.webserver, "connections") == 0 && gathered.webserver == last_webserver_;
    last_webserver_ = gathered.webserver;
    if (!is_unused) co_return;
    co_await loop::sleep_for(loop_, kFallAsleep);
    webserver_sleeps_at_ = sources_.wakeups(pid);
  } catch (const Failure& failure) {
    BERTH_LOG(kProcess, "no counters of the webserver", {"error", failure.error().detail});
  }
}

Task<void> Monitor::ask_service(Gathered& gathered, std::string id) {
  try {
    gathered.services[id] = co_await loop::with_timeout(loop_, kSourceLimit, sources_.service(id), id);
  } catch (const Failure& failure) {
    BERTH_LOG(kProcess, "no counters", {"service", id}, {"error", failure.error().detail});
  }
}

Task<void> Monitor::ask_postgres(Gathered& gathered) {
  try {
    gathered.postgres = co_await loop::with_timeout(
        loop_, kSourceLimit,
        sources_.query("SELECT (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') "
                       "AS connections, "
                       "(SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND "
                       "state = 'active' "
                       "AND pid <> pg_backend_pid()) AS active, "
                       "coalesce(sum(xact_commit + xact_rollback), 0)::bigint AS transactions, "
                       "coalesce(sum(blks_read), 0)::bigint AS blocks_read, coalesce(sum(blks_hit), "
                       "0)::bigint AS blocks_hit, "
                       "coalesce(sum(temp_bytes), 0)::bigint AS temporary, "
                       "(SELECT wal_bytes::bigint FROM pg_stat_wal) AS wal, "
                       "coalesce(sum(deadlocks), 0)::bigint AS deadlocks FROM pg_stat_database"),
        "PostgreSQL");
    if (gathered.wants_instances)
      gathered.sessions = co_await loop::with_timeout(
          loop_, kSourceLimit,
          sources_.query("SELECT datname::text AS database, count(*) AS sessions FROM pg_stat_activity "
                         "WHERE backend_type = 'client backend' AND datname IS NOT NULL GROUP BY datname"),
          "PostgreSQL");
  } catch (const Failure& failure) {
    BERTH_LOG(kDatabase, "no figures of PostgreSQL", {"error", failure.error().detail});
  }
}

// All at once: one that hangs holds up nobody but itself.
Task<void> Monitor::ask(Gathered& gathered) {
  std::list<loop::Spawned<void>> asking;
  asking.emplace_back(loop_, ask_postgres(gathered));
  for (const auto& process : sources_.processes()) {
    if (process.subject.kind == SubjectKind::kWebserver)
      asking.emplace_back(loop_, ask_webserver(gathered, process.pid));
    if (process.subject.kind == SubjectKind::kService && process.pid > 0)
      asking.emplace_back(loop_, ask_service(gathered, process.subject.id));
  }
  for (auto& one : asking) co_await one.join();
}

Task<void> Monitor::measure(std::int64_t now) {
  if (is_measuring_) co_return;  // the last one still writes: a disk that hangs must not pile them up
  is_measuring_ = true;
  struct Done {
    bool& flag;
    ~Done() { flag = false; }
  } done{is_measuring_};
  if (now >= next_sizes_ || now < next_sizes_ - kSizesEvery) {
    next_sizes_ = now + kSizesEvery;
    tasks_.spawn(sources_.sizes());
  }
  Gathered gathered;
  gathered.wants_instances = now >= next_instances_ || now < next_instances_ - kInstanceTick;
  if (gathered.wants_instances) next_instances_ = now / kInstanceTick * kInstanceTick + kInstanceTick;
  co_await ask(gathered);
  const auto processes = sources_.processes();
  std::vector<std::pair<pid_t, bool>> pids;
  for (const auto& process : processes)
    pids.emplace_back(process.pid, process.subject.kind == SubjectKind::kPostgres);
  gathered.machine = co_await worker_.run([pids, this] { return read_machine(pids, disks_, sources_.disk); });
  if (sources_.measured) {
    std::vector<ServiceMeasurement> told;
    for (std::size_t i = 0; i < processes.size(); ++i) {
      const auto& process = processes[i];
      const auto& figures = gathered.machine.processes[i];
      const auto answer = gathered.services.find(process.subject.id);
      if (process.subject.kind == SubjectKind::kService && figures && answer != gathered.services.end())
        told.push_back({process, *figures, answer->second});
    }
    sources_.measured(told);
  }
  auto rows = values_of(gathered, processes);
  up_.clear();
  for (const auto& process : processes)
    up_.emplace_back(
        process.subject.kind == SubjectKind::kService ? process.subject.id : name_of(process.subject),
        process.is_up);
  auto markers = starts(processes);
  co_await write(now, std::move(rows), std::move(markers), gathered.wants_instances);
}

// `is_whole`: all subjects are among the rows.
Task<void> Monitor::write(std::int64_t now, std::vector<Written> rows, std::vector<Marker> markers,
                          bool is_whole) {
  const bool wants_purge = is_whole && now >= next_purge_;
  if (wants_purge) next_purge_ = now + 86'400;
  const auto written = co_await worker_.run([this, now, rows = std::move(rows), markers = std::move(markers),
                                             wants_purge, most = sources_.most_bytes()]() -> Result<void> {
    Result<void> result;
    for (const auto& row : rows)
      if (auto added = store_.add(row.subject, now, row.values, most); !added) result = added;
    for (const auto& marker : markers) {
      // One of a process that an earlier manager has seen start.
      BERTH_TRY(const auto started, store_.markers().last_of("start", marker.subject));
      BERTH_TRY(const auto died, store_.markers().last_of("death", marker.subject));
      if (std::max(started, died) < marker.at) BERTH_TRY_VOID(store_.markers().add(marker));
    }
    if (wants_purge) store_.purge(now);
    return result;
  });
  if (!written) throw Failure(written.error());
}

void Monitor::keep(const Subject& subject, std::vector<std::pair<std::string, std::string>> labels,
                   RawValues raw, std::vector<Written>& rows) {
  const double now = std::chrono::duration<double>(loop_.now().time_since_epoch()).count();
  auto& rates = subject.kind == SubjectKind::kInstance ? instance_rates_ : rates_;
  rows.push_back({subject, rates.take(subject, raw, now)});
  last_[subject] = {subject.kind, std::move(labels), std::move(raw)};
}

std::vector<Monitor::Written> Monitor::values_of(const Gathered& gathered,
                                                 const std::vector<WatchedProcess>& processes) {
  std::vector<Written> rows;
  const auto& machine = gathered.machine;
  last_.erase(Subject{});
  if (gathered.wants_instances)
    std::erase_if(last_, [](const auto& entry) { return entry.first.kind == SubjectKind::kInstance; });
  std::erase_if(last_, [&](const auto& entry) {
    return entry.first.kind != SubjectKind::kInstance && entry.first.kind != SubjectKind::kPlatform;
  });

  const auto number = [](auto value) { return static_cast<double>(value); };
  double user = kUnknown, system = kUnknown, wait = kUnknown;
  if (machine.cpu && cpu_times_ && machine.cpu->all() > cpu_times_->all()) {
    const double all = number(machine.cpu->all() - cpu_times_->all());
    const auto share = [&](std::uint64_t CpuTimes::* part) {
      const auto before = (*cpu_times_).*part, after = (*machine.cpu).*part;
      return after < before ? 0.0 : std::min(100.0, number(after - before) * 100 / all);
    };
    user = share(&CpuTimes::user);
    system = share(&CpuTimes::system);
    wait = share(&CpuTimes::wait);
  }
  cpu_times_ = machine.cpu;
  const auto& memory = machine.memory;
  keep(Subject{}, {},
       {user, system, wait, machine.load.value_or(kUnknown),
        memory ? number(memory->total_bytes - memory->available_bytes) : kUnknown,
        memory ? number(memory->total_bytes) : kUnknown, memory ? number(memory->swap_used_bytes) : kUnknown,
        machine.disk_total ? number(machine.disk_used) : kUnknown,
        machine.disk_total ? number(machine.disk_total) : kUnknown, number(machine.disks.in_bytes),
        number(machine.disks.out_bytes), number(machine.network.in_bytes), number(machine.network.out_bytes)},
       rows);

  std::uint64_t database_bytes = 0;
  for (const auto& instance : sources_.instances()) database_bytes += instance.database_bytes;
  for (std::size_t i = 0; i < processes.size(); ++i) {
    const auto& subject = processes[i].subject;
    const auto& figures = machine.processes[i];
    RawValues raw = {kUnknown, kUnknown, kUnknown};
    if (figures)
      raw = {seconds_of_ticks(figures->cpu_ticks), number(figures->memory_bytes), number(figures->tasks)};
    if (subject.kind == SubjectKind::kWebserver) {
      for (const char* name :
           {"connections", "websockets", "requests", "bytesIn", "bytesOut", "accepted", "refused"})
        raw.push_back(gathered.webserver ? counter(*gathered.webserver, name) : kUnknown);
    } else if (subject.kind == SubjectKind::kPostgres) {
      const bool is_told = gathered.postgres && gathered.postgres->size() == 1;
      for (const char* name : {"connections", "active", "transactions", "blocks_read", "blocks_hit",
                               "temporary", "wal", "deadlocks"})
        raw.push_back(is_told ? number((*gathered.postgres)[0].get<std::int64_t>(name)) : kUnknown);
      raw.push_back(number(database_bytes));
    } else if (subject.kind == SubjectKind::kService) {
      double sessions = kUnknown;
      RawValues sums(kCounters.size(), kUnknown);
      const auto told = gathered.services.find(subject.id);
      const auto* list =
          told == gathered.services.end() ? nullptr : json::find_array(told->second, "instances");
      if (list) {
        sessions = 0;
        std::map<std::string, std::vector<double>> counters;
        for (const auto& entry : *list) {
          if (!entry.is_object()) continue;
          const auto& object = entry.get_object();
          auto& values =
              counters[json::get_string(object, "name") + "@" + json::get_string(object, "domain")];
          for (const auto name : kCounters) {
            const double value = counter(object, name);
            values.push_back(std::isnan(value) ? 0 : value);
          }
          const double own = counter(object, "sessions");
          if (!std::isnan(own)) sessions += own;
        }
        sums = service_sums_[subject.id].add(counters, kCounters.size());
        sums.back() /= 1000;  // databaseTime in seconds
      }
      raw.push_back(sessions);
      raw.insert(raw.end(), sums.begin(), sums.end());
    }
    const std::string name = subject.kind == SubjectKind::kService ? subject.id : name_of(subject);
    if (processes[i].pid > 0) keep(subject, {{"process", name}}, std::move(raw), rows);
  }
  if (gathered.wants_instances) add_instances(gathered, rows);
  const double seconds = std::chrono::duration<double>(loop_.now().time_since_epoch()).count();
  rates_.forget_old(seconds);
  instance_rates_.forget_old(seconds);
  return rows;
}

void Monitor::add_instances(const Gathered& gathered, std::vector<Written>& rows) {
  std::map<std::string, double> sessions_of;  // at PostgreSQL, by database
  if (gathered.sessions)
    for (const auto row : *gathered.sessions)
      sessions_of[row.get<std::string>("database")] = static_cast<double>(row.get<std::int64_t>("sessions"));
  std::map<std::string, const json::Object*> counters;
  for (const auto& [id, told] : gathered.services)
    if (const auto* list = json::find_array(told, "instances"))
      for (const auto& entry : *list)
        if (entry.is_object()) {
          const auto& object = entry.get_object();
          // A service is believed what it says of its own instances only.
          counters[fmt::format("{}/{}@{}", id, json::get_string(object, "name"),
                               json::get_string(object, "domain"))] = &object;
        }
  for (const auto& instance : sources_.instances()) {
    RawValues raw(metrics_of(SubjectKind::kInstance).size(), kUnknown);
    if (const auto found = counters.find(instance.process + "/" + instance.key); found != counters.end()) {
      raw[0] = counter(*found->second, "sessions");
      for (std::size_t i = 0; i < kCounters.size(); ++i) raw[1 + i] = counter(*found->second, kCounters[i]);
      raw[4] /= 1000;  // databaseTime in seconds
    }
    if (instance.database_bytes > 0) raw[5] = static_cast<double>(instance.database_bytes);
    if (gathered.sessions) {
      const auto found = sessions_of.find(instance.database);
      raw[6] = found == sessions_of.end() ? 0 : found->second;
    }
    const auto at = instance.key.find('@');
    keep({SubjectKind::kInstance, instance.database},
         {{"service", instance.service},
          {"instance", instance.key.substr(0, at)},
          {"domain", instance.key.substr(at + 1)}},
         std::move(raw), rows);
  }
}

std::vector<Marker> Monitor::starts(const std::vector<WatchedProcess>& processes) {
  std::vector<Marker> markers;
  for (const auto& process : processes) {
    if (process.pid == 0 || process.started_at.empty()) continue;
    auto& known = known_starts_[process.subject];
    auto& restarts = known_restarts_[process.subject];
    const bool has_died = !known.empty() && process.restarts > restarts;
    restarts = process.restarts;
    if (known == process.started_at) continue;
    known = process.started_at;
    const auto at = parse_utc(process.started_at);
    if (!at) continue;
    Marker marker;
    marker.at = at->time_since_epoch().count();
    marker.kind = has_died ? "death" : "start";
    marker.subject = name_of(process.subject);
    if (has_died) marker.text = process.last_exit;
    marker.is_failed = has_died;
    markers.push_back(std::move(marker));
  }
  return markers;
}

void Monitor::job_changed(const api::Job& job) {
  if (!api::is_final(job.state) || !is_marked(job.kind) || marked_jobs_.contains(job.id)) return;
  if (marked_jobs_.size() >= kMostMarkedJobs) marked_jobs_.clear();
  marked_jobs_.insert(job.id);
  const auto began = parse_utc(job.started_at.value_or(job.ended_at.value_or("")));
  if (!began) return;
  Marker marker;
  marker.at = began->time_since_epoch().count();
  marker.kind = api::word_of(job.kind);
  marker.text = job.title;
  marker.job = job.id;
  marker.is_failed = job.state != api::JobState::kDone;
  const bool is_service = known_starts_.contains(Subject{SubjectKind::kService, job.target});
  marker.subject = job.target.find('@') != std::string::npos ? std::string(kInstance) + job.target
                   : is_service                              ? std::string(kService) + job.target
                                                             : std::string("platform");
  tasks_.spawn([](Monitor& self, Marker told) -> Task<void> {
    const auto added = co_await self.worker_.run([&self, told] { return self.store_.markers().add(told); });
    if (!added) log_warning("monitoring", {{"error", added.error().detail}});
  }(*this, std::move(marker)));
}

std::string Monitor::name_of(const Subject& subject) {
  switch (subject.kind) {
    case SubjectKind::kPlatform: return "platform";
    case SubjectKind::kManager: return "manager";
    case SubjectKind::kWebserver: return "webserver";
    case SubjectKind::kPostgres: return "postgres";
    case SubjectKind::kService: return std::string(kService) + subject.id;
    case SubjectKind::kInstance: break;  // is known by its database, called by its key
  }
  return std::string(kInstance) + subject.id;
}

std::vector<Monitor::Named> Monitor::subjects_of(const std::vector<std::string>& names) const {
  std::vector<Named> subjects;
  const auto processes = sources_.processes();
  const auto instances = sources_.instances();
  for (const auto& name : names) {
    const std::size_t before = subjects.size();
    if (name == "platform") subjects.push_back({{}, name});
    for (const auto& process : processes)
      if (const auto own = name_of(process.subject);
          own == name || (name == "service/*" && process.subject.kind == SubjectKind::kService))
        subjects.push_back({process.subject, own});
    if (name.starts_with(kInstance))
      for (const auto& instance : instances)
        if (name == "instance/*" || name.substr(kInstance.size()) == instance.key)
          subjects.push_back(
              {{SubjectKind::kInstance, instance.database}, std::string(kInstance) + instance.key});
    if (subjects.size() == before && !name.ends_with("/*"))
      throw_failure(Errc::kNotFound, "nothing is recorded of {}", name);
    if (subjects.size() > kMostSubjects)
      throw_failure(Errc::kTooLarge, "more than {} subjects at once", kMostSubjects);
  }
  const auto is_instance = [](const Named& one) { return one.subject.kind == SubjectKind::kInstance; };
  if (std::any_of(subjects.begin(), subjects.end(), is_instance) &&
      !std::all_of(subjects.begin(), subjects.end(), is_instance))
    throw_failure(Errc::kMalformed, "instances are measured at other moments: ask for them apart");
  return subjects;
}

Task<api::GetMonitorResult> Monitor::curves(api::GetMonitor request, std::int64_t now) {
  if (request.seconds < 60 || request.seconds > static_cast<std::uint64_t>(kRecordedSeconds))
    throw_failure(Errc::kMalformed, "seconds: 60 to {}", kRecordedSeconds);
  if (request.points < 2 || request.points > 2000) throw_failure(Errc::kMalformed, "points: 2 to 2000");
  std::int64_t to = now;
  if (request.until) {
    const auto until = parse_utc(*request.until);
    if (!until) throw_failure(Errc::kMalformed, "until: {} is no time", *request.until);
    to = until->time_since_epoch().count();
  }
  const std::int64_t from = to - static_cast<std::int64_t>(request.seconds);
  const auto points = static_cast<std::int64_t>(request.points);
  const auto subjects = subjects_of(request.subjects);

  struct Read {
    std::vector<Curves> curves;
    std::vector<Marker> markers;
    MonitorStore::Space space;
  };
  const auto read = co_await worker_.run([this, subjects, now, from, to, points]() -> Result<Read> {
    Read all;
    for (const auto& named : subjects) {
      BERTH_TRY(auto one, store_.read(named.subject, now, from, to, points));
      all.curves.push_back(std::move(one));
    }
    BERTH_TRY(all.markers, store_.markers().between(from, to));
    all.space = store_.space();
    return all;
  });
  if (!read) throw Failure(read.error());

  api::GetMonitorResult result;
  const auto step = resolve(layout_of(SubjectKind::kPlatform), now, from, to, points).step;
  result.step = static_cast<std::uint64_t>(read->curves.empty() ? step : read->curves.front().step);
  const std::int64_t begin = read->curves.empty() ? from : read->curves.front().from;
  result.from = format_utc(std::chrono::sys_seconds(std::chrono::seconds(begin)));
  std::set<std::string_view> found;
  for (std::size_t i = 0; i < subjects.size(); ++i) {
    const auto& curves = read->curves[i];
    const auto metrics = metrics_of(subjects[i].subject.kind);
    for (std::size_t column = 0; column < metrics.size(); ++column) {
      const auto& metric = metrics[column];
      if (!request.metrics.empty() &&
          std::find(request.metrics.begin(), request.metrics.end(), metric.name) == request.metrics.end())
        continue;
      found.insert(metric.name);
      api::MonitorSeries series;
      series.subject = subjects[i].name;
      series.metric = metric.name;
      series.unit = metric.unit;
      for (const float value : curves.mean[column]) series.mean.push_back(round_for_curve(value));
      if (curves.has_peaks)
        for (const float value : curves.peak[column]) series.peak.push_back(round_for_curve(value));
      result.series.push_back(std::move(series));
    }
  }
  for (const auto& metric : request.metrics)
    if (!subjects.empty() && !found.contains(metric))
      throw_failure(Errc::kNotFound, "there is no metric {}", metric);
  for (const auto& marker : read->markers)
    result.markers.push_back({format_utc(std::chrono::sys_seconds(std::chrono::seconds(marker.at))),
                              marker.kind, marker.subject, marker.text, marker.job, marker.is_failed});
  result.space = {read->space.bytes, read->space.full_bytes, sources_.most_bytes(), read->space.subjects,
                  read->space.left_out};
  co_return result;
}

std::string Monitor::open_metrics() const {
  OpenMetricsFacts facts;
  facts.version = sources_.version;
  facts.build = sources_.build;
  for (const auto& [subject, told] : last_) facts.subjects.push_back(told);
  facts.processes = up_;
  facts.alarms = sources_.alarms();
  facts.is_ready =
      !up_.empty() && std::all_of(up_.begin(), up_.end(), [](const auto& one) { return one.second; });
  return format_open_metrics(facts);
}

}  // namespace berth::manager
