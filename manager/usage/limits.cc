#include "manager/usage/limits.h"

#include <algorithm>

#include "api/json.h"
#include "base/log.h"
#include "base/utc.h"
#include "wire/json/json.h"

namespace berth::manager {

using namespace std::chrono_literals;

namespace {

constexpr std::uint64_t kMostMinutes = 7 * 24 * 60;

std::string_view word_of(const QuotaState& state) {
  if (state.is_locked_out) return "lockedOut";
  if (state.is_read_only) return "readOnly";
  if (state.level == QuotaState::Level::kAbove) return state.may_write_anyway ? "writable" : "readOnly";
  return state.level == QuotaState::Level::kNear ? "near" : "fine";
}

}  // namespace

InstanceLimits::InstanceLimits(loop::Loop& loop, db::Database& database, InstanceDatabases& databases,
                               LimitSources sources)
    : loop_(loop),
      database_(database),
      databases_(databases),
      sources_(std::move(sources)),
      looking_(loop, 1),
      timer_(loop),
      tasks_(loop, "limits") {}

Task<void> InstanceLimits::load() {
  const auto rows = co_await database_.query_repeatable("SELECT domain, limits FROM domain_limit");
  domains_.clear();
  for (const auto row : rows)
    domains_[row.get<std::string>("domain")] =
        or_throw(api::from_json<api::Limits>(or_throw(json::parse(row.text("limits")))));
  read_only_ = co_await databases_.read_only();
  locked_out_ = co_await databases_.locked_out();
}

void InstanceLimits::begin() { changed(); }

void InstanceLimits::stop() {
  timer_.cancel();
  tasks_.cancel_all();
}

void InstanceLimits::changed() {
  apply_all();
  looked_at_ = loop_.now() - kLookEvery;
  tasks_.spawn(go_on());
}

void InstanceLimits::plan() {
  const loop::Duration pause = readers_.empty() ? loop::Duration(kLookEvery) : sources_.watch_every;
  timer_.start(pause, [this] { tasks_.spawn(go_on()); });
}

Task<void> InstanceLimits::go_on() {
  timer_.cancel();
  try {
    // Measuring all databases costs more than looking at a few.
    const bool is_due = loop_.now() - looked_at_ >= kLookEvery;
    if (is_due) co_await look();
    else co_await watch();
    is_failing_ = false;
  } catch (const Failure& failure) {
    if (!std::exchange(is_failing_, true))
      log_warning("sizes of databases are not watched", {{"error", failure.error().detail}});
  }
  plan();
}

void InstanceLimits::apply_all() {
  for (const auto& instance : sources_.instances()) sources_.apply(instance.key());
}

api::Limits InstanceLimits::of_domain(const std::string& domain) const {
  const auto found = domains_.find(domain);
  return found == domains_.end() ? api::Limits() : found->second;
}

ServiceLimits InstanceLimits::of(const std::string& domain, const std::string& database,
                                 const api::Limits& own) const {
  const auto limits = merge(own, merge(of_domain(domain), sources_.usual()));
  ServiceLimits told;
  told.websockets = limits.websockets.value_or(0);
  told.requests = limits.requests.value_or(0);
  told.messages = limits.messages.value_or(0);
  told.database_connections = limits.database_connections.value_or(0);
  told.statement_seconds = limits.statement_seconds.value_or(0);
  told.is_database_read_only = read_only_.contains(database);
  return told;
}

std::vector<QuotaFact> InstanceLimits::quota_facts() const {
  const auto usual = sources_.usual();
  const auto now = sources_.now();
  std::vector<QuotaFact> facts;
  for (const auto& instance : sources_.instances()) {
    if (instance.database.empty()) continue;
    QuotaFact fact;
    fact.name = instance.name;
    fact.domain = instance.domain;
    fact.bytes = instance.database_bytes;
    fact.limit = merge(instance.own, usual).database_bytes.value_or(0);
    fact.domain_limit = of_domain(instance.domain).database_bytes.value_or(0);
    fact.is_read_only = read_only_.contains(instance.database);
    fact.is_locked_out = locked_out_.contains(instance.database);
    const auto until = parse_utc(instance.writable_until);
    fact.may_write_anyway = until && *until > now;
    facts.push_back(std::move(fact));
  }
  return facts;
}

const LimitedInstance* InstanceLimits::find(const std::vector<LimitedInstance>& all, const std::string& name,
                                            const std::string& domain) const {
  const auto found = std::find_if(all.begin(), all.end(), [&](const auto& instance) {
    return instance.name == name && instance.domain == domain;
  });
  return found == all.end() ? nullptr : &*found;
}

Task<void> InstanceLimits::look() {
  const auto permit = co_await looking_.acquire();
  const auto first = quota_facts();
  const bool is_wanted = std::any_of(first.begin(), first.end(), [](const QuotaFact& fact) {
    return fact.limit > 0 || fact.domain_limit > 0 || fact.is_read_only || fact.is_locked_out;
  });
  looked_at_ = loop_.now();
  if (!is_wanted) {
    states_.clear();
    readers_.clear();
    co_return;
  }
  co_await sources_.sizes();
  // A database that was restored is another one: what PostgreSQL says counts, not what we remember.
  read_only_ = co_await databases_.read_only();
  locked_out_ = co_await databases_.locked_out();
  // Connections of an app's own, which the SDK does not make anew.
  for (const auto& [database, since] : std::exchange(ending_, {})) {
    const auto all = sources_.instances();
    const auto owner = std::find_if(all.begin(), all.end(),
                                    [&](const auto& instance) { return instance.database == database; });
    if (owner == all.end()) continue;
    const std::string name = database, user = owner->user;
    const std::int64_t moment = since;
    co_await databases_.end_old_sessions(name, user, moment);
  }
  states_ = judge_quota(quota_facts());
  for (const auto& state : std::vector(states_)) {
    const auto all = sources_.instances();
    const auto* instance = find(all, state.name, state.domain);
    if (!instance) continue;
    const LimitedInstance one = *instance;
    if (locked_out_.contains(one.database) && !state.is_locked_out) co_await let_in(one);
    if (read_only_.contains(one.database) != state.is_read_only) co_await switch_to(one, state.is_read_only);
  }
  co_await watch_readers();
  if (timer_.is_running()) plan();  // asked for in between: who can only read since now is watched soon
}

Task<void> InstanceLimits::watch() {
  const auto permit = co_await looking_.acquire();
  co_await watch_readers();
}

Task<void> InstanceLimits::watch_readers() {
  std::set<std::string> present;
  for (const auto& state : std::vector(states_)) {
    const auto all = sources_.instances();
    const auto* instance = find(all, state.name, state.domain);
    if (!instance || !state.is_read_only || instance->database.empty()) continue;
    present.insert(instance->database);
    const LimitedInstance one = *instance;
    co_await watch_reader(one, state.limit);
  }
  std::erase_if(readers_, [&](const auto& reader) { return !present.contains(reader.first); });
  states_ = judge_quota(quota_facts());  // who is locked out by now
}

// Whoever owns tables may write them: an app that switches its session back to writing is stopped by nothing that PostgreSQL
// offers but the end of its session, and then by not being let in (docs/decisions/0021).
Task<void> InstanceLimits::watch_reader(LimitedInstance instance, std::uint64_t limit) {
  const std::string database = instance.database, user = instance.user;
  const auto seen = co_await databases_.look_at(database);
  if (!seen) co_return;
  auto& known = readers_[database];
  if (known.oid != seen->oid) known = Reader{seen->oid, seen->bytes, false};
  known.bytes = std::min(known.bytes, seen->bytes);
  if (seen->bytes - known.bytes <= growth_of_a_reader(limit)) co_return;
  const bool was_ended = std::exchange(known.was_ended, true);
  known.bytes = seen->bytes;
  if (!was_ended) {
    log_warning("database grows though it can only be read: its sessions are ended",
                {{"instance", instance.key()}, {"bytes", seen->bytes}});
    co_await databases_.end_sessions_of(database, user);
    co_return;
  }
  log_error("database grows on though it can only be read: its instance is locked out",
            {{"instance", instance.key()}, {"bytes", seen->bytes}});
  co_await databases_.lock_out(user);
  locked_out_.insert(database);
}

Task<void> InstanceLimits::let_in(LimitedInstance instance) {
  const std::string database = instance.database, user = instance.user;
  co_await databases_.unlock(user);
  locked_out_.erase(database);
  log_info("instance is let into its database again", {{"instance", instance.key()}});
}

Task<void> InstanceLimits::switch_to(LimitedInstance instance, bool is_read_only) {
  const std::string database = instance.database, user = instance.user;
  co_await databases_.set_read_only(database, user, is_read_only);
  if (is_read_only) {
    read_only_.insert(instance.database);
    ending_[instance.database] = sources_.now().time_since_epoch().count();
    log_warning("database is above its limit: it can only be read",
                {{"instance", instance.key()}, {"bytes", instance.database_bytes}});
  } else {
    read_only_.erase(instance.database);
    log_info("database can be written again", {{"instance", instance.key()}});
  }
  sources_.apply(instance.key());
}

InstanceLimits::Words InstanceLimits::words() const {
  Words words;
  for (const auto& state : judge_quota(quota_facts()))
    words[state.name + "@" + state.domain] = word_of(state);
  return words;
}

api::LimitsOf InstanceLimits::view(const LimitedInstance& instance, const Words& words) const {
  api::LimitsOf view;
  view.name = instance.name;
  view.domain = instance.domain;
  view.own = instance.own;
  auto wide = of_domain(instance.domain);
  wide.database_bytes.reset();  // of a domain it is for all together
  view.effective = merge(instance.own, merge(wide, sources_.usual()));
  view.database_bytes = instance.database_bytes;
  const auto word = words.find(instance.key());
  view.database_state = word == words.end() ? "fine" : word->second;
  const auto until = parse_utc(instance.writable_until);
  if (until && *until > sources_.now()) view.writable_until = instance.writable_until;
  return view;
}

api::LimitsOf InstanceLimits::view_domain(const std::string& domain) const {
  api::LimitsOf view;
  view.domain = domain;
  view.own = of_domain(domain);
  auto usual = sources_.usual();
  usual.database_bytes = 0;
  view.effective = merge(view.own, usual);
  for (const auto& instance : sources_.instances())
    if (instance.domain == domain) view.database_bytes += instance.database_bytes;
  view.database_state = "fine";
  if (const auto limit = view.own.database_bytes.value_or(0); limit > 0) {
    QuotaFact all;
    all.bytes = view.database_bytes;
    all.limit = limit;
    view.database_state = word_of(judge_quota({all}).front());
  }
  return view;
}

Task<api::GetLimitsResult> InstanceLimits::tell(api::GetLimits request) {
  if (request.name && !request.domain) throw_failure(Errc::kMalformed, "name: its domain is missing");
  co_await sources_.sizes();
  api::GetLimitsResult result;
  result.usual = sources_.usual();
  const auto states = words();
  std::map<std::string, std::vector<LimitedInstance>> by_domain;
  for (auto& instance : sources_.instances()) by_domain[instance.domain].push_back(std::move(instance));
  for (const auto& [domain, limits] : domains_) by_domain[domain];
  for (const auto& [domain, instances] : by_domain) {
    if (request.domain && *request.domain != domain) continue;
    if (!request.name) result.limits.push_back(view_domain(domain));
    for (const auto& instance : instances)
      if (!request.name || *request.name == instance.name) result.limits.push_back(view(instance, states));
  }
  if (request.name && result.limits.empty())
    throw_failure(Errc::kNotFound, "there is no instance {}@{}", *request.name, *request.domain);
  co_return result;
}

Task<api::LimitsOf> InstanceLimits::set(api::SetLimits request) {
  check_ranges(request.limits);
  const auto all = sources_.instances();
  if (request.name.empty()) {
    const bool is_known =
        std::any_of(all.begin(), all.end(), [&](const auto& one) { return one.domain == request.domain; });
    if (!is_known && !domains_.contains(request.domain))
      throw_failure(Errc::kNotFound, "no instance has the domain {}", request.domain);
    const std::string domain = request.domain, limits = format_limits(request.limits);
    if (is_empty(request.limits)) {
      co_await database_.query_repeatable("DELETE FROM domain_limit WHERE domain = $1", domain);
      domains_.erase(domain);
    } else {
      co_await database_.query_repeatable(
          "INSERT INTO domain_limit (domain, limits) VALUES ($1, $2) ON CONFLICT (domain) DO UPDATE SET "
          "limits "
          "= $2",
          domain, limits);
      domains_[domain] = request.limits;
    }
    for (const auto& instance : all)
      if (instance.domain == domain) sources_.apply(instance.key());
  } else {
    const auto* instance = find(all, request.name, request.domain);
    if (!instance) throw_failure(Errc::kNotFound, "there is no instance {}@{}", request.name, request.domain);
    co_await sources_.enter(request.name, request.domain, request.limits, instance->writable_until);
    sources_.apply(instance->key());
  }
  if (!request.name.empty()) co_return co_await look_and_view(request.name, request.domain);
  co_await look();
  co_return view_domain(request.domain);
}

Task<api::LimitsOf> InstanceLimits::look_and_view(std::string name, std::string domain) {
  co_await look();
  const auto all = sources_.instances();
  const auto* instance = find(all, name, domain);
  if (!instance) throw_failure(Errc::kNotFound, "{}@{} has gone meanwhile", name, domain);
  co_return view(*instance, words());
}

Task<api::LimitsOf> InstanceLimits::allow_writes(api::AllowWrites request) {
  if (request.minutes > kMostMinutes) throw_failure(Errc::kMalformed, "minutes: 0 to {}", kMostMinutes);
  const auto all = sources_.instances();
  const auto* instance = find(all, request.name, request.domain);
  if (!instance) throw_failure(Errc::kNotFound, "there is no instance {}@{}", request.name, request.domain);
  const auto until = sources_.now() + std::chrono::minutes(request.minutes);
  co_await sources_.enter(request.name, request.domain, instance->own,
                          request.minutes == 0 ? std::string() : format_utc(until));
  co_return co_await look_and_view(request.name, request.domain);
}

std::vector<api::Check> InstanceLimits::checks() const { return quota_checks(states_); }

}  // namespace berth::manager
