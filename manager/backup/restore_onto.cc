// Data onto a server that is not ours: see Restorer::save_aside().

#include "base/disk_space.h"
#include "db/database.h"
#include "manager/backup/restore.h"
#include "manager/external/copy.h"

namespace berth::manager {
namespace {

using Progress = std::function<void(std::uint64_t bytes, std::uint64_t of)>;

Task<std::uint64_t> size_of(loop::Loop& loop, db::ConnectionOptions place) {
  db::DatabaseOptions options;
  options.connection = std::move(place);
  options.wait_limit = std::chrono::seconds(15);
  db::Database database(loop, std::move(options));
  const auto rows = co_await database.query_repeatable("SELECT pg_database_size(current_database())");
  co_return static_cast<std::uint64_t>(rows.front().get<std::int64_t>(0));
}

std::function<void(std::uint64_t)> of_all(Progress progress, std::uint64_t all) {
  return [progress = std::move(progress), all](std::uint64_t bytes) {
    if (progress) progress(std::min(bytes, all), all);
  };
}

}  // namespace

Task<void> Restorer::save_aside(db::ConnectionOptions place, InstanceDatabaseNames names,
                                std::string user_password, std::string id, Progress progress) {
  const auto bytes = co_await size_of(loop_, place);
  const auto free_bytes = or_throw(read_disk_space(cluster_.settings().data_folder)).free_bytes;
  if (free_bytes < bytes)
    throw_failure(Errc::kNoSpace,
                  "what {} holds is kept here, so that the restore can be undone: that takes {} MiB, {} are "
                  "free",
                  place.host, bytes >> 20, free_bytes >> 20);
  const std::string aside = old_name(names.database, id);
  co_await databases_.create_beside(aside, names.user);
  auto target = cluster_.connection(aside, names.user, std::move(user_password));
  co_await copy_database(loop_, cluster_.settings().binaries, std::move(place), std::move(target),
                         of_all(std::move(progress), bytes));
}

Task<void> Restorer::put_onto(db::ConnectionOptions place, std::string database, Progress progress) {
  const auto bytes = co_await databases_.size(database);
  co_await empty_database(loop_, place);
  auto source = cluster_.superuser(database);
  co_await copy_database(loop_, cluster_.settings().binaries, std::move(source), std::move(place),
                         of_all(std::move(progress), bytes));
}

}  // namespace berth::manager
