#include "db/password.h"

#include <libpq-fe.h>

#include <memory>

#include "base/result.h"

namespace berth::db {

std::string make_password_secret(std::string_view password) {
  struct Finish {
    void operator()(PGconn* connection) const { PQfinish(connection); }
  };
  // libpq wants a connection to ask for the server's method; the method is given, so one that leads
  // nowhere will do.
  const char* const keywords[] = {"host", nullptr};
  const char* const values[] = {"/nonexistent", nullptr};
  const std::unique_ptr<PGconn, Finish> nowhere(PQconnectStartParams(keywords, values, 0));
  const std::string text(password);
  char* secret = PQencryptPasswordConn(nowhere.get(), text.c_str(), "", "scram-sha-256");
  if (!secret) throw_failure(Errc::kFailed, "prepare a database password: {}", PQerrorMessage(nowhere.get()));
  std::string result = secret;
  PQfreemem(secret);
  return result;
}

}  // namespace berth::db
