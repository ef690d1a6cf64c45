#include "manager/services/app_networks.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fmt/ranges.h>
#include <algorithm>

#include "base/bytes.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "manager/platform/boot_id.h"
#include "manager/supervise/supervised_process.h"
#include "wire/json/json.h"

namespace berth::manager {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

// A name's answers change in turn: one that was given lately still belongs to it.
constexpr auto kKeep = 15min;
constexpr auto kAtStart = 5s;               // for the names at a start; the rest comes with the next refresh
constexpr auto kARound = 30s;               // for all names of a refresh
constexpr std::size_t kMostAddresses = 64;  // of a name
constexpr std::uint32_t kLinkLocal = 0xa9fe, kMulticast = 0xe0000000;  // 169.254/16; from 224.0.0.0 on

std::uint32_t number_of(const std::string& address) {
  in_addr number{};
  return ::inet_pton(AF_INET, address.c_str(), &number) == 1 ? ntohl(number.s_addr) : 0;
}

// In place: the service has this very file, whatever would take its name.
Result<void> write_in_place(const std::string& path, std::string_view text) {
  const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
  if (!file) return fail_errno(errno, "write " + path);
  // Whatever our umask is: the service reads it as its own user.
  if (::fchmod(file.get(), 0644) != 0) return fail_errno(errno, "chmod " + path);
  if (::pwrite(file.get(), text.data(), text.size(), 0) != static_cast<ssize_t>(text.size()) ||
      ::ftruncate(file.get(), static_cast<off_t>(text.size())) != 0)
    return fail_errno(errno, "write " + path);
  return {};
}

}  // namespace

AppNetworks::AppNetworks(loop::Loop& loop, const Layout& layout, NetworkMachine& machine)
    : loop_(loop),
      layout_(layout),
      machine_(machine),
      hash_(sha256_hex(layout.shown).substr(0, 6)),
      turn_(loop, 1),
      timer_(loop),
      tasks_(loop, "app networks") {}

Task<void> AppNetworks::begin() {
  const auto text = read_file(state_file(), 1 << 20);
  if (!text && text.error().code == Errc::kNotFound) co_return;  // there was none, or it took all away
  may_have_table_ = true;
  const auto saved = text ? json::parse_object(*text) : Result<json::Object>(tl::unexpected(text.error()));
  if (saved) {
    load(*saved);
  } else {
    log_warning("networks of apps forgotten", {{"error", saved.error().detail}});
    // Our rules drop what others would forward only where the machine was no router before us.
    const auto rules = co_await machine_.table_text(table());
    made_router_ = rules.find(" drop") != std::string::npos;
  }
  plan_refresh();
}

void AppNetworks::load(const json::Object& saved) {
  made_router_ = json::get_bool(saved, "madeRouter") && json::get_string(saved, "boot") == boot_id();
  const auto* list = json::find_array(saved, "apps");
  if (!list) return;
  for (const auto& entry : *list) {
    if (!entry.is_object()) continue;
    const auto& object = entry.get_object();
    App app{json::get_string(object, "interface"),
            json::get_string(object, "address"),
            json::get_string(object, "gateway"),
            {}};
    if (!machine_.has_interface(app.interface)) {  // its service has ended
      is_dirty_ = true;
      continue;
    }
    if (const auto* hosts = json::find_object(object, "hosts"))
      for (const auto& [name, addresses] : *hosts) {
        auto& host = app.hosts[std::string(name)];
        if (!addresses.is_array()) continue;
        for (const auto& address : addresses.get_array())
          if (address.is_string()) host.seen[std::string(address.get_string())] = Clock::now();
      }
    apps_[json::get_string(object, "service")] = std::move(app);
  }
}

