#include "manager/backup/restore.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/log.h"
#include "db/database.h"
#include "manager/backup/child.h"
#include "manager/backup/load_sql_text.h"
#include "manager/backup/sink.h"
#include "manager/backup/sql_text.h"
#include "manager/database/statistics.h"

namespace berth::manager {
namespace {

constexpr std::chrono::milliseconds kProgressEvery{250};

// `<database><suffix>` within the limit of a name; a shortened one carries a hash, so that two long
// names do not become one.
std::string derived_name(const std::string& database, const std::string& suffix) {
  if (database.size() + suffix.size() <= kMaxDatabaseName) return database + suffix;
  const std::string hash = "_" + sha256_hex(database).substr(0, 8);
  std::size_t length = kMaxDatabaseName - suffix.size() - hash.size();
  while (length > 0 && (static_cast<unsigned char>(database[length]) & 0xc0) == 0x80) --length;
  return database.substr(0, length) + hash + suffix;
}

// Tells how far the reading program is: it shares the position of our descriptor.
Task<void> watch_position(loop::Loop& loop, int fd, std::uint64_t size,
                          std::function<void(std::uint64_t bytes, std::uint64_t of)> progress) {
  for (;;) {
    const auto at = ::lseek(fd, 0, SEEK_CUR);
    if (at >= 0 && progress) progress(std::min(static_cast<std::uint64_t>(at), size), size);
    co_await loop::sleep_for(loop, kProgressEvery);
  }
}

}  // namespace

Restorer::Reservation::Reservation(Restorer* restorer, std::string database)
    : restorer_(restorer), database_(std::move(database)) {}
Restorer::Reservation::Reservation(Reservation&& other) noexcept
    : restorer_(std::exchange(other.restorer_, nullptr)), database_(std::move(other.database_)) {}
Restorer::Reservation& Restorer::Reservation::operator=(Reservation&& other) noexcept {
  std::swap(restorer_, other.restorer_);
  std::swap(database_, other.database_);
  return *this;
}
Restorer::Reservation::~Reservation() {
  if (restorer_) restorer_->reserved_.erase(database_);
}

Result<Restorer::Reservation> Restorer::reserve(const std::string& database) {
  if (!reserved_.insert(database).second)
    return fail(Errc::kConflict, "a restore of {} is under way: wait for its end or cancel it", database);
  return Reservation(this, database);
}

std::string Restorer::beside_name(const std::string& database, const std::string& id) {
  return derived_name(database, "_restore_" + id);
}
std::string Restorer::old_name(const std::string& database, const std::string& id) {
  return derived_name(database, "_old_" + id);
}

Task<void> Restorer::load_beside(std::string path, InstanceDatabaseNames names, std::string user_password,
                                 std::string id,
                                 std::function<void(std::uint64_t bytes, std::uint64_t of)> progress) {
  auto filling = fill(std::move(path), beside_name(names.database, id), names, std::move(user_password),
                      std::move(progress));
  return load(std::move(filling), std::move(names), std::move(id));
}

Task<void> Restorer::load_beside_from(db::ConnectionOptions source, std::uint64_t of_bytes,
                                      InstanceDatabaseNames names, std::string user_password, std::string id,
                                      std::function<void(std::uint64_t bytes, std::uint64_t of)> progress) {
  auto place = cluster_.connection(beside_name(names.database, id), names.user, std::move(user_password));
  auto filling = copy_over(std::move(source), of_bytes, std::move(place), std::move(progress));
  return load(std::move(filling), std::move(names), std::move(id));
}

Task<void> Restorer::load(Task<void> filling, InstanceDatabaseNames names, std::string id) {
  const std::string beside = beside_name(names.database, id);
  std::optional<Failure> failed;
  try {
    co_await databases_.create_beside(beside, names.user);
    co_await filling;
  } catch (const Failure& failure) {
    failed = failure;
  }
  if (!failed) co_return;
  try {
    co_await databases_.drop_database(beside);
  } catch (const Failure& failure) {
    log_warning("a half restored database is left until the next try",
                {{"database", beside}, {"error", failure.error().detail}});
  }
  throw *failed;
}

loop::SpawnOptions Restorer::restore_options(const db::ConnectionOptions& place, int input) const {
  loop::SpawnOptions options;
  options.program = cluster_.program("pg_restore");
  options.arguments = {"--dbname=" + db::format_conninfo(place),
                       "--no-password",
                       "--no-owner",
                       "--no-privileges",
                       "--no-publications",
                       "--no-subscriptions",
                       "--single-transaction",
                       "--exit-on-error"};
  options.directory = "/";
  options.environment =
      std::vector<std::string>{"PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8", "PGPASSWORD=" + place.password};
  options.descriptors = {{input, 0}};
  return without_rights(std::move(options));
}

namespace {

// From pg_dump's output into pg_restore's input, which is closed at the end. Throws when nobody reads any more.
Task<void> pump(loop::Loop& loop, Child& from, UniqueFd to, std::uint64_t of_bytes,
                std::function<void(std::uint64_t bytes, std::uint64_t of)> progress) {
  DescriptorSink sink(loop, to.get());
  std::uint64_t bytes = 0;
  for (;;) {
    std::string piece = co_await from.read();
    if (piece.empty()) co_return;
    bytes += piece.size();
    co_await sink.write(std::move(piece));
    if (progress) progress(std::min(bytes, of_bytes), of_bytes);
  }
}

}  // namespace

Task<void> Restorer::copy_over(db::ConnectionOptions source, std::uint64_t of_bytes,
                               db::ConnectionOptions place,
                               std::function<void(std::uint64_t bytes, std::uint64_t of)> progress) {
  loop::SpawnOptions dump;
  dump.program = cluster_.program("pg_dump");
  // Nothing is compressed: it only goes from one process to the next.
  dump.arguments = {"--dbname=" + db::format_conninfo(source), "--format=custom", "--compress=0",
                    "--no-password"};
  dump.directory = "/";
  dump.environment = std::vector<std::string>{"PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8"};
  if (!source.password.empty()) dump.environment->push_back("PGPASSWORD=" + source.password);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw Failure(errno_error(errno, "pipe"));
  UniqueFd read_end(ends[0]), write_end(ends[1]);
  const auto dumping = Child::start(loop_, std::move(dump));
  const auto restoring = Child::start(loop_, restore_options(place, read_end.get()));
  read_end = UniqueFd();
  std::optional<Error> pump_error;
  try {
    auto pumping = pump(loop_, *dumping, std::move(write_end), of_bytes, std::move(progress));
    co_await pumping;
  } catch (const Failure& failure) {
    pump_error = failure.error();  // pg_restore is gone; its own words are better
  }
  if (!pump_error) {
    const auto dumped = co_await dumping->wait();
    if (!dumped.is_success()) throw Failure(error_of_child(*dumping, dumped, "read the data"));
  }
  for (;;) {
    const std::string piece = co_await restoring->read();
    if (piece.empty()) break;
  }
  const auto restored = co_await restoring->wait();
  if (!restored.is_success()) throw Failure(error_of_child(*restoring, restored, "restore"));
  if (pump_error) throw Failure(std::move(*pump_error));
  co_await finish(std::move(place));
}

Task<void> Restorer::run_pg_restore(db::ConnectionOptions place, int fd, std::uint64_t size,
                                    std::function<void(std::uint64_t bytes, std::uint64_t of)> progress) {
  const auto child = Child::start(loop_, restore_options(place, fd));
  loop::Spawned<void> watching(loop_, watch_position(loop_, fd, size, std::move(progress)));
  for (;;) {
    const std::string piece = co_await child->read();
    if (piece.empty()) break;
  }
  const auto status = co_await child->wait();
  if (status.is_success()) co_return;
  Error error = error_of_child(*child, status, "restore");
  if (error.code == Errc::kFailed) error.code = Errc::kMalformed;
  throw Failure(std::move(error));
}

Task<void> Restorer::fill(std::string path, std::string database, InstanceDatabaseNames names,
                          std::string user_password,
                          std::function<void(std::uint64_t bytes, std::uint64_t of)> progress) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) throw Failure(errno_error(errno, "open " + path));
  struct stat info{};
  if (::fstat(fd.get(), &info) != 0) throw Failure(errno_error(errno, path));

  const auto size = static_cast<std::uint64_t>(info.st_size);
  const auto place = cluster_.connection(database, names.user, user_password);
  char head[64];
  const auto head_bytes = ::pread(fd.get(), head, sizeof head, 0);
  if (head_bytes < 0) throw Failure(errno_error(errno, path));
  if (is_sql_dump({head, static_cast<std::size_t>(head_bytes)})) {
    auto loading = load_sql_text(loop_, place, fd.get(), size, progress);
    co_await loading;
  } else {
    auto running = run_pg_restore(place, fd.get(), size, progress);
    co_await running;
  }
  if (progress) progress(size, size);
  co_await finish(place);
}

