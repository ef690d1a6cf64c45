// The connections of one Database, to PostgreSQL.
#pragma once

#include "db/connection.h"
#include "db/connection_pool.h"
#include "db/database.h"
#include "db/host_lookup.h"

namespace berth::db {

class Pool final : public ConnectionPool<Connection, ConnectionOptions> {
 public:
  Pool(loop::Loop& loop, DatabaseOptions options) : ConnectionPool(loop, std::move(options)), lookup_(loop) {}

  Task<Rows> run(Statement statement);
  Task<void> run_script(std::string sql);

 private:
  Task<std::unique_ptr<Connection>> open_connection() override;

  HostLookup lookup_;
};

}  // namespace berth::db
