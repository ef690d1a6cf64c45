// berth backup …: sets.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <map>

#include "api/backup.h"
#include "base/file.h"
#include "cli/human.h"
#include "cli/invocation.h"
#include "cli/partial_file.h"
#include "cli/secret.h"
#include "wire/sealed/sealed_file.h"

namespace berth::cli {
namespace {

using api::BackupItem;
using api::BackupSet;

Style style_of(api::BackupSetState state) {
  switch (state) {
    case api::BackupSetState::kGood: return Style::kGood;
    case api::BackupSetState::kRunning: return Style::kBusy;
    default: return Style::kBad;
  }
}

std::string key_of(const std::string& name, const std::string& domain) {
  return name.empty() ? "manager" : name + "@" + domain;
}

// The one that is named, or the only one there is.
loop::Task<std::string> policy_of(Invocation& invocation) {
  if (const auto name = invocation.arguments().find("POLICY")) co_return *name;
  const auto policies = (co_await invocation.ask(api::GetBackupPolicies{})).policies;
  if (policies.size() != 1)
    throw_usage("which policy? There {}; berth backup policy ls",
                policies.empty() ? "is none" : "are several");
  co_return policies.front().name;
}

loop::Task<int> run_backup(Invocation& invocation) {
  const auto policy = co_await policy_of(invocation);
  if (invocation.options().dry_run) {
    std::vector<std::string> plan;
    const auto policies = (co_await invocation.ask(api::GetBackupPolicies{})).policies;
    for (const auto& one : policies)
      if (one.name == policy)
        for (const auto& key : one.would_back_up)
          plan.push_back(fmt::format("back up {} to {}", key, one.target));
    if (plan.empty())
      throw_failure(Errc::kNotFound, "there is no backup policy {}, or nothing in it", policy);
    invocation.is_rehearsal(std::move(plan));
    co_return 0;
  }
  auto answer = co_await invocation.ask(api::RunBackup{policy});
  const auto job = co_await invocation.finish(std::move(answer.job));
  std::string done = "backed up";
  if (job.result && job.result->is_object()) {
    const auto& result = job.result->get_object();
    const auto* set = result.if_contains("set");
    const auto* bytes = result.if_contains("bytes");
    if (set && set->is_string() && bytes)
      done = fmt::format("{}: {}", std::string_view(set->get_string()),
                         format_size(bytes->to_number<std::uint64_t>()));
  }
  invocation.report(job, job.id, done);
  co_return 0;
}

void print_instances(Output& output, const api::GetBackupSetsResult& answer) {
  Table table({{"INSTANCE", false, true},
               {"NEWEST SET", false, true},
               {"WRITTEN"},
               {"SIZE", true},
               {"ROWS", true},
               {"READ BACK"},
               {"PROVEN"},
               {"TOOK", true},
               {"LAST DRILL", false, true}});
  for (const auto& item : answer.newest) {
    const auto proof = std::find_if(
        answer.proofs.begin(), answer.proofs.end(),
        [&](const api::BackupProof& one) { return one.name == item.name && one.domain == item.domain; });
    const bool has_proof = proof != answer.proofs.end();
    table.add({Cell(key_of(item.name, item.domain), Style::kStrong), item.set,
               format_relative(item.written_at.value_or(""), output.now()), format_size(item.bytes),
               std::to_string(item.rows), format_relative(item.verified_at.value_or(""), output.now()),
               format_relative(has_proof ? proof->proven_at.value_or("") : "", output.now()),
               has_proof && proof->proven_at
                   ? fmt::format("{:.1f} s", static_cast<double>(proof->proven_ms) / 1000)
                   : "-",
               !has_proof             ? Cell("-")
               : proof->error.empty() ? Cell("good", Style::kGood)
                                      : Cell(proof->error, Style::kBad)});
  }
  output.print_table(table);
}

loop::Task<int> list_sets(Invocation& invocation) {
  api::GetBackupSets request;
  request.limit = static_cast<std::uint64_t>(invocation.arguments().number("--limit", 20));
  request.policy = invocation.arguments().find("--policy");
  const auto answer = co_await invocation.ask(std::move(request));
  auto& output = invocation.output();
  const bool by_instance = invocation.arguments().has("--instances");
  if (output.is_json()) {
    if (by_instance)
      output.print_json(
          api::JsonObject{{"newest", api::to_json(answer.newest)}, {"proofs", api::to_json(answer.proofs)}});
    else output.print_json(api::to_json(answer.sets));
  } else if (output.is_quiet()) {
    for (const auto& set : answer.sets) output.print_line(set.id);
  } else if (by_instance) {
    print_instances(output, answer);
  } else {
    Table table({{"SET"},
                 {"POLICY", false, true},
                 {"TARGET", false, true},
                 {"STATE"},
                 {"STARTED"},
                 {"READ BACK"},
                 {"ERROR", false, true}});
    for (const auto& set : answer.sets)
      table.add({Cell(set.id, Style::kStrong), set.policy, set.target,
                 Cell(fmt::format("● {}", api::word_of(set.state)), style_of(set.state)),
                 format_relative(set.started_at.value_or(""), output.now()),
                 format_relative(set.verified_at.value_or(""), output.now()), set.error});
    output.print_table(table);
  }
  co_return 0;
}

loop::Task<int> show_set(Invocation& invocation) {
  const auto answer = co_await invocation.ask(api::GetBackupSet{invocation.arguments().text("SET")});
  auto& output = invocation.output();
  if (output.is_json()) {
    auto object = api::to_json(answer.set).as_object();
    object["items"] = api::to_json(answer.items);
    output.print_json(object);
    co_return 0;
  }
  if (output.is_quiet()) {
    for (const auto& item : answer.items) output.print_line(key_of(item.name, item.domain));
    co_return 0;
  }
  const auto& set = answer.set;
  output.print_line(
      fmt::format("{}  {}", output.painted(set.id, Style::kStrong),
                  output.painted(fmt::format("● {}", api::word_of(set.state)), style_of(set.state))));
  output.print_line(fmt::format("policy {}, target {}, {}, job {}", printable(set.policy),
                                printable(set.target),
                                format_relative(set.started_at.value_or(""), output.now()), set.job));
  if (!set.error.empty()) output.print_line(fmt::format("error: {}", printable(set.error)));
  Table table({{"DATABASE OF", false, true},
               {"STATE"},
               {"SIZE", true},
               {"TABLES", true},
               {"ROWS", true},
               {"BUILD"},
               {"READ BACK"},
               {"ERROR", false, true}});
  for (const auto& item : answer.items)
    table.add({Cell(key_of(item.name, item.domain), Style::kStrong),
               Cell(std::string(api::word_of(item.state)),
                    item.state == api::BackupItemState::kWritten ? Style::kGood : Style::kBad),
               format_size(item.bytes), std::to_string(item.tables), std::to_string(item.rows), item.build,
               format_relative(item.verified_at.value_or(""), output.now()), item.error});
  output.print_table(table);
  co_return 0;
}

UniqueFd duplicate_stdout() {
  UniqueFd copy(::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0));
  if (!copy) throw Failure(errno_error(errno, "duplicate a descriptor"));
  return copy;
}

loop::Task<int> get_backup(Invocation& invocation) {
  const auto& arguments = invocation.arguments();
  const std::string set = arguments.text("SET");
  InstanceName name;
  if (arguments.text("INSTANCE") == "manager") {
    name = {};
  } else if (arguments.has("INSTANCE")) {
    name = invocation.instance_name();
  } else {
    const auto items = (co_await invocation.ask(api::GetBackupSet{set})).items;
    if (items.size() != 1)
      throw_usage("of which instance? The set {} holds {}: berth backup show {}", set,
                  format_count(items.size(), "database"), set);
    name = {items.front().name, items.front().domain};
  }
  const std::string path = arguments.text("--file");
  auto& output = invocation.output();
  if (invocation.is_rehearsal(
          {fmt::format("write {} of the set {} to {}", key_of(name.name, name.domain), set, path)}))
    co_return 0;
  auto* session = co_await invocation.session();
  if (path == "-") {
    if (output.terminal().out_is_terminal)
      throw_usage("a backup is no text for a terminal: give --file FILE");
    auto target = duplicate_stdout();
    co_await session->fetch_backup(set, name.name, name.domain, std::move(target));
    co_return 0;
  }
  auto file = or_throw(PartialFile::make(path));
  UniqueFd target(::fcntl(file.fd(), F_DUPFD_CLOEXEC, 0));
  if (!target) throw Failure(errno_error(errno, "duplicate a descriptor"));
  const auto bytes = co_await session->fetch_backup(set, name.name, name.domain, std::move(target));
  or_throw(file.commit());
  if (output.is_json()) output.print_json(api::JsonObject{{"set", set}, {"file", path}, {"bytes", bytes}});
  else if (output.is_quiet()) output.print_line(path);
  else output.print_line(fmt::format("{}: {}", path, format_size(bytes)));
  co_return 0;
}

loop::Task<int> verify_set(Invocation& invocation) {
  const std::string set = invocation.arguments().text("SET");
  if (invocation.is_rehearsal({fmt::format("read everything of the set {} back, and compare", set)}))
    co_return 0;
  auto answer = co_await invocation.ask(api::VerifyBackup{set});
  const auto job = co_await invocation.finish(std::move(answer.job));
  invocation.report(job, job.id, fmt::format("{} is whole", set));
  co_return 0;
}

loop::Task<int> drill(Invocation& invocation) {
  InstanceName name;
  if (invocation.arguments().has("INSTANCE")) name = invocation.instance_name();
  const std::string what = name.name.empty() ? "each instance" : name.format();
  if (invocation.is_rehearsal(
          {fmt::format("restore the newest backup of {} beside it, compare and drop it", what)}))
    co_return 0;
  auto answer = co_await invocation.ask(api::DrillBackup{name.name, name.domain});
  const auto job = co_await invocation.finish(std::move(answer.job));
  invocation.report(job, job.id, fmt::format("the newest backup of {} can be restored", what));
  co_return 0;
}

// Needs no platform.
loop::Task<int> open_sealed(Invocation& invocation) {
  const auto& arguments = invocation.arguments();
  auto unsealer = or_throw(sealed::Unsealer::make(or_throw(read_secret(arguments.text("--key-file")))));
  const std::string from = arguments.text("FILE"), path = arguments.text("--file");
  const UniqueFd source(::open(from.c_str(), O_RDONLY | O_CLOEXEC));
  if (!source) throw Failure(errno_error(errno, "open " + from));
  auto file = or_throw(PartialFile::make(path));
  std::string piece(256 << 10, '\0');
  for (;;) {
    const auto count = ::read(source.get(), piece.data(), piece.size());
    if (count < 0) throw Failure(errno_error(errno, "read " + from));
    if (count == 0) break;
    or_throw(write_all(file.fd(), or_throw(unsealer.add({piece.data(), static_cast<std::size_t>(count)}))));
  }
  or_throw(write_all(file.fd(), or_throw(unsealer.finish())));
  or_throw(file.commit());
  if (invocation.output().is_json()) invocation.output().print_json(api::JsonObject{{"file", path}});
  else invocation.output().print_line(path);
  co_return 0;
}

void print_verdicts(Output& output, const std::vector<api::BackupVerdict>& verdicts) {
  if (output.is_json()) {
    output.print_json(api::to_json(verdicts));
    return;
  }
  Table table({{"SET"}, {"STARTED"}, {""}, {"WHY", false, true}});
  for (const auto& verdict : verdicts) {
    if (output.is_quiet()) {
      if (!verdict.stays) output.print_line(verdict.set);
      continue;
    }
    table.add({Cell(verdict.set, Style::kStrong),
               format_relative(verdict.started_at.value_or(""), output.now()),
               verdict.stays ? Cell("stays", Style::kGood) : Cell("goes", Style::kBad),
               fmt::format("{}", fmt::join(verdict.reasons, ", "))});
  }
  if (!output.is_quiet()) output.print_table(table);
}

loop::Task<int> plan(Invocation& invocation) {
  api::PlanBackupPrune request;
  request.policy = co_await policy_of(invocation);
  request.keep = invocation.arguments().find("--keep");
  const auto answer = co_await invocation.ask(std::move(request));
  print_verdicts(invocation.output(), answer.verdicts);
  co_return 0;
}

loop::Task<int> prune(Invocation& invocation) {
  api::PlanBackupPrune question;
  question.policy = co_await policy_of(invocation);
  const auto verdicts = (co_await invocation.ask(question)).verdicts;
  std::vector<std::string> steps;
  for (const auto& verdict : verdicts)
    if (!verdict.stays) steps.push_back("remove the set " + verdict.set);
  if (invocation.options().dry_run) {
    if (steps.empty()) steps.emplace_back("remove nothing");
    invocation.is_rehearsal(std::move(steps));
    co_return 0;
  }
  if (!steps.empty())
    invocation.confirm(fmt::format("{} will be removed for good.", format_count(steps.size(), "backup set")),
                       question.policy);
  auto answer = co_await invocation.ask(api::PruneBackups{question.policy});
  const auto job = co_await invocation.finish(std::move(answer.job));
  invocation.report(job, job.id, fmt::format("{} removed", format_count(steps.size(), "set")));
  co_return 0;
}

}  // namespace

