#include "manager/usage/usage_parts.h"

#include <algorithm>

namespace berth::manager {
namespace {

UsageSources usage_sources(Settings& settings, Instances& instances,
                           const std::function<std::chrono::sys_seconds()>& now) {
  UsageSources sources;
  sources.instances = [&instances] { return watched_instances(instances); };
  sources.time_zone = [&settings] { return settings.text("timezone"); };
  sources.kept_days = [&settings] { return settings.number("usageDays"); };
  sources.now = now;
  return sources;
}

std::vector<LimitedInstance> limited_instances(const Instances& instances) {
  std::vector<LimitedInstance> all;
  const auto& sizes = instances.database_sizes();
  for (const auto& [key, row] : instances.all()) {
    if (row.is_deleted()) continue;
    LimitedInstance one{row.name, row.domain, "", "", 0, row.limits, row.writable_until};
    // One that arrives is being filled by another platform, which must not find it read only.
    if (!row.external && row.is_made && !row.is_away()) {
      one.database = row.database;
      one.user = row.database_user;
      if (const auto size = sizes.find(row.database); size != sizes.end()) one.database_bytes = size->second;
    }
    all.push_back(std::move(one));
  }
  return all;
}

LimitSources limit_sources(Settings& settings, Instances& instances,
                           const std::function<std::chrono::sys_seconds()>& now) {
  LimitSources sources;
  sources.usual = [&settings] {
    const auto number = [&](const char* name) { return static_cast<std::uint64_t>(settings.number(name)); };
    api::Limits limits;
    limits.database_bytes = number("limitDatabaseBytes");
    limits.websockets = number("limitWebsockets");
    limits.requests = number("limitRequests");
    limits.messages = number("limitMessages");
    limits.database_connections = number("limitDatabaseConnections");
    limits.statement_seconds = number("limitStatementSeconds");
    return limits;
  };
  sources.instances = [&instances] { return limited_instances(instances); };
  sources.sizes = [&instances] { return instances.measure_sizes(); };
  sources.enter = [&instances](std::string name, std::string domain, api::Limits limits, std::string until) {
    return instances.set_limits(std::move(name), std::move(domain), std::move(limits), std::move(until));
  };
  sources.apply = [&instances](const std::string& key) {
    if (const auto found = instances.all().find(key); found != instances.all().end())
      instances.apply_limits(found->second);
  };
  sources.now = now;
  return sources;
}

}  // namespace

std::vector<WatchedInstance> watched_instances(const Instances& instances) {
  std::vector<WatchedInstance> all;
  const auto& sizes = instances.database_sizes();
  for (const auto& [key, row] : instances.all()) {
    if (!row.is_made || row.is_deleted()) continue;
    const auto size = sizes.find(row.database);
    const auto process = instances.services().process_of(row.service, key);
    all.push_back({key, row.service, row.database, size == sizes.end() ? 0 : size->second,
                   process ? process->name() : row.service, row.path});
  }
  return all;
}

UsageParts::UsageParts(loop::Loop& loop, db::Database& database, Settings& settings, Instances& instances,
                       std::function<std::chrono::sys_seconds()> now)
    : usage_(loop, database, usage_sources(settings, instances, now)),
      limits_(loop, database, instances.databases(), limit_sources(settings, instances, now)) {
  instances.limits_of = [this](const InstanceRow& row) {
    return limits_.of(row.domain, row.external ? std::string() : row.database, row.limits);
  };
}

Task<void> UsageParts::load() {
  co_await usage_.load();
  co_await limits_.load();
}

void UsageParts::begin() {
  usage_.begin();
  limits_.begin();
}

Task<void> UsageParts::stop() {
  limits_.stop();
  co_await usage_.stop();
}

void UsageParts::settings_changed(const std::vector<std::string>& names) {
  if (std::any_of(names.begin(), names.end(), [](const auto& name) { return name.starts_with("limit"); }))
    limits_.changed();
}

}  // namespace berth::manager
