#include "manager/services/sandbox_wants.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "sandbox/seccomp_policy.h"
#include "wire/json/json.h"

namespace berth::manager {
namespace {

constexpr std::array<std::string_view, 6> kMembers = {"network", "hosts", "memory",
                                                      "tasks",   "cpu",   "seccomp"};
constexpr std::size_t kMostHosts = 50, kMostShown = 64;
constexpr std::int64_t kLeastMemory = 16 << 20, kMostMemory = std::int64_t{1} << 40;
constexpr std::int64_t kLeastTasks = 8, kMostTasks = 10'000;
constexpr std::int64_t kLeastCpu = 1, kMostCpu = 100'000;

Result<std::uint64_t> number_of(const json::Object& object, std::string_view name, std::int64_t least,
                                std::int64_t most) {
  const auto* value = json::find(object, name);
  if (!value) return std::uint64_t{0};
  if (!value->is_int64() || value->get_int64() < least || value->get_int64() > most)
    return fail(Errc::kMalformed, "sandbox.{}: a number from {} to {} expected", name, least, most);
  return static_cast<std::uint64_t>(value->get_int64());
}

Result<std::vector<std::string>> texts_of(const json::Object& object, std::string_view name) {
  std::vector<std::string> texts;
  const auto* value = json::find(object, name);
  if (!value) return texts;
  const auto* list = json::find_array(object, name);
  if (!list || list->size() > kMostHosts)
    return fail(Errc::kMalformed, "sandbox.{}: a list of texts expected", name);
  for (const auto& one : *list) {
    if (!one.is_string()) return fail(Errc::kMalformed, "sandbox.{}: a list of texts expected", name);
    texts.emplace_back(one.get_string());
  }
  return texts;
}

// RFC 1123 section 2.1; four numbers with dots are names of that form, too.
bool is_host(std::string_view text) {
  if (text.empty() || text.size() > 253) return false;
  for (const auto label : split(text, '.')) {
    const auto is_fine = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
    };
    if (label.empty() || label.size() > 63 || label.front() == '-' || label.back() == '-' ||
        !std::all_of(label.begin(), label.end(), is_fine))
      return false;
  }
  return true;
}

// Of a name that anybody may have written.
std::string shown(std::string_view name) {
  std::string text(name.substr(0, kMostShown));
  std::replace_if(text.begin(), text.end(), [](char c) { return c <= ' ' || c > '~'; }, '?');
  return name.size() > kMostShown ? text + "…" : text;
}

}  // namespace

Result<SandboxWants> parse_sandbox_wants(const json::Object& entry) {
  SandboxWants wants;
  const auto* value = json::find(entry, "sandbox");
  if (!value) return wants;
  const auto* object = json::find_object(entry, "sandbox");
  if (!object) return fail(Errc::kMalformed, "sandbox: an object expected");
  if (const auto* network = json::find(*object, "network")) {
    if (!network->is_bool()) return fail(Errc::kMalformed, "sandbox.network: true or false expected");
    wants.network = network->get_bool();
  }
  BERTH_TRY(wants.hosts, texts_of(*object, "hosts"));
  for (const auto& host : wants.hosts)
    if (!is_host(host))
      return fail(Errc::kMalformed, "sandbox.hosts: \"{}\" is no name of a host and no IPv4 address", host);
  if (!wants.hosts.empty()) wants.network = true;
  BERTH_TRY(wants.memory_bytes, number_of(*object, "memory", kLeastMemory, kMostMemory));
  BERTH_TRY(wants.tasks, number_of(*object, "tasks", kLeastTasks, kMostTasks));
  BERTH_TRY(wants.cpu_percent, number_of(*object, "cpu", kLeastCpu, kMostCpu));
  BERTH_TRY(const auto groups, texts_of(*object, "seccomp"));
  for (const auto& name : groups) {
    const auto& known = sandbox::seccomp_groups();
    if (std::none_of(known.begin(), known.end(), [&](const auto& group) { return group.name == name; }))
      return fail(Errc::kMalformed, "sandbox.seccomp: there is no group \"{}\"", name);
    wants.seccomp_groups.insert(name);
  }
  return wants;
}

Result<SandboxWants> parse_new_sandbox_wants(const json::Object& entry) {
  BERTH_TRY(auto wants, parse_sandbox_wants(entry));
  if (const auto* object = json::find_object(entry, "sandbox"))
    for (const auto& [name, value] : *object)
      if (std::find(kMembers.begin(), kMembers.end(), std::string_view(name)) == kMembers.end())
        return fail(
            Errc::kMalformed,
            "sandbox.{}: this platform knows no such member, only {}; a newer one may, else the package "
            "must do without",
            shown(name), fmt::join(kMembers, ", "));
  return wants;
}

std::vector<std::string> describe(const SandboxWants& wants) {
  std::vector<std::string> lines;
  if (wants.network)
    lines.push_back(wants.hosts.empty()
                        ? "connects to other machines"
                        : fmt::format("connects to other machines: {}", fmt::join(wants.hosts, ", ")));
  if (wants.memory_bytes)
    lines.push_back(fmt::format("uses up to {} MiB of memory", wants.memory_bytes >> 20));
  if (wants.tasks) lines.push_back(fmt::format("runs up to {} processes and threads", wants.tasks));
  if (wants.cpu_percent)
    lines.push_back(fmt::format("uses up to {} % of a processor core", wants.cpu_percent));
  for (const auto& group : sandbox::seccomp_groups())
    if (wants.seccomp_groups.contains(std::string(group.name))) lines.emplace_back(group.what);
  return lines;
}

}  // namespace berth::manager
