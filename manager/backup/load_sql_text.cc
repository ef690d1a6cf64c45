#include "manager/backup/load_sql_text.h"

#include <unistd.h>

#include <cerrno>

#include "base/text.h"
#include "db/connection.h"
#include "manager/backup/sql_text.h"

namespace berth::manager {
namespace {

constexpr std::size_t kPiece = 256 * 1024;

void check_psql_command(std::string_view command) {
  if (command.starts_with("\\restrict ") || command.starts_with("\\unrestrict ")) return;
  throw_failure(Errc::kMalformed,
                "the SQL text holds a command for psql ({}), which a backup does not need: load it by hand "
                "if you trust it",
                command.substr(0, 40));
}

loop::Task<void> run_part(db::Connection& connection, SqlPart part) {
  switch (part.kind) {
    case SqlPart::Kind::kStatement:
      if (!is_about_rights(part.text)) co_await connection.run_script(part.text);
      break;
    case SqlPart::Kind::kCopy: co_await connection.begin_copy(part.text); break;
    case SqlPart::Kind::kCopyData: co_await connection.put_copy(std::move(part.text)); break;
    case SqlPart::Kind::kCopyEnd: co_await connection.end_copy(); break;
    case SqlPart::Kind::kPsqlCommand: check_psql_command(part.text); break;
  }
}

}  // namespace

loop::Task<void> load_sql_text(loop::Loop& loop, db::ConnectionOptions place, int fd, std::uint64_t size,
                               std::function<void(std::uint64_t bytes, std::uint64_t of)> progress) {
  const auto connection = co_await db::Connection::open(loop, std::move(place), std::chrono::milliseconds(0));
  const std::string begin = "BEGIN", commit = "COMMIT";
  co_await connection->run_script(begin);
  SqlTextReader reader;
  std::string buffer(kPiece, '\0');
  std::string where;
  for (std::uint64_t done = 0;;) {
    const auto got = ::pread(fd, buffer.data(), buffer.size(), static_cast<off_t>(done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw Failure(errno_error(errno, "read the backup file"));
    if (got == 0) break;
    done += static_cast<std::uint64_t>(got);
    std::vector<SqlPart> parts;
    or_throw(reader.feed(std::string_view(buffer).substr(0, static_cast<std::size_t>(got)), parts));
    for (auto& part : parts) {
      if (part.kind == SqlPart::Kind::kStatement || part.kind == SqlPart::Kind::kCopy)
        where = part.text.substr(0, 80);
      try {
        co_await run_part(*connection, std::move(part));
      } catch (const db::SqlFailure& failure) {
        throw Failure(Error(failure.error()).within(fmt::format("restore: {}", where)));
      }
    }
    if (progress) progress(std::min(done, size), size);
  }
  or_throw(reader.finish());
  co_await connection->run_script(commit);
}

}  // namespace berth::manager
