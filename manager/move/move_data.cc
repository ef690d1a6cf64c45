#include "manager/move/move_data.h"

#include "base/bytes.h"
#include "base/log.h"
#include "base/text.h"
#include "db/sql.h"
#include "loop/sync.h"
#include "manager/backup/child.h"
#include "manager/external/copy.h"

namespace berth::manager {

using namespace std::chrono_literals;

namespace {

constexpr auto kSlotLimit = 60s;  // for the transactions of the cluster that run to end
constexpr int kLockTries = 6;     // of 5 s
constexpr std::size_t kScriptBytes = 256 << 10;
constexpr auto kQuiet = 50ms;
constexpr std::uint64_t kObjectPiece = 1 << 20;
constexpr std::uint64_t kCompareBytes = 64 << 20;  // about a second
constexpr std::size_t kMarksAtOnce = 1000;

db::DatabaseOptions options_for(db::ConnectionOptions place) {
  db::DatabaseOptions options;
  options.connection = std::move(place);
  options.connection.application_name = "berth move";
  options.query_limit = 0ms;
  options.wait_limit = 30s;
  options.max_connections = 2;  // a snapshot's transaction, and the rest
  return options;
}

db::ConnectionOptions with_options(db::ConnectionOptions place, std::string options) {
  place.other.emplace_back("options", std::move(options));
  return place;
}

std::string rows_of(const std::string& sum) { return sum.substr(0, sum.find(' ')); }

}  // namespace

MoveData::MoveData(loop::Loop& loop, const Cluster& cluster, std::string database,
                   db::ConnectionOptions target, std::string id)
    : loop_(loop),
      cluster_(cluster),
      database_(std::move(database)),
      id_(std::move(id)),
      target_place_(std::move(target)),
      source_(loop, options_for(with_options(cluster.superuser(database_), session_options("")))) {}

Task<std::vector<std::string>> MoveData::obstacles() {
  std::vector<std::string> all;
  const auto rows = co_await source_.query_repeatable(
      "SELECT current_setting('wal_level') AS level, current_setting('max_replication_slots')::int - (SELECT "
      "count(*) FROM pg_replication_slots) AS slots, current_setting('max_wal_senders')::int - (SELECT "
      "count(*) "
      "FROM pg_stat_replication) AS senders");
  const auto row = rows.front();
  if (row.text("level") != "logical")
    all.push_back(
        fmt::format("PostgreSQL runs with wal_level {}, with which changes cannot be followed: stop the "
                    "platform and start it "
                    "again once",
                    row.text("level")));
  if (row.get<int>("slots") < 1 || row.get<int>("senders") < 1)
    all.push_back("PostgreSQL has no replication slot left: let the other moves end first");
  co_return all;
}

Task<std::vector<WholeTable>> MoveData::whole_tables() {
  const auto catalog = co_await read_catalog(source_);
  std::vector<WholeTable> whole;
  for (const auto& table : catalog.tables)
    if (table.needs_whole) whole.push_back({table.sql_name(), table.identity});
  co_return whole;
}

// An app that works holds its tables for moments only; waiting longer would make everybody wait behind us.
Task<void> MoveData::alter_patiently(std::string sql) {
  for (int tries = 1;; ++tries) {
    try {
      co_await source_.run_script("SET lock_timeout = '5s'; " + sql + "; SET lock_timeout = 0");
      co_return;
    } catch (const db::SqlFailure& failure) {
      if (failure.sqlstate() != "55P03" || tries >= kLockTries) throw;
    }
    co_await source_.run_script("SET lock_timeout = 0");
  }
}

Task<void> MoveData::open_log(std::vector<WholeTable> whole) {
  for (const auto& table : whole)
    co_await alter_patiently(fmt::format("ALTER TABLE {} REPLICA IDENTITY FULL", table.table));
  const auto catalog = co_await read_catalog(source_);
  std::string tables;
  for (const auto& table : catalog.tables)
    if (!table.is_unlogged) tables += (tables.empty() ? " FOR TABLE ONLY " : ", ONLY ") + table.sql_name();
  co_await source_.run_script(
      fmt::format("SET client_min_messages = error; DROP PUBLICATION IF EXISTS {}", slot()));
  co_await alter_patiently(fmt::format("CREATE PUBLICATION {}{}", slot(), tables));
}

Task<void> MoveData::drop_slot() {
  // The one who reads it may be a session of ours from before a crash, which has not noticed yet.
  for (int tries = 0; tries < 100; ++tries) {
    co_await source_.query(
        "SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = $1 AND active",
        slot());
    co_await source_.query(
        "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = $1 AND NOT "
        "active",
        slot());
    const auto left =
        co_await source_.query("SELECT 1 FROM pg_replication_slots WHERE slot_name = $1", slot());
    if (left.empty()) co_return;
    co_await loop::sleep_for(loop_, 100ms);
  }
  throw_failure(Errc::kTimeout, "the replication slot {} is in use and cannot be dropped", slot());
}

Task<void> MoveData::close_log(std::vector<WholeTable> whole) {
  co_await drop_slot();
  co_await source_.run_script(
      fmt::format("SET client_min_messages = error; DROP PUBLICATION IF EXISTS {}", slot()));
  for (const auto& table : whole) {
    const auto there = co_await source_.query("SELECT to_regclass($1) IS NOT NULL AS there", table.table);
    if (!there.front().get<bool>("there")) continue;
    co_await alter_patiently(fmt::format("ALTER TABLE {} REPLICA IDENTITY {}", table.table,
                                         table.identity == 'n' ? "NOTHING" : "DEFAULT"));
  }
}

Task<void> MoveData::connect_target() {
  if (target_) co_return;
  const auto path = co_await search_path_of(source_);
  auto place = with_options(target_place_, session_options(path));
  target_ = std::make_unique<db::Database>(loop_, options_for(std::move(place)));
  // Values of some types are written by the names that are in reach: here as there.
  source_.set_connection(with_options(cluster_.superuser(database_), session_options(path)));
}

Task<std::unique_ptr<db::LogicalStream>> MoveData::open_stream() {
  auto opening = db::LogicalStream::open(loop_, cluster_.superuser(database_));
  co_return co_await std::move(opening);
}

Task<std::string> MoveData::schema_sum(std::string snapshot) {
  const auto place = cluster_.superuser(database_);
  loop::SpawnOptions options;
  options.program = cluster_.program("pg_dump");
  options.arguments = {"--dbname=" + db::format_conninfo(place),
                       "--no-password",
                       "--schema-only",
                       "--no-publications",
                       "--no-subscriptions",
                       "--lock-wait-timeout=20000",
                       "--exclude-schema=berth_backup",
                       "--exclude-schema=berth_fence"};
  if (!snapshot.empty()) options.arguments.push_back("--snapshot=" + snapshot);
  options.directory = "/";
  options.environment = std::vector<std::string>{"PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8"};
  if (!place.password.empty()) options.environment->push_back("PGPASSWORD=" + place.password);
  const auto dump = Child::start(loop_, std::move(options));
  std::string text;
  for (;;) {
    const std::string piece = co_await dump->read();
    if (piece.empty()) break;
    text += piece;
  }
  const auto status = co_await dump->wait();
  if (!status.is_success()) throw Failure(error_of_child(*dump, status, "read the definitions"));
  std::string lines;
  for (const auto line : split(text, '\n'))
    if (!line.starts_with("\\restrict ") && !line.starts_with("\\unrestrict ")) {  // random since 15.14
      lines += line;
      lines += '\n';
    }
  co_return sha256_hex(lines);
}

Task<MoveData::Copied> MoveData::copy(bool again, std::function<void(std::uint64_t bytes)> progress) {
  co_await drop_slot();
  if (again) co_await empty_database(loop_, target_place_);
  co_await connect_target();
  const auto stream = co_await open_stream();
  auto making = stream->create_slot(slot());
  const auto slot_made = co_await loop::with_timeout(loop_, kSlotLimit, std::move(making),
                                                     "waiting for the end of transactions that run already");
  // As long as this transaction lasts the moment can be seen.
  auto moment = co_await source_.begin("ISOLATION LEVEL REPEATABLE READ, READ ONLY");
  co_await moment.run_script(
      fmt::format("SET TRANSACTION SNAPSHOT {}", db::quote_literal(slot_made.snapshot)));
  Copied copied;
  copied.schema = co_await schema_sum(slot_made.snapshot);
  DumpOptions options;
  options.dump = {"--snapshot=" + slot_made.snapshot, "--exclude-schema=berth_move"};
  co_await pipe_dump(loop_, cluster_.settings().binaries, cluster_.superuser(database_), target_place_,
                     std::move(options), std::move(progress));
  const auto catalog = co_await read_catalog(source_);
  for (const auto& table : catalog.tables) {
    const auto here = co_await sum_of(moment, table.sql_name());
    const auto there = co_await sum_of(*target_, table.sql_name());
    if (here != there)
      throw_failure(Errc::kConflict, "the copy of {} is not like it: {} rows here, {} there",
                    table.sql_name(), rows_of(here), rows_of(there));
    ++copied.tables;
    copied.rows += std::strtoull(here.c_str(), nullptr, 10);
  }
  const auto marks = co_await large_object_marks(moment);
  co_await moment.roll_back();
  std::string script =
      "CREATE SCHEMA berth_move;"
      "CREATE TABLE berth_move.progress (place text NOT NULL);"
      "CREATE TABLE berth_move.large_object (oid oid PRIMARY KEY, mark text NOT NULL);" +
      fmt::format("INSERT INTO berth_move.progress VALUES ({});",
                  db::quote_literal(db::format_log_place(slot_made.from)));
  // A row that is changed is written as a whole, and such a column would not let us.
  for (const auto& column : catalog.always_identities)
    script += fmt::format("ALTER TABLE {} ALTER COLUMN {} SET GENERATED BY DEFAULT;", column.table,
                          db::quote_identifier(column.name));
  std::size_t count = 0;
  for (const auto& [oid, mark] : marks) {
    script +=
        fmt::format("INSERT INTO berth_move.large_object VALUES ({}, {});", oid, db::quote_literal(mark));
    if (++count % kMarksAtOnce == 0) co_await target_->run_script(std::exchange(script, {}));
  }
  script += "SELECT 1";
  co_await target_->run_script(script);
  co_await target_->query("ANALYZE");
  co_return std::move(copied);
}

// Behind everything that has been committed until now.
Task<db::LogPlace> MoveData::log_end() {
  // Commits of those who do not wait for the disk are there then, too, and the reader has something to come to.
  co_await source_.query("SELECT pg_logical_emit_message(true, 'berth', '')");
  const auto rows = co_await source_.query("SELECT pg_current_wal_lsn()::text AS place");
  co_return or_throw(db::parse_log_place(rows.front().text("place")));
}

Task<void> MoveData::follow_until(db::LogicalStream& stream, ChangeScript& script, db::LogPlace place) {
  std::optional<db::Transaction> open;
  db::LogPlace reached = 0;
  const auto run = [&]() -> Task<void> {
    if (!open) open.emplace(co_await target_->begin());
    auto sql = script.take();
    if (!sql.empty()) co_await open->run_script("SET CONSTRAINTS ALL DEFERRED;\n" + sql);
  };
  const auto commit = [&]() -> Task<void> {
    if (!open && script.bytes() == 0) co_return;
    co_await run();
    co_await open->run_script(fmt::format("UPDATE berth_move.progress SET place = {}",
                                          db::quote_literal(db::format_log_place(script.place()))));
    co_await open->commit();
    open.reset();
    reached = std::max(reached, script.place());
    co_await stream.confirm(reached, false);
  };
  for (;;) {
    const auto piece = co_await stream.next(kQuiet);
    if (piece && !piece->message.empty()) {
      const auto message = or_throw(pgoutput::parse(piece->message));
      or_throw(script.add(message));
      if (script.bytes() < kScriptBytes) continue;
      if (script.is_between()) co_await commit();
      else co_await run();
      continue;
    }
    if (!script.is_between()) continue;
    co_await commit();
    if (piece) reached = std::max(reached, piece->decoded_until);
    if (reached >= place) co_return;
    // It tells how far it is as often as it is asked.
    if (piece) co_await loop::sleep_for(loop_, kQuiet / 5);
    co_await stream.confirm(reached, true);
  }
}

Task<MoveData::Followed> MoveData::catch_up(std::string schema, std::chrono::milliseconds close_enough,
                                            std::chrono::milliseconds limit) {
  co_await connect_target();
  const auto rows = co_await target_->query("SELECT place FROM berth_move.progress");
  const auto from = or_throw(db::parse_log_place(rows.front().text("place")));
  const auto stream = co_await open_stream();
  co_await stream->start(slot(), from, slot());
  ChangeScript script;
  const auto deadline = loop_.now() + limit;
  for (;;) {
    const auto began = loop_.now();
    const auto place = co_await log_end();
    std::optional<Error> error;
    try {
      co_await follow_until(*stream, script, place);
    } catch (const Failure& failure) {
      error = failure.error();
    }
    if (error) {
      // A column that is not there, above all.
      if (error->code != Errc::kUnavailable) co_await check_schema(schema);
      throw Failure(std::move(*error));
    }
    const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(loop_.now() - began);
    if (took <= close_enough) co_return Followed{script.changes(), took};
    if (loop_.now() >= deadline)
      throw_failure(Errc::kTimeout,
                    "more is written than can be carried over: after {} s it is still {} ms behind",
                    limit / 1s, took.count());
  }
}

Task<void> MoveData::copy_object(std::string oid) {
  auto transaction = co_await target_->begin();
  co_await transaction.query("SELECT lo_unlink(oid) FROM pg_largeobject_metadata WHERE oid = $1::oid", oid);
  co_await transaction.query("SELECT lo_create($1::oid)", oid);
  for (std::uint64_t at = 0;; at += kObjectPiece) {
    auto piece =
        co_await source_.query_bytes("SELECT lo_get($1::oid, $2::bigint, $3::int)", oid, at, kObjectPiece);
    if (!piece || piece->empty()) break;
    co_await transaction.query("SELECT lo_put($1::oid, $2::bigint, $3)", oid, at, std::move(*piece));
  }
  co_await transaction.commit();
}

Task<std::uint64_t> MoveData::copy_objects() {
  const auto here = co_await large_object_marks(source_);
  ObjectMarks there;
  const auto rows = co_await target_->query("SELECT oid::text AS oid, mark FROM berth_move.large_object");
  for (const auto row : rows) there.emplace(row.text("oid"), row.text("mark"));
  std::uint64_t count = 0;
  for (const auto& [oid, mark] : here) {
    const auto found = there.find(oid);
    if (found != there.end() && found->second == mark) continue;
    co_await copy_object(oid);
    co_await target_->query(
        "INSERT INTO berth_move.large_object VALUES ($1::oid, $2) ON CONFLICT (oid) DO UPDATE SET mark = $2",
        oid, mark);
    ++count;
  }
  for (const auto& [oid, mark] : there) {
    if (here.contains(oid)) continue;
    co_await target_->query("SELECT lo_unlink(oid) FROM pg_largeobject_metadata WHERE oid = $1::oid", oid);
    co_await target_->query("DELETE FROM berth_move.large_object WHERE oid = $1::oid", oid);
    ++count;
  }
  const auto left = co_await target_->query("SELECT count(*) AS n FROM pg_largeobject_metadata");
  if (left.front().get<std::uint64_t>("n") != here.size())
    throw_failure(Errc::kConflict, "{} large objects here, {} there", here.size(),
                  left.front().get<std::uint64_t>("n"));
  co_return count;
}

Task<void> MoveData::copy_unlogged(std::vector<std::string> tables) {
  if (tables.empty()) co_return;
  DumpOptions options;
  options.dump = {"--data-only"};
  options.load = {"--data-only"};
  std::string script;
  for (const auto& table : tables) {
    options.dump.push_back("--table=" + table);
    script += (script.empty() ? "TRUNCATE ONLY " : ", ONLY ") + table;
  }
  co_await target_->run_script(script);
  co_await pipe_dump(loop_, cluster_.settings().binaries, cluster_.superuser(database_), target_place_,
                     std::move(options));
}

Task<std::uint64_t> MoveData::compare(std::vector<std::string> tables, std::uint64_t most_bytes) {
  std::vector<std::pair<std::uint64_t, std::string>> by_size;
  for (const auto& table : tables) {
    const auto size = co_await source_.query("SELECT pg_table_size($1::regclass) AS n", table);
    by_size.emplace_back(size.front().get<std::uint64_t>("n"), table);
  }
  std::sort(by_size.begin(), by_size.end());
  std::uint64_t bytes = 0, count = 0;
  for (const auto& [size, table] : by_size) {
    bytes += size;
    if (bytes > most_bytes) break;
    const auto here = co_await sum_of(source_, table);
    const auto there = co_await sum_of(*target_, table);
    if (here != there)
      throw_failure(Errc::kConflict, "{} is not there as it is here: {} rows here, {} there", table,
                    rows_of(here), rows_of(there));
    ++count;
  }
  co_return count;
}

Task<void> MoveData::check_schema(std::string schema) {
  const auto now = co_await schema_sum("");
  if (now != schema)
    throw_failure(
        Errc::kConflict,
        "the app has changed the structure of its database while it was copied (an update?): try again");
}

Task<MoveData::Finished> MoveData::finish(std::string schema, std::vector<WholeTable> whole) {
  co_await connect_target();
  co_await check_schema(schema);
  const auto rows = co_await target_->query("SELECT place FROM berth_move.progress");
  const auto from = or_throw(db::parse_log_place(rows.front().text("place")));
  Finished finished;
  {
    const auto stream = co_await open_stream();
    co_await stream->start(slot(), from, slot());
    ChangeScript script;
    const auto place = co_await log_end();
    co_await follow_until(*stream, script, place);
    finished.changes = script.changes();
  }
  const auto catalog = co_await read_catalog(source_);
  std::vector<std::string> unlogged, tables;
  for (const auto& table : catalog.tables) {
    tables.push_back(table.sql_name());
    if (table.is_unlogged) unlogged.push_back(table.sql_name());
  }
  co_await copy_unlogged(unlogged);
  finished.objects = co_await copy_objects();
  auto script = co_await sequence_script(source_);
  for (const auto& view : catalog.views) script += fmt::format("REFRESH MATERIALIZED VIEW {};", view);
  for (const auto& table : whole)
    script += fmt::format("ALTER TABLE IF EXISTS {} REPLICA IDENTITY {};", table.table,
                          table.identity == 'n' ? "NOTHING" : "DEFAULT");
  for (const auto& column : catalog.always_identities)
    script += fmt::format("ALTER TABLE {} ALTER COLUMN {} SET GENERATED ALWAYS;", column.table,
                          db::quote_identifier(column.name));
  script += "SELECT 1";
  co_await target_->run_script(script);
  finished.compared = co_await compare(std::move(tables), kCompareBytes);
  co_return finished;
}

}  // namespace berth::manager
