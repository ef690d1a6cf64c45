#include "sandbox/launch_spec.h"

#include "base/text.h"

namespace berth::sandbox {
namespace {

constexpr std::array<std::string_view, 3> kUses = {"read", "write", "sockets"};

Result<std::uint64_t> number_of(std::string_view text) {
  const auto value = parse_integer(text);
  if (!value || *value < 0) return fail(Errc::kMalformed, "launch: no number: \"{}\"", text);
  return static_cast<std::uint64_t>(*value);
}

// "first rest of it"
std::pair<std::string_view, std::string_view> split_once(std::string_view text) {
  const auto space = text.find(' ');
  if (space == std::string_view::npos) return {text, {}};
  return {text.substr(0, space), text.substr(space + 1)};
}

Result<void> take_own_network(std::optional<OwnNetwork>& network, std::string_view key,
                              std::string_view value) {
  if (!network) network.emplace();
  if (key == "interface") network->interface = value;
  else if (key == "address") network->address = value;
  else if (key == "gateway") network->gateway = value;
  else if (key == "hosts") network->hosts_file = value;
  else if (key == "resolver") network->resolver_file = value;
  else if (key == "note") network->note = value;
  else return fail(Errc::kMalformed, "launch: unknown line \"own-network-{}\"", key);
  return {};
}

Result<void> take(LaunchSpec& spec, std::string_view key, std::string_view value) {
  if (key == "name") spec.name = value;
  else if (key == "program") spec.program = value;
  else if (key == "argument") spec.arguments.emplace_back(value);
  else if (key == "environment") spec.environment.emplace_back(value);
  else if (key == "directory") spec.directory = value;
  else if (key == "network") spec.host_network = true, spec.network_why = value;
  else if (key == "network-missed")
    spec.host_network = spec.is_network_missed = true, spec.network_why = value;
  else if (key.starts_with("own-network-")) return take_own_network(spec.own_network, key.substr(12), value);
  else if (key == "pids-why") spec.pids_why = value;
  else if (key == "cgroup") spec.cgroups.emplace_back(value);
  else if (key == "cgroup-why") spec.cgroup_why = value;
  else if (key == "uid" || key == "gid" || key == "tmp") {
    BERTH_TRY(const auto number, number_of(value));
    if (key == "uid") spec.uid = static_cast<uid_t>(number);
    else if (key == "gid") spec.gid = static_cast<gid_t>(number);
    else spec.tmp_bytes = number;
  } else if (key == "limit") {
    const auto [resource, amount] = split_once(value);
    BERTH_TRY(const auto which, number_of(resource));
    BERTH_TRY(const auto limit, number_of(amount));
    spec.limits.emplace_back(static_cast<int>(which), limit);
  } else if (key == "layer") {
    const auto [wish_name, layer_name] = split_once(value);
    const auto wish = parse_wish(wish_name);
    const auto layer = parse_layer(layer_name);
    if (!wish || !layer) return fail(Errc::kMalformed, "launch: unknown layer \"{}\"", value);
    spec.set_wish(*layer, *wish);
  } else if (key == "place") {
    const auto [use_name, path] = split_once(value);
    for (std::size_t i = 0; i < kUses.size(); ++i)
      if (kUses[i] == use_name) {
        spec.places.push_back({std::string(path), static_cast<Place::Use>(i)});
        return {};
      }
    return fail(Errc::kMalformed, "launch: unknown use \"{}\"", use_name);
  } else {
    // What we do not understand could be a wall.
    return fail(Errc::kMalformed, "launch: unknown line \"{}\"", key);
  }
  return {};
}

}  // namespace

Result<std::string> format_launch_spec(const LaunchSpec& spec) {
  std::string text;
  bool is_clean = true;
  const auto put = [&](std::string_view key, std::string_view value) {
    if (value.find_first_of(std::string_view("\n\0", 2)) != std::string_view::npos) is_clean = false;
    text += fmt::format("{} {}\n", key, value);
  };
  put("name", spec.name);
  put("program", spec.program);
  for (const auto& argument : spec.arguments) put("argument", argument);
  for (const auto& entry : spec.environment) put("environment", entry);
  put("directory", spec.directory);
  put("uid", std::to_string(spec.uid));
  put("gid", std::to_string(spec.gid));
  for (int i = 0; i < kLayers; ++i) {
    const auto layer = static_cast<Layer>(i);
    put("layer", fmt::format("{} {}", name_of(spec.wish(layer)), name_of(layer)));
  }
  for (const auto& place : spec.places)
    put("place", fmt::format("{} {}", kUses[static_cast<std::size_t>(place.use)], place.path));
  put("tmp", std::to_string(spec.tmp_bytes));
  if (spec.host_network) put(spec.is_network_missed ? "network-missed" : "network", spec.network_why);
  if (spec.own_network) {
    put("own-network-interface", spec.own_network->interface);
    put("own-network-address", spec.own_network->address);
    put("own-network-gateway", spec.own_network->gateway);
    put("own-network-hosts", spec.own_network->hosts_file);
    put("own-network-resolver", spec.own_network->resolver_file);
    put("own-network-note", spec.own_network->note);
  }
  if (!spec.pids_why.empty()) put("pids-why", spec.pids_why);
  for (const auto& folder : spec.cgroups) put("cgroup", folder);
  if (!spec.cgroup_why.empty()) put("cgroup-why", spec.cgroup_why);
  for (const auto& [resource, value] : spec.limits) put("limit", fmt::format("{} {}", resource, value));
  if (!is_clean) return fail(Errc::kMalformed, "launch {}: a value holds a line end", spec.name);
  return text;
}

Result<LaunchSpec> parse_launch_spec(std::string_view text) {
  LaunchSpec spec;
  for (const auto line : split(text, '\n')) {
    if (line.empty()) continue;
    const auto [key, value] = split_once(line);
    BERTH_TRY_VOID(take(spec, key, value));
  }
  if (spec.program.empty() || spec.program.front() != '/' || spec.directory.empty())
    return fail(Errc::kMalformed, "launch: no program or no folder to begin in");
  return spec;
}

}  // namespace berth::sandbox
