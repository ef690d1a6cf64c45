// berth usage, berth limit …
#include "api/usage.h"

#include "cli/human.h"
#include "cli/invocation.h"

namespace berth::cli {
namespace {

// "team@example.com" is an instance, "example.com" a domain.
struct Whose {
  std::string domain, name;
  std::string format() const { return name.empty() ? domain : name + "@" + domain; }
};
Whose parse_whose(const std::string& text) {
  const auto at = text.find('@');
  if (at == std::string::npos) return {text, ""};
  if (at == 0 || at + 1 == text.size()) throw_usage("{} is neither NAME@DOMAIN nor a domain", text);
  return {text.substr(at + 1), text.substr(0, at)};
}

// A cell of CSV (RFC 4180 section 2). What begins as a formula would be one in spreadsheets, so it is set off.
std::string csv_cell(std::string_view text) {
  const bool is_formula =
      !text.empty() && std::string_view("=+-@\t\r").find(text.front()) != std::string_view::npos;
  if (!is_formula && text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string cell = is_formula ? "\"'" : "\"";
  for (const char c : text) {
    if (c == '"') cell += '"';
    cell += c;
  }
  return cell + '"';
}

void print_csv(Output& output, const api::GetUsageResult& told) {
  output.print(
      "day,domain,name,service,cpuSeconds,memoryGibHours,databaseBytes,requests,websocketMinutes,messagesIn,"
      "messagesOut,bytesIn,bytesOut,databaseSeconds,slowed,refused\r\n");
  for (const auto& row : told.rows)
    output.print(fmt::format("{},{},{},{},{:.3f},{:.4f},{},{},{:.2f},{},{},{},{},{:.3f},{},{}\r\n", row.day,
                             csv_cell(row.domain), csv_cell(row.name), csv_cell(row.service), row.cpu_seconds,
                             row.memory_gib_hours, row.database_bytes, row.requests, row.websocket_minutes,
                             row.messages_in, row.messages_out, row.bytes_in, row.bytes_out,
                             row.database_seconds, row.slowed, row.refused));
}

std::string amount(double value) {
  return value < 10 ? fmt::format("{:.2f}", value) : fmt::format("{:.0f}", value);
}

loop::Task<int> show_usage(Invocation& invocation) {
  const auto& arguments = invocation.arguments();
  api::GetUsage request;
  request.from = arguments.find("--from");
  request.to = arguments.find("--to");
  request.by_day = arguments.has("--by-day");
  request.by_instance = arguments.has("--by-instance");
  if (arguments.has("WHOSE")) {
    const auto whose = parse_whose(arguments.text("WHOSE"));
    request.domain = whose.domain;
    if (!whose.name.empty()) request.name = whose.name;
  }
  const bool wants_csv = arguments.has("--csv");
  const auto told = co_await invocation.ask(std::move(request));
  auto& output = invocation.output();
  if (output.is_json()) {
    output.print_json(api::to_json(told));
    co_return 0;
  }
  if (wants_csv) {
    print_csv(output, told);
    co_return 0;
  }
  if (told.rows.empty()) {
    output.note(fmt::format("nothing was used from {} to {}", told.from, told.to));
    co_return 0;
  }
  Table table({{"DAY"},
               {"WHOSE", false, true},
               {"CPU", true},
               {"MEMORY", true},
               {"DATABASE", true},
               {"REQUESTS", true},
               {"WEBSOCKETS", true},
               {"MESSAGES", true},
               {"IN", true},
               {"OUT", true},
               {"DB TIME", true},
               {"SLOWED", true}});
  for (const auto& row : told.rows) {
    const Whose whose{row.domain, row.name};
    const auto slowed = row.slowed + row.refused;
    table.add({row.day.empty() ? "all" : row.day, Cell(printable(whose.format()), Style::kStrong),
               amount(row.cpu_seconds) + " s", amount(row.memory_gib_hours) + " GiB·h",
               format_size(row.database_bytes), fmt::format("{}", row.requests),
               amount(row.websocket_minutes) + " min", fmt::format("{}", row.messages_in + row.messages_out),
               format_size(row.bytes_in), format_size(row.bytes_out), amount(row.database_seconds) + " s",
               Cell(fmt::format("{}", slowed), slowed ? Style::kBusy : Style::kDim)});
  }
  output.print_table(table);
  output.note(fmt::format("{} to {}, days by {}", told.from, told.to,
                          told.time_zone.empty() ? "UTC" : printable(told.time_zone)));
  co_return 0;
}

// One row of limits: its name for people, how it is set, and its member.
struct Kind {
  std::string_view option;
  std::string_view title;
  std::optional<std::uint64_t> api::Limits::* member;
};
constexpr Kind kKinds[] = {
    {"--database-bytes", "DATABASE", &api::Limits::database_bytes},
    {"--websockets", "WEBSOCKETS", &api::Limits::websockets},
    {"--requests", "REQUESTS/S", &api::Limits::requests},
    {"--messages", "MESSAGES/S", &api::Limits::messages},
    {"--database-connections", "CONNECTIONS", &api::Limits::database_connections},
    {"--statement-seconds", "STATEMENT", &api::Limits::statement_seconds},
};

std::string format_limit(const Kind& kind, std::uint64_t value) {
  if (value == 0) return "-";
  if (kind.member == &api::Limits::database_bytes) return format_size(value);
  if (kind.member == &api::Limits::statement_seconds) return fmt::format("{} s", value);
  return fmt::format("{}", value);
}

void print_limits(Output& output, const std::vector<api::LimitsOf>& all) {
  std::vector<Column> columns = {{"WHOSE", false, true}, {"USED", true}, {"STATE"}};
  for (const auto& kind : kKinds) columns.push_back({std::string(kind.title), true});
  Table table(std::move(columns));
  for (const auto& limits : all) {
    const bool is_bad = limits.database_state == "readOnly" || limits.database_state == "lockedOut";
    const bool is_fine = limits.database_state == "fine";
    std::vector<Cell> row = {Cell(printable(Whose{limits.domain, limits.name}.format()), Style::kStrong),
                             format_size(limits.database_bytes),
                             Cell(limits.database_state, is_bad    ? Style::kBad
                                                         : is_fine ? Style::kGood
                                                                   : Style::kBusy)};
    for (const auto& kind : kKinds) {
      const bool is_own = (limits.own.*kind.member).has_value();
      row.emplace_back(format_limit(kind, (limits.effective.*kind.member).value_or(0)),
                       is_own ? Style::kStrong : Style::kDim);
    }
    table.add(std::move(row));
  }
  output.print_table(table);
}

loop::Task<int> list_limits(Invocation& invocation) {
  api::GetLimits request;
  if (invocation.arguments().has("WHOSE")) {
    const auto whose = parse_whose(invocation.arguments().text("WHOSE"));
    request.domain = whose.domain;
    if (!whose.name.empty()) request.name = whose.name;
  }
  const auto told = co_await invocation.ask(std::move(request));
  auto& output = invocation.output();
  if (output.is_json()) output.print_json(api::to_json(told));
  else print_limits(output, told.limits);
  co_return 0;
}

std::string describe(const api::Limits& limits) {
  std::string text;
  for (const auto& kind : kKinds)
    if (const auto value = limits.*kind.member)
      text += fmt::format("{}{} {}", text.empty() ? "" : ", ", kind.option.substr(2), *value);
  return text.empty() ? "nothing of its own" : text;
}

loop::Task<int> set_limits(Invocation& invocation) {
  const auto& arguments = invocation.arguments();
  const auto whose = parse_whose(arguments.text("WHOSE"));
  api::GetLimits question;
  question.domain = whose.domain;
  if (!whose.name.empty()) question.name = whose.name;
  const bool clears = arguments.has("--clear");
  bool any = clears;
  std::vector<std::pair<const Kind*, std::uint64_t>> wanted;
  for (const auto& kind : kKinds) {
    if (!arguments.has(kind.option)) continue;
    const auto value = arguments.number(kind.option, 0);
    if (value < 0) throw_usage("{} takes a number, 0 for no limit", kind.option);
    wanted.emplace_back(&kind, static_cast<std::uint64_t>(value));
    any = true;
  }
  if (!any) throw_usage("which limit? berth limit set --help names them");
  const auto known = co_await invocation.ask(std::move(question));
  api::SetLimits request;
  request.domain = whose.domain;
  request.name = whose.name;
  if (!clears)
    for (const auto& limits : known.limits)
      if (limits.name == whose.name) request.limits = limits.own;
  for (const auto& [kind, value] : wanted) request.limits.*kind->member = value;
  if (invocation.is_rehearsal({fmt::format("set for {}: {}", whose.format(), describe(request.limits))}))
    co_return 0;
  const auto told = co_await invocation.ask(std::move(request));
  auto& output = invocation.output();
  if (output.is_json()) output.print_json(api::to_json(told.limits));
  else print_limits(output, {told.limits});
  co_return 0;
}

loop::Task<int> allow_writes(Invocation& invocation) {
  const auto instance = invocation.instance_name();
  api::AllowWrites request;
  request.name = instance.name;
  request.domain = instance.domain;
  const auto minutes = invocation.arguments().number("--minutes", 60);
  if (minutes < 0) throw_usage("--minutes takes 0 to 10080");
  request.minutes = static_cast<std::uint64_t>(minutes);
  if (invocation.is_rehearsal({minutes == 0
                                   ? fmt::format("have {} keep to its limit again", instance.format())
                                   : fmt::format("let {} write for {} minutes", instance.format(), minutes)}))
    co_return 0;
  const auto told = co_await invocation.ask(std::move(request));
  auto& output = invocation.output();
  if (output.is_json()) {
    output.print_json(api::to_json(told.limits));
  } else if (told.limits.writable_until) {
    output.note(fmt::format("{} may write until {}", instance.format(), *told.limits.writable_until));
  } else {
    output.note(fmt::format("{} keeps to its limit", instance.format()));
  }
  co_return 0;
}

}  // namespace

std::vector<Command> usage_commands() {
  std::vector<Parameter> set_parameters = {
      positional("WHOSE", "NAME@DOMAIN, or a domain: for all its instances"),
      number_option("--database-bytes", "N",
                    "Size of its database at which it can only read; of a domain: of all together"),
      number_option("--websockets", "N", "WebSockets open at once"),
      number_option("--requests", "N", "Requests a second"),
      number_option("--messages", "N", "WebSocket messages a second"),
      number_option("--database-connections", "N", "Connections to its database at once"),
      number_option("--statement-seconds", "N", "Longest run of a statement"),
      flag("--clear", "What is not named is as for everybody again")};
  return {
      {"usage",
       "",
       "What domains and instances used: CPU, memory, database, requests, WebSockets, traffic",
       Effect::kReads,
       {optional_positional("WHOSE", "A domain, or NAME@DOMAIN (default: all domains)"),
        option("--from", "DAY", "First day, as 2026-11-01 (default: the first of the month)"),
        option("--to", "DAY", "Last day (default: today)"), flag("--by-day", "A row for each day"),
        flag("--by-instance", "A row for each instance"), flag("--csv", "For spreadsheets")},
       "usage example.com --from 2026-11-01 --by-day --csv",
       show_usage},
      {"limit",
       "ls",
       "What domains and instances may have, and how near their databases are to it",
       Effect::kReads,
       {optional_positional("WHOSE", "A domain, or NAME@DOMAIN (default: all)")},
       "limit ls example.com",
       list_limits},
      {"limit", "set", "How much an instance or a domain may have; 0: no limit", Effect::kChanges,
       std::move(set_parameters), "limit set team@example.com --database-bytes 2000000000 --messages 100",
       set_limits},
      {"limit",
       "allow-writes",
       "Let an instance write for a while though its database is above its limit",
       Effect::kChanges,
       {positional("INSTANCE", "NAME@DOMAIN"),
        number_option("--minutes", "N", "For so long, 10,080 at most; 0: no longer (default 60)")},
       "limit allow-writes team@example.com --minutes 60",
       allow_writes},
  };
}

}  // namespace berth::cli
