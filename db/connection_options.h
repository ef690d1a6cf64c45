// Where a database is and who we are there.
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/result.h"

namespace berth::db {

// A value. The password goes to libpq only: never logged, never part of describe().
struct ConnectionOptions {
  std::string host;  // socket folder (starts with '/'), DNS name or address; empty: libpq's default
  int port = 5432;
  std::string database;
  std::string user;
  std::string password;
  std::string application_name = "berth";
  std::string sslmode = "prefer";            // not used on Unix sockets
  std::chrono::seconds connect_timeout{10};  // one attempt
  // Further libpq keywords ("options", "target_session_attrs", …), in order.
  std::vector<std::pair<std::string, std::string>> other;

  Tracer tracer;  // where its statements are traced

  // "team_example on /run/berth/pgsql:5432 as team_example", for logs.
  std::string describe() const;
};

// Reads a conninfo text, "host=/run/x dbname='a b'" or "postgresql://…" (libpq, "Connection
// Strings"). kMalformed with libpq's reason.
Result<ConnectionOptions> parse_conninfo(std::string_view text);

// The conninfo of all parts but the password, every value quoted; for child programs such as
// pg_dump whose arguments others can read.
std::string format_conninfo(const ConnectionOptions& options);

// The one value quoted as conninfo wants it: 'it\'s'.
std::string quote_conninfo_value(std::string_view value);

}  // namespace berth::db
