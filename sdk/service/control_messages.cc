// What the manager tells a service, and the answers.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <limits>

#include "base/log.h"
#include "sdk/service/service_impl.h"
#include "wire/control/frame.h"
#include "wire/json/json.h"

namespace berth::sdk {
namespace {

constexpr std::size_t kMostProblems = 20, kLongestProblem = 500;  // of a self check

std::string key_of(const Message& message) {
  return fmt::format("{}@{}", message.text("name"), message.text("domain"));
}

json::Object make_outcome(std::string_view mt, const Message& request) {
  json::Object out{{"mt", mt}, {"name", request.text("name")}, {"domain", request.text("domain")}};
  if (const auto* src = request.src()) out["src"] = *src;
  return out;
}

// Of "limits"; what is missing or no number of that range is no limit.
InstanceLimits parse_limits(const Message& message) {
  InstanceLimits out;
  const auto* limits = json::find_object(message.body(), "limits");
  if (!limits) return out;
  const auto read = [limits](std::string_view name) {
    return static_cast<std::uint32_t>(std::clamp<std::int64_t>(json::get_integer(*limits, name), 0,
                                                               std::numeric_limits<std::int32_t>::max()));
  };
  out.websockets = read("websockets");
  out.requests = read("requests");
  out.messages = read("messages");
  out.database_connections = read("databaseConnections");
  out.statement_seconds = read("statementSeconds");
  out.is_database_read_only = json::get_bool(*limits, "databaseReadOnly");
  return out;
}

InstanceArguments parse_arguments(const Message& message) {
  InstanceArguments out;
  out.name = message.text("name");
  out.domain = message.text("domain");
  out.password = message.text("password");
  out.webserver_path = message.text("webserverPath");
  out.grant = message.text("grant");
  if (const auto* sockets = json::find_array(message.body(), "linkSockets"))
    for (const auto& socket : *sockets)
      if (const auto* path = socket.if_string()) out.link_sockets.emplace_back(path->data(), path->size());
  if (const auto type = message.text("dbType"); !type.empty()) out.database.type = type;
  out.database.host = message.text("dbHost");
  out.database.port = static_cast<int>(message.number("dbPort").value_or(5432));
  out.database.name = message.text("dbName");
  out.database.user = message.text("dbUser");
  out.database.password = message.text("dbPassword");
  out.working_path = message.text("workingPath");
  out.log_flags = static_cast<std::uint64_t>(message.number("logFlags").value_or(kDefaultTraceFlags));
  if (const auto* domains = json::find_array(message.body(), "domains")) {
    for (const auto& item : *domains)
      if (const auto* entry = item.if_object())
        out.domains[json::get_string(*entry, "domain")] = json::get_string(*entry, "password");
  }
  out.limits = parse_limits(message);
  return out;
}

}  // namespace

json::Object ServiceImpl::make_hello() const {
  json::Array apps, plugins, instances;
  for (const auto& app : description_.apps)
    apps.push_back(
        json::Object{{"name", app.name}, {"websocketOnly", app.websocket_only}, {"title", app.title}});
  for (const auto& plugin : description_.plugins)
    plugins.push_back(json::Object{{"js", plugin.js},
                                   {"icon", plugin.icon},
                                   {"lang", plugin.lang},
                                   {"wildcard", plugin.wildcard},
                                   {"api", plugin.api}});
  for (const auto& [key, entry] : instances_)
    if (entry.state == State::kRunning)
      instances.push_back(
          json::Object{{"name", entry.instance->name()}, {"domain", entry.instance->domain()}});
  return {{"mt", "ServiceHello"},
          {"version", control::kVersion},
          {"service", arguments_.service},
          {"pid", static_cast<std::int64_t>(::getpid())},
          {"build", description_.build},
          {"label", description_.label},
          {"title", description_.title},
          {"apps", std::move(apps)},
          {"plugins", std::move(plugins)},
          {"instances", std::move(instances)},
          {"databaseType", description_.database_type},
          {"selfCheck", true},
          {"flightRecorder", flight_recorder_ != nullptr}};
}

std::vector<UniqueFd> ServiceImpl::hello_descriptors() const {
  std::vector<UniqueFd> descriptors;
  if (!flight_recorder_) return descriptors;
  UniqueFd copy(::fcntl(flight_recorder_->fd(), F_DUPFD_CLOEXEC, 0));
  if (copy) descriptors.push_back(std::move(copy));
  else log_warning("the flight recorder stays here", {{"error", errno_error(errno, "duplicate").detail}});
  return descriptors;
}

void ServiceImpl::receive(json::Object body) {
  Message message(std::move(body));
  const std::string mt(message.mt());
  const std::string name(message.text("name")), domain(message.text("domain"));
  const auto answer = [&](json::Object out) {
    if (const auto* src = message.src()) out["src"] = *src;
    send_to_manager(out);
  };
  BERTH_LOG(kLds, "from the manager", {"mt", mt});

  if (mt == "AppStart") {
    tasks_.spawn(start_for_manager(std::move(message)));
  } else if (mt == "AppStop") {
    tasks_.spawn(stop_for_manager(std::move(message)));
  } else if (mt == "AppSelfCheck") {
    tasks_.spawn(check_for_manager(std::move(message)));
  } else if (mt == "ServiceConfig") {
    configure(message);
  } else if (mt == "AppSetLogFlags") {
    service_.set_log_flags(
        name, domain, static_cast<std::uint64_t>(message.number("logFlags").value_or(kDefaultTraceFlags)));
  } else if (mt == "AppSetPassword") {
    service_.set_password(name, domain, std::string(message.text("password")));
  } else if (mt == "AppSetDatabasePassword") {
    service_.set_database_password(name, domain, std::string(message.text("dbPassword")));
  } else if (mt == "AppSetLimits") {
    service_.set_limits(name, domain, parse_limits(message));
  } else if (mt == "AppDomain") {
    service_.set_domain(name, domain, std::string(message.text("regDomain")),
                        std::string(message.text("password")));
  } else if (mt == "AppDomainRemoved") {
    service_.remove_domain(name, domain, message.text("regDomain"));
  } else if (mt == "Ping") {
    answer({{"mt", "Pong"}});
  } else if (mt == "GetCounters") {
    answer(make_counters());
  } else if (mt == "AppServiceShutdown") {
    tell_end_ = true;
    shutdown(std::chrono::milliseconds(message.number("timeoutMs").value_or(10'000)));
  } else if (message.src() && mt != "Error") {
    answer({{"mt", "Error"}, {"error", "unknown message " + mt}});
  }
}

void ServiceImpl::configure(const Message& message) {
  platform_.dns = message.text("dns");
  platform_.timezone = message.text("timezone");
  platform_.segfaulted = message.flag("segfaulted");
  if (const auto flags = message.number("logFlags")) log_flags_ = static_cast<std::uint64_t>(*flags);
  if (log_file_)
    log_file_->set_limits(static_cast<std::uint64_t>(message.number("logFileSize").value_or(1 << 20)),
                          static_cast<int>(message.number("logFiles").value_or(5)));
  has_hexdumps_ = !message.flag("disableHexdumps");
  update_trace_flags();
}

loop::Semaphore& ServiceImpl::lock_of(const std::string& key) {
  auto& lock = locks_[key];
  if (!lock) lock = std::make_unique<loop::Semaphore>(loop_, 1);
  return *lock;
}

loop::Task<void> ServiceImpl::start_for_manager(Message message) {
  const auto permit = co_await lock_of(key_of(message)).acquire();
  auto arguments = parse_arguments(message);
  if (AppInstance* running = find(arguments.name, arguments.domain)) {
    co_await adopt(*running, std::move(arguments));
    send_to_manager(make_outcome("AppStarted", message));
    const auto refusal = links_.refusal(&runtime_of(*running));
    service_.send_status(*running, refusal.empty() ? "running" : "degraded", refusal);
    co_return;
  }
  auto started = co_await start_instance(std::move(arguments));
  if (!started) {
    auto outcome = make_outcome("AppStartFailed", message);
    outcome["error"] = started.error().detail;
    outcome["errorCode"] = name_of(started.error().code);
    send_to_manager(outcome);
    co_return;
  }
  send_to_manager(make_outcome("AppStarted", message));
  service_.send_status(**started, "running");
}

// The manager has forgotten that it runs (it was restarted): what may have changed meanwhile is taken over.
loop::Task<void> ServiceImpl::adopt(AppInstance& instance, InstanceArguments arguments) {
  InstanceRuntime& runtime = runtime_of(instance);
  for (const auto& path : arguments.link_sockets) links_.add_socket(path);
  runtime.set_grant(arguments.grant);
  if (runtime.arguments().database.password != arguments.database.password)
    runtime.set_database_password(arguments.database.password);
  if (runtime.arguments().password != arguments.password)
    service_.set_password(arguments.name, arguments.domain, arguments.password);
  if (runtime.arguments().log_flags != arguments.log_flags)
    service_.set_log_flags(arguments.name, arguments.domain, arguments.log_flags);
  runtime.set_limits(arguments.limits);
  runtime.arguments().domains = std::move(arguments.domains);
  co_return;
}

loop::Task<void> ServiceImpl::stop_for_manager(Message message) {
  const auto permit = co_await lock_of(key_of(message)).acquire();
  const auto limit = std::chrono::milliseconds(message.number("timeoutMs").value_or(10'000));
  if (const AppInstance* instance = find(message.text("name"), message.text("domain")))
    service_.send_status(*instance, "stopping");
  co_await stop_instance(key_of(message), limit);
  send_to_manager(make_outcome("AppStopped", message));
}

// On an instance beside the one that may run: it reaches its database and nobody else.
loop::Task<std::optional<std::vector<std::string>>> ServiceImpl::self_check(InstanceArguments arguments) {
  const auto permit = co_await starts_.acquire();
  const auto instance = factory_(service_, std::move(arguments));
  struct Guard {
    LinkClient& links;
    InstanceRuntime& runtime;
    ~Guard() {
      links.drop(&runtime);
      runtime.tasks().cancel_all();
    }
  } const guard{links_, runtime_of(*instance)};
  co_await guard.runtime.bring_up_schema();
  co_return co_await instance->self_check();
}

loop::Task<void> ServiceImpl::check_for_manager(Message message) {
  std::optional<Error> error;
  std::optional<std::vector<std::string>> found;
  try {
    found = co_await self_check(parse_arguments(message));
  } catch (...) {
    error = current_error();
  }
  auto outcome = make_outcome(error ? "Error" : "AppSelfChecked", message);
  if (error) {
    outcome["error"] = error->detail;
    outcome["errorCode"] = name_of(error->code);
    send_to_manager(outcome);
    co_return;
  }
  outcome["checked"] = found.has_value();
  json::Array problems;
  if (found)
    for (const auto& problem : *found)
      if (problems.size() < kMostProblems) problems.emplace_back(problem.substr(0, kLongestProblem));
  outcome["problems"] = std::move(problems);
  send_to_manager(outcome);
}

json::Object ServiceImpl::make_counters() const {
  json::Array instances;
  for (const auto& [key, entry] : instances_) {
    if (entry.state != State::kRunning) continue;
    const InstanceCounters& counters = entry.instance->counters();
    instances.push_back(json::Object{{"name", entry.instance->name()},
                                     {"domain", entry.instance->domain()},
                                     {"run", runtime_of(*entry.instance).run()},
                                     {"sessions", counters.sessions},
                                     {"websockets", counters.websockets},
                                     {"requests", counters.requests},
                                     {"messagesIn", counters.messages_in},
                                     {"messagesOut", counters.messages_out},
                                     {"bytesIn", counters.bytes_in},
                                     {"bytesOut", counters.bytes_out},
                                     {"databaseMs", counters.database_ms},
                                     {"websocketMs", counters.websocket_ms},
                                     {"busyUs", counters.busy_us},
                                     {"slowed", counters.slowed},
                                     {"refused", counters.refused}});
  }
  return {{"mt", "Counters"}, {"instances", std::move(instances)}};
}

}  // namespace berth::sdk
