#include "manager/platform/checks.h"

#include <fmt/ranges.h>

#include <algorithm>

namespace berth::manager {
namespace {

using api::Check;
using api::Severity;
using Days = std::chrono::duration<std::int64_t, std::ratio<86'400>>;

constexpr std::int64_t kCertificateWarning = 14;  // days before its end; authorities renew from 30 on
constexpr std::size_t kNamedAtMost = 3;           // further ones are counted

Check make_check(std::string id, Severity severity) {
  Check check;
  check.id = std::move(id);
  check.severity = severity;
  return check;
}

// "a, b, c and 4 more"
std::string some_of(const std::vector<std::string>& names) {
  if (names.size() <= kNamedAtMost) return fmt::format("{}", fmt::join(names, ", "));
  const auto end = names.begin() + kNamedAtMost;
  return fmt::format("{} and {} more", fmt::join(names.begin(), end, ", "), names.size() - kNamedAtMost);
}

std::string count_of(std::size_t count, std::string_view one, std::string_view several) {
  return fmt::format("{} {}", count, count == 1 ? one : several);
}

void find_processes(const CheckFacts& facts, std::vector<Check>& found) {
  for (const auto& process : facts.down) {
    auto check =
        make_check("process-" + process.name, process.is_starting ? Severity::kWarning : Severity::kError);
    check.values = {process.name, process.detail};
    check.text = fmt::format("{} is {}{}{}", process.name, process.state, process.detail.empty() ? "" : ": ",
                             process.detail);
    check.fix = process.is_starting ? "It is being started again by itself."
                                    : "Look at its log, then start it again.";
    check.command = fmt::format("berth log {}", process.name);
    found.push_back(std::move(check));
  }
}

void find_descriptors(const CheckFacts& facts, std::vector<Check>& found) {
  if (!facts.is_webserver_short) return;
  auto check = make_check("webserver-descriptors", Severity::kError);
  check.text = "The webserver has no descriptors left: new clients wait.";
  check.why = "Those who are connected stay, but nobody else gets in until some of them go.";
  check.fix =
      "Raise the limit of open files the platform is started with (LimitNOFILE, ulimit -n), or set the "
      "setting of connections below it, so that clients are told.";
  check.command = "berth log webserver";
  found.push_back(std::move(check));
}

void find_backups(const CheckFacts& facts, std::vector<Check>& found) {
  if (facts.backup_days <= 0) return;
  std::vector<std::string> late;
  for (const auto& instance : facts.instances) {
    // A new one has a day of its own: nobody needs to be told at once.
    const auto since = instance.backed_up.value_or(instance.created);
    const auto limit = instance.backed_up ? Days(facts.backup_days) : Days(1);
    if (facts.now - since > limit) late.push_back(instance.key);
  }
  if (late.empty()) return;
  auto check = make_check("backup", Severity::kWarning);
  check.values = {std::to_string(late.size()), std::to_string(facts.backup_days), some_of(late),
                  late.front()};
  check.text =
      fmt::format("{} no backup of the last {}: {}.",
                  late.size() == 1 ? "One instance has" : fmt::format("{} instances have", late.size()),
                  count_of(static_cast<std::size_t>(facts.backup_days), "day", "days"), some_of(late));
  check.why = "Whatever happens to the disk happens to what people wrote since the last backup.";
  check.fix = "Make one now, and let a policy do it every night.";
  check.command = "berth backup run";
  found.push_back(std::move(check));
}

void find_drills(const CheckFacts& facts, std::vector<Check>& found) {
  std::vector<std::string> red, unproven;
  std::string first_error;
  for (const auto& instance : facts.instances) {
    if (!instance.drill_error.empty()) {
      if (red.empty()) first_error = instance.drill_error;
      red.push_back(instance.key);
    }
    const auto since = instance.proven.value_or(instance.created);
    if (facts.drill_days > 0 && facts.now - since > Days(facts.drill_days)) unproven.push_back(instance.key);
  }
  if (!red.empty()) {
    auto check = make_check("backup-drill", Severity::kError);
    check.values = {std::to_string(red.size()), some_of(red), first_error, red.front()};
    check.text = fmt::format("The newest backup of {} could not be restored: {}.", some_of(red), first_error);
    check.why = "A backup that does not come back is none, and it is better to know that today.";
    check.fix = "Look at the reason, make a new backup, then prove that one.";
    check.command = fmt::format("berth backup drill {}", red.front());
    found.push_back(std::move(check));
  }
  if (unproven.empty()) return;
  auto check = make_check("backup-proof", Severity::kWarning);
  check.values = {std::to_string(unproven.size()), std::to_string(facts.drill_days), some_of(unproven)};
  check.text = fmt::format("No backup of {} has proven restorable within {}.", some_of(unproven),
                           count_of(static_cast<std::size_t>(facts.drill_days), "day", "days"));
  check.why = "Only a restore shows that a backup can be restored.";
  check.fix = "Let the drills run by a schedule, or run one now.";
  check.command = "berth backup drill";
  found.push_back(std::move(check));
}

void find_backup_places(const CheckFacts& facts, std::vector<Check>& found) {
  for (const auto& target : facts.backup_targets) {
    if (target.error.empty()) continue;
    auto check = make_check("backup-target-" + target.name, Severity::kWarning);
    check.values = {target.name, target.error};
    check.text = fmt::format("The backup target {} fails: {}.", target.name, target.error);
    check.why = "As long as it does, nothing new is safe there.";
    check.fix = "Mend what the message names, then try it.";
    check.command = fmt::format("berth backup target test {}", target.name);
    found.push_back(std::move(check));
  }
  if (!facts.has_backup_sets || facts.keys_were_shown) return;
  auto check = make_check("backup-keys", Severity::kWarning);
  check.text = "Nobody has the key sheet of the backups.";
  check.why = "They are encrypted, and their keys are on this machine only: with it, all backups are lost.";
  check.fix = "Print the key sheet, and keep it elsewhere.";
  check.command = "berth backup key-sheet";
  found.push_back(std::move(check));
}

void find_databases(const CheckFacts& facts, std::vector<Check>& found) {
  for (const auto& [instance, platform] : facts.taken) {
    auto check = make_check("database-taken-" + instance, Severity::kError);
    check.values = {instance, platform};
    check.text = fmt::format("The platform {} took the external database of {}, which is stopped.", platform,
                             instance);
    check.why = "Two platforms on one database would destroy it.";
    check.fix = "Stop it there if it is to run here; take it over only if that platform is gone for good.";
    check.command = fmt::format("berth instance take-over {}", instance);
    found.push_back(std::move(check));
  }
  if (facts.not_optimised.empty()) return;
  auto check = make_check("optimisation", Severity::kWarning);
  check.values = {std::to_string(facts.not_optimised.size()), some_of(facts.not_optimised)};
  check.text = fmt::format("{} could not be optimised: {}.",
                           count_of(facts.not_optimised.size(), "database", "databases"),
                           some_of(facts.not_optimised));
  check.why = "Without fresh statistics its queries get slower, and dead rows take room.";
  check.fix = "Look at the reason; the next night tries again.";
  check.command = "berth database show";
  found.push_back(std::move(check));
}

void find_commands(const CheckFacts& facts, std::vector<Check>& found) {
  const auto& commands = facts.commands;
  if (commands.url.empty()) return;
  std::string trouble = commands.error;
  std::size_t failed = 0;
  for (const auto& line : commands.lines) {
    if (line.state != api::CommandState::kFailed) continue;
    if (failed++ == 0) trouble = fmt::format("line {}: {}", line.line, line.detail);
  }
  if (trouble.empty()) return;
  auto check = make_check("command-file", Severity::kWarning);
  check.values = {commands.url, trouble, std::to_string(failed)};
  check.text = failed == 0 ? fmt::format("The command file cannot be had: {}", trouble)
                           : fmt::format("{} of the command file: {}",
                                         count_of(failed, "line failed", "lines failed"), trouble);
  check.why = "What it should send to its server, backups above all, is not there.";
  check.fix = "Mend the file or its server; it is tried again by itself.";
  check.command = "berth platform command-file --run";
  found.push_back(std::move(check));
}

void find_certificate(const CheckFacts& facts, std::vector<Check>& found) {
  if (!facts.certificate) return;
  const auto left = std::chrono::floor<Days>(facts.certificate->not_after - facts.now).count();
  if (left < kCertificateWarning) {
    auto check = make_check("certificate-ends", left < 0 ? Severity::kError : Severity::kWarning);
    check.values = {std::to_string(std::max<std::int64_t>(left, 0))};
    check.text = left < 0    ? "The certificate has expired."
                 : left == 0 ? "The certificate ends today."
                             : fmt::format("The certificate ends in {}.",
                                           count_of(static_cast<std::size_t>(left), "day", "days"));
    check.why = "Browsers and PBXs refuse the connection once it has ended.";
    check.fix = "Set a new one; open connections stay.";
    check.command = "berth cert set chain.pem";
    found.push_back(std::move(check));
  }
  if (!facts.certificate->is_self_signed) return;
  auto check = make_check("certificate-self-signed", Severity::kWarning);
  check.text = "The certificate is self-signed.";
  check.why = "Browsers warn everybody who comes, and people learn to click warnings away.";
  check.fix = "Set a certificate of an authority that your clients know.";
  check.command = "berth cert set chain.pem";
  found.push_back(std::move(check));
}

// An app that has the network has it because it asked before it was installed, or because its database is elsewhere.
bool is_missing(const sandbox::LayerState& layer) {
  if (layer.state == "on") return false;
  return layer.state != "off" || layer.layer != sandbox::name_of(sandbox::Layer::kNetwork) ||
         layer.why.find("switched off") != std::string::npos;
}

void find_weaker(const CheckFacts& facts, std::vector<Check>& found) {
  if (facts.weaker.empty()) return;
  auto check = make_check("sandbox-weaker", Severity::kWarning);
  check.values = {some_of(facts.weaker)};
  check.text = fmt::format("Allowed to run in a weaker sandbox: {}.", some_of(facts.weaker));
  check.why = "Where a layer is missing that every other app needs to start, such an app runs all the same.";
  check.fix = "Take it out of the setting when it is not needed any more.";
  check.command = "berth config get weakerSandbox";
  found.push_back(std::move(check));
}

void find_sandbox(const CheckFacts& facts, std::vector<Check>& found) {
  const CheckFacts::Service* weakest = nullptr;
  std::size_t count = 0, most_missing = 0;
  for (const auto& service : facts.services) {
    const auto missing =
        static_cast<std::size_t>(std::count_if(service.sandbox.begin(), service.sandbox.end(), is_missing));
    if (missing == 0) continue;
    ++count;
    if (missing > most_missing) weakest = &service, most_missing = missing;
  }
  if (!weakest) return;
  std::vector<std::string> missing;
  for (const auto& layer : weakest->sandbox)
    if (is_missing(layer)) missing.push_back(layer.layer);
  const auto all = weakest->sandbox.size(), on = all - most_missing;
  auto check = make_check("sandbox", Severity::kWarning);
  check.values = {std::to_string(count),
                  weakest->title,
                  std::to_string(on),
                  std::to_string(all),
                  fmt::format("{}", fmt::join(missing, ", ")),
                  weakest->id};
  check.text = count == 1 ? fmt::format("{} runs with {} of {} sandbox layers.", weakest->title, on, all)
                          : fmt::format("{} apps lack sandbox layers; {} has {} of {}.", count,
                                        weakest->title, on, all);
  check.why = fmt::format(
      "Each one that is missing is a wall less between an app with a flaw and the rest of "
      "this machine. Missing: {}.",
      fmt::join(missing, ", "));
  check.fix = facts.is_root ? "Install only apps whose maker you trust."
                            : "Start the platform as root, and install only apps whose maker you trust.";
  check.command = fmt::format("berth service show {}", weakest->id);
  found.push_back(std::move(check));
}

void find_unsigned(const CheckFacts& facts, std::vector<Check>& found) {
  std::vector<std::string> names;
  const CheckFacts::Service* first = nullptr;
  for (const auto& service : facts.services) {
    if (service.is_signed) continue;
    if (!first) first = &service;
    names.push_back(service.title);
  }
  if (!first) return;
  auto check = make_check("unsigned", Severity::kWarning);
  check.values = {some_of(names), first->id};
  check.text = fmt::format("Not signed: {}.", some_of(names));
  check.why = "Nobody vouches for what these apps are and that nobody changed them on their way.";
  check.fix = "Install them from a store whose key you trust.";
  found.push_back(std::move(check));
}

void find_modes(const CheckFacts& facts, std::vector<Check>& found) {
  if (!facts.is_root) {
    auto check = make_check("not-root", Severity::kWarning);
    check.text = "The manager does not run as root: services share its user.";
    check.why = "An app that is broken into can then read the files of all others.";
    check.fix = "Start the platform as root.";
    found.push_back(std::move(check));
  }
  if (facts.developer_mode) {
    auto check = make_check("developer-mode", Severity::kWarning);
    check.text = "Developer mode is on: unsigned apps can be installed.";
    check.why = "Nobody vouches for such an app but the one who made it.";
    check.fix = "Switch it off when you do not need it.";
    check.command = "berth config set developerMode false";
    found.push_back(std::move(check));
  }
  if (facts.app_security_off) {
    auto check = make_check("app-security-off", Severity::kWarning);
    check.text = "App security is off: admins of this machine can open shells within apps.";
    check.why = "Such a shell sees the data and passwords of all instances of the app, and can change them.";
    check.fix = "Switch it on again when you have found what you looked for.";
    check.command = "berth config set appSecurityOff false";
    found.push_back(std::move(check));
  }
}

}  // namespace

std::vector<Check> find_checks(const CheckFacts& facts) {
  std::vector<Check> found;
  find_processes(facts, found);
  find_descriptors(facts, found);
  find_backups(facts, found);
  find_databases(facts, found);
  find_commands(facts, found);
  find_drills(facts, found);
  find_backup_places(facts, found);
  find_certificate(facts, found);
  find_sandbox(facts, found);
  find_weaker(facts, found);
  find_unsigned(facts, found);
  find_modes(facts, found);
  found.insert(found.end(), facts.others.begin(), facts.others.end());
  std::vector<Check> sorted;
  for (const auto severity : {Severity::kError, Severity::kWarning})
    for (auto& check : found) {
      if (check.severity != severity) continue;
      check.is_accepted = severity == Severity::kWarning && !check.id.starts_with("process-") &&
                          facts.accepted.contains(check.id);
      sorted.push_back(std::move(check));
    }
  return sorted;
}

}  // namespace berth::manager