// What the next manager must know. It is in memory's place (run/): after a boot it says nothing.
Result<void> AppNetworks::save() const {
  json::Array list;
  for (const auto& [service, app] : apps_) {
    json::Object hosts;
    for (const auto& [name, host] : app.hosts) {
      json::Array addresses;
      for (const auto& [address, when] : host.seen) addresses.push_back(json::Value(address));
      hosts[name] = std::move(addresses);
    }
    list.push_back(json::Object{{"service", service},
                                {"interface", app.interface},
                                {"address", app.address},
                                {"gateway", app.gateway},
                                {"hosts", std::move(hosts)}});
  }
  const json::Object saved{{"madeRouter", made_router_}, {"boot", boot_id()}, {"apps", std::move(list)}};
  return write_file_durably(state_file(), json::serialize(saved), 0600);
}

// The addresses that it had, else a block of the range that nobody on this machine has. Where the search begins goes by the
// platform and the service, so that two platforms hardly meet.
Result<AppNetworks::App> AppNetworks::place(const std::string& service) const {
  const auto text = settings ? settings().range : AppNetworkSettings().range;
  BERTH_TRY(const auto range, AddressRange::parse(text));
  const auto known = apps_.find(service);
  const auto interfaces = machine_.interfaces();
  const auto is_free = [&](std::uint32_t block) {
    for (const auto& [other, app] : apps_)
      if (other != service && range.holds(block, number_of(app.address))) return false;
    return std::none_of(interfaces.begin(), interfaces.end(), [&](const auto& one) {
      return range.holds(block, one.second) && (known == apps_.end() || known->second.interface != one.first);
    });
  };
  std::uint32_t start = 0;
  for (const auto digit : sha256_hex(layout_.shown + "\n" + service).substr(0, 8))
    start = start * 31 + static_cast<std::uint32_t>(digit);
  if (known != apps_.end()) {
    const auto old = (number_of(known->second.address) - range.first) / 4;
    if (old < range.blocks && is_free(old))
      return App{known->second.interface, range.app(old), range.gateway(old), {}};
  }
  for (std::uint32_t tried = 0; tried < range.blocks; ++tried) {
    const auto block = (start + tried) % range.blocks;
    if (is_free(block))
      return App{
          fmt::format("{}{}.{}", kWirePrefix, hash_, block), range.app(block), range.gateway(block), {}};
  }
  return fail(Errc::kUnsupported, "no addresses are left in appNetworkRange {}", text);
}

// A file in place of the machine's resolv.conf; empty: that one serves.
Result<std::string> AppNetworks::resolver_for(const std::string& service, bool is_open) const {
  const std::string path = folder() + "/" + service + ".resolv";
  if (!is_open) {
    // Names stand in its hosts file; every other is unknown at once, and nothing is told to anybody.
    BERTH_TRY_VOID(write_in_place(path, "# the names it may use are in /etc/hosts\n"));
    return path;
  }
  const auto interfaces = machine_.interfaces();
  const auto is_reachable = [&](const std::string& server) {
    const auto number = number_of(server);
    const bool is_elsewhere =
        number >> 24 != 0 && number >> 24 != 127 && number >> 16 != kLinkLocal && number < kMulticast;
    return is_elsewhere && std::none_of(interfaces.begin(), interfaces.end(),
                                        [&](const auto& one) { return one.second == number; });
  };
  std::string own;
  bool is_first = true;
  for (const auto& text : machine_.resolver_texts()) {
    auto servers = name_servers(text);
    if (servers.empty()) servers.emplace_back("127.0.0.1");  // resolv.conf(5): then it is the machine's own
    const auto away = std::find_if_not(servers.begin(), servers.end(), is_reachable);
    if (away == servers.end() && is_first) return std::string();
    if (away == servers.end() || std::any_of(servers.begin(), servers.end(), is_reachable)) {
      BERTH_TRY_VOID(write_in_place(path, keep_name_servers(text, is_reachable)));
      return path;
    }
    if (own.empty()) own = *away;
    is_first = false;
  }
  if (is_first) return std::string();
  return fail(Errc::kUnsupported, "names are answered by {}, which a network of its own does not reach", own);
}

Task<void> AppNetworks::ask_one(std::string name, Answers& answers) {
  answers[name] = co_await machine_.look_up(name);
}