Task<void> Restorer::finish(db::ConnectionOptions place) {
  db::DatabaseOptions session;
  session.connection = place;
  session.wait_limit = std::chrono::seconds(10);
  session.query_limit = std::chrono::milliseconds(0);  // statistics of a large database take their time
  db::Database restored(loop_, session);
  // The instance password has no business in the app's database; the planner needs statistics.
  co_await restored.run_script("SET client_min_messages = error; DROP SCHEMA IF EXISTS berth_backup CASCADE");
  // From a small sample: after a load in one transaction whoever first reads a page writes it once more (hint bits, which
  // checksums want in the log), and the full sample is most of a table: longer than the load itself. The night's
  // optimisation completes it.
  co_await restored.run_script("SET default_statistics_target = 10");
  co_await analyze_own_tables(restored);
}

Task<void> Restorer::swap_in(InstanceDatabaseNames names, std::string id) {
  const std::string beside = beside_name(names.database, id), old = old_name(names.database, id);
  co_await databases_.swap(names.database, beside, old);
}

Task<void> Restorer::undo(InstanceDatabaseNames names, std::string id) {
  const std::string beside = beside_name(names.database, id), old = old_name(names.database, id);
  const bool has_old = co_await databases_.exists(old);
  const bool has_beside = co_await databases_.exists(beside);
  if (!has_old && has_beside) co_return;  // done before
  if (!has_old) throw_failure(Errc::kNotFound, "the data from before the restore are gone already");
  co_await databases_.swap(names.database, old, beside);
}

Task<void> Restorer::forget(InstanceDatabaseNames names, std::string id, bool keep_old) {
  const std::string beside = beside_name(names.database, id), old = old_name(names.database, id);
  co_await databases_.drop_database(beside);
  if (!keep_old) co_await databases_.drop_database(old);
  co_await databases_.admit(names.database);
}

}  // namespace berth::manager
