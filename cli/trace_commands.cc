// berth trace …
#include "api/trace.h"

#include <fmt/ranges.h>

#include "base/trace_flags.h"
#include "cli/human.h"
#include "cli/invocation.h"

namespace berth::cli {
namespace {

loop::Task<int> list_traces(Invocation& invocation) {
  auto& output = invocation.output();
  if (invocation.arguments().has("--flags")) {
    boost::json::array list;
    Table table({{"FLAG"}, {"BIT", true}, {"TITLE", false, true}, {""}});
    for (const auto& name : trace_flag_names()) {
      list.push_back(api::JsonObject{
          {"flag", name.word}, {"value", name.value}, {"title", name.title}, {"native", name.is_native}});
      table.add({Cell(std::string(name.word), Style::kStrong), fmt::format("0x{:x}", name.value),
                 std::string(name.title), name.is_native ? "clients only" : ""});
    }
    if (output.is_json()) output.print_json(list);
    else output.print_table(table);
    co_return 0;
  }
  const auto told = co_await invocation.ask(api::GetTraces{});
  if (output.is_json()) {
    output.print_json(api::to_json(told.traces));
    co_return 0;
  }
  Table table({{"TARGET"}, {"FLAGS", false, true}, {"UNTIL"}, {"USUALLY", false, true}, {"BY", false, true}});
  for (const auto& trace : told.traces) {
    if (output.is_quiet()) output.print_line(trace.target);
    else
      table.add({Cell(printable(trace.target), Style::kStrong), format_trace_flags(trace.flags), trace.until,
                 format_trace_flags(trace.usual_flags), printable(trace.by)});
  }
  if (output.is_quiet()) co_return 0;
  if (table.empty()) output.note("only what is usual is traced");
  else output.print_table(table);
  co_return 0;
}

loop::Task<int> set_trace(Invocation& invocation) {
  const auto& arguments = invocation.arguments();
  api::SetTrace request;
  request.target = arguments.text("TARGET");
  const auto flags = parse_trace_flags(arguments.text("FLAGS"));
  if (!flags) throw_usage("{}; berth trace ls --flags shows those that there are", flags.error().detail);
  request.flags = *flags;
  if (arguments.has("--for")) request.minutes = whole_minutes(arguments.duration("--for"));
  if (invocation.is_rehearsal({fmt::format("trace {} of {} for {} min", format_trace_flags(*flags),
                                           request.target, request.minutes)}))
    co_return 0;
  const auto trace = (co_await invocation.ask(std::move(request))).trace;
  auto& output = invocation.output();
  if (!trace) co_return 0;
  if (output.is_json()) output.print_json(api::to_json(*trace));
  else
    output.note(fmt::format("{}: {} until {}", printable(trace->target), format_trace_flags(trace->flags),
                            trace->until));
  co_return 0;
}

loop::Task<int> end_trace(Invocation& invocation) {
  api::SetTrace request;
  request.target = invocation.arguments().text("TARGET");
  const std::string target = request.target;
  if (invocation.is_rehearsal({fmt::format("trace what is usual of {}", target)})) co_return 0;
  co_await invocation.ask(std::move(request));
  if (!invocation.output().is_json())
    invocation.output().note(fmt::format("{}: the usual flags hold again", target));
  co_return 0;
}

loop::Task<int> show_flight(Invocation& invocation) {
  const auto& arguments = invocation.arguments();
  api::GetFlightRecorder request;
  request.service = arguments.text("SERVICE");
  request.lines = static_cast<std::uint64_t>(arguments.number("--lines", 1000));
  request.instance = arguments.find("--instance");
  const auto told = co_await invocation.ask(std::move(request));
  auto& output = invocation.output();
  if (output.is_json()) {
    output.print_json(api::to_json(told));
    co_return 0;
  }
  for (const auto& line : told.lines) output.print_line(printable(line));
  if (told.torn)
    output.warn(
        fmt::format("{} between them: entries that were being written", format_count(told.torn, "gap")));
  co_return 0;
}

}  // namespace

std::vector<Command> trace_commands() {
  const auto target = positional("TARGET", "name@domain of an instance, a service, or manager");
  return {
      {"trace",
       "ls",
       "What is traced beyond the usual, and until when",
       Effect::kReads,
       {flag("--flags", "The flags that there are")},
       "trace ls",
       list_traces},
      {"trace",
       "set",
       "Trace more (or less) for a time, at once, without a restart",
       Effect::kChanges,
       {target,
        positional("FLAGS", "Words as in berth trace ls --flags, with commas; usual, all, none; or a number"),
        option("--for", "TIME", "30m (default), 2h, 7d")},
       "trace set team@example.com usual,database --for 2h",
       set_trace},
      {"trace",
       "off",
       "Trace what is usual again",
       Effect::kChanges,
       {target},
       "trace off team@example.com",
       end_trace},
      {"trace",
       "flight",
       "The flight recorder of a service: everything of the last minutes, whatever its log shows",
       Effect::kReads,
       {positional("SERVICE", "Its id"), number_option("-n,--lines", "N", "The newest (default 1000)"),
        option("--instance", "NAME@DOMAIN", "Lines of this instance only")},
       "trace flight notes -n 100",
       show_flight},
  };
}

}  // namespace berth::cli