// All at once, and outside of turn_: a name server that is silent keeps nobody waiting but who wants to know.
Task<AppNetworks::Answers> AppNetworks::ask(std::set<std::string> names, loop::Duration limit) {
  Answers answers;
  {
    loop::TaskGroup asking(loop_, "look up hosts of apps");
    for (const auto& name : names) asking.spawn(ask_one(name, answers));
    co_await wait_at_most(loop_, asking.empty(), limit);
  }
  co_return answers;
}

bool AppNetworks::take(App& app, const Answers& answers) {
  bool changed = false;
  const auto now = Clock::now();
  for (auto& [name, host] : app.hosts) {
    const auto answer = answers.find(name);
    // Without an answer nothing is known to have changed.
    if (answer == answers.end() || answer->second.empty()) {
      if (host.seen.empty()) log_warning("host of an app is not known", {{"host", name}});
      continue;
    }
    for (const auto& address : answer->second) {
      if (host.seen.size() >= kMostAddresses && !host.seen.contains(address)) break;
      changed = host.seen.insert_or_assign(address, now).second || changed;
    }
    changed =
        std::erase_if(host.seen, [&](const auto& one) { return now - one.second > kKeep; }) > 0 || changed;
  }
  return changed;
}

Result<void> AppNetworks::write_hosts(const std::string& service, const App& app) const {
  std::map<std::string, std::set<std::string>> names;
  for (const auto& [name, host] : app.hosts)
    for (const auto& [address, when] : host.seen) names[name].insert(address);
  return write_in_place(folder() + "/" + service + ".hosts", format_hosts_file(names));
}

Result<void> AppNetworks::be_router() {
  if (machine_.is_router()) return {};
  // Told first: a manager that ends in between leaves a machine that forwards for a reason that is known.
  made_router_ = true;
  auto done = save();
  if (done) done = machine_.make_router(true);
  if (!done) {
    made_router_ = false;
    if (auto undone = save(); !undone)
      log_warning("what networks of apps there are is not kept", {{"error", undone.error().detail}});
    return done;
  }
  log_info("the machine forwards packets, of apps only");
  return {};
}

Task<Result<void>> AppNetworks::apply() {
  NetworkRules rules;
  rules.table = table();
  rules.interface_prefix = fmt::format("{}{}.", kWirePrefix, hash_);
  // Before the machine becomes one: in between everything could pass.
  rules.is_router = machine_.is_router() && !made_router_;
  for (const auto& [service, app] : apps_) {
    NetworkRules::App one{app.interface, app.address, app.hosts.empty(), {}};
    for (const auto& [name, host] : app.hosts)
      for (const auto& [address, when] : host.seen) one.allowed.insert(address);
    rules.apps.push_back(std::move(one));
  }
  auto text = format_network_rules(rules);
  const auto done = co_await machine_.apply(std::move(text));
  if (done || done.error().code == Errc::kTimeout) may_have_table_ = true;
  co_return done;
}

// All that apps_ says; what fails is tried again by the next round.
Task<Result<void>> AppNetworks::put_in_force() {
  is_dirty_ = true;
  for (const auto& [service, app] : apps_)
    if (!app.hosts.empty())
      if (auto done = write_hosts(service, app); !done) co_return done;
  if (auto done = co_await apply(); !done) co_return done;
  if (auto done = save(); !done) co_return done;
  is_dirty_ = false;
  co_return Result<void>();
}

