#include "apps/notes/file_store.h"

#include "db/database.h"

namespace berth::notes {

Task<std::optional<File>> FileStore::find(std::string id) {
  auto rows = co_await database_.query_repeatable(
      "SELECT id, note, name, type, size, content FROM file WHERE id = $1 AND removed IS NULL", id);
  if (rows.empty()) co_return std::nullopt;
  const auto row = rows.front();
  File file;
  file.id = row.get<std::string>(0);
  file.note = row.get<std::string>(1);
  file.name = row.get<std::string>(2);
  file.type = row.get<std::string>(3);
  file.size = row.get<std::uint64_t>(4);
  file.content = row.get<std::string>(5);
  co_return file;
}

Task<std::string> FileStore::begin_content() {
  auto rows = co_await database_.query_repeatable("INSERT INTO content DEFAULT VALUES RETURNING id");
  co_return rows.front().get<std::string>(0);
}

Task<void> FileStore::write_part(std::string content, int part, Bytes bytes) {
  co_await database_.query_repeatable(
      "INSERT INTO content_part (content, part, bytes) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING", content,
      part, std::move(bytes));
}

Task<Result<File>> FileStore::add(File file, std::string by) {
  // The note's row is locked, so that two uploads at once cannot pass the limit together.
  auto transaction = co_await database_.begin();
  auto note =
      co_await transaction.query("SELECT FROM note WHERE id = $1 AND removed IS NULL FOR UPDATE", file.note);
  if (note.empty()) co_return fail(Errc::kNotFound, "the note is not there any more");
  auto known = co_await transaction.query("SELECT content FROM file WHERE id = $1", file.id);
  if (known.empty()) {
    auto count = co_await transaction.query("SELECT count(*) FROM file WHERE note = $1 AND removed IS NULL",
                                            file.note);
    if (count.front().get<int>(0) >= Limits::kFilesANote)
      co_return fail(Errc::kTooLarge, "a note can have {} files", Limits::kFilesANote);
    co_await transaction.query(
        "INSERT INTO file (id, note, name, type, size, content, added_by) VALUES ($1, $2, $3, $4, $5, $6, "
        "$7)",
        file.id, file.note, file.name, file.type, file.size, file.content, by);
    co_await transaction.query("UPDATE note SET revision = revision + 1 WHERE id = $1", file.note);
  } else if (known.front().text(0) != file.content) {
    co_await transaction.query("DELETE FROM content WHERE id = $1", file.content);
  }
  co_await transaction.commit();
  auto stored = co_await find(file.id);
  if (!stored) co_return fail(Errc::kNotFound, "the file was removed");
  co_return std::move(*stored);
}

Task<void> FileStore::drop_content(std::string content) {
  co_await database_.query_repeatable("DELETE FROM content WHERE id = $1", content);
}

Task<Bytes> FileStore::read_part(std::string content, int part) {
  auto bytes = co_await database_.query_bytes(
      "SELECT bytes FROM content_part WHERE content = $1 AND part = $2", content, part);
  if (!bytes) throw_failure(Errc::kNotFound, "part {} of content {} is missing", part, content);
  co_return std::move(*bytes);
}

Task<std::optional<std::string>> FileStore::remove(std::string id) {
  auto rows = co_await database_.query_repeatable(
      "WITH gone AS (UPDATE file SET removed = now() WHERE id = $1 AND removed IS NULL RETURNING note) "
      "UPDATE note SET revision = revision + 1 FROM gone WHERE note.id = gone.note RETURNING note.id",
      id);
  if (rows.empty()) co_return std::nullopt;
  co_return rows.front().get<std::string>(0);
}

Task<std::vector<std::string>> FileStore::find_damage() {
  auto rows = co_await database_.query_repeatable(
      "SELECT file.id, file.size, coalesce(sum(length(bytes)), 0) FROM file "
      "LEFT JOIN content_part ON content_part.content = file.content "
      "GROUP BY file.id, file.size HAVING coalesce(sum(length(bytes)), 0) <> file.size");
  std::vector<std::string> damage;
  for (const auto row : rows)
    damage.push_back(fmt::format("file {}: {} of {} bytes are there", row.text(0), row.text(2), row.text(1)));
  co_return damage;
}

}  // namespace berth::notes
