#include "db/pool.h"

namespace berth::db {

Task<std::unique_ptr<Connection>> Pool::open_connection() {
  auto place = co_await lookup_.resolve(options().connection);
  co_return co_await Connection::open(loop(), std::move(place), options().query_limit);
}

Task<Rows> Pool::run(Statement statement) {
  const bool safe_to_repeat = statement.safe_to_repeat;
  return with_connection(safe_to_repeat, [statement = std::move(statement)](Connection& connection) {
    return connection.run(statement);
  });
}

Task<void> Pool::run_script(std::string sql) {
  return with_connection(
      false, [sql = std::move(sql)](Connection& connection) { return connection.run_script(sql); });
}

}  // namespace berth::db
