#include "manager/backup/backup.h"

#include <chrono>
#include <ctime>

#include "base/log.h"
#include "db/database.h"
#include "manager/backup/child.h"
#include "manager/backup/end_mark.h"

namespace berth::manager {
namespace {

// The table stays in the database; its one row is there for a moment only (docs/backup-file.md).
constexpr const char* kMakeTable =
    "SET LOCAL client_min_messages = warning;"
    "CREATE SCHEMA IF NOT EXISTS berth_backup;"
    "CREATE TABLE IF NOT EXISTS berth_backup.about(json text NOT NULL);";
// The owner's own pg_dump must be able to read it.
constexpr const char* kLetOwnerRead =
    "DO $$ BEGIN EXECUTE format('GRANT USAGE ON SCHEMA berth_backup TO %1$I; "
    "GRANT SELECT ON berth_backup.about TO %1$I', (SELECT pg_get_userbyid(datdba) FROM pg_database "
    "WHERE datname = current_database())); END $$";

std::string now_as_iso() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

db::DatabaseOptions options_for(db::ConnectionOptions source) {
  db::DatabaseOptions options;
  options.connection = std::move(source);
  options.connection.application_name = "berth backup";
  options.max_connections = 2;
  options.wait_limit = std::chrono::seconds(10);
  return options;
}

// Copies what the child writes. Gives its number of bytes; throws what its failure means.
Task<std::uint64_t> copy_output(Child& child, BackupSink& sink, RunningSha256* hash,
                                std::function<void(std::uint64_t)> progress) {
  std::uint64_t total = 0;
  for (;;) {
    std::string piece = co_await child.read();
    if (piece.empty()) break;
    total += piece.size();
    if (hash) hash->add(piece);
    co_await sink.write(std::move(piece));
    if (progress) progress(total);
  }
  const auto status = co_await child.wait();
  if (!status.is_success()) throw Failure(error_of_child(child, status, "back up"));
  co_return total;
}

// query_to_xml is how one statement counts many tables; tables of extensions are theirs to fill.
constexpr const char* kCountRows =
    "SELECT n.nspname || '.' || c.relname AS name, (xpath('/row/c/text()', query_to_xml(format("
    "'SELECT count(*) AS c FROM ONLY %I.%I', n.nspname, c.relname), false, true, '')))[1]::text AS rows "
    "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r' AND "
    "c.relpersistence <> 't' AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'berth_backup') AND "
    "n.nspname NOT LIKE 'pg\\_toast%' AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.classid = "
    "'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e') "
    "UNION ALL SELECT 'large objects', count(*)::text FROM pg_largeobject_metadata HAVING count(*) > 0";

}  // namespace

Task<RowCounts> count_rows(std::function<Task<db::Rows>(std::string)> ask) {
  auto asking = ask(kCountRows);
  const auto rows = co_await asking;
  RowCounts counts;
  for (const auto row : rows)
    counts[row.get<std::string>("name")] = std::stoull(row.get<std::string>("rows"));
  co_return counts;
}

loop::SpawnOptions BackupWriter::dump_options(const db::ConnectionOptions& source) const {
  loop::SpawnOptions options;
  options.program = binaries_ + "/pg_dump";
  // A lock that the app holds for long must not hold up the backup for ever.
  options.arguments = {"--dbname=" + db::format_conninfo(source), "--no-password",
                       "--lock-wait-timeout=60000"};
  options.directory = "/";
  options.environment = std::vector<std::string>{"PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8"};
  // The environment of a process is seen by its own user and root only.
  if (!source.password.empty()) options.environment->push_back("PGPASSWORD=" + source.password);
  return options;
}

Task<BackupResult> BackupWriter::write(db::ConnectionOptions source, BackupMetadata metadata,
                                       std::optional<BackupKey> key, BackupSink& sink,
                                       std::function<void(BackupProgress)> progress, WriteOptions wanted) {
  metadata.created = now_as_iso();
  const std::string json = format_metadata(metadata, key ? &*key : nullptr);
  auto database_options = options_for(source);
  if (wanted.count_rows) database_options.query_limit = std::chrono::milliseconds(0);
  db::Database database(loop_, std::move(database_options));

  // The row is committed, a snapshot that sees it is taken, the row is deleted: pg_dump, which uses that
  // snapshot, is all that ever reads it, and the instance password does not stay in the database.
  std::optional<db::Transaction> snapshot;
  std::string snapshot_name;
  {
    auto permit_task = marking_.acquire();
    const auto permit = co_await permit_task;
    auto marking = co_await database.begin();
    co_await marking.run_script(kMakeTable);
    co_await marking.run_script(kLetOwnerRead);
    co_await marking.query("DELETE FROM berth_backup.about");
    co_await marking.query("INSERT INTO berth_backup.about(json) VALUES ($1)", json);
    co_await marking.commit();
    snapshot = co_await database.begin("ISOLATION LEVEL REPEATABLE READ READ ONLY");
    const auto exported = co_await snapshot->query("SELECT pg_export_snapshot() AS name");
    snapshot_name = exported[0].get<std::string>("name");
    co_await database.query("DELETE FROM berth_backup.about");
  }
  BackupProgress seen;
  const auto size = co_await snapshot->query("SELECT pg_database_size(current_database()) AS bytes");
  seen.database_bytes = size[0].get<std::uint64_t>("bytes");

  auto options = dump_options(source);
  options.arguments.push_back("--format=custom");
  // Whose an external database is, is not part of its data.
  options.arguments.push_back("--exclude-schema=berth_fence");
  options.arguments.push_back("--snapshot=" + snapshot_name);
  if (!wanted.compress) options.arguments.push_back("--compress=0");
  const auto child = Child::start(loop_, std::move(options));
  RunningSha256 hash;
  EndMark mark{};
  mark.length = co_await copy_output(*child, sink, &hash, [&](std::uint64_t bytes) {
    seen.bytes = bytes;
    if (progress) progress(seen);
  });
  mark.sha256 = hash.finish();
  co_await sink.write(format_end_mark(mark));

  BackupResult result{mark.length + kEndMarkBytes, format_hex(mark.sha256), {}};
  if (wanted.count_rows) {
    auto counting = count_rows([&snapshot](std::string sql) { return snapshot->query(std::move(sql)); });
    result.rows = co_await counting;
  }
  BERTH_LOG(kDatabase, "backup written", {"database", source.database}, {"bytes", result.bytes});
  co_return result;
}

Task<std::uint64_t> BackupWriter::write_sql(db::ConnectionOptions source, BackupSink& sink,
                                            std::vector<std::string> without_rows) {
  auto options = dump_options(source);
  options.arguments.push_back("--format=plain");
  options.arguments.push_back("--exclude-schema=berth_backup");
  options.arguments.push_back("--exclude-schema=berth_fence");
  // For another role on another platform.
  options.arguments.push_back("--no-owner");
  options.arguments.push_back("--no-privileges");
  for (const auto& table : without_rows)
    options.arguments.push_back("--exclude-table-data=" + db::quote_identifier(table));
  const auto child = Child::start(loop_, std::move(options));
  auto copying = copy_output(*child, sink, nullptr, {});
  co_return co_await copying;
}

}  // namespace berth::manager
