// Which walls a service gets, and what it may see through them.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "loop/loop.h"
#include "manager/platform/layout.h"
#include "manager/services/app_networks.h"
#include "manager/services/process_place.h"
#include "manager/services/sandbox_wants.h"
#include "manager/services/service_repository.h"
#include "manager/supervise/sandboxed_start.h"
#include "sandbox/cgroup.h"
#include "sandbox/seccomp_policy.h"

namespace berth::manager {

// What an admin decided about the walls; asked anew for each start.
struct SandboxSettings {
  std::set<std::string> weaker;  // services that may run though a required layer is missing
  std::map<std::string, std::set<sandbox::Layer>> off;  // layers that are switched off, by service
  std::uint64_t memory_bytes = 0;  // limits of a service whose package asks for no others; 0: none
  std::uint64_t tasks = 512;
  std::uint64_t open_files = 8192;
  std::uint64_t core_bytes = 0;  // of a core dump; 0: none
  AppNetworkSettings networks;
};

// "echo/seccomp notes/own-user": services and layers of theirs. kMalformed: a layer that there is not.
Result<std::map<std::string, std::set<sandbox::Layer>>> parse_switched_off(std::string_view text);

// Owned by Services; makes plans for all of them.
class ServiceSandbox {
 public:
  // `launcher`: path of berth-launch. `machine`: null is the real one.
  ServiceSandbox(loop::Loop& loop, const Layout& layout, bool is_root, std::string launcher,
                 std::unique_ptr<NetworkMachine> machine = nullptr);

  std::function<SandboxSettings()> settings;  // may be empty: defaults

  // The plan for the program of `row`, in `place`, with these arguments and this environment. `network_why`: why it must share the
  // machine's network though its package does not ask for that; may be empty. Throws Failure if the package's wishes are not
  // understood, or if the network of its own cannot be made now though this machine could have one: another time it may.
  Task<SandboxPlan> plan(ServiceRow row, ProcessPlace place, std::string network_why,
                         std::vector<std::string> arguments, std::vector<std::string> environment);
  AppNetworks& networks() { return networks_; }

 private:
  std::shared_ptr<const std::vector<sock_filter>> filter_for(const SandboxWants& wants, bool network);
  Task<void> choose_network(sandbox::LaunchSpec& spec, SandboxWants wants, std::string shared_why,
                            bool is_weaker);
  void limit(sandbox::LaunchSpec& spec, const SandboxWants& wants, const SandboxSettings& chosen);

  const Layout& layout_;
  bool is_root_;
  std::string launcher_, cgroup_prefix_;
  std::unique_ptr<NetworkMachine> machine_;
  AppNetworks networks_;
  std::optional<Result<sandbox::CgroupTree>> tree_;  // looked up at the first start
  std::map<sandbox::SeccompWishes, std::shared_ptr<const std::vector<sock_filter>>> filters_;
};

}  // namespace berth::manager
