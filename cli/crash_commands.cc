// berth crash …, berth service core, berth service report, berth support-bundle
#include "api/crash.h"

#include <fcntl.h>
#include <unistd.h>

#include <fmt/ranges.h>

#include "cli/human.h"
#include "cli/invocation.h"
#include "cli/partial_file.h"

namespace berth::cli {
namespace {

UniqueFd duplicate(int fd) {
  UniqueFd copy(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
  if (!copy) throw Failure(errno_error(errno, "duplicate a descriptor"));
  return copy;
}

void print_groups(Output& output, const std::vector<api::CrashGroup>& groups) {
  Table table({{"SERVICE"},
               {"TIMES", true},
               {"LAST"},
               {"WHAT", false, true},
               {"WHERE", false, true},
               {"BUILDS", false, true},
               {"REPORT"}});
  for (const auto& group : groups)
    table.add({Cell(printable(group.service), Style::kStrong), std::to_string(group.count),
               format_relative(group.last_at, output.now()), printable(group.text), printable(group.place),
               printable(fmt::format("{}", fmt::join(group.builds, ", "))),
               group.last_report.empty() ? "removed" : printable(group.last_report)});
  output.print_table(table);
}

void print_reports(Output& output, const std::vector<api::CrashReport>& reports) {
  Table table(
      {{"REPORT"}, {"CAUSE"}, {"AT"}, {"BUILD"}, {"WHAT", false, true}, {"CORE", true}, {"TRACE", true}});
  for (const auto& report : reports)
    table.add({Cell(printable(report.id), Style::kStrong), std::string(api::word_of(report.cause)),
               format_relative(report.at, output.now()), printable(report.build), printable(report.text),
               report.core_bytes ? format_size(report.core_bytes) : "-", std::to_string(report.trace_lines)});
  output.print_table(table);
}

loop::Task<int> list_crashes(Invocation& invocation) {
  auto& output = invocation.output();
  api::GetCrashes request;
  request.service = invocation.arguments().find("SERVICE");
  const auto told = co_await invocation.ask(request);
  if (output.is_json()) {
    output.print_json(api::to_json(told));
    co_return 0;
  }
  if (output.is_quiet()) {
    for (const auto& report : told.reports) output.print_line(report.id);
    co_return 0;
  }
  if (invocation.arguments().has("--reports")) {
    if (told.reports.empty()) output.note("there are no reports");
    else print_reports(output, told.reports);
  } else if (told.groups.empty()) {
    output.note("nothing has crashed");
  } else {
    print_groups(output, told.groups);
  }
  if (!told.core_note.empty())
    output.note(fmt::format("there are no core dumps: {}", printable(told.core_note)));
  co_return 0;
}

void print_report(Output& output, const api::GetCrashResult& told, std::size_t lines) {
  const auto& report = told.report;
  const auto line = [&](std::string_view name, std::string_view value) {
    if (!value.empty()) output.print_line(fmt::format("{:<12}{}", name, printable(value)));
  };
  output.print_line(output.painted(report.id, Style::kStrong));
  line("service", report.service);
  line("instance", report.instance.value_or(""));
  line("what", report.text);
  if (report.out_of_memory) line("cause", "the kernel ended it because memory was used up");
  line("where", report.place);
  line("at", report.at);
  line("build", report.label.empty() ? report.build : fmt::format("{} ({})", report.build, report.label));
  line("pid", std::to_string(report.pid));
  if (report.cause == api::ReportCause::kCrash)
    line("ran for", format_duration(std::chrono::seconds(report.ran_seconds)));
  if (report.threads) line("threads", std::to_string(report.threads));
  line("core dump", report.core_bytes
                        ? fmt::format("{} (berth crash core {})", format_size(report.core_bytes), report.id)
                        : std::string());
  line("note", report.core_note);
  line("group", report.group);
  if (!report.stack.empty()) output.print_line("");
  for (std::size_t i = 0; i < report.stack.size(); ++i) {
    const auto& frame = report.stack[i];
    output.print_line(
        printable(fmt::format("#{:<3}{}{}  {}", i, frame.function.empty() ? frame.address : frame.function,
                              frame.place.empty() ? "" : " at " + frame.place, frame.module)));
  }
  if (told.trace.empty() || lines == 0) return;
  output.print_line("");
  const std::size_t from = told.trace.size() - std::min(told.trace.size(), lines);
  for (std::size_t i = from; i < told.trace.size(); ++i) output.print_line(printable(told.trace[i]));
}

loop::Task<int> show_crash(Invocation& invocation) {
  auto& output = invocation.output();
  const auto told = co_await invocation.ask(api::GetCrash{invocation.arguments().text("REPORT")});
  if (output.is_json()) output.print_json(api::to_json(told));
  else if (output.is_quiet()) output.print_line(told.report.id);
  else print_report(output, told, static_cast<std::size_t>(invocation.arguments().number("--lines", 40)));
  co_return 0;
}

loop::Task<int> remove_crashes(Invocation& invocation) {
  const auto& arguments = invocation.arguments();
  api::RemoveCrashes request;
  request.id = arguments.find("REPORT");
  request.group = arguments.find("--group");
  const int given = (request.id ? 1 : 0) + (request.group ? 1 : 0) + (arguments.has("--all") ? 1 : 0);
  if (given != 1) throw_usage("crash rm REPORT, --group GROUP or --all");
  const std::string what = request.id      ? "the report " + *request.id
                           : request.group ? "all reports of the group " + *request.group
                                           : std::string("all reports");
  if (invocation.is_rehearsal({fmt::format("remove {}", what)})) co_return 0;
  const auto removed = (co_await invocation.ask(request)).removed;
  auto& output = invocation.output();
  if (output.is_json()) output.print_json(api::JsonObject{{"removed", removed}});
  else output.note(fmt::format("{} removed", format_count(removed, "report")));
  co_return 0;
}

// Into a file that appears whole or not at all.
template <class T>
loop::Task<std::uint64_t> fetch_file(Invocation& invocation, T request, std::string path) {
  auto file = or_throw(PartialFile::make(path));
  auto* session = co_await invocation.session();
  auto target = duplicate(file.fd());
  auto message = api::format_message(request);
  const auto answer = co_await session->write_to(std::move(message), std::move(target));
  const auto bytes = or_throw(api::parse_answer<typename T::Answer>(answer)).bytes;
  or_throw(file.commit());
  co_return bytes;
}

void report_file(Output& output, const std::string& path, std::uint64_t bytes) {
  if (output.is_json()) output.print_json(api::JsonObject{{"file", path}, {"bytes", bytes}});
  else if (output.is_quiet()) output.print_line(path);
  else output.print_line(fmt::format("{}: {}", path, format_size(bytes)));
}

loop::Task<int> fetch_core(Invocation& invocation) {
  const std::string id = invocation.arguments().text("REPORT");
  const std::string path = invocation.arguments().find("--output").value_or(id + ".core");
  if (invocation.is_rehearsal({fmt::format("write the core dump of {} to {}", id, path)})) co_return 0;
  const auto bytes = co_await fetch_file(invocation, api::FetchCore{id}, path);
  report_file(invocation.output(), path, bytes);
  co_return 0;
}

loop::Task<int> dump_service(Invocation& invocation) {
  const std::string service = invocation.arguments().text("SERVICE");
  if (invocation.is_rehearsal({fmt::format("save the memory of {}, which stands still meanwhile", service)}))
    co_return 0;
  auto& output = invocation.output();
  output.progress(fmt::format("saving the memory of {} …", service));
  auto request = api::MakeReport{service, true};
  const auto report = (co_await invocation.ask(std::move(request))).report;
  if (report.core_bytes == 0) throw_failure(Errc::kFailed, "no core dump: {}", report.core_note);
  const std::string path =
      invocation.arguments().find("--output").value_or(fmt::format("core.{}", report.pid));
  const auto bytes = co_await fetch_file(invocation, api::FetchCore{report.id}, path);
  report_file(output, path, bytes);
  co_return 0;
}

loop::Task<int> report_service(Invocation& invocation) {
  const std::string service = invocation.arguments().text("SERVICE");
  if (invocation.is_rehearsal({fmt::format("save what the flight recorder of {} holds", service)}))
    co_return 0;
  const auto report = (co_await invocation.ask(api::MakeReport{service, false})).report;
  auto& output = invocation.output();
  if (output.is_json()) output.print_json(api::to_json(report));
  else if (output.is_quiet()) output.print_line(report.id);
  else output.print_line(fmt::format("{}: {}", report.id, format_count(report.trace_lines, "line")));
  co_return 0;
}

loop::Task<int> make_bundle(Invocation& invocation) {
  const auto& arguments = invocation.arguments();
  if (arguments.has("--cores") && arguments.has("--no-cores")) throw_usage("--cores or --no-cores");
  const std::string path = arguments.find("--output").value_or("berth-support.tar.zst");
  const bool cores = arguments.has("--cores");
  if (invocation.is_rehearsal(
          {fmt::format("write a support bundle{} to {}", cores ? " with core dumps" : "", path)}))
    co_return 0;
  auto& output = invocation.output();
  output.progress("putting it together …");
  const auto bytes = co_await fetch_file(invocation, api::MakeSupportBundle{cores}, path);
  if (cores) output.warn("core dumps hold whatever was in memory, passwords and data of users, too");
  report_file(output, path, bytes);
  co_return 0;
}

}  // namespace

std::vector<Command> crash_commands() {
  const auto service = positional("SERVICE", "Id of the service, as in: berth service ls");
  const auto report = positional("REPORT", "Its id, from berth crash ls");
  return {
      {"crash",
       "ls",
       "What has crashed, how often, in which builds",
       Effect::kReads,
       {optional_positional("SERVICE", "This one only"), flag("--reports", "Each single report instead")},
       "crash ls",
       list_crashes},
      {"crash",
       "show",
       "One report: cause, stack, and what happened before",
       Effect::kReads,
       {report, number_option("-n,--lines", "N", "Lines of the trace (default 40)")},
       "crash show notes-20261122-224107-4711",
       show_crash},
      {"crash",
       "core",
       "Its core dump, as debuggers open it",
       Effect::kChanges,
       {report, option("-o,--output", "FILE", "Where to (default REPORT.core)")},
       "crash core notes-20261122-224107-4711",
       fetch_core},
      {"crash",
       "rm",
       "Remove reports with their core dumps",
       Effect::kChanges,
       {optional_positional("REPORT", "Its id"),
        option("--group", "GROUP", "All of this group, and its count"), flag("--all", "Every one")},
       "crash rm --all",
       remove_crashes},
      {"service",
       "core",
       "The memory of a running service, as a core dump; it stands still meanwhile",
       Effect::kChanges,
       {service, option("-o,--output", "FILE", "Where to (default core.PID)")},
       "service core notes -o notes.core",
       dump_service},
      {"service",
       "report",
       "Save what the flight recorder of a running service holds",
       Effect::kChanges,
       {service},
       "service report notes",
       report_service},
      {"support-bundle",
       "",
       "Everything that helps others to find a fault, in one file, without passwords and keys",
       Effect::kChanges,
       {option("-o,--output", "FILE", "Where to (default berth-support.tar.zst)"),
        flag("--cores", "With core dumps, which hold whatever was in memory"),
        flag("--no-cores", "Without, which is the default")},
       "support-bundle -o bundle.tar.zst",
       make_bundle},
  };
}

}  // namespace berth::cli
