// berth instance backup, berth instance restore
#include <fcntl.h>
#include <unistd.h>

#include "api/backup.h"
#include "api/instance.h"
#include "cli/human.h"
#include "cli/invocation.h"
#include "cli/partial_file.h"
#include "cli/time_machine_commands.h"

namespace berth::cli {
namespace {

UniqueFd duplicate(int fd) {
  UniqueFd copy(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
  if (!copy) throw Failure(errno_error(errno, "duplicate a descriptor"));
  return copy;
}

loop::Task<std::uint64_t> backup_to_stdout(Invocation& invocation, InstanceName name) {
  if (invocation.output().terminal().out_is_terminal)
    throw_usage("a backup is no text for a terminal: give -o FILE");
  auto* session = co_await invocation.session();
  auto target = duplicate(STDOUT_FILENO);
  co_return co_await session->backup(name.name, name.domain, std::move(target));
}

loop::Task<std::uint64_t> backup_to_file(Invocation& invocation, InstanceName name, std::string path) {
  auto file = or_throw(PartialFile::make(path));
  auto* session = co_await invocation.session();
  auto target = duplicate(file.fd());
  const auto bytes = co_await session->backup(name.name, name.domain, std::move(target));
  or_throw(file.commit());
  co_return bytes;
}

loop::Task<int> back_up(Invocation& invocation) {
  const auto name = invocation.instance_name();
  const std::string path =
      invocation.arguments().find("--output").value_or(fmt::format("{}_{}.dump", name.name, name.domain));
  const auto instance = (co_await invocation.ask(api::GetInstance{name.name, name.domain})).instance;
  if (invocation.is_rehearsal({fmt::format("write {} of database {} to {}",
                                           format_size(instance.database_bytes), instance.database, path)}))
    co_return 0;
  auto& output = invocation.output();
  if (path == "-") {
    co_await backup_to_stdout(invocation, name);
    co_return 0;
  }
  output.progress(fmt::format("backing up {} …", name.format()));
  const auto bytes = co_await backup_to_file(invocation, name, path);
  if (output.is_json())
    output.print_json(
        api::JsonObject{{"name", name.name}, {"domain", name.domain}, {"file", path}, {"bytes", bytes}});
  else if (output.is_quiet()) output.print_line(path);
  else output.print_line(fmt::format("{}: {}", path, format_size(bytes)));
  co_return 0;
}

void report_restored(Invocation& invocation, const api::Job& job, std::string_view what) {
  invocation.report(job, what, fmt::format("{} is restored", what));
}

loop::Task<int> restore_from_set(Invocation& invocation) {
  const auto name = invocation.instance_name("FILE");
  api::RestoreFromSet request;
  request.set = invocation.arguments().text("--from");
  request.name = name.name;
  request.domain = name.domain;
  request.onto_external = invocation.arguments().has("--onto-external");
  auto as = name;
  if (invocation.arguments().has("--as")) {
    as = invocation.instance_name("--as");
    request.as_name = as.name;
    request.as_domain = as.domain;
  }
  if (invocation.is_rehearsal(
          {fmt::format("bring {} back from the set {}{}", name.format(), request.set,
                       as.format() == name.format() ? "" : fmt::format(" as {}", as.format()))}))
    co_return 0;
  auto answer = co_await invocation.ask(std::move(request));
  const auto job = co_await invocation.finish(std::move(answer.job));
  report_restored(invocation, job, as.format());
  co_return 0;
}

loop::Task<int> restore(Invocation& invocation) {
  if (invocation.arguments().has("--from")) co_return co_await restore_from_set(invocation);
  if (invocation.arguments().has("--at")) co_return co_await rewind_instance(invocation);
  const std::string path = invocation.arguments().text("FILE");
  InstanceName target;
  if (invocation.arguments().has("--as")) target = invocation.instance_name("--as");
  UniqueFd file =
      path == "-" ? duplicate(STDIN_FILENO) : UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) throw Failure(errno_error(errno, fmt::format("open {}", path)));
  if (invocation.is_rehearsal({fmt::format(
          "bring {} back{}", path, target.name.empty() ? " under its own name" : " as " + target.format())}))
    co_return 0;

  auto* session = co_await invocation.session();
  const bool onto_external = invocation.arguments().has("--onto-external");
  auto job = co_await session->restore(target.name, target.domain, onto_external, std::move(file));
  job = co_await invocation.finish(std::move(job));
  report_restored(invocation, job, job.target.empty() ? path : job.target);
  co_return 0;
}

}  // namespace

std::vector<Command> backup_commands() {
  return {
      {"instance",
       "backup",
       "Write everything of an instance to one file",
       Effect::kChanges,
       {positional("INSTANCE", "name@domain"),
        option("-o,--output", "FILE", "Where to (default NAME_DOMAIN.dump); - is stdout")},
       "instance backup team@example.com -o team.dump",
       back_up},
      {"instance",
       "restore",
       "Bring an instance back from such a file, out of a backup set, or to a moment",
       Effect::kWorks,
       {positional("FILE", "The backup; - is stdin. With --from or --at: the instance, NAME@DOMAIN"),
        option("--as", "NAME@DOMAIN", "Under another name"),
        option("--from", "SET", "Out of this backup set (berth backup ls)"),
        flag("--onto-external",
             "Also replace data on a server that is not the platform's own; they are kept here to undo it"),
        option("--at", "MOMENT",
               "Back to this moment by the time machine: \"2026-11-22 14:32:07\" on the platform's clock, "
               "2026-11-22T13:32:07Z")},
       "instance restore team@example.com --from 20261122-020000-3fa9",
       restore},
  };
}

}  // namespace berth::cli
