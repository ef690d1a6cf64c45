#include "manager/external/copy.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "db/database.h"
#include "manager/backup/child.h"
#include "manager/backup/sink.h"
#include "manager/database/statistics.h"

namespace berth::manager {
namespace {

constexpr const char* kOursNot =
    "n.nspname NOT IN ('pg_catalog', 'information_schema', 'berth_fence', 'berth_backup') "
    "AND n.nspname !~ '^pg_(toast|temp)'";

db::DatabaseOptions options_for(db::ConnectionOptions place) {
  db::DatabaseOptions options;
  options.connection = std::move(place);
  options.connection.application_name = "berth move";
  options.query_limit = std::chrono::milliseconds(0);
  options.wait_limit = std::chrono::seconds(15);
  return options;
}

loop::SpawnOptions program_of(const std::string& path, const db::ConnectionOptions& place) {
  loop::SpawnOptions options;
  options.program = path;
  options.arguments = {"--dbname=" + db::format_conninfo(place), "--no-password"};
  options.directory = "/";
  options.environment = std::vector<std::string>{"PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8"};
  // The environment of a process is seen by its own user and root only.
  if (!place.password.empty()) options.environment->push_back("PGPASSWORD=" + place.password);
  return options;
}

struct Pipe {
  UniqueFd read, write;
};

Pipe make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw Failure(errno_error(errno, "pipe"));
  return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

// Every table with its number of rows, as one text a table.
Task<std::vector<std::pair<std::string, std::uint64_t>>> count_rows(loop::Loop& loop,
                                                                    db::ConnectionOptions place) {
  db::Database database(loop, options_for(std::move(place)));
  const auto tables = co_await database.query_repeatable(fmt::format(
      "SELECT n.nspname AS schema, c.relname AS name FROM pg_class c JOIN pg_namespace n ON n.oid = "
      "c.relnamespace WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND {} AND NOT EXISTS (SELECT 1 FROM "
      "pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e') ORDER BY 1, 2",
      kOursNot));
  std::vector<std::pair<std::string, std::uint64_t>> counts;
  for (const auto row : tables) {
    const auto name = fmt::format("{}.{}", db::quote_identifier(row.text("schema")),
                                  db::quote_identifier(row.text("name")));
    const auto count =
        co_await database.query_repeatable(fmt::format("SELECT count(*) AS n FROM ONLY {}", name));
    counts.emplace_back(name, count[0].get<std::uint64_t>("n"));
  }
  const auto objects =
      co_await database.query_repeatable("SELECT count(*) AS n FROM pg_largeobject_metadata");
  counts.emplace_back("large objects", objects[0].get<std::uint64_t>("n"));
  co_return counts;
}

}  // namespace

Task<void> pipe_dump(loop::Loop& loop, std::string binaries, db::ConnectionOptions source,
                     db::ConnectionOptions target, DumpOptions options,
                     std::function<void(std::uint64_t)> progress) {
  auto pipe = make_pipe();
  auto dump_options = program_of(binaries + "/pg_dump", source);
  for (const char* more : {"--format=custom", "--compress=0", "--lock-wait-timeout=60000",
                           "--exclude-schema=berth_backup", "--exclude-schema=berth_fence"})
    dump_options.arguments.emplace_back(more);
  for (auto& more : options.dump) dump_options.arguments.push_back(std::move(more));
  auto load_options = program_of(binaries + "/pg_restore", target);
  for (const char* more : {"--no-owner", "--no-privileges", "--no-publications", "--no-subscriptions",
                           "--single-transaction", "--exit-on-error"})
    load_options.arguments.emplace_back(more);
  for (auto& more : options.load) load_options.arguments.push_back(std::move(more));
  load_options.descriptors = {{pipe.read.get(), 0}};
  // Dropped in reverse: a broken dump takes the loader with it before its input ends, so it never commits a part.
  const auto load = Child::start(loop, without_rights(std::move(load_options)));
  pipe.read = UniqueFd();
  const auto dump = Child::start(loop, std::move(dump_options));
  std::optional<Error> broken;  // the loader ended early: its words tell why
  {
    DescriptorSink sink(loop, pipe.write.get());
    std::uint64_t bytes = 0;
    while (!broken) {
      std::string piece = co_await dump->read();
      if (piece.empty()) break;
      bytes += piece.size();
      try {
        co_await sink.write(std::move(piece));
      } catch (const Failure& failure) {
        broken = failure.error();
      }
      if (progress) progress(bytes);
    }
  }
  if (!broken) {
    const auto status = co_await dump->wait();
    if (!status.is_success()) throw Failure(error_of_child(*dump, status, "read the data"));
  }
  pipe.write = UniqueFd();
  for (;;) {
    const std::string piece = co_await load->read();
    if (piece.empty()) break;
  }
  const auto loaded = co_await load->wait();
  if (!loaded.is_success()) throw Failure(error_of_child(*load, loaded, "write the data"));
  if (broken) throw Failure(*broken);
}

Task<CopiedData> copy_database(loop::Loop& loop, std::string binaries, db::ConnectionOptions source,
                               db::ConnectionOptions target, std::function<void(std::uint64_t)> progress) {
  co_await pipe_dump(loop, std::move(binaries), source, target, {}, std::move(progress));
  const auto before = co_await count_rows(loop, source);
  const auto after = co_await count_rows(loop, target);
  CopiedData copied;
  for (const auto& [table, rows] : before) {
    const auto found =
        std::find_if(after.begin(), after.end(), [&](const auto& one) { return one.first == table; });
    const auto there = found == after.end() ? 0 : found->second;
    if (found == after.end() || there != rows)
      throw_failure(Errc::kConflict, "{} has {} rows here, but {} there", table, rows, there);
    ++copied.tables;
    copied.rows += rows;
  }
  --copied.tables;  // large objects are no table
  db::Database database(loop, options_for(std::move(target)));
  co_await analyze_own_tables(database);
  co_return copied;
}

Task<void> empty_database(loop::Loop& loop, db::ConnectionOptions place) {
  db::Database database(loop, options_for(std::move(place)));
  const auto schemas = co_await database.query_repeatable(fmt::format(
      "SELECT n.nspname AS name FROM pg_namespace n WHERE {} AND pg_has_role(n.nspowner, 'USAGE')",
      kOursNot));
  std::string script = "SET client_min_messages = warning;";
  for (const auto row : schemas) {
    const auto name = db::quote_identifier(row.text("name"));
    script += fmt::format("DROP SCHEMA {} CASCADE;", name);
    if (row.text("name") == "public") script += "CREATE SCHEMA public;";
  }
  script += "SELECT lo_unlink(oid) FROM pg_largeobject_metadata;";
  co_await database.run_script(script);
}

}  // namespace berth::manager
