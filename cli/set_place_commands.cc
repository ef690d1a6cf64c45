// berth backup target …, berth backup policy …, berth backup key-sheet
#include "api/backup.h"
#include "base/file.h"
#include "base/text.h"
#include "cli/human.h"
#include "cli/invocation.h"
#include "cli/partial_file.h"
#include "cli/secret.h"

namespace berth::cli {
namespace {

using api::BackupPolicy;
using api::BackupTarget;

std::vector<std::string> list_of(std::string_view text) {
  std::vector<std::string> all;
  for (const auto part : split(text, ','))
    if (!trim(part).empty()) all.emplace_back(trim(part));
  return all;
}

bool yes_or_no(const Arguments& arguments, std::string_view name, bool fallback) {
  const auto text = arguments.find(name);
  if (!text) return fallback;
  if (*text == "yes" || *text == "true" || *text == "on") return true;
  if (*text == "no" || *text == "false" || *text == "off") return false;
  throw_usage("{} {}: yes or no", name, *text);
}

std::string text_of(const std::vector<api::BackupOption>& options) {
  std::string text;
  for (const auto& option : options)
    text += fmt::format("{}{}={}", text.empty() ? "" : " ", option.name, option.value);
  return text;
}

loop::Task<int> list_targets(Invocation& invocation) {
  const auto targets = (co_await invocation.ask(api::GetBackupTargets{})).targets;
  auto& output = invocation.output();
  if (output.is_json()) {
    output.print_json(api::to_json(targets));
    co_return 0;
  }
  Table table({{"TARGET"},
               {"KIND"},
               {"PLACE", false, true},
               {"LAST TRIED"},
               {"", false, true},
               {"OPTIONS", false, true}});
  for (const auto& target : targets) {
    if (output.is_quiet()) {
      output.print_line(target.name);
      continue;
    }
    table.add({Cell(target.name, Style::kStrong), target.kind, target.place,
               format_relative(target.tested_at.value_or(""), output.now()),
               !target.tested_at      ? Cell("-", Style::kDim)
               : target.error.empty() ? Cell("good", Style::kGood)
                                      : Cell(target.error, Style::kBad),
               Cell(text_of(target.options) + (target.append_only ? " append-only" : ""), Style::kDim)});
  }
  if (!output.is_quiet()) output.print_table(table);
  co_return 0;
}

loop::Task<void> try_target(Invocation& invocation, std::string name) {
  invocation.output().progress(fmt::format("trying {} …", name));
  const auto answer = co_await invocation.ask(api::TestBackupTarget{name});
  auto& output = invocation.output();
  output.progress("");
  if (output.is_json()) output.print_json(api::JsonObject{{"target", name}, {"tookMs", answer.took_ms}});
  else if (output.is_quiet()) output.print_line(name);
  else output.print_line(fmt::format("{} takes data and gives them back ({} ms)", name, answer.took_ms));
}

// Without secrets: those need a session.
api::SetBackupTarget target_of(const Arguments& arguments, std::string name) {
  api::SetBackupTarget request;
  request.name = std::move(name);
  request.kind = arguments.find("--kind").value_or("directory");
  request.place = arguments.text("--place");
  for (const auto& option : list_of(arguments.text("--option"))) {
    const auto equals = option.find('=');
    if (equals == std::string::npos) throw_usage("--option {}: NAME=VALUE", option);
    request.options.push_back({option.substr(0, equals), option.substr(equals + 1)});
  }
  request.append_only = arguments.has("--append-only");
  return request;
}

void add_secrets(const Arguments& arguments, const Session& session, api::SetBackupTarget& target) {
  if (const auto file = arguments.find("--password-file"))
    target.password = session.seal(or_throw(read_secret(*file)));
  if (const auto file = arguments.find("--key-file"))
    target.repository_key = session.seal(or_throw(read_secret(*file)));
}

loop::Task<int> add_target(Invocation& invocation) {
  const auto& arguments = invocation.arguments();
  auto request = target_of(arguments, arguments.text("NAME"));
  if (invocation.is_rehearsal({fmt::format("write backup sets to {} {} from now on, if a policy says so",
                                           request.kind, request.place)}))
    co_return 0;
  auto* session = co_await invocation.session();
  add_secrets(arguments, *session, request);
  const std::string name = request.name;
  const auto answer = co_await invocation.ask(std::move(request));
  const auto& target = answer.target;
  for (const auto& option : target.options)
    if (option.name == "publicKey" && target.kind == "sftp")
      invocation.output().note(fmt::format("Let this key in at the other side:\n{}", option.value));
  if (answer.private_key)
    invocation.output().note(
        fmt::format("What is dropped there is opened by this private key alone (berth backup open). It is "
                    "told this once, and kept "
                    "nowhere: write it down now.\n{}",
                    session->open(*answer.private_key)));
  if (arguments.has("--no-test")) {
    if (invocation.output().is_json()) invocation.output().print_json(api::to_json(target));
    else invocation.output().print_line(name);
  } else {
    co_await try_target(invocation, name);
  }
  if (target.kind != "dropbox")
    invocation.output().note(
        "Its key is on the key sheet: berth backup key-sheet. Without it nobody reads what lies there.");
  co_return 0;
}

loop::Task<int> test_target(Invocation& invocation) {
  const std::string name = invocation.arguments().text("NAME");
  if (invocation.is_rehearsal({fmt::format("write something small to {}, read it back, remove it", name)}))
    co_return 0;
  co_await try_target(invocation, name);
  co_return 0;
}

loop::Task<int> remove_target(Invocation& invocation) {
  const std::string name = invocation.arguments().text("NAME");
  if (invocation.is_rehearsal({fmt::format("forget the target {} and its key; what lies there stays", name)}))
    co_return 0;
  invocation.confirm(
      fmt::format("The target {} and its key will be forgotten. What lies there stays, but only the key "
                  "sheet opens it.",
                  name),
      name);
  co_await invocation.ask(api::RemoveBackupTarget{name});
  if (invocation.output().is_json()) invocation.output().print_json(api::JsonObject{{"name", name}});
  else invocation.output().note(fmt::format("{} is forgotten", name));
  co_return 0;
}

std::string scope_of(const BackupPolicy& policy) {
  switch (policy.scope) {
    case api::BackupScope::kDomain: return policy.domain;
    case api::BackupScope::kInstance: return policy.instance + "@" + policy.domain;
    default: return std::string(api::word_of(policy.scope));
  }
}

void show_policies(Output& output, const std::vector<BackupPolicy>& policies) {
  Table table({{"POLICY"},
               {"WHAT", false, true},
               {"DATABASES", true},
               {"TO"},
               {"WHEN"},
               {"NEXT"},
               {"KEEPS", false, true}});
  for (const auto& policy : policies) {
    if (output.is_quiet()) {
      output.print_line(policy.name);
      continue;
    }
    table.add({Cell(policy.name, Style::kStrong), scope_of(policy),
               std::to_string(policy.would_back_up.size()), policy.target, policy.schedule,
               policy.enabled ? Cell(format_relative(policy.due_at.value_or(""), output.now()))
                              : Cell("off", Style::kDim),
               policy.keep});
  }
  if (!output.is_quiet()) output.print_table(table);
}

loop::Task<int> list_policies(Invocation& invocation) {
  const auto policies = (co_await invocation.ask(api::GetBackupPolicies{})).policies;
  auto& output = invocation.output();
  if (output.is_json()) output.print_json(api::to_json(policies));
  else show_policies(output, policies);
  co_return 0;
}

loop::Task<int> set_policy(Invocation& invocation) {
  const auto& arguments = invocation.arguments();
  BackupPolicy policy;
  policy.name = arguments.text("NAME");
  policy.schedule = "daily 02:00";
  policy.keep = "last=1,daily=7,weekly=4";
  const auto policies = (co_await invocation.ask(api::GetBackupPolicies{})).policies;
  bool is_new = true;
  for (const auto& one : policies)
    if (one.name == policy.name) policy = one, is_new = false;
  if (const auto target = arguments.find("--target")) policy.target = *target;
  else if (is_new) throw_usage("a new policy needs --target NAME: berth backup target ls");
  if (const auto of = arguments.find("--of")) {
    const auto at = of->find('@');
    policy.instance = at == std::string::npos ? "" : of->substr(0, at);
    policy.domain = at == std::string::npos ? *of : of->substr(at + 1);
    policy.scope = *of == "all"              ? api::BackupScope::kAll
                   : *of == "manager"        ? api::BackupScope::kManager
                   : at == std::string::npos ? api::BackupScope::kDomain
                                             : api::BackupScope::kInstance;
    if (*of == "all" || *of == "manager") policy.domain.clear();
  }
  if (const auto excluded = arguments.find("--exclude")) policy.excluded = list_of(*excluded);
  if (const auto schedule = arguments.find("--schedule")) policy.schedule = *schedule;
  if (const auto keep = arguments.find("--keep")) policy.keep = *keep;
  policy.enabled = yes_or_no(arguments, "--enabled", policy.enabled);
  policy.verify = yes_or_no(arguments, "--verify", policy.verify);
  if (invocation.is_rehearsal({fmt::format("back up {} to {}, {}, and keep {}", scope_of(policy),
                                           policy.target, policy.schedule, policy.keep)}))
    co_return 0;
  const auto answer = co_await invocation.ask(api::SetBackupPolicy{policy});
  auto& output = invocation.output();
  if (output.is_json()) output.print_json(api::to_json(answer.policy));
  else show_policies(output, {answer.policy});
  co_return 0;
}

loop::Task<int> remove_policy(Invocation& invocation) {
  const std::string name = invocation.arguments().text("NAME");
  if (invocation.is_rehearsal({fmt::format("forget the policy {}; its sets stay", name)})) co_return 0;
  co_await invocation.ask(api::RemoveBackupPolicy{name});
  if (invocation.output().is_json()) invocation.output().print_json(api::JsonObject{{"name", name}});
  else invocation.output().note(fmt::format("{} is forgotten; its sets stay", name));
  co_return 0;
}

loop::Task<int> key_sheet(Invocation& invocation) {
  auto* session = co_await invocation.session();
  const auto keys = (co_await invocation.ask(api::GetBackupKeys{})).keys;
  std::string sheet =
      "Backup keys of a Berth platform\n"
      "===============================\n\n"
      "Who has one of these keys and reaches its target reads every backup there; who has\n"
      "lost it, with the machine, reads none. Keep this sheet on paper or in a safe.\n";
  boost::json::array list;
  for (const auto& key : keys) {
    const auto secret = session->open(key.key);
    sheet +=
        fmt::format("\nTarget      {}\nKind        {}\nPlace       {}\n", key.target, key.kind, key.place);
    for (const auto& option : key.options) sheet += fmt::format("{:<11} {}\n", option.name, option.value);
    sheet += fmt::format("Key         {}\n", secret);
    auto object =
        api::JsonObject{{"target", key.target}, {"kind", key.kind}, {"place", key.place}, {"key", secret}};
    list.push_back(std::move(object));
  }
  sheet +=
      "\nTo bring an instance back on another platform: berth backup target add, with --key-file,\n"
      "and berth backup ls. To read a repository with no platform at all: restic -r PLACE snapshots,\n"
      "restic -r PLACE dump SNAPSHOT NAME > FILE, pg_restore (docs/backup-sets.md).\n";
  auto& output = invocation.output();
  if (const auto path = invocation.arguments().find("--file")) {
    auto file = or_throw(PartialFile::make(*path));
    or_throw(write_all(file.fd(), output.is_json() ? boost::json::serialize(list) + "\n" : sheet));
    or_throw(file.commit());
    output.note(fmt::format("{}: print it, then delete it", *path));
  } else if (output.is_json()) {
    output.print_json(list);
  } else {
    output.print(sheet);
  }
  co_return 0;
}

loop::Task<int> restore_platform(Invocation& invocation) {
  const auto& arguments = invocation.arguments();
  api::RestorePlatform request;
  request.target = target_of(arguments, arguments.find("--name").value_or("restored"));
  request.target.place = arguments.text("--from");
  request.set = arguments.find("--set");
  request.check_only = invocation.options().dry_run;
  if (!arguments.has("--key-file")) throw_usage("--key-file FILE with the key of the key sheet is needed");
  auto* session = co_await invocation.session();
  add_secrets(arguments, *session, request.target);
  auto& output = invocation.output();
  output.progress("looking into it …");
  const auto answer = co_await invocation.ask(std::move(request));
  output.progress("");
  if (!output.is_json()) {
    output.note(fmt::format("set {} ({}), by Berth {}, {}", answer.set,
                            format_relative(answer.started_at.value_or(""), output.now()), answer.version,
                            format_count(answer.items.size(), "database")));
    for (const auto& remark : answer.remarks) output.note("- " + remark);
  }
  if (!answer.obstacles.empty()) throw_failure(Errc::kConflict, "{}", fmt::join(answer.obstacles, "; "));
  if (!answer.job) {
    if (output.is_json()) output.print_json(api::to_json(answer));
    else output.print_line("nothing stands in the way");
    co_return 0;
  }
  const auto job = co_await invocation.finish(*answer.job);
  invocation.report(job, job.id, "the platform is back");
  co_return 0;
}

}  // namespace

std::vector<Command> set_place_commands() {
  const auto target = positional("NAME", "Of the target");
  const auto policy = positional("NAME", "Of the policy");
  return {
      {"backup",
       "target ls",
       "All targets, and how the last try went",
       Effect::kReads,
       {},
       "backup target ls",
       list_targets},
      {"backup",
       "target add",
       "Add a target, or change one; and try it out",
       Effect::kChanges,
       {target, option("--kind", "KIND", "directory (default), sftp, s3, webdav, dropbox"),
        required_option("--place", "PLACE",
                        "A folder with its whole path, sftp://user@host/path, or https://…"),
        option("--option", "NAME=VALUE,…", "What the kind needs beside it"),
        option("--password-file", "FILE", "The account's password there; - reads stdin"),
        option("--key-file", "FILE", "The key of a repository that is there already; - reads stdin"),
        flag("--append-only", "Nothing is ever removed from it"), flag("--no-test", "Do not try it out")},
       "backup target add disk --place /mnt/disk/berth",
       add_target},
      {"backup",
       "target test",
       "Write, read back and remove something small",
       Effect::kChanges,
       {target},
       "backup target test disk",
       test_target},
      {"backup",
       "target rm",
       "Forget a target; what lies there stays",
       Effect::kDestroys,
       {target},
       "backup target rm disk --yes",
       remove_target},
      {"backup",
       "policy ls",
       "All policies, and when they are due",
       Effect::kReads,
       {},
       "backup policy ls",
       list_policies},
      {"backup",
       "policy set",
       "Add a policy, or change one",
       Effect::kChanges,
       {policy, option("--target", "NAME", "Where to"),
        option("--of", "WHAT", "all (default), manager, a domain, or name@domain"),
        option("--exclude", "INSTANCES", "Not these: name@domain,name@domain"),
        option("--schedule", "WHEN",
               "daily 02:00 (default), hourly, weekly sun 02:00, monthly 1 02:00, never, or as in a crontab"),
        option("--keep", "RULES", "last=1,daily=7,weekly=4 (default), hourly=, monthly=, or all"),
        option("--verify", "yes|no", "Read each set back (default yes)"),
        option("--enabled", "yes|no", "Run it when it is due")},
       "backup policy set nightly --target disk --keep daily=14,monthly=12",
       set_policy},
      {"backup",
       "policy rm",
       "Forget a policy; its sets stay",
       Effect::kChanges,
       {policy},
       "backup policy rm nightly",
       remove_policy},
      {"backup",
       "key-sheet",
       "The keys that open the backups when this machine is gone",
       Effect::kReads,
       {option("--file", "FILE", "Into this file (mode 0600) instead of stdout")},
       "backup key-sheet --file keys.txt",
       key_sheet},
      {"platform",
       "restore",
       "Bring a whole platform back from a backup set, onto a fresh one",
       Effect::kWorks,
       {required_option("--from", "PLACE",
                        "Where the sets lie: a folder with its whole path, or as the kind needs it"),
        option("--kind", "KIND", "Of the target (default directory)"),
        option("--option", "NAME=VALUE,…", "What the kind needs beside it"),
        option("--key-file", "FILE", "The target's key, from the key sheet; - reads stdin"),
        option("--password-file", "FILE", "The account's password there; - reads stdin"),
        option("--set", "SET", "This set instead of the newest"),
        option("--name", "NAME", "Of the target here, afterwards (default restored)")},
       "platform restore --from /mnt/disk/berth --key-file key.txt",
       restore_platform},
  };
}

}  // namespace berth::cli