std::vector<Command> set_commands() {
  const auto policy = optional_positional("POLICY", "Which policy, if there are several");
  const auto set = positional("SET", "Its id, as in: berth backup ls");
  return {
      {"backup",
       "run",
       "Back up now, as a policy says",
       Effect::kWorks,
       {policy},
       "backup run daily",
       run_backup},
      {"backup",
       "ls",
       "All backup sets, newest first",
       Effect::kReads,
       {option("--policy", "NAME", "Of this policy only"),
        number_option("--limit", "N", "How many (default 20)"),
        flag("--instances",
             "Instead: the newest backup of each instance, and when it was proven restorable")},
       "backup ls --instances",
       list_sets},
      {"backup",
       "show",
       "What a set holds",
       Effect::kReads,
       {set},
       "backup show 20261122-020000-3fa9",
       show_set},
      {"backup",
       "get",
       "Write one backup of a set to a file that pg_restore reads",
       Effect::kChanges,
       {set, optional_positional("INSTANCE", "name@domain, or manager; not needed if the set holds one only"),
        required_option("-o,--file", "FILE", "Where to; - is stdout")},
       "backup get 20261122-020000-3fa9 team@example.com --file team.dump",
       get_backup},
      {"backup",
       "open",
       "Open a file that was fetched from a drop box",
       Effect::kReads,
       {positional("FILE", "The sealed file"),
        required_option("--key-file", "FILE",
                        "The private key that was told when the target was added; - reads stdin"),
        required_option("-o,--file", "FILE", "Where to")},
       "backup open team@example.com.dump.sealed --key-file key.txt --file team.dump",
       open_sealed},
      {"backup",
       "verify",
       "Read everything of a set back and compare",
       Effect::kWorks,
       {set},
       "backup verify 20261122-020000-3fa9",
       verify_set},
      {"backup",
       "drill",
       "Prove that the newest backup can be restored: beside the instance, compared, dropped",
       Effect::kWorks,
       {optional_positional("INSTANCE", "name@domain (default: all)")},
       "backup drill team@example.com",
       drill},
      {"backup",
       "plan",
       "Which sets of a policy would go, which would stay, and why",
       Effect::kReads,
       {policy, option("--keep", "RULES", "With these rules instead of its own"),
        flag("--preview", "The default: nothing is ever removed by this command")},
       "backup plan daily --keep daily=7,weekly=4",
       plan},
      {"backup",
       "prune",
       "Remove what no rule keeps",
       Effect::kDestroys,
       {policy},
       "backup prune daily --yes",
       prune},
  };
}

}  // namespace berth::cli
