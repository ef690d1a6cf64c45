#include "manager/usage/usage_book.h"

#include <algorithm>

namespace berth::manager {
namespace {

constexpr std::string_view kBusy = "busyUs";
constexpr std::string_view kWebservers =
    "/webservers";  // among the marks of services, none of which is called so
// Nobody has that much between two measurements: a service that lies must not make sums that no column holds.
constexpr std::int64_t kMostGrowth = 10'000'000'000'000;

std::int64_t counter(const json::Object& object, std::string_view name) {
  return std::max<std::int64_t>(0, json::get_integer(object, name));
}

}  // namespace

void UsageBook::restore(const json::Object& marks) {
  marks_.clear();
  webservers_.clear();
  for (const auto& [id, value] : marks) {
    const auto* told = value.if_object();
    if (!told) continue;
    if (std::string_view(id.data(), id.size()) == kWebservers) {
      restore_webservers(*told);
      continue;
    }
    auto& mark = marks_[std::string(id)];
    mark.process = json::get_string(*told, "process");
    mark.cpu_us = json::get_integer(*told, "cpuUs");
    mark.at = json::get_integer(*told, "at");
    const auto* instances = json::find_object(*told, "instances");
    if (!instances) continue;
    for (const auto& [key, entry] : *instances) {
      const auto* object = entry.if_object();
      if (!object) continue;
      auto& instance = mark.instances[std::string(key)];
      instance.run = json::get_string(*object, "run");
      for (const auto& [name, number] : *object)
        if (number.is_number()) instance.counters[std::string(name)] = json::get_integer(*object, name);
    }
  }
}

json::Object UsageBook::marks() const {
  json::Object all;
  for (const auto& [id, mark] : marks_) {
    json::Object instances;
    for (const auto& [key, instance] : mark.instances) {
      json::Object object{{"run", instance.run}};
      for (const auto& [name, value] : instance.counters) object[name] = value;
      instances[key] = std::move(object);
    }
    all[id] = json::Object{{"process", mark.process},
                           {"cpuUs", mark.cpu_us},
                           {"at", mark.at},
                           {"instances", std::move(instances)}};
  }
  if (!webservers_.empty()) all[kWebservers] = webserver_marks();
  return all;
}

void UsageBook::restore_webservers(const json::Object& told) {
  for (const auto& [run, value] : told) {
    const auto* object = value.if_object();
    const auto* paths = object ? json::find_object(*object, "paths") : nullptr;
    if (!paths) continue;
    auto& mark = webservers_[std::string(run)];
    mark.at = json::get_integer(*object, "at");
    for (const auto& [path, entry] : *paths)
      if (const auto* counts = entry.if_object())
        mark.paths[std::string(path)] = {counter(*counts, "requests"), counter(*counts, "bytes")};
  }
}

json::Object UsageBook::webserver_marks() const {
  json::Object all;
  for (const auto& [run, mark] : webservers_) {
    json::Object paths;
    for (const auto& [path, counts] : mark.paths)
      paths[path] = json::Object{{"requests", counts.requests}, {"bytes", counts.bytes}};
    all[run] = json::Object{{"at", mark.at}, {"paths", std::move(paths)}};
  }
  return all;
}

void UsageBook::add_files(const std::string& run, const json::Array& files,
                          const std::map<std::string, FilesOf>& instances, std::chrono::sys_seconds now,
                          const std::string& day) {
  if (run.empty()) return;
  if (!webservers_.contains(run) && webservers_.size() >= kMostWebservers)
    webservers_.erase(
        std::min_element(webservers_.begin(), webservers_.end(),
                         [](const auto& a, const auto& b) { return a.second.at < b.second.at; }));
  auto& mark = webservers_[run];
  mark.at = now.time_since_epoch().count();
  for (const auto& entry : files) {
    const auto* told = entry.if_object();
    if (!told) continue;
    const std::string path = json::get_string(*told, "path");
    const FilesMark counts{counter(*told, "requests"), counter(*told, "bytesOut")};
    auto& before = mark.paths[path];
    // One that is lower was forgotten by the webserver meanwhile, and began anew.
    const bool is_same = counts.requests >= before.requests && counts.bytes >= before.bytes;
    const FilesMark from = is_same ? before : FilesMark();
    before = counts;
    const auto owner = instances.find(path);
    if (owner == instances.end()) continue;
    const auto& [name, domain, service] = owner->second;
    auto& row = rows_[{day, domain, name}];
    row.service = service;
    row.figures.requests += std::min(counts.requests - from.requests, kMostGrowth);
    row.figures.bytes_out += std::min(counts.bytes - from.bytes, kMostGrowth);
  }
}

void UsageBook::add(const MeasuredService& service, std::chrono::sys_seconds now, const std::string& day) {
  const auto* list = json::find_array(service.counters, "instances");
  if (!list) return;  // it did not answer: the next time tells what happened meanwhile
  const auto known = marks_.find(service.name);
  const bool is_first = known == marks_.end();
  const auto seconds = now.time_since_epoch().count();
  ServiceMark mark{service.process, service.cpu_us, seconds, {}};
  std::int64_t cpu_us = 0, gap = 0;
  if (!is_first) {
    const auto& before = known->second;
    const bool is_same = before.process == service.process && service.cpu_us >= before.cpu_us;
    cpu_us = is_same ? service.cpu_us - before.cpu_us : service.cpu_us;
    if (is_same) gap = std::clamp<std::int64_t>(seconds - before.at, 0, kLongestGap.count());
  }

  // A service that tells runs has never been counted by anybody before: all it did so far is its instances'.
  const auto tells_run = [](const json::Value& entry) {
    const auto* told = entry.if_object();
    return told && !json::get_string(*told, "run").empty();
  };
  if (is_first && std::any_of(list->begin(), list->end(), tells_run)) cpu_us = service.cpu_us;

  struct Part {
    Row* row;
    std::int64_t busy, weight;
  };
  std::vector<Part> parts;
  std::int64_t all_busy = 0, all_weights = 0;
  for (const auto& entry : *list) {
    const auto* told = entry.if_object();
    if (!told) continue;
    const auto name = json::get_string(*told, "name"), domain = json::get_string(*told, "domain");
    const std::string key = name + "@" + domain;
    InstanceMark instance;
    instance.run = json::get_string(*told, "run");
    const InstanceMark* before = nullptr;
    if (!is_first)
      if (const auto found = known->second.instances.find(key); found != known->second.instances.end())
        before = &found->second;
    // How much a counter grew. One of another run began at 0. A service built with an older SDK tells no run: at first sight
    // nobody knows since when it counts.
    const auto growth = [&](std::string_view counter_name) -> std::int64_t {
      const auto value = counter(*told, counter_name);
      instance.counters[std::string(counter_name)] = value;
      std::int64_t from = instance.run.empty() ? value : 0;
      if (before && before->run != instance.run) {
        from = 0;
      } else if (before) {
        const auto old = before->counters.find(std::string(counter_name));
        if (old != before->counters.end()) from = value >= old->second ? old->second : 0;
      }
      return std::min(value - from, kMostGrowth);
    };
    auto& row = rows_[{day, domain, name}];
    row.service = service.service;
    for (const auto& column : kUsageColumns)
      if (!column.counter.empty()) row.figures.*column.member += growth(column.counter);
    const auto busy = growth(kBusy);
    const auto weight = kInstanceWeight + std::max(counter(*told, "websockets"), counter(*told, "sessions"));
    parts.push_back({&row, busy, weight});
    all_busy += busy;
    all_weights += weight;
    mark.instances[key] = std::move(instance);
  }
  for (const auto& part : parts) {
    auto& figures = part.row->figures;
    using Wide = __int128;  // microseconds by microseconds
    figures.cpu_us += all_busy > 0
                          ? static_cast<std::int64_t>(static_cast<Wide>(cpu_us) * part.busy / all_busy)
                          : cpu_us / static_cast<std::int64_t>(parts.size());
    figures.memory_kib_seconds += static_cast<std::int64_t>(static_cast<Wide>(service.memory_bytes / 1024) *
                                                            gap * part.weight / all_weights);
  }
  marks_[service.name] = std::move(mark);
}

void UsageBook::add_database(const std::string& name, const std::string& domain, const std::string& service,
                             std::int64_t bytes, const std::string& day) {
  auto& row = rows_[{day, domain, name}];
  row.service = service;
  row.figures.database_bytes = std::max(row.figures.database_bytes, bytes);
}

}  // namespace berth::manager
