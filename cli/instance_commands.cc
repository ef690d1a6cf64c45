// berth instance …, all but backup and restore
#include "api/instance.h"

#include "api/original.h"
#include "api/rename.h"
#include "base/log.h"
#include "base/text.h"
#include "cli/database.h"
#include "cli/human.h"
#include "cli/invocation.h"
#include "cli/secret.h"
#include "cli/time_machine_commands.h"
#include "loop/sync.h"

namespace berth::cli {
namespace {

using api::Instance;
using api::InstanceState;

constexpr std::chrono::seconds kStateLimit{60};

loop::Task<Instance> get_instance(Invocation& invocation, InstanceName name) {
  co_return (co_await invocation.ask(api::GetInstance{name.name, name.domain})).instance;
}

void print_instances(Output& output, const std::vector<Instance>& instances) {
  Table table({{"INSTANCE"},
               {"SERVICE"},
               {"STATE"},
               {"PATH", false, true},
               {"DATABASE", true},
               {"SESSIONS", true},
               {"CREATED"}});
  for (const auto& instance : instances)
    table.add({Cell(fmt::format("{}@{}", instance.name, instance.domain), Style::kStrong), instance.service,
               state_cell(instance.state), instance.path,
               instance.database_bytes ? format_size(instance.database_bytes) : "-",
               std::to_string(instance.sessions),
               format_relative(instance.created_at.value_or(""), output.now())});
  output.print_table(table);
}

void print_instance(Output& output, const Instance& instance) {
  const auto line = [&](std::string_view name, std::string_view value) {
    if (!value.empty()) output.print_line(fmt::format("{:<18}{}", name, printable(value)));
  };
  output.print_line(fmt::format(
      "{}@{}  {}", output.painted(instance.name, Style::kStrong), instance.domain,
      output.painted(fmt::format("● {}", api::word_of(instance.state)), style_of(instance.state))));
  line("", instance.detail);
  line("service", instance.service);
  line("path", instance.path);
  line("url", instance.url);
  line("database", instance.database);
  line("database user", instance.database_user);
  if (instance.external)
    line("data are on",
         fmt::format("{} ({}), database {}, user {}; the one here is unused", instance.external->host,
                     instance.external->type, instance.external->database, instance.external->user));
  line("size", instance.database_bytes ? format_size(instance.database_bytes) : "");
  line("sessions", std::to_string(instance.sessions));
  line("created", instance.created_at ? format_relative(*instance.created_at, output.now()) : "");
  line("last backup", instance.backed_up_at ? format_relative(*instance.backed_up_at, output.now()) : "none");
  line("log flags", fmt::format("0x{:x}", instance.log_flags));
  if (instance.exclude_from_backup) line("backup", "left out");
  if (instance.isolated) line("process", "of its own");
  if (instance.purge_at)
    line("in the bin", fmt::format("gone for good {}", format_relative(*instance.purge_at, output.now())));
  for (const auto& kept : instance.kept)
    line("kept data", fmt::format("{}, from before the restore of {}, gone for good {}", kept.id,
                                  format_relative(kept.replaced_at, output.now()),
                                  format_relative(kept.purge_at, output.now())));
}

void show(Invocation& invocation, const Instance& instance) {
  auto& output = invocation.output();
  if (output.is_json()) output.print_json(api::to_json(instance));
  else if (output.is_quiet()) output.print_line(fmt::format("{}@{}", instance.name, instance.domain));
  else print_instance(output, instance);
}

loop::Task<int> list_instances(Invocation& invocation) {
  api::GetInstances request;
  request.deleted = invocation.arguments().has("--deleted");
  auto instances = (co_await invocation.ask(request)).instances;
  const auto& arguments = invocation.arguments();
  std::erase_if(instances, [&](const Instance& instance) {
    return (arguments.has("--domain") && instance.domain != arguments.text("--domain")) ||
           (arguments.has("--service") && instance.service != arguments.text("--service"));
  });
  auto& output = invocation.output();
  if (output.is_json()) output.print_json(api::to_json(instances));
  else if (output.is_quiet())
    for (const auto& instance : instances)
      output.print_line(fmt::format("{}@{}", instance.name, instance.domain));
  else if (instances.empty())
    output.note("No instance yet. For example: berth instance create notes --name team --domain example.com");
  else print_instances(output, instances);
  co_return 0;
}

// Nothing if it cannot be told: not made yet, elsewhere, PostgreSQL away.
loop::Task<std::optional<api::InstanceDatabase>> find_database(Invocation& invocation, InstanceName name) {
  try {
    co_return (co_await invocation.ask(api::GetInstanceDatabase{name.name, name.domain})).database;
  } catch (const Failure& failure) {
    BERTH_LOG(kDatabase, "no figures", {"error", failure.error().detail});
  }
  co_return std::nullopt;
}

// Nothing if it does not record this instance: its data are elsewhere.
loop::Task<std::optional<api::TimeMachine>> find_time_machine(Invocation& invocation, Instance instance) {
  if (instance.external) co_return std::nullopt;
  try {
    co_return (co_await invocation.ask(api::GetTimeMachine{})).time_machine;
  } catch (const Failure& failure) {
    BERTH_LOG(kDatabase, "no time machine", {"error", failure.error().detail});
  }
  co_return std::nullopt;
}

loop::Task<int> show_instance(Invocation& invocation) {
  const auto name = invocation.instance_name();
  const auto instance = co_await get_instance(invocation, name);
  auto& output = invocation.output();
  const auto database = co_await find_database(invocation, name);
  const auto machine = co_await find_time_machine(invocation, instance);
  if (output.is_json()) {
    auto object = api::to_json(instance).as_object();
    if (database) object["databaseFigures"] = api::to_json(*database);
    if (machine) object["timeMachine"] = api::to_json(*machine);
    output.print_json(object);
    co_return 0;
  }
  show(invocation, instance);
  if (machine && !output.is_quiet())
    output.print_line(fmt::format("{:<18}{}", "time machine", printable(describe_window(*machine))));
  if (database && !output.is_quiet()) print_database(output, *database);
  co_return 0;
}

// Until the instance is in the state that was asked for, or cannot get there.
loop::Task<Instance> wait_for_state(Invocation& invocation, InstanceName name, InstanceState wanted) {
  while (true) {
    auto instance = co_await get_instance(invocation, name);
    if (instance.state == wanted) co_return instance;
    if (wanted == InstanceState::kRunning && instance.state == InstanceState::kFailed)
      throw_failure(
          Errc::kFailed, "{} did not start: {}", name.format(),
          instance.detail.empty() ? fmt::format("see berth log {}", instance.service) : instance.detail);
    co_await loop::sleep_for(invocation.loop(), std::chrono::milliseconds(100));
  }
}

loop::Task<Instance> settle(Invocation& invocation, InstanceName name, InstanceState wanted) {
  if (!invocation.waits()) co_return co_await get_instance(invocation, name);
  auto waiting = wait_for_state(invocation, name, wanted);
  co_return co_await loop::with_timeout(
      invocation.loop(), invocation.timeout_or(kStateLimit), std::move(waiting),
      fmt::format("{} until it is {}", name.format(), api::word_of(wanted)));
}

// The password that a file holds, sealed for the session; nothing if the option was not given.
loop::Task<std::optional<api::Password>> read_password(Invocation& invocation, std::string option) {
  const auto file = invocation.arguments().find(option);
  if (!file) co_return std::nullopt;
  auto secret = or_throw(read_secret(*file));
  auto* session = co_await invocation.session();
  co_return session->seal(std::move(secret));
}

loop::Task<int> rehearse_creation(Invocation& invocation, api::CreateInstance request) {
  const api::SuggestInstance question{request.service, request.domain, request.name, request.path,
                                      request.database};
  const auto answer = co_await invocation.ask(question);
  if (!answer.problems.empty())
    throw_failure(Errc::kConflict, "{}: {}", answer.problems.front().field_name,
                  answer.problems.front().text);
  invocation.is_rehearsal(
      {fmt::format("create the database {}", answer.database),
       fmt::format("create {}@{} of {} at {}", request.name, request.domain, request.service, answer.path),
       request.start ? "start it" : "leave it stopped"});
  co_return 0;
}

loop::Task<int> create_instance(Invocation& invocation) {
  const auto& arguments = invocation.arguments();
  api::CreateInstance request;
  request.service = arguments.text("SERVICE");
  request.name = arguments.text("--name");
  request.domain = arguments.text("--domain");
  request.path = arguments.find("--path");
  request.database = arguments.find("--database");
  request.start = !arguments.has("--no-start");
  if (invocation.options().dry_run) co_return co_await rehearse_creation(invocation, std::move(request));
  if (arguments.has("--external-host")) {
    const api::SuggestInstance question{request.service, request.domain, request.name, request.path,
                                        request.database};
    const auto names = co_await invocation.ask(question);
    request.external = co_await read_external(invocation, names.database, names.database, "--external-");
  }
  request.password = co_await read_password(invocation, "--password-file");
  request.database_password = co_await read_password(invocation, "--database-password-file");
  const bool starts = request.start;

  const auto created = co_await invocation.ask(std::move(request));
  auto* session = co_await invocation.session();
  const auto password = session->open(created.password);
  const auto database_password = session->open(created.database_password);
  auto& output = invocation.output();
  const auto job = co_await invocation.finish(created.job);
  auto instance = created.instance;
  if (invocation.waits()) {
    const InstanceName name{instance.name, instance.domain};
    instance = starts ? co_await settle(invocation, name, InstanceState::kRunning)
                      : co_await get_instance(invocation, name);
  }

  if (output.is_json()) {
    auto object = api::to_json(instance).as_object();
    object["password"] = password;
    object["databasePassword"] = database_password;
    object["job"] = job.id;
    output.print_json(object);
  } else {
    show(invocation, instance);
    if (output.is_quiet()) co_return 0;
    output.print_line(fmt::format("{:<18}{}", "password", password));
    output.print_line(fmt::format("{:<18}{}", "database password", database_password));
    if (!arguments.has("--password-file")) output.note("Keep the passwords: they are not shown again.");
  }
  co_return 0;
}

loop::Task<int> start_instance(Invocation& invocation) {
  const auto name = invocation.instance_name();
  const auto instance = co_await get_instance(invocation, name);
  if (invocation.is_rehearsal({"start " + name.format()})) co_return 0;
  co_await invocation.ask(api::StartInstance{instance.service, name.name, name.domain});
  show(invocation, co_await settle(invocation, name, InstanceState::kRunning));
  co_return 0;
}

loop::Task<int> stop_instance(Invocation& invocation) {
  const auto name = invocation.instance_name();
  const auto instance = co_await get_instance(invocation, name);
  if (invocation.is_rehearsal(
          {fmt::format("stop {} ({})", name.format(), format_count(instance.sessions, "session"))}))
    co_return 0;
  co_await invocation.ask(api::StopInstance{name.name, name.domain});
  show(invocation, co_await settle(invocation, name, InstanceState::kStopped));
  co_return 0;
}

loop::Task<int> restart_instance(Invocation& invocation) {
  const auto name = invocation.instance_name();
  const auto instance = co_await get_instance(invocation, name);
  if (invocation.is_rehearsal(
          {fmt::format("restart {} ({})", name.format(), format_count(instance.sessions, "session"))}))
    co_return 0;
  co_await invocation.ask(api::RestartInstance{name.name, name.domain});
  show(invocation, co_await settle(invocation, name, InstanceState::kRunning));
  co_return 0;
}

std::optional<bool> parse_yes_or_no(const Arguments& arguments, std::string_view name) {
  const auto text = arguments.find(name);
  if (!text) return std::nullopt;
  if (*text == "yes" || *text == "true") return true;
  if (*text == "no" || *text == "false") return false;
  throw_usage("{} {}: yes or no", name, *text);
}

// Decimal, or hexadecimal with 0x.
std::optional<std::uint64_t> parse_flags(const Arguments& arguments, std::string_view name) {
  const auto text = arguments.find(name);
  if (!text) return std::nullopt;
  char* end = nullptr;
  const auto flags = std::strtoull(text->c_str(), &end, 0);
  if (text->empty() || *end != '\0' || text->front() == '-')
    throw_usage("{} {}: a number, for example 0x8003", name, *text);
  return flags;
}

loop::Task<int> edit_instance(Invocation& invocation) {
  const auto name = invocation.instance_name();
  const auto& arguments = invocation.arguments();
  api::EditInstance request{.name = name.name, .domain = name.domain};
  request.new_name = arguments.find("--name");
  request.new_domain = arguments.find("--domain");
  request.path = arguments.find("--path");
  request.log_flags = parse_flags(arguments, "--log-flags");
  request.exclude_from_backup = parse_yes_or_no(arguments, "--exclude-from-backup");
  request.isolated = parse_yes_or_no(arguments, "--isolated");
  if (!request.new_name && !request.new_domain && !request.path && !request.log_flags &&
      !request.exclude_from_backup && !request.isolated)
    throw_usage(
        "nothing to change: give --name, --domain, --path, --log-flags, --exclude-from-backup or --isolated");
  co_await get_instance(invocation, name);
  if (invocation.is_rehearsal({"edit " + name.format()})) co_return 0;
  show(invocation, (co_await invocation.ask(std::move(request))).instance);
  co_return 0;
}

loop::Task<int> rename_instances(Invocation& invocation) {
  const auto& arguments = invocation.arguments();
  api::RenameInstances request;
  request.domain = arguments.find("--of");
  if (request.domain.has_value() == arguments.has("--all")) throw_usage("either --of DOMAIN or --all");
  request.new_domain = arguments.find("--domain");
  request.path = arguments.find("--path-from");
  request.new_path = arguments.find("--path-to");
  if (!request.new_domain && !request.new_path) throw_usage("nothing to change: --domain or --path-to");
  request.dry_run = invocation.options().dry_run;
  const auto answer = co_await invocation.ask(std::move(request));
  auto& output = invocation.output();
  auto job = answer.job;
  if (job) job = co_await invocation.finish(std::move(*job));
  if (output.is_json()) {
    auto object = api::to_json(answer).as_object();
    if (job) object["job"] = api::to_json(*job);
    output.print_json(object);
    co_return 0;
  }
  bool has_problem = false;
  Table table(
      {{"INSTANCE"}, {"BECOMES"}, {"PATH", false, true}, {"BECOMES", false, true}, {"", false, true}});
  for (const auto& one : answer.renamings) {
    has_problem = has_problem || one.problem;
    table.add({Cell(fmt::format("{}@{}", one.name, one.domain), Style::kStrong),
               fmt::format("{}@{}", one.name, one.new_domain), one.path, one.new_path,
               Cell(one.problem.value_or(""), Style::kBad)});
  }
  if (output.is_quiet())
    for (const auto& one : answer.renamings)
      output.print_line(fmt::format("{}@{}", one.name, one.new_domain));
  else if (answer.renamings.empty()) output.note("Nothing to rename.");
  else output.print_table(table);
  co_return has_problem ? 4 : 0;
}

loop::Task<int> remove_instance(Invocation& invocation) {
  const auto name = invocation.instance_name();
  if (const auto kept = invocation.arguments().find("--kept")) {
    const auto what = fmt::format("the kept data {} of {}", *kept, name.format());
    if (invocation.is_rehearsal({fmt::format("delete {} for good", what)})) co_return 0;
    invocation.confirm(what + " will be deleted for good.", name.format());
    auto answer = co_await invocation.ask(api::DeleteInstance{name.name, name.domain, true, *kept});
    const auto job = co_await invocation.finish(std::move(answer.job));
    invocation.report(job, name.format(), what + " are deleted");
    co_return 0;
  }
  const bool now = invocation.arguments().has("--now");
  // An instance in the bin can be deleted for good, too; GetInstance may not find it there.
  if (!now || invocation.options().dry_run) {
    const auto instance = co_await get_instance(invocation, name);
    if (invocation.is_rehearsal(
            {now ? fmt::format("delete {} and its database {} for good", name.format(), instance.database)
                 : fmt::format("put {} into the bin", name.format())}))
      co_return 0;
  }
  if (now)
    invocation.confirm(fmt::format("{} and its database will be deleted for good.", name.format()),
                       name.format());
  auto answer = co_await invocation.ask(api::DeleteInstance{name.name, name.domain, now});
  const auto job = co_await invocation.finish(std::move(answer.job));
  invocation.report(job, name.format(),
                    now ? fmt::format("{} is deleted", name.format())
                        : fmt::format("{} is in the bin. Bring it back: berth instance undo {}",
                                      name.format(), name.format()));
  co_return 0;
}

loop::Task<int> undo_removal(Invocation& invocation) {
  const auto name = invocation.instance_name();
  if (invocation.is_rehearsal({fmt::format(
          "bring {} back from the bin, or its data from before the last restore", name.format())}))
    co_return 0;
  auto answer =
      co_await invocation.ask(api::UndoDelete{name.name, name.domain, invocation.arguments().find("--kept")});
  const auto job = co_await invocation.finish(std::move(answer.job));
  invocation.report(job, name.format(), fmt::format("{} is back", name.format()));
  co_return 0;
}

loop::Task<int> set_password(Invocation& invocation) {
  const auto name = invocation.instance_name();
  const bool of_database = invocation.arguments().has("--database");
  const std::string what =
      fmt::format("the password of {}{}", name.format(), of_database ? "'s database" : "");
  co_await get_instance(invocation, name);
  if (invocation.is_rehearsal({"set " + what})) co_return 0;
  auto password = co_await read_password(invocation, "--password-file");
  std::optional<api::Password> generated;
  if (of_database) {
    auto answer =
        co_await invocation.ask(api::SetDatabasePassword{name.name, name.domain, std::move(password)});
    generated = std::move(answer.password);
  } else {
    auto answer =
        co_await invocation.ask(api::SetInstancePassword{name.name, name.domain, std::move(password)});
    generated = std::move(answer.password);
  }
  auto* session = co_await invocation.session();
  auto& output = invocation.output();
  if (output.is_json()) {
    api::JsonObject object{{"name", name.name}, {"domain", name.domain}};
    if (generated) object["password"] = session->open(*generated);
    output.print_json(object);
  } else if (generated) {
    output.print_line(session->open(*generated));
    output.note(fmt::format("This is {} now. Keep it: it is not shown again.", what));
  } else {
    output.note(fmt::format("{} is set", what));
  }
  co_return 0;
}

}  // namespace

std::vector<Command> instance_commands() {
  const auto instance = positional("INSTANCE", "name@domain");
  return {
      {"instance",
       "ls",
       "All instances",
       Effect::kReads,
       {option("--domain", "DOMAIN", "Of this domain only"),
        option("--service", "SERVICE", "Of this service only"), flag("--deleted", "Also those in the bin")},
       "instance ls --domain example.com",
       list_instances},
      {"instance",
       "create",
       "Create an instance with its database, and start it",
       Effect::kWorks,
       {positional("SERVICE", "Id of the service, as in: berth service ls"),
        required_option("--name", "NAME", "Name within the domain"),
        required_option("--domain", "DOMAIN", "Of the customer"),
        option("--path", "PATH", "Web path (default /DOMAIN/NAME)"),
        option("--database", "NAME", "Of the database and its user (default DOMAIN_NAME)"),
        option("--password-file", "FILE", "Its password; - reads stdin (default: a random one is shown)"),
        option("--database-password-file", "FILE", "The database user's password (default: a random one)"),
        option("--external-host", "HOST", "Keep its data on another server (berth instance use-database)"),
        option("--external-database", "NAME", "Of the database there (default: as here)"),
        option("--external-user", "NAME", "Of its user there (default: as the database)"),
        option("--external-password-file", "FILE", "Password of that user; - reads stdin"),
        option("--external-type", "TYPE", "postgresql (default) or mysql"),
        flag("--no-start", "Leave it stopped")},
       "instance create notes --name team --domain example.com --json",
       create_instance},
      {"instance",
       "show",
       "All about one",
       Effect::kReads,
       {instance},
       "instance show team@example.com",
       show_instance},
      {"instance",
       "start",
       "Start it",
       Effect::kWorks,
       {instance},
       "instance start team@example.com",
       start_instance},
      {"instance",
       "stop",
       "Stop it; its data stay",
       Effect::kWorks,
       {instance},
       "instance stop team@example.com",
       stop_instance},
      {"instance",
       "restart",
       "Stop and start it",
       Effect::kWorks,
       {instance},
       "instance restart team@example.com",
       restart_instance},
      {"instance",
       "edit",
       "Change its name, path or options",
       Effect::kChanges,
       {instance, option("--name", "NAME", "New name"), option("--domain", "DOMAIN", "New domain"),
        option("--path", "PATH", "New web path"),
        option("--log-flags", "FLAGS", "Trace flags, for example 0x8003"),
        option("--exclude-from-backup", "yes|no", "Leave it out of backups of everything"),
        option("--isolated", "yes|no", "In a process of its own, or with the others of its service")},
       "instance edit team@example.com --path /example.com/notes",
       edit_instance},
      {"instance",
       "rename",
       "Another domain or path for all instances, or all of a domain",
       Effect::kWorks,
       {flag("--all", "All instances"), option("--of", "DOMAIN", "Those of this domain"),
        option("--domain", "DOMAIN", "Their new domain; paths that begin with the old one follow"),
        option("--path-from", "PATH", "Front of the paths that is replaced"),
        option("--path-to", "PATH", "What stands there then")},
       "instance rename --of old.example --domain new.example --dry-run",
       rename_instances},
      {"instance",
       "rm",
       "Put it into the bin for some days, or delete it at once",
       Effect::kDestroys,
       {instance, flag("--now", "Delete it and its database at once and for good"),
        option("--kept", "ID", "Only these data that a restore replaced (ids: instance show), for good")},
       "instance rm team@example.com --now --yes",
       remove_instance},
      {"instance",
       "undo",
       "Bring it back from the bin, or undo its last restore",
       Effect::kWorks,
       {instance, option("--kept", "ID", "Undo an earlier restore: its data as instance show lists them")},
       "instance undo team@example.com",
       undo_removal},
      {"instance",
       "passwd",
       "Set its password, or its database's",
       Effect::kChanges,
       {instance,
        option("--password-file", "FILE",
               "File with the password; - reads stdin (default: a random one is shown)"),
        flag("--database", "The password of the database user instead")},
       "instance passwd team@example.com --password-file new.txt",
       set_password},
  };
}

}  // namespace berth::cli
