// berth instance use-database, test-database, take-over, sql-recipe: data on servers that are not the platform's.
#include "api/external.h"

#include "api/instance.h"
#include "cli/database.h"
#include "cli/human.h"
#include "cli/invocation.h"
#include "cli/secret.h"

namespace berth::cli {

loop::Task<api::ExternalDatabase> read_external(Invocation& invocation, std::string database,
                                                std::string user, std::string prefix) {
  const auto& arguments = invocation.arguments();
  const auto find = [&](const char* name) { return arguments.find(prefix + name); };
  api::ExternalDatabase external;
  external.type = find("type").value_or("postgresql");
  external.host = find("host").value_or("");
  external.database = find("database").value_or(std::move(database));
  external.user = find("user").value_or(user.empty() ? external.database : std::move(user));
  if (external.host.empty() || external.database.empty())
    throw_usage("{0}host and {0}database are needed", prefix);
  const auto file = find("password-file");
  if (!file) throw_usage("{}password-file FILE is needed; - reads stdin", prefix);
  auto secret = or_throw(read_secret(*file));
  auto* session = co_await invocation.session();
  external.password = session->seal(std::move(secret));
  co_return external;
}

namespace {

loop::Task<int> test_database(Invocation& invocation) {
  api::TestDatabase request;
  request.external = co_await read_external(invocation, "", "", "--");
  const auto told = co_await invocation.ask(std::move(request));
  auto& output = invocation.output();
  if (output.is_json()) output.print_json(api::to_json(told));
  else if (told.ok) {
    output.print_line(fmt::format("works: {}, {}, {}", told.server,
                                  told.encrypted ? "encrypted" : "not encrypted",
                                  told.tables ? format_count(told.tables, "table") + " in it" : "empty"));
    if (told.remark) output.warn(printable(*told.remark));
    if (told.owner) output.warn(fmt::format("in use by the platform {}", printable(*told.owner)));
  } else {
    output.error(Error{Errc::kFailed, told.reason.value_or("")});
  }
  co_return told.ok ? 0 : 1;
}

loop::Task<int> use_database(Invocation& invocation) {
  const auto name = invocation.instance_name();
  const auto& arguments = invocation.arguments();
  const auto instance = (co_await invocation.ask(api::GetInstance{name.name, name.domain})).instance;
  api::UseDatabase request;
  request.name = name.name;
  request.domain = name.domain;
  request.move = arguments.has("--move");
  request.take_over = arguments.has("--take-over");
  if (arguments.has("--local") == arguments.has("--host")) throw_usage("either --host HOST or --local");
  std::vector<std::string> plan;
  if (arguments.has("--host")) {
    request.external = co_await read_external(invocation, instance.database, instance.database_user, "--");
    plan = {fmt::format("try {} on {}", request.external->database, request.external->host),
            "stop " + name.format()};
    if (request.move)
      plan.push_back(fmt::format("copy {} there, counted", format_size(instance.database_bytes)));
    plan.push_back("start it on them");
  } else {
    plan = {fmt::format("start {} on the database {} of the platform, with what was left there",
                        name.format(), instance.database)};
  }
  if (invocation.is_rehearsal(plan)) co_return 0;
  auto answer = co_await invocation.ask(std::move(request));
  const auto job = co_await invocation.finish(std::move(answer.job));
  invocation.report(
      job, name.format(),
      fmt::format("{} keeps its data {}", name.format(),
                  arguments.has("--local") ? "on the platform" : "on " + arguments.text("--host")));
  co_return 0;
}

loop::Task<int> take_over(Invocation& invocation) {
  const auto name = invocation.instance_name();
  const auto instance = (co_await invocation.ask(api::GetInstance{name.name, name.domain})).instance;
  if (invocation.is_rehearsal(
          {fmt::format("take the database {} on {} from whatever platform has it",
                       instance.external ? instance.external->database : instance.database,
                       instance.database_host),
           "start " + name.format()}))
    co_return 0;
  invocation.confirm("If another platform still works on this database, both will destroy the data.",
                     name.format());
  co_await invocation.ask(api::TakeOverDatabase{name.name, name.domain});
  if (invocation.output().is_json())
    invocation.output().print_json(api::JsonObject{{"name", name.name}, {"domain", name.domain}});
  else invocation.output().print_line(fmt::format("{} runs on its database", name.format()));
  co_return 0;
}

loop::Task<int> sql_recipe(Invocation& invocation) {
  const auto& arguments = invocation.arguments();
  api::GetSqlRecipe request;
  request.type = arguments.find("--type").value_or("postgresql");
  if (arguments.has("INSTANCE")) {
    const auto name = invocation.instance_name();
    const auto instance = (co_await invocation.ask(api::GetInstance{name.name, name.domain})).instance;
    request.database = instance.database;
    request.user = instance.database_user;
  }
  request.database = arguments.find("--database").value_or(request.database);
  request.user = arguments.find("--user").value_or(request.user.empty() ? request.database : request.user);
  if (request.database.empty()) throw_usage("INSTANCE or --database NAME");
  const auto told = co_await invocation.ask(std::move(request));
  if (invocation.output().is_json()) invocation.output().print_json(api::to_json(told));
  else invocation.output().print(told.sql);
  co_return 0;
}

}  // namespace

std::vector<Command> external_commands() {
  const auto instance = positional("INSTANCE", "name@domain");
  const auto host =
      option("--host", "HOST", "DNS name, IPv4 or IPv6 address, with :PORT if it is not the usual");
  const auto type = option("--type", "TYPE", "postgresql (default) or mysql");
  const auto password = option("--password-file", "FILE", "Password of the user there; - reads stdin");
  return {
      {"instance",
       "use-database",
       "Keep its data on another server, or on the platform again",
       Effect::kWorks,
       {instance, host, option("--database", "NAME", "Of the database there (default: as here)"),
        option("--user", "NAME", "Of its user there (default: as here)"), password, type,
        flag("--move", "Take the data along, into an empty database"),
        flag("--take-over", "Though another platform has it in use"),
        flag("--local", "Back to the platform's own database, with what was left there")},
       "instance use-database team@example.com --host db.example.com --password-file - --move",
       use_database},
      {"instance",
       "test-database",
       "Try the connection to a database on another server",
       Effect::kReads,
       {host, option("--database", "NAME", "Of the database"),
        option("--user", "NAME", "Of its user (default: as the database)"), password, type},
       "instance test-database --host [2001:db8::7]:5433 --database notes --password-file -",
       test_database},
      {"instance",
       "take-over",
       "Start it though another platform, which is gone, has its external database",
       Effect::kDestroys,
       {instance},
       "instance take-over team@example.com",
       take_over},
      {"instance",
       "sql-recipe",
       "Statements that make a database for an instance on another server",
       Effect::kReads,
       {optional_positional("INSTANCE", "name@domain: with the names it has here"),
        option("--database", "NAME", "Of the database"),
        option("--user", "NAME", "Of its user (default: as the database)"), type},
       "instance sql-recipe team@example.com",
       sql_recipe},
  };
}

}  // namespace berth::cli
