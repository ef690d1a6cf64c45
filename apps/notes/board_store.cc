#include "apps/notes/board_store.h"

#include "db/database.h"
#include "wire/json/json.h"

namespace berth::notes {
namespace {

#define NOTES_TIME(column) "to_char(" column " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')"

// Usable behind SELECT … FROM note and RETURNING alike.
constexpr const char* kNoteColumns =
    "note.id, note.board, note.text, note.color, note.position, note.author, " NOTES_TIME("note.created")
    ", note.changed_by, " NOTES_TIME("note.changed")
    ", note.revision, note.removed IS NOT NULL, "
    "(SELECT coalesce(json_agg(json_build_object('id', f.id, 'name', f.name, 'type', f.type, 'size', f.size) "
    "ORDER BY f.added, f.id), '[]') FROM file f WHERE f.note = note.id AND f.removed IS NULL)";
constexpr const char* kBoardColumns = "board.id, board.title, board.position, board.removed IS NOT NULL";

Note read_note(const db::Row& row) {
  Note note;
  note.id = row.get<std::string>(0);
  note.board = row.get<std::string>(1);
  note.text = row.get<std::string>(2);
  note.color = row.get<std::string>(3);
  note.position = row.get<double>(4);
  note.author = row.get<std::string>(5);
  note.created_at = row.get<std::string>(6);
  note.changed_by = row.get<std::string>(7);
  note.changed_at = row.get<std::string>(8);
  note.revision = row.get<std::int64_t>(9);
  note.is_removed = row.get<bool>(10);
  note.files = or_throw(json::parse(row.text(11))).as_array();
  return note;
}

Board read_board(const db::Row& row) {
  return {row.get<std::string>(0), row.get<std::string>(1), row.get<double>(2), row.get<bool>(3)};
}

std::vector<Note> read_notes(const db::Rows& rows) {
  std::vector<Note> notes;
  notes.reserve(rows.size());
  for (const auto row : rows) notes.push_back(read_note(row));
  return notes;
}

auto no_such_note() { return fail(Errc::kNotFound, "the note is not there any more"); }
auto no_such_board() { return fail(Errc::kNotFound, "the board is not there any more"); }

}  // namespace

Task<std::vector<Board>> BoardStore::boards() {
  auto rows = co_await database_.query_repeatable(
      fmt::format("SELECT {} FROM board WHERE removed IS NULL ORDER BY position, id", kBoardColumns));
  std::vector<Board> boards;
  for (const auto row : rows) boards.push_back(read_board(row));
  co_return boards;
}

Task<std::vector<Note>> BoardStore::notes_after(std::string after, int limit) {
  if (after.empty()) after = "00000000-0000-0000-0000-000000000000";
  auto rows = co_await database_.query_repeatable(
      fmt::format("SELECT {} FROM note JOIN board ON board.id = note.board WHERE note.id > $1 "
                  "AND note.removed IS NULL AND board.removed IS NULL ORDER BY note.id LIMIT $2",
                  kNoteColumns),
      after, limit);
  co_return read_notes(rows);
}

Task<std::vector<Note>> BoardStore::notes_of(std::string board) {
  auto rows = co_await database_.query_repeatable(
      fmt::format("SELECT {} FROM note WHERE board = $1 AND removed IS NULL ORDER BY id", kNoteColumns),
      board);
  co_return read_notes(rows);
}

Task<std::optional<Note>> BoardStore::find_note(std::string id) {
  auto rows =
      co_await database_.query_repeatable(fmt::format("SELECT {} FROM note WHERE id = $1", kNoteColumns), id);
  if (rows.empty()) co_return std::nullopt;
  co_return read_note(rows.front());
}

Task<Board> BoardStore::add_board(Board board) {
  auto rows = co_await database_.query_repeatable(
      fmt::format("INSERT INTO board (id, title, position) VALUES ($1, $2, $3) "
                  "ON CONFLICT (id) DO NOTHING RETURNING {}",
                  kBoardColumns),
      board.id, board.title, board.position);
  if (rows.empty())
    rows = co_await database_.query_repeatable(
        fmt::format("SELECT {} FROM board WHERE id = $1", kBoardColumns), board.id);
  co_return read_board(rows.front());
}

Task<Result<Board>> BoardStore::edit_board(std::string id, BoardChange change) {
  auto rows = co_await database_.query_repeatable(
      fmt::format("UPDATE board SET title = coalesce($2, title), position = coalesce($3, position) "
                  "WHERE id = $1 AND removed IS NULL RETURNING {}",
                  kBoardColumns),
      id, change.title, change.position);
  if (rows.empty()) co_return no_such_board();
  co_return read_board(rows.front());
}

Task<bool> BoardStore::remove_board(std::string id) {
  // Two statements: the second must see a note that was being added while the first waited for it.
  auto transaction = co_await database_.begin();
  auto rows =
      co_await transaction.query("UPDATE board SET removed = now() WHERE id = $1 AND removed IS NULL", id);
  const bool was_there = rows.affected() > 0;
  if (was_there)
    co_await transaction.query(
        "UPDATE note SET removed = now(), removed_with_board = true WHERE board = $1 AND removed IS NULL",
        id);
  co_await transaction.commit();
  co_return was_there;
}

Task<Result<Board>> BoardStore::restore_board(std::string id) {
  auto transaction = co_await database_.begin();
  auto rows = co_await transaction.query(
      fmt::format("UPDATE board SET removed = NULL WHERE id = $1 "
                  "AND (removed IS NULL OR removed > now() - make_interval(days => $2)) RETURNING {}",
                  kBoardColumns),
      id, kUndoDays);
  if (rows.empty()) co_return no_such_board();
  co_await transaction.query(
      "UPDATE note SET removed = NULL, removed_with_board = false, revision = revision + 1 "
      "WHERE board = $1 AND removed_with_board",
      id);
  co_await transaction.commit();
  co_return read_board(rows.front());
}

Task<Result<Note>> BoardStore::add_note(Note note) {
  // FOR SHARE: the board cannot be removed between our look and our commit.
  auto rows = co_await database_.query_repeatable(
      fmt::format("INSERT INTO note (id, board, text, color, position, author, changed_by) "
                  "SELECT $1, id, $3, $4, $5, $6, $6 FROM board WHERE id = $2 AND removed IS NULL FOR SHARE "
                  "ON CONFLICT (id) DO NOTHING RETURNING {}",
                  kNoteColumns),
      note.id, note.board, note.text, note.color, note.position, note.author);
  if (!rows.empty()) co_return read_note(rows.front());
  auto stored = co_await find_note(note.id);
  if (!stored) co_return no_such_board();
  co_return std::move(*stored);
}

Task<Result<Note>> BoardStore::edit_note(std::string id, NoteChange change, std::string by) {
  auto rows = co_await database_.query_repeatable(
      fmt::format("UPDATE note SET text = coalesce($2, text), color = coalesce($3, color), "
                  "board = coalesce($4, board), position = coalesce($5, position), changed_by = $6, "
                  "changed = now(), revision = revision + 1 WHERE id = $1 AND removed IS NULL "
                  "AND ($4::uuid IS NULL OR EXISTS (SELECT FROM board WHERE board.id = $4 AND board.removed "
                  "IS NULL FOR SHARE)) "
                  "RETURNING {}",
                  kNoteColumns),
      id, change.text, change.color, change.board, change.position, by);
  if (!rows.empty()) co_return read_note(rows.front());
  auto stored = co_await find_note(id);
  if (stored && !stored->is_removed) co_return no_such_board();
  co_return no_such_note();
}

Task<bool> BoardStore::remove_note(std::string id) {
  auto rows = co_await database_.query_repeatable(
      "UPDATE note SET removed = now(), removed_with_board = false WHERE id = $1 AND removed IS NULL", id);
  co_return rows.affected() > 0;
}

Task<Result<Note>> BoardStore::restore_note(std::string id, std::string by) {
  auto rows = co_await database_.query_repeatable(
      fmt::format(
          "UPDATE note SET removed = NULL, removed_with_board = false, changed_by = $2, changed = now(), "
          "revision = revision + 1 WHERE id = $1 "
          "AND (removed IS NULL OR removed > now() - make_interval(days => $3)) "
          "AND EXISTS (SELECT FROM board WHERE board.id = note.board AND board.removed IS NULL FOR SHARE) "
          "RETURNING {}",
          kNoteColumns),
      id, by, kUndoDays);
  if (!rows.empty()) co_return read_note(rows.front());
  auto boardless = co_await database_.query_repeatable(
      "SELECT FROM note JOIN board ON board.id = note.board WHERE note.id = $1 AND board.removed IS NOT NULL",
      id);
  if (!boardless.empty()) co_return fail(Errc::kConflict, "its board was removed; bring that back first");
  co_return no_such_note();
}

Task<void> BoardStore::purge() {
  // Asked at every start, of every instance: mostly there is nothing, which one statement tells.
  const auto old = co_await database_.query_repeatable(
      "SELECT EXISTS (SELECT FROM file WHERE removed < now() - make_interval(days => $1)) OR "
      "EXISTS (SELECT FROM note WHERE removed < now() - make_interval(days => $1)) OR "
      "EXISTS (SELECT FROM board WHERE removed < now() - make_interval(days => $1)) OR "
      "EXISTS (SELECT FROM content WHERE started < now() - interval '1 day' "
      "AND NOT EXISTS (SELECT FROM file WHERE file.content = content.id))",
      kUndoDays);
  if (!old.front().get<bool>(0)) co_return;
  // Contents last: they are what files point to.
  auto transaction = co_await database_.begin();
  for (const char* table : {"file", "note", "board"})
    co_await transaction.query(
        fmt::format("DELETE FROM {} WHERE removed < now() - make_interval(days => $1)", table), kUndoDays);
  co_await transaction.query(
      "DELETE FROM content WHERE started < now() - interval '1 day' "
      "AND NOT EXISTS (SELECT FROM file WHERE file.content = content.id)");
  co_await transaction.commit();
}

}  // namespace berth::notes
