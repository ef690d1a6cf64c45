#include "db/connection_options.h"

#include <libpq-fe.h>

#include <memory>

#include "base/text.h"

namespace berth::db {
namespace {

struct FreeOptions {
  void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};

}  // namespace

std::string ConnectionOptions::describe() const {
  return fmt::format("{} on {}:{} as {}", database, host.empty() ? "the default host" : host, port, user);
}

Result<ConnectionOptions> parse_conninfo(std::string_view text) {
  char* problem = nullptr;
  const std::unique_ptr<PQconninfoOption, FreeOptions> parsed(
      PQconninfoParse(std::string(text).c_str(), &problem));
  if (!parsed) {
    const std::string reason(problem ? trim(problem) : "out of memory");
    PQfreemem(problem);
    return fail(Errc::kMalformed, "connection text: {}", reason);
  }
  ConnectionOptions options;
  for (const auto* option = parsed.get(); option->keyword; ++option) {
    if (!option->val || !*option->val) continue;
    const std::string_view keyword = option->keyword;
    const std::string value = option->val;
    if (keyword == "host") options.host = value;
    else if (keyword == "dbname") options.database = value;
    else if (keyword == "user") options.user = value;
    else if (keyword == "password") options.password = value;
    else if (keyword == "sslmode") options.sslmode = value;
    else if (keyword == "application_name") options.application_name = value;
    else if (keyword == "port" || keyword == "connect_timeout") {
      const auto number = parse_integer(value);
      const bool is_port = keyword == "port";
      if (!number || *number < (is_port ? 1 : 0) || *number > (is_port ? 65535 : 3600))
        return fail(Errc::kMalformed, "connection text: {} is not a valid {}", value, keyword);
      if (is_port) options.port = static_cast<int>(*number);
      else if (*number > 0) options.connect_timeout = std::chrono::seconds(*number);
    } else {
      options.other.emplace_back(keyword, value);
    }
  }
  return options;
}

std::string quote_conninfo_value(std::string_view value) {
  std::string quoted = "'";
  for (const char c : value) {
    if (c == '\'' || c == '\\') quoted += '\\';
    quoted += c;
  }
  quoted += '\'';
  return quoted;
}

std::string format_conninfo(const ConnectionOptions& options) {
  std::string text;
  const auto add = [&text](std::string_view keyword, std::string_view value) {
    if (value.empty()) return;
    if (!text.empty()) text += ' ';
    text += fmt::format("{}={}", keyword, quote_conninfo_value(value));
  };
  add("host", options.host);
  add("port", std::to_string(options.port));
  add("dbname", options.database);
  add("user", options.user);
  add("application_name", options.application_name);
  add("sslmode", options.sslmode);
  add("connect_timeout", std::to_string(options.connect_timeout.count()));
  for (const auto& [keyword, value] : options.other) add(keyword, value);
  return text;
}

}  // namespace berth::db
