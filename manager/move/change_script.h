// Changes of rows as SQL text for another database with the same tables.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

#include "manager/move/pgoutput.h"

namespace berth::manager {

// Collects changes in the order they come; one for each stream. Every UPDATE and DELETE it writes fails (division by zero)
// unless it hits exactly one row, so that a target which is not as the source was is noticed, not made worse. The session
// that runs it has session_replication_role replica, so that triggers do not do again what they have done at the source.
class ChangeScript {
 public:
  // kMalformed: a change of a table that was never told, or that does not fit its columns; kConflict: a change whose row
  // cannot be known again.
  Result<void> add(const pgoutput::Message& message);

  // SQL for what came since the last call; may end in the middle of a transaction, see is_between().
  std::string take();
  std::size_t bytes() const { return sql_.size(); }
  // No transaction is half in.
  bool is_between() const { return is_between_; }
  // Behind the last whole transaction; 0: none yet.
  std::uint64_t place() const { return place_; }
  // Rows that were written, changed, deleted since the beginning.
  std::uint64_t changes() const { return changes_; }
  // "schema"."table" of every table that was changed.
  const std::set<std::string>& changed() const { return changed_; }

 private:
  Result<const pgoutput::Relation*> find(std::uint32_t id, std::size_t columns);
  Result<void> add_insert(const pgoutput::Insert& insert);
  Result<void> add_update(const pgoutput::Update& update);
  Result<void> add_delete(const pgoutput::Delete& gone);
  Result<void> add_truncate(const pgoutput::Truncate& truncate);
  Result<std::string> place_of(const pgoutput::Relation& relation, const pgoutput::Tuple& old, bool is_whole);
  void end_statement();

  std::map<std::uint32_t, pgoutput::Relation> relations_;
  std::string sql_;
  std::uint32_t open_insert_ = 0;  // of the relation whose INSERT the text ends with
  bool is_between_ = true;
  std::uint64_t place_ = 0, changes_ = 0;
  std::set<std::string> changed_;
};

}  // namespace berth::manager
