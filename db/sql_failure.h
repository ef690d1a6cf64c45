// What PostgreSQL refused, for programs and for people.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace berth::db {

// The Errc of a SQLSTATE (PostgreSQL, "Error Codes"): unique_violation kExists, disk_full kNoSpace,
// insufficient_privilege and login refusals kDenied, undefined_table kNotFound, class 08 and shutdowns
// kUnavailable, query_canceled kTimeout, serialization_failure and deadlock kConflict, class 22
// kMalformed, …; else kFailed.
Errc errc_of_sqlstate(std::string_view sqlstate);

// A Failure with the server's words. Catch it only to branch on sqlstate or constraint.
class SqlFailure : public Failure {
 public:
  SqlFailure(Error error, std::string sqlstate, std::string constraint)
      : Failure(std::move(error)), sqlstate_(std::move(sqlstate)), constraint_(std::move(constraint)) {}
  const std::string& sqlstate() const { return sqlstate_; }      // five characters; empty: connection lost
  const std::string& constraint() const { return constraint_; }  // name, if one was violated

 private:
  std::string sqlstate_, constraint_;
};

}  // namespace berth::db
