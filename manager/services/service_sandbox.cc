#include "manager/services/service_sandbox.h"

#include <sys/resource.h>

#include <algorithm>

#include "base/bytes.h"
#include "base/text.h"

namespace berth::manager {
namespace {

using sandbox::Layer;
using sandbox::Place;
using sandbox::Wish;

constexpr Layer kAlwaysRequired[] = {Layer::kPrivileges, Layer::kCapabilities, Layer::kLimits,
                                     Layer::kSeccomp};
// An ordinary user cannot have them everywhere; that the manager does not run as root is an admin's choice and a finding.
constexpr Layer kRequiredAsRoot[] = {Layer::kUser, Layer::kMounts, Layer::kPids, Layer::kIpc};

#if __has_feature(address_sanitizer)
// LeakSanitizer looks for leaks as a debugger would, and AddressSanitizer reserves terabytes. Builds that ship have no
// sanitizer, and not this.
constexpr bool kHasSanitizer = true;
#else
constexpr bool kHasSanitizer = false;
#endif

// What of `wanted` our own hard limit leaves; root without a container around it may raise that.
rlim_t core_limit(std::uint64_t wanted) {
  rlimit own{};
  if (wanted == 0 || ::getrlimit(RLIMIT_CORE, &own) != 0) return 0;
  if (own.rlim_max >= wanted) return wanted;
  const rlimit raised{own.rlim_cur, wanted};
  return ::setrlimit(RLIMIT_CORE, &raised) == 0 ? wanted : own.rlim_max;
}

}  // namespace

Result<std::map<std::string, std::set<Layer>>> parse_switched_off(std::string_view text) {
  std::map<std::string, std::set<Layer>> off;
  for (const auto entry : split(text, ' ')) {
    if (trim(entry).empty()) continue;
    const auto slash = entry.find('/');
    std::string name(slash == std::string_view::npos ? "" : entry.substr(slash + 1));
    std::replace(name.begin(), name.end(), '-', ' ');
    const auto layer = sandbox::parse_layer(name);
    if (!layer) return fail(Errc::kMalformed, "\"{}\": SERVICE/LAYER expected, as in echo/own-user", entry);
    off[std::string(entry.substr(0, slash))].insert(*layer);
  }
  return off;
}

ServiceSandbox::ServiceSandbox(loop::Loop& loop, const Layout& layout, bool is_root, std::string launcher,
                               std::unique_ptr<NetworkMachine> machine)
    : layout_(layout),
      is_root_(is_root),
      launcher_(std::move(launcher)),
      cgroup_prefix_("berth-" + sha256_hex(layout.shown).substr(0, 8) + "."),
      machine_(machine ? std::move(machine) : std::make_unique<ThisMachine>(loop)),
      networks_(loop, layout, *machine_) {
  networks_.settings = [this] { return settings ? settings().networks : AppNetworkSettings(); };
}

std::shared_ptr<const std::vector<sock_filter>> ServiceSandbox::filter_for(const SandboxWants& wants,
                                                                           bool network) {
  sandbox::SeccompWishes wishes{wants.seccomp_groups, network};
  if (kHasSanitizer) wishes.groups.insert("debug");
  auto& filter = filters_[wishes];
  if (!filter)
    filter = std::make_shared<const std::vector<sock_filter>>(or_throw(sandbox::make_seccomp_filter(wishes)));
  return filter;
}

// Memory and tasks by control groups; without them by rlimits, which count by user and by process.
void ServiceSandbox::limit(sandbox::LaunchSpec& spec, const SandboxWants& wants,
                           const SandboxSettings& chosen) {
  sandbox::CgroupLimits limits;
  limits.memory_bytes = wants.memory_bytes ? wants.memory_bytes : chosen.memory_bytes;
  limits.tasks = wants.tasks ? wants.tasks : chosen.tasks;
  limits.cpu_percent = wants.cpu_percent;
  spec.limits = {{RLIMIT_CORE, core_limit(chosen.core_bytes)}, {RLIMIT_NOFILE, chosen.open_files}};
  if (spec.wish(Layer::kCgroup) == Wish::kOff) return;
  if (!tree_) tree_ = sandbox::CgroupTree::of_this_process();
  auto made = *tree_ ? sandbox::make_cgroup(**tree_, cgroup_prefix_ + spec.name, limits)
                     : Result<std::vector<std::string>>(tl::unexpected(tree_->error()));
  if (made) {
    spec.cgroups = std::move(*made);
    return;
  }
  spec.cgroup_why = made.error().detail;
  // Tasks are counted by user: without one of its own, those of the manager and everybody else would count.
  if (spec.uid && limits.tasks) spec.limits.emplace_back(RLIMIT_NPROC, limits.tasks);
  if (limits.memory_bytes && !kHasSanitizer) spec.limits.emplace_back(RLIMIT_DATA, limits.memory_bytes);
}

// One of its own for a package that asks for one; else none, or the machine's with the reason.
Task<void> ServiceSandbox::choose_network(sandbox::LaunchSpec& spec, SandboxWants wants,
                                          std::string shared_why, bool is_weaker) {
  if (wants.network && shared_why.empty()) {
    shared_why = "its package asks for the network";
    if (spec.wish(Layer::kNetwork) == Wish::kOff) {
      shared_why = "switched off by an admin";
    } else {
      auto own = is_root_ ? co_await networks_.prepare(spec.name, wants.hosts)
                          : Result<sandbox::OwnNetwork>(fail(Errc::kUnsupported, "only root can make one"));
      if (own) {
        spec.own_network = std::move(*own);
        // With one planned, the machine's is no way out when the launcher fails to make it.
        if (!is_weaker) spec.set_wish(Layer::kNetwork, Wish::kRequired);
        co_return;
      }
      // What passes is no reason to let it onto the machine's.
      if (own.error().code != Errc::kUnsupported && !is_weaker)
        throw Failure(std::move(own.error()).within("a network of its own"));
      spec.is_network_missed = true;
      shared_why = fmt::format("shares the machine's: {}", own.error().detail);
    }
  }
  // Of one that it had before, rules and addresses would stay.
  if (is_root_) co_await networks_.forget(spec.name);
  spec.host_network = !shared_why.empty();
  spec.network_why = std::move(shared_why);
}

Task<SandboxPlan> ServiceSandbox::plan(ServiceRow row, ProcessPlace place, std::string network_why,
                                       std::vector<std::string> arguments,
                                       std::vector<std::string> environment) {
  const auto wants = or_throw(parse_sandbox_wants(row.store));
  const auto chosen = settings ? settings() : SandboxSettings();
  SandboxPlan plan;
  plan.launcher = launcher_;
  plan.filter = filter_for(wants, wants.network || !network_why.empty());
  auto& spec = plan.spec;
  spec.name = place.name;
  const std::string program_folder = layout_.app(row.id);
  spec.program = program_folder + "/" + row.program;
  spec.arguments = std::move(arguments);
  spec.environment = std::move(environment);
  spec.directory = place.work;
  spec.wishes.fill(Wish::kOptional);
  if (!chosen.weaker.contains(row.id)) {
    for (const auto layer : kAlwaysRequired) spec.set_wish(layer, Wish::kRequired);
    if (is_root_)
      for (const auto layer : kRequiredAsRoot) spec.set_wish(layer, Wish::kRequired);
  }
  if (const auto off = chosen.off.find(row.id); off != chosen.off.end())
    for (const auto layer : off->second) spec.set_wish(layer, Wish::kOff);
  if (is_root_ && spec.wish(Layer::kUser) != Wish::kOff) spec.uid = spec.gid = row.uid;
  spec.places = {{program_folder, Place::Use::kRead},
                 {place.work, Place::Use::kWrite},
                 {place.logs, Place::Use::kWrite},
                 {layout_.app_sockets(), Place::Use::kSockets},
                 {layout_.pgsql_sockets(), Place::Use::kSockets}};
  co_await choose_network(spec, wants, std::move(network_why), chosen.weaker.contains(row.id));
  limit(spec, wants, chosen);
  co_return plan;
}

}  // namespace berth::manager
