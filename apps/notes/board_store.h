// Boards and notes in the instance's database.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "apps/notes/model.h"
#include "base/result.h"
#include "loop/task.h"

namespace berth::db {
class Database;
class Row;
}  // namespace berth::db

namespace berth::notes {

using loop::Task;

// How long what was removed can be brought back.
inline constexpr int kUndoDays = 7;

// Each call is one transaction: when it returns, it is committed. All may be repeated without harm, so none is
// lost with a connection. Errors that the user made come back as values; Failure for the rest.
class BoardStore {
 public:
  explicit BoardStore(db::Database& database) : database_(database) {}

  Task<std::vector<Board>> boards();
  // The next notes after the id `after` (empty: from the start), in order of ids; fewer than `limit`
  // only at the end.
  Task<std::vector<Note>> notes_after(std::string after, int limit);
  Task<std::vector<Note>> notes_of(std::string board);
  Task<std::optional<Note>> find_note(std::string id);

  // An id that is known gives what is stored, changed or removed meanwhile or not.
  Task<Board> add_board(Board board);
  Task<Result<Board>> edit_board(std::string id, BoardChange change);
  // Its notes go with it. False if it was not there.
  Task<bool> remove_board(std::string id);
  Task<Result<Board>> restore_board(std::string id);

  // kNotFound if the board is not there.
  Task<Result<Note>> add_note(Note note);
  Task<Result<Note>> edit_note(std::string id, NoteChange change, std::string by);
  Task<bool> remove_note(std::string id);
  // kConflict while its board is in the bin.
  Task<Result<Note>> restore_note(std::string id, std::string by);

  // Deletes for good what was removed more than kUndoDays ago.
  Task<void> purge();

 private:
  db::Database& database_;
};

}  // namespace berth::notes
