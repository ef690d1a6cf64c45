// berth log
#include "api/log.h"

#include "cli/invocation.h"

namespace berth::cli {
namespace {

void print_lines(Output& output, const std::vector<std::string>& lines) {
  for (const auto& line : lines) {
    if (output.is_json()) output.print_line(boost::json::serialize(api::to_json(line)));
    else output.print_line(printable(line));
  }
}

loop::Task<int> show_log(Invocation& invocation) {
  const auto& arguments = invocation.arguments();
  api::GetLog request;
  request.service = arguments.text("SERVICE");
  request.lines = static_cast<std::uint64_t>(arguments.number("--lines", 200));
  request.follow = arguments.has("--follow");
  request.instance = arguments.find("--instance");
  auto& output = invocation.output();
  const bool follows = request.follow;
  const auto answer = co_await invocation.ask(std::move(request));
  print_lines(output, answer.lines);
  auto* session = co_await invocation.session();
  while (follows) {
    const auto message = co_await session->indication();
    const auto envelope = api::parse_envelope(message);
    if (!envelope || envelope->mt != api::LogLines::kMt) continue;
    print_lines(output, or_throw(api::parse_message<api::LogLines>(message)).lines);
  }
  co_return 0;
}

}  // namespace

std::vector<Command> log_commands() {
  return {{"log",
           "",
           "Log lines of a service, or of manager, webserver, postgres",
           Effect::kReads,
           {positional("SERVICE", "Its id"), flag("-f,--follow", "Go on with new lines, until Ctrl-C"),
            number_option("-n,--lines", "N", "How many to begin with (default 200)"),
            option("--instance", "NAME@DOMAIN", "Lines of this instance only")},
           "log notes -f",
           show_log}};
}

}  // namespace berth::cli
