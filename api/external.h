// Data of instances on servers that are not ours.
#pragma once

#include "api/job.h"
#include "api/json.h"

namespace berth::api {

struct ExternalDatabase {
  static constexpr std::string_view kName = "ExternalDatabase";
  std::string type = "postgresql";  // or mysql
  std::string host;                 // db.example.com, 192.0.2.7:5433, [2001:db8::7]:5433, 2001:db8::7
  std::string database;
  std::string user;
  std::optional<Password> password;  // never told
  static constexpr auto fields() {
    return std::tuple(with_default("type", &ExternalDatabase::type), field("host", &ExternalDatabase::host),
                      field("database", &ExternalDatabase::database), field("user", &ExternalDatabase::user),
                      field("password", &ExternalDatabase::password));
  }
};

// `reason` says in words of people why it does not work; `code` is one of the errorCodes.
struct TestDatabaseResult {
  static constexpr std::string_view kMt = "TestDatabaseResult";
  bool ok = false;
  std::optional<std::string> reason, code;
  std::string server;                 // PostgreSQL 15.8
  bool encrypted = false;             // by TLS
  std::uint64_t tables = 0;           // and sequences and views that are there already
  std::optional<std::string> owner;   // another platform that has it in use
  std::optional<std::string> remark;  // what will not work there, though the connection does
  static constexpr auto fields() {
    return std::tuple(
        field("ok", &TestDatabaseResult::ok), field("reason", &TestDatabaseResult::reason),
        field("code", &TestDatabaseResult::code), with_default("server", &TestDatabaseResult::server),
        with_default("encrypted", &TestDatabaseResult::encrypted),
        with_default("tables", &TestDatabaseResult::tables), field("owner", &TestDatabaseResult::owner),
        field("remark", &TestDatabaseResult::remark));
  }
};

struct TestDatabase {
  static constexpr std::string_view kMt = "TestDatabase";
  using Answer = TestDatabaseResult;
  ExternalDatabase external;
  static constexpr auto fields() { return std::tuple(field("external", &TestDatabase::external)); }
};

struct UseDatabaseResult {
  static constexpr std::string_view kMt = "UseDatabaseResult";
  Job job;
  static constexpr auto fields() { return std::tuple(field("job", &UseDatabaseResult::job)); }
};

// Where an instance keeps its data from now on. Without `external`: the platform's own database.
struct UseDatabase {
  static constexpr std::string_view kMt = "UseDatabase";
  using Answer = UseDatabaseResult;
  std::string name;
  std::string domain;
  std::optional<ExternalDatabase> external;
  bool move = false;       // the data go along, into an empty database
  bool take_over = false;  // though another platform has it in use
  static constexpr auto fields() {
    return std::tuple(field("name", &UseDatabase::name), field("domain", &UseDatabase::domain),
                      field("external", &UseDatabase::external), with_default("move", &UseDatabase::move),
                      with_default("takeOver", &UseDatabase::take_over));
  }
};

struct TakeOverDatabaseResult {
  static constexpr std::string_view kMt = "TakeOverDatabaseResult";
  static constexpr auto fields() { return std::tuple(); }
};

// Makes the external database of an instance ours though another platform has it, and starts the instance. The other one
// must be gone.
struct TakeOverDatabase {
  static constexpr std::string_view kMt = "TakeOverDatabase";
  using Answer = TakeOverDatabaseResult;
  std::string name;
  std::string domain;
  static constexpr auto fields() {
    return std::tuple(field("name", &TakeOverDatabase::name), field("domain", &TakeOverDatabase::domain));
  }
};

struct GetSqlRecipeResult {
  static constexpr std::string_view kMt = "GetSqlRecipeResult";
  std::string sql;
  static constexpr auto fields() { return std::tuple(field("sql", &GetSqlRecipeResult::sql)); }
};

// The statements by which an admin makes a database for an instance on a server of his own.
struct GetSqlRecipe {
  static constexpr std::string_view kMt = "GetSqlRecipe";
  using Answer = GetSqlRecipeResult;
  std::string database;
  std::string user;
  std::string type = "postgresql";
  static constexpr auto fields() {
    return std::tuple(field("database", &GetSqlRecipe::database), field("user", &GetSqlRecipe::user),
                      with_default("type", &GetSqlRecipe::type));
  }
};

}  // namespace berth::api
