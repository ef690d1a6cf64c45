// Networks of their own for the apps that ask for one: where they lead, kept in force while they run.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "loop/loop.h"
#include "loop/process.h"
#include "loop/sync.h"
#include "manager/platform/layout.h"
#include "manager/services/network_rules.h"
#include "net/resolver.h"
#include "sandbox/launch_spec.h"
#include "wire/json/json.h"

namespace berth::manager {

using loop::Task;

struct AppNetworkSettings {
  std::string range = "198.18.0.0/16";
  std::chrono::seconds refresh{60};
};

// What of the machine it works on; tests have their own.
class NetworkMachine {
 public:
  virtual ~NetworkMachine() = default;
  // Gives these rules to the kernel, within some seconds. kUnsupported: this machine cannot have any. kFailed with the words of
  // nft, kTimeout: they may be taken another time.
  virtual Task<Result<void>> apply(std::string rules) = 0;
  // The rules of this table, as the kernel has them; empty: there is none.
  virtual Task<std::string> table_text(std::string table) = 0;
  // IPv4 addresses of `name`, which may be one itself; empty: none now. May take as long as it likes.
  virtual Task<std::vector<std::string>> look_up(std::string name) = 0;
  // Names of interfaces with their IPv4 addresses (host order).
  virtual std::multimap<std::string, std::uint32_t> interfaces() const = 0;
  virtual bool has_interface(const std::string& name) const = 0;
  // Forwarding between interfaces: whether it is on; switching it. kUnsupported: here it cannot be switched.
  virtual bool is_router() const = 0;
  virtual Result<void> make_router(bool on) = 0;
  // The machine's resolv.conf, and what stands behind a name server of its own, if that is known.
  virtual std::vector<std::string> resolver_texts() const = 0;
};

// The real one. Needs root.
class ThisMachine : public NetworkMachine {
 public:
  explicit ThisMachine(loop::Loop& loop)
      : loop_(loop), resolver_(loop), lookups_(loop, "look-ups of apps' hosts") {}
  Task<Result<void>> apply(std::string rules) override;
  Task<std::string> table_text(std::string table) override;
  Task<std::vector<std::string>> look_up(std::string name) override;
  std::multimap<std::string, std::uint32_t> interfaces() const override;
  bool has_interface(const std::string& name) const override;
  bool is_router() const override;
  Result<void> make_router(bool on) override;
  std::vector<std::string> resolver_texts() const override;

 private:
  struct Lookup;
  Task<Result<loop::CommandResult>> run_nft(std::vector<std::string> arguments, std::string input);
  Task<void> ask(std::string name, std::shared_ptr<Lookup> lookup);

  loop::Loop& loop_;
  net::Resolver resolver_;
  // Those under way, by name. Shared with whoever waits for them, who may give up earlier.
  std::map<std::string, std::shared_ptr<Lookup>> asked_;
  loop::TaskGroup lookups_;
};

// Owned by ServiceSandbox.
class AppNetworks {
 public:
  AppNetworks(loop::Loop& loop, const Layout& layout, NetworkMachine& machine);

  std::function<AppNetworkSettings()> settings;  // may be empty: defaults

  // Takes over from an earlier manager whose services run on. Call once, before the first prepare().
  Task<void> begin();
  // The network for the next start of `service`, its rules in force: to the hosts it names (names or IPv4 addresses), or to all if
  // it names none. kUnsupported says why there can be none on this machine; other errors may pass. Waits some seconds for the names'
  // addresses, and never for those of another service.
  Task<Result<sandbox::OwnNetwork>> prepare(std::string service, std::vector<std::string> hosts);
  // Looks all names up anew and brings rules and files up to date, also with what failed the last time.
  Task<void> refresh();
  // `service` is there no more, or gets no network of its own any more, and does not run. Harmless if it had none.
  Task<void> forget(std::string service);
  // Takes the rules away; no service runs any more.
  Task<void> end();

 private:
  struct Host {
    std::map<std::string, std::chrono::steady_clock::time_point> seen;  // address, last
  };
  struct App {
    std::string interface, address, gateway;
    std::map<std::string, Host> hosts;  // empty: open
  };
  using Answers = std::map<std::string, std::vector<std::string>>;  // addresses by name
  Result<App> place(const std::string& service) const;
  Result<std::string> resolver_for(const std::string& service, bool is_open) const;
  // What is told of these names within `limit`; of the others nothing.
  Task<Answers> ask(std::set<std::string> names, loop::Duration limit);
  Task<void> ask_one(std::string name, Answers& answers);
  static bool take(App& app, const Answers& answers);  // true: other addresses than before
  Result<void> write_hosts(const std::string& service, const App& app) const;
  Task<Result<void>> apply();
  Task<Result<void>> put_in_force();
  Result<void> be_router();
  Result<void> save() const;
  void load(const json::Object& saved);
  Task<void> refresh_and_go_on();
  void plan_refresh();
  std::string folder() const { return layout_.run() + "/networks"; }
  std::string state_file() const { return folder() + "/apps.json"; }
  std::string table() const { return "berth_" + hash_; }

  loop::Loop& loop_;
  const Layout& layout_;
  NetworkMachine& machine_;
  std::string hash_;
  bool made_router_ = false;
  bool may_have_table_ = false;      // this manager or one before it made rules
  bool is_dirty_ = false;            // rules or files are not as apps_ wants them
  std::map<std::string, App> apps_;  // by service
  loop::Semaphore turn_;             // one change of rules at a time
  loop::Timer timer_;
  loop::TaskGroup tasks_;
};

}  // namespace berth::manager
