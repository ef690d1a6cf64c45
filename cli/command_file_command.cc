// berth platform command-file
#include "api/commands.h"
#include "cli/human.h"
#include "cli/invocation.h"

namespace berth::cli {
namespace {

Style style_of(api::CommandState state) {
  switch (state) {
    case api::CommandState::kDone: return Style::kGood;
    case api::CommandState::kFailed: return Style::kBad;
    default: return Style::kDim;
  }
}

void print_report(Output& output, const api::CommandFileReport& report) {
  if (report.url.empty()) {
    output.note("no command file is set: berth config set commandFileUrl https://…");
    return;
  }
  output.print_line(output.painted(printable(report.url), Style::kStrong));
  if (!report.fetched.empty())
    output.print_line(fmt::format("  fetched {}", format_relative(report.fetched, output.now())));
  if (!report.error.empty())
    output.print_line(fmt::format("  {}", output.painted(printable(report.error), Style::kBad)));
  if (!report.next.empty())
    output.print_line(fmt::format("  next    {}", format_relative(report.next, output.now())));
  if (report.lines.empty()) return;
  Table table(
      {{"LINE", true}, {"STATE"}, {"TARGET", false, true}, {"COMMAND", false, true}, {"", false, true}});
  for (const auto& line : report.lines)
    table.add({std::to_string(line.line), Cell(std::string(api::word_of(line.state)), style_of(line.state)),
               printable(line.target), printable(line.text), Cell(printable(line.detail), Style::kDim)});
  output.print_table(table);
}

loop::Task<int> command_file(Invocation& invocation) {
  auto& output = invocation.output();
  if (invocation.arguments().has("--run")) {
    if (invocation.is_rehearsal({"fetch the command file and do what is due"})) co_return 0;
    auto answer = co_await invocation.ask(api::RunCommandFile{});
    if (!answer.job) output.note("nothing is due");
    else co_await invocation.finish(std::move(*answer.job));
  }
  const auto report = (co_await invocation.ask(api::GetCommandFile{})).report;
  if (output.is_json()) output.print_json(api::to_json(report));
  else if (output.is_quiet()) output.print_line(report.url);
  else print_report(output, report);
  co_return 0;
}

}  // namespace

std::vector<Command> command_file_commands() {
  return {{"platform",
           "command-file",
           "What the command file said, and how it went",
           Effect::kWorks,
           {flag("--run", "Fetch it now and do what is due")},
           "platform command-file --run --wait",
           command_file}};
}

}  // namespace berth::cli
