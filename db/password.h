#pragma once

#include <string>
#include <string_view>

namespace berth::db {

// What PostgreSQL stores for a password (SCRAM-SHA-256 secret, RFC 5803), for CREATE and ALTER ROLE: so
// the password itself is neither in a statement nor in a server log. Blocks some milliseconds (4096
// rounds of PBKDF2). Throws Failure(kFailed) when there is no randomness or memory.
std::string make_password_secret(std::string_view password);

}  // namespace berth::db