Task<Result<sandbox::OwnNetwork>> AppNetworks::prepare(std::string service, std::vector<std::string> hosts) {
  const auto answers = co_await ask({hosts.begin(), hosts.end()}, kAtStart);
  const auto permit = co_await turn_.acquire();
  if (auto made = make_directories(folder(), 0755); !made) co_return tl::unexpected(made.error());
  auto app = place(service);
  if (!app) co_return tl::unexpected(app.error());
  for (const auto& name : hosts) app->hosts[name];
  auto resolver = resolver_for(service, hosts.empty());
  if (!resolver) co_return tl::unexpected(resolver.error());
  const auto before = apps_.find(service) == apps_.end() ? std::optional<App>() : apps_.at(service);
  if (before)
    for (auto& [name, host] : app->hosts)
      if (const auto known = before->hosts.find(name); known != before->hosts.end()) host = known->second;
  take(*app, answers);
  apps_[service] = *app;
  auto done = co_await put_in_force();
  if (done) done = be_router();
  if (!done) {
    if (before) apps_[service] = *before;
    else apps_.erase(service);
    is_dirty_ = may_have_table_;
    plan_refresh();
    co_return tl::unexpected(done.error());
  }
  plan_refresh();
  sandbox::OwnNetwork network;
  network.interface = app->interface;
  network.address = app->address;
  network.gateway = app->gateway;
  const std::string hosts_file = folder() + "/" + service + ".hosts";
  if (!hosts.empty()) network.hosts_file = hosts_file;
  else ::unlink(hosts_file.c_str());  // it wanted another one before
  network.resolver_file = *resolver;
  network.note = hosts.empty() ? "leads to other machines only"
                               : fmt::format("leads to {} only", fmt::join(hosts, ", "));
  co_return network;
}

Task<void> AppNetworks::refresh() {
  std::set<std::string> names;
  for (const auto& [service, app] : apps_)
    for (const auto& [name, host] : app.hosts) names.insert(name);
  const auto answers = co_await ask(std::move(names), kARound);
  const auto permit = co_await turn_.acquire();
  for (auto& [service, app] : apps_) is_dirty_ = take(app, answers) || is_dirty_;
  if (!is_dirty_) co_return;
  or_throw(co_await put_in_force());
}

Task<void> AppNetworks::forget(std::string service) {
  const auto permit = co_await turn_.acquire();
  for (const char* file : {".hosts", ".resolv"}) ::unlink((folder() + "/" + service + file).c_str());
  if (apps_.erase(service) == 0) co_return;
  if (const auto done = co_await put_in_force(); !done)
    log_warning("the rules of an app's network stay a while",
                {{"service", service}, {"error", done.error().detail}});
  plan_refresh();
}

// The next round is planned when this one has ended, however it did.
Task<void> AppNetworks::refresh_and_go_on() {
  try {
    co_await refresh();
  } catch (const Failure& failure) {
    log_warning("names of the apps' networks are not looked up", {{"error", failure.error().detail}});
  }
  plan_refresh();
}

void AppNetworks::plan_refresh() {
  const bool is_needed = is_dirty_ || std::any_of(apps_.begin(), apps_.end(),
                                                  [](const auto& one) { return !one.second.hosts.empty(); });
  if (!is_needed) return timer_.cancel();
  timer_.start(settings ? settings().refresh : AppNetworkSettings().refresh,
               [this] { tasks_.spawn(refresh_and_go_on()); });
}

Task<void> AppNetworks::end() {
  timer_.cancel();
  tasks_.cancel_all();
  const auto permit = co_await turn_.acquire();
  apps_.clear();
  if (!may_have_table_) co_return;
  const auto interfaces = machine_.interfaces();
  const std::string prefix = fmt::format("{}{}.", kWirePrefix, hash_);
  const bool others = std::any_of(interfaces.begin(), interfaces.end(), [&](const auto& one) {
    return one.first.starts_with(kWirePrefix) && !one.first.starts_with(prefix);
  });
  // Another platform's apps need a machine that forwards: then our rules stay, for it still is no router to anybody else.
  if (made_router_ && others) {
    or_throw(co_await put_in_force());
    co_return;
  }
  if (made_router_) or_throw(machine_.make_router(false));
  made_router_ = false;
  auto removal = format_rules_removal(table());
  or_throw(co_await machine_.apply(std::move(removal)));
  may_have_table_ = is_dirty_ = false;
  if (::unlink(state_file().c_str()) != 0 && errno != ENOENT)
    throw Failure(errno_error(errno, "remove " + state_file()));
}

}  // namespace berth::manager
