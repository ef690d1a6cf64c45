#include "cli/program.h"

#include <csignal>

#include "cli/invocation.h"
#include "loop/process.h"
#include "loop/sync.h"

namespace berth::cli {
namespace {

int run_command(ParsedLine line, Output output) {
  loop::Loop loop;
  loop::Signals signals(loop, {SIGINT, SIGTERM});
  const auto* command = line.command;
  Invocation invocation(loop, std::move(line), std::move(output));
  loop::Spawned<int> interrupted(loop, signals.next());
  loop::Spawned<int> running(loop, command->run(invocation));
  while (!running.is_done() && !interrupted.is_done()) loop.run_once(std::chrono::hours(1));
  invocation.output().progress("");
  if (!running.is_done()) return 128 + interrupted.take();
  try {
    return running.take();
  } catch (const UsageError& usage) {
    invocation.output().error(usage.error());
    return static_cast<int>(ExitCode::kUsage);
  } catch (...) {
    const auto error = current_error();
    invocation.output().error(error);
    return static_cast<int>(exit_code_of(error.code));
  }
}

}  // namespace

int run(int argc, const char* const* argv, Terminal terminal, std::FILE* out, std::FILE* error) {
  std::string text;
  ParsedLine line;
  try {
    line = parse_line(argc, argv, text);
  } catch (const Failure& failure) {
    Output(Format::kTable, terminal, out, error).error(failure.error());
    return static_cast<int>(ExitCode::kUsage);
  }
  if (!line.command) {
    std::fwrite(text.data(), 1, text.size(), out);
    return 0;
  }
  if (line.options.no_color) terminal.color = false;
  const Format format = line.options.format;
  return run_command(std::move(line), Output(format, terminal, out, error));
}

}  // namespace berth::cli
