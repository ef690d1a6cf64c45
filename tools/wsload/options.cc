#include "tools/wsload/options.h"

#include "base/text.h"

namespace berth::wsload {
namespace {

Result<std::int64_t> parse_number(std::string_view name, std::string_view text, std::int64_t least,
                                  std::int64_t most) {
  const auto value = parse_integer(text);
  if (!value || *value < least || *value > most)
    return fail(Errc::kMalformed, "{}: a number from {} to {} expected, not '{}'", name, least, most, text);
  return *value;
}

Result<Options::Mode> parse_mode(std::string_view word) {
  using enum Options::Mode;
  static constexpr std::pair<std::string_view, Options::Mode> kModes[] = {
      {"idle", kIdle},   {"echo", kEcho},       {"flood", kFlood},
      {"burst", kBurst}, {"receive", kReceive}, {"serve", kServe}};
  for (const auto& [name, mode] : kModes)
    if (name == word) return mode;
  return fail(Errc::kMalformed, "'{}': idle, echo, flood, burst, receive or serve expected", word);
}

Result<void> take(Options& options, std::string_view name, std::string_view value) {
  constexpr std::int64_t kHour = 3'600'000;
  const auto number = [&](std::int64_t least, std::int64_t most) {
    return parse_number(name, value, least, most);
  };
  if (name == "--url") {
    BERTH_TRY(options.url, net::parse_url(value));
  } else if (name == "--connections") {
    BERTH_TRY(const auto count, number(1, 1'000'000));
    options.connections = static_cast<std::size_t>(count);
  } else if (name == "--size") {
    BERTH_TRY(const auto bytes, number(0, 64 << 20));
    options.size = static_cast<std::size_t>(bytes);
  } else if (name == "--warm-up-ms") {
    BERTH_TRY(const auto ms, number(0, kHour));
    options.warm_up = std::chrono::milliseconds(ms);
  } else if (name == "--run-ms") {
    BERTH_TRY(const auto ms, number(1, kHour));
    options.run = std::chrono::milliseconds(ms);
  } else if (name == "--limit-ms") {
    BERTH_TRY(const auto ms, number(1, kHour));
    options.limit = std::chrono::milliseconds(ms);
  } else if (name == "--most") {
    BERTH_TRY(const auto count, number(0, 1'000'000'000));
    options.most = static_cast<std::size_t>(count);
  } else if (name == "--talkers") {
    BERTH_TRY(const auto count, number(0, 10'000));
    options.talkers = static_cast<std::size_t>(count);
  } else if (name == "--ahead") {
    BERTH_TRY(const auto count, number(1, 10'000));
    options.ahead = static_cast<std::size_t>(count);
  } else if (name == "--resume") {
    BERTH_TRY(const auto on, number(0, 1));
    options.resume = on == 1;
  } else if (name == "--tls12") {
    BERTH_TRY(const auto on, number(0, 1));
    options.tls12 = on == 1;
  } else if (name == "--pids") {
    for (const auto part : split(value, ',')) {
      BERTH_TRY(const auto pid, parse_number(name, part, 1, 1 << 30));
      options.pids.push_back(static_cast<pid_t>(pid));
    }
  } else if (name == "--listen") {
    options.listen = value;
  } else if (name == "--unix") {
    options.unix_path = value;
  } else {
    return fail(Errc::kMalformed, "{}: unknown option", name);
  }
  return {};
}

}  // namespace

std::string_view usage() {
  return "wsload idle|echo|flood|burst|receive --url ws://127.0.0.1:PORT/PATH [options]\n"
         "wsload serve --listen 127.0.0.1:PORT | --unix PATH\n"
         "  idle      opens connections and holds them until its input ends\n"
         "  echo      each connection sends a message, waits for it to come back, compares, sends the next\n"
         "  flood     each connection has many messages under way; they are counted, not compared\n"
         "  burst     connects, upgrades, echoes once, closes; so many at a time\n"
         "  receive   one of the connections sends a message, all of them wait for it, and again\n"
         "  serve     echoes; a path that ends in /room sends to all of the room; GET answers 1 KiB\n"
         "  --connections N (100)   --size BYTES (64)       --warm-up-ms N (500)  --run-ms N (2000)\n"
         "  --limit-ms N (60000)    --most N (0: no limit)  --talkers N (0)       --ahead N (64)\n"
         "  --resume 0|1            --tls12 0|1\n"
         "  --pids P,P              CPU time of these processes while it is measured\n"
         "Prints one JSON object a line: {\"event\":\"open\"} once all are open, {\"event\":\"end\",…}.\n";
}

Result<Options> parse_options(std::span<const char* const> arguments) {
  Options options;
  if (arguments.empty()) return fail(Errc::kMalformed, "what to do is missing");
  BERTH_TRY(options.mode, parse_mode(arguments[0]));
  for (std::size_t i = 1; i < arguments.size(); i += 2) {
    if (i + 1 == arguments.size()) return fail(Errc::kMalformed, "{}: its value is missing", arguments[i]);
    BERTH_TRY_VOID(take(options, arguments[i], arguments[i + 1]));
  }
  if (options.mode == Options::Mode::kServe) {
    if (options.listen.empty() == options.unix_path.empty())
      return fail(Errc::kMalformed, "either --listen or --unix expected");
  } else if (options.url.host.empty()) {
    return fail(Errc::kMalformed, "--url is missing");
  }
  return options;
}

}  // namespace berth::wsload
