#include "db/connection_pool.h"

namespace berth::db {

bool is_final(const Error& error) {
  return error.code == Errc::kDenied || error.code == Errc::kNotFound || error.code == Errc::kMalformed ||
         error.code == Errc::kUnsupported;
}

}  // namespace berth::db
