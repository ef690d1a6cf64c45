// The data of a move: a copy, then what has changed since, then what the log does not tell.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "db/logical_stream.h"
#include "manager/database/cluster.h"
#include "manager/move/catalog.h"
#include "manager/move/change_script.h"

namespace berth::manager {

// A table as it was before the move needed its whole rows in the log.
struct WholeTable {
  std::string table;    // as SQL names it
  char identity = 'd';  // pg_class.relreplident: d or n, or i with an index that is gone
};

// One instance's database here, and the one it goes to. Made anew for each step; what must outlast a step is in the
// databases: slot and publication here, schema berth_move there. All methods may be run again after a crash.
class MoveData {
 public:
  // `target`: the role of the instance there, in a session whose session_replication_role is replica. `id`: of the job.
  MoveData(loop::Loop& loop, const Cluster& cluster, std::string database, db::ConnectionOptions target,
           std::string id);

  // --- at the source alone ---
  // Why its changes could not be followed; empty: they can.
  Task<std::vector<std::string>> obstacles();
  Task<Catalog> catalog() { return read_catalog(source_); }
  // What open_log() is going to change. Nothing is changed.
  Task<std::vector<WholeTable>> whole_tables();
  // From now on the log tells the changes so that they can be followed. Takes a short lock on each table, waits 5 s for each at
  // most and tries again: kTimeout if an app never lets go of one.
  Task<void> open_log(std::vector<WholeTable> whole);
  // Everything as before: publication, slot, tables. For tables that are gone nothing is done.
  Task<void> close_log(std::vector<WholeTable> whole);

  // --- both ---
  struct Copied {
    std::uint64_t tables = 0, rows = 0;
    std::string schema;  // SHA-256 of the definitions of everything
  };
  // Everything as of one moment, compared row by row (sums of hashes); with
  // `again` the target is emptied first. kConflict if they differ.
  Task<Copied> copy(bool again, std::function<void(std::uint64_t bytes)> progress);

  struct Followed {
    std::uint64_t changes = 0;
    std::chrono::milliseconds behind{0};  // how long the last round took
  };
  // Applies what has been committed since, in rounds, until one takes less than `close_enough`. kTimeout after
  // `limit`, kConflict as finish().
  Task<Followed> catch_up(std::string schema, std::chrono::milliseconds close_enough,
                          std::chrono::milliseconds limit);

  struct Finished {
    std::uint64_t changes = 0, objects = 0, compared = 0;
  };
  // The rest, nobody writing any more: changes, sequences, large objects, tables that are not in the log, materialized views;
  // then compares what is small enough to be compared in a moment. kConflict: the definitions are not `schema` any more, or
  // something differs.
  Task<Finished> finish(std::string schema, std::vector<WholeTable> whole);

 private:
  std::string slot() const { return "berth_move_" + id_; }
  Task<void> connect_target();
  Task<std::unique_ptr<db::LogicalStream>> open_stream();
  Task<std::string> schema_sum(std::string snapshot);
  Task<void> check_schema(std::string schema);
  Task<void> drop_slot();
  Task<void> alter_patiently(std::string sql);
  Task<db::LogPlace> log_end();
  Task<void> follow_until(db::LogicalStream& stream, ChangeScript& script, db::LogPlace place);
  Task<std::uint64_t> copy_objects();
  Task<void> copy_object(std::string oid);
  Task<void> copy_unlogged(std::vector<std::string> tables);
  Task<std::uint64_t> compare(std::vector<std::string> tables, std::uint64_t most_bytes);

  loop::Loop& loop_;
  const Cluster& cluster_;
  std::string database_, id_;
  db::ConnectionOptions target_place_;
  db::Database source_;
  std::unique_ptr<db::Database> target_;
};

}  // namespace berth::manager
