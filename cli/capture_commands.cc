// berth capture …
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
  const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  const auto until = format_utc(now + std::chrono::minutes(minutes));
  if (invocation.is_rehearsal(
          {fmt::format("let {} capture packets until {}",
                       arguments.find("--from").value_or("whom the setting captureFrom names"), until)}))
    co_return 0;
  // The end comes last: until then nothing is open.
  if (const auto from = arguments.find("--from"))
    co_await invocation.ask(api::SetSetting{"captureFrom", *from});
  if (const auto name = arguments.find("--interface"))
    co_await invocation.ask(api::SetSetting{"captureInterface", *name});
  co_await invocation.ask(api::SetSetting{"captureUntil", until});
  const int code = co_await show(invocation);
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
