#include "db/sql_failure.h"

namespace berth::db {

Errc errc_of_sqlstate(std::string_view state) {
  struct Entry {
    std::string_view prefix;
    Errc code;
  };
  // Whole codes before their classes.
  static constexpr Entry kEntries[] = {
      {"23505", Errc::kExists},    // unique_violation
      {"23P01", Errc::kExists},    // exclusion_violation
      {"42P04", Errc::kExists},    // duplicate_database
      {"42P06", Errc::kExists},    // duplicate_schema
      {"42P07", Errc::kExists},    // duplicate_table
      {"42701", Errc::kExists},    // duplicate_column
      {"42710", Errc::kExists},    // duplicate_object (role)
      {"3D000", Errc::kNotFound},  // invalid_catalog_name
      {"3F000", Errc::kNotFound},  // invalid_schema_name
      {"42P01", Errc::kNotFound},  // undefined_table
      {"42704", Errc::kNotFound},  // undefined_object
      {"42703", Errc::kNotFound},  // undefined_column
      {"P0002", Errc::kNotFound},  // no_data_found
      {"42501", Errc::kDenied},    // insufficient_privilege
      {"28", Errc::kDenied},       // invalid authorization
      {"25006", Errc::kNoSpace},  // read_only_sql_transaction: the platform's way to stop a database from growing
      {"53100", Errc::kNoSpace},      // disk_full
      {"54", Errc::kTooLarge},        // program limit exceeded
      {"22001", Errc::kTooLarge},     // string_data_right_truncation
      {"57014", Errc::kTimeout},      // query_canceled
      {"55P03", Errc::kTimeout},      // lock_not_available
      {"25P03", Errc::kTimeout},      // idle_in_transaction_session_timeout
      {"40", Errc::kConflict},        // serialization failure, deadlock
      {"55006", Errc::kConflict},     // object_in_use
      {"23", Errc::kConflict},        // other integrity violations
      {"25", Errc::kConflict},        // invalid transaction state
      {"55000", Errc::kUnavailable},  // "database … is not currently accepting connections"
      {"53", Errc::kUnavailable},     // out of memory, too many connections
      {"57", Errc::kUnavailable},     // shutdowns, cannot_connect_now, database_dropped
      {"08", Errc::kUnavailable},     // connection exceptions
      {"0A", Errc::kUnsupported},    {"22", Errc::kMalformed},  // data exceptions
      {"42", Errc::kMalformed},                                 // syntax error and the like
  };
  for (const auto& entry : kEntries)
    if (state.starts_with(entry.prefix)) return entry.code;
  return Errc::kFailed;
}

}  // namespace berth::db
