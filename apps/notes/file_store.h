// Files attached to notes, in the instance's database.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "apps/notes/model.h"
#include "base/bytes.h"
#include "base/result.h"
#include "loop/task.h"

namespace berth::db {
class Database;
}

namespace berth::notes {

using loop::Task;

// Parts of this size go to and from the database, so no file is ever in memory whole.
inline constexpr std::size_t kPartBytes = 256 * 1024;

class FileStore {
 public:
  explicit FileStore(db::Database& database) : database_(database) {}

  Task<std::optional<File>> find(std::string id);

  // An upload: begin, parts 0, 1, … (all but the last of kPartBytes), then add(), which makes it a file of
  // its note in one step. What is not added is purged after a day.
  Task<std::string> begin_content();
  Task<void> write_part(std::string content, int part, Bytes bytes);
  // An id that is known gives the stored file, and the content is dropped. Errors: kNotFound (no such note),
  // kTooLarge (the note has as many files as it may).
  Task<Result<File>> add(File file, std::string by);
  Task<void> drop_content(std::string content);

  // kPartBytes from part * kPartBytes on, or what is left. Failure(kNotFound) if there is no such part.
  Task<Bytes> read_part(std::string content, int part);

  // The note it belonged to; nullopt if it was not there.
  Task<std::optional<std::string>> remove(std::string id);

  // What does not fit together: files whose parts do not add up to their size. Empty: all good.
  Task<std::vector<std::string>> find_damage();

 private:
  db::Database& database_;
};

}  // namespace berth::notes
