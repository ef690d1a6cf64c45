// berth capture …
#include "api/capture.h"
#include "api/settings.h"
#include "api/status.h"

#include "base/utc.h"
#include "cli/human.h"
#include "cli/invocation.h"

namespace berth::cli {
namespace {

constexpr std::int64_t kUsualMinutes = 30, kMostMinutes = 24 * 60;

struct State {
  std::string until, from, interfaces, port;
};

loop::Task<State> read_state(Invocation& invocation) {
  State state;
  for (const auto& setting : (co_await invocation.ask(api::GetSettings{})).settings) {
    if (setting.name == "captureUntil") state.until = setting.value;
    if (setting.name == "captureFrom") state.from = setting.value;
    if (setting.name == "captureInterface") state.interfaces = setting.value;
    if (setting.name == "capturePort") state.port = setting.value;
  }
  co_return state;
}

loop::Task<int> show(Invocation& invocation) {
  const auto state = co_await read_state(invocation);
  auto& output = invocation.output();
  if (output.is_json()) {
    output.print_json(api::JsonObject{{"on", !state.until.empty()},
                                      {"until", state.until},
                                      {"from", state.from},
                                      {"interfaces", state.interfaces},
                                      {"port", state.port}});
    co_return 0;
  }
  if (state.until.empty()) {
    output.print_line("off");
    co_return 0;
  }
  output.print_line(fmt::format("on until {}, for {}", state.until, state.from));
  output.print_line(fmt::format(
      "wireshark -k -i rpcap://HOST:{}/{}", state.port,
      state.interfaces.empty() ? "eth0" : state.interfaces.substr(0, state.interfaces.find(' '))));
  // Whether it really runs is told by the findings.
  for (const auto& check : (co_await invocation.ask(api::GetStatus{})).status.checks)
    if (check.id == "capture-failed") output.warn(check.text);
  co_return 0;
}

loop::Task<int> switch_on(Invocation& invocation) {
  const auto& arguments = invocation.arguments();
  const auto minutes = arguments.number("--minutes", kUsualMinutes);
  if (minutes < 1 || minutes > kMostMinutes) throw_usage("--minutes: 1 to {}", kMostMinutes);
  if (invocation.is_rehearsal(
          {fmt::format("let {} capture packets for {} minutes",
                       arguments.find("--from").value_or("whom the setting captureFrom names"), minutes)}))
    co_return 0;
  api::StartCapture request;
  request.minutes = static_cast<std::uint64_t>(minutes);
  request.from = arguments.find("--from");
  request.interfaces = arguments.find("--interface");
  const auto started = co_await invocation.ask(std::move(request));
  auto& output = invocation.output();
  std::optional<std::string> password;
  if (started.password) {
    auto* session = co_await invocation.session();
    password = session->open(*started.password);
  }
  if (output.is_json()) {
    api::JsonObject object{{"on", true}, {"until", started.until}, {"user", started.user}};
    if (password) object["password"] = *password;
    output.print_json(object);
    co_return 0;
  }
  const int code = co_await show(invocation);
  if (password) {
    output.print_line(fmt::format("user {}, password {}", started.user, *password));
    output.note(
        "Keep the password: it is not shown again (berth config set capturePassword --value-file FILE).");
  }
  co_return code;
}

loop::Task<int> switch_off(Invocation& invocation) {
  if (invocation.is_rehearsal({"end packet capture"})) co_return 0;
  co_await invocation.ask(api::SetSetting{"captureUntil", ""});
  auto& output = invocation.output();
  if (output.is_json()) output.print_json(api::JsonObject{{"on", false}});
  else output.note("packet capture is off");
  co_return 0;
}

}  // namespace

std::vector<Command> capture_commands() {
  return {
      {"capture",
       "show",
       "Whether the packets of this machine can be captured, and by whom",
       Effect::kReads,
       {},
       "capture show",
       show},
      {"capture",
       "on",
       "Let capture tools (Wireshark, rpcap://…) get packets of this machine, for a while",
       Effect::kChanges,
       {number_option("--minutes", "N", "For so long (30, at most 1440)"),
        option("--from", "ADDRESSES", "Who may, separated by commas; stays for the next time"),
        option("--interface", "NAME", "Only these interfaces; stays for the next time, \"\" is all")},
       "capture on --minutes 30 --from 192.0.2.7 --interface eth0",
       switch_on},
      {"capture", "off", "End packet capture", Effect::kChanges, {}, "capture off", switch_off},
  };
}

}  // namespace berth::cli
