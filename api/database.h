// The databases: how large, how much of it is air, and their care.
#pragma once

#include "api/job.h"
#include "api/json.h"

namespace berth::api {

struct TableSize {
  static constexpr std::string_view kName = "TableSize";
  std::string table;        // schema.name
  std::uint64_t bytes = 0;  // with its indexes
  std::uint64_t rows = 0;   // as of the last statistics
  std::uint64_t bloat_bytes = 0;
  static constexpr auto fields() {
    return std::tuple(field("table", &TableSize::table), with_default("bytes", &TableSize::bytes),
                      with_default("rows", &TableSize::rows),
                      with_default("bloatBytes", &TableSize::bloat_bytes));
  }
};

struct DaySize {
  static constexpr std::string_view kName = "DaySize";
  std::string day;  // 2026-11-22, UTC
  std::uint64_t bytes = 0;
  static constexpr auto fields() {
    return std::tuple(field("day", &DaySize::day), with_default("bytes", &DaySize::bytes));
  }
};

struct InstanceDatabase {
  static constexpr std::string_view kName = "InstanceDatabase";
  std::string name;
  std::string domain;
  std::string database;
  std::uint64_t bytes = 0;
  std::uint64_t bloat_bytes = 0;            // about what a clean-up would give back
  std::optional<std::int64_t> bytes_a_day;  // growth, over the last `growthDays`; absent: not known yet
  std::uint64_t growth_days = 0;
  std::uint64_t connections = 0;
  std::uint64_t clean_up_needs_bytes = 0;  // free disk that a clean-up asks for
  std::uint64_t free_bytes = 0;            // of the disk
  std::uint64_t table_count = 0;
  std::vector<TableSize> tables;  // the largest
  std::vector<DaySize> history;   // oldest first: days of two months, before them months
  static constexpr auto fields() {
    return std::tuple(field("name", &InstanceDatabase::name), field("domain", &InstanceDatabase::domain),
                      with_default("database", &InstanceDatabase::database),
                      with_default("bytes", &InstanceDatabase::bytes),
                      with_default("bloatBytes", &InstanceDatabase::bloat_bytes),
                      field("bytesADay", &InstanceDatabase::bytes_a_day),
                      with_default("growthDays", &InstanceDatabase::growth_days),
                      with_default("connections", &InstanceDatabase::connections),
                      with_default("cleanUpNeedsBytes", &InstanceDatabase::clean_up_needs_bytes),
                      with_default("freeBytes", &InstanceDatabase::free_bytes),
                      with_default("tableCount", &InstanceDatabase::table_count),
                      with_default("tables", &InstanceDatabase::tables),
                      with_default("history", &InstanceDatabase::history));
  }
};

struct GetInstanceDatabaseResult {
  static constexpr std::string_view kMt = "GetInstanceDatabaseResult";
  InstanceDatabase database;
  static constexpr auto fields() {
    return std::tuple(field("database", &GetInstanceDatabaseResult::database));
  }
};

struct GetInstanceDatabase {
  static constexpr std::string_view kMt = "GetInstanceDatabase";
  using Answer = GetInstanceDatabaseResult;
  std::string name;
  std::string domain;
  static constexpr auto fields() {
    return std::tuple(field("name", &GetInstanceDatabase::name),
                      field("domain", &GetInstanceDatabase::domain));
  }
};

struct CleanUpInstanceResult {
  static constexpr std::string_view kMt = "CleanUpInstanceResult";
  Job job;
  static constexpr auto fields() { return std::tuple(field("job", &CleanUpInstanceResult::job)); }
};

// Rewrites its tables without their gaps; refused with the numbers (errorCode no_space) when the disk has no room.
struct CleanUpInstance {
  static constexpr std::string_view kMt = "CleanUpInstance";
  using Answer = CleanUpInstanceResult;
  std::string name;
  std::string domain;
  static constexpr auto fields() {
    return std::tuple(field("name", &CleanUpInstance::name), field("domain", &CleanUpInstance::domain));
  }
};

struct CleanUpAllResult {
  static constexpr std::string_view kMt = "CleanUpAllResult";
  Job job;
  static constexpr auto fields() { return std::tuple(field("job", &CleanUpAllResult::job)); }
};

// The same for every database of the platform, one after the other.
struct CleanUpAll {
  static constexpr std::string_view kMt = "CleanUpAll";
  using Answer = CleanUpAllResult;
  static constexpr auto fields() { return std::tuple(); }
};

struct OptimiseDatabasesResult {
  static constexpr std::string_view kMt = "OptimiseDatabasesResult";
  Job job;
  static constexpr auto fields() { return std::tuple(field("job", &OptimiseDatabasesResult::job)); }
};

// What happens every night, now.
struct OptimiseDatabases {
  static constexpr std::string_view kMt = "OptimiseDatabases";
  using Answer = OptimiseDatabasesResult;
  static constexpr auto fields() { return std::tuple(); }
};

struct DatabaseFailure {
  static constexpr std::string_view kName = "DatabaseFailure";
  std::string database;
  std::string error;
  static constexpr auto fields() {
    return std::tuple(field("database", &DatabaseFailure::database),
                      with_default("error", &DatabaseFailure::error));
  }
};

// One run of the nightly care.
struct Optimisation {
  static constexpr std::string_view kName = "Optimisation";
  std::string job;
  std::optional<std::string> night;  // 2026-11-22, by the platform's zone; absent: asked for by hand
  std::string started_at;
  std::optional<std::string> ended_at;
  std::uint64_t databases = 0;  // done
  std::vector<DatabaseFailure> failures;
  static constexpr auto fields() {
    return std::tuple(field("job", &Optimisation::job), field("night", &Optimisation::night),
                      with_default("startedAt", &Optimisation::started_at),
                      field("endedAt", &Optimisation::ended_at),
                      with_default("databases", &Optimisation::databases),
                      with_default("failures", &Optimisation::failures));
  }
};

struct GetDatabasesResult {
  static constexpr std::string_view kMt = "GetDatabasesResult";
  std::uint64_t bytes = 0;       // of all databases
  std::uint64_t wal_bytes = 0;   // PostgreSQL's log beside them
  std::uint64_t free_bytes = 0;  // of the disk
  std::uint64_t databases = 0;
  std::uint64_t connections = 0;
  std::uint64_t max_connections = 0;
  std::optional<std::string> next_run;  // of the nightly care; absent: switched off
  std::vector<Optimisation> runs;       // newest first
  static constexpr auto fields() {
    return std::tuple(with_default("bytes", &GetDatabasesResult::bytes),
                      with_default("walBytes", &GetDatabasesResult::wal_bytes),
                      with_default("freeBytes", &GetDatabasesResult::free_bytes),
                      with_default("databases", &GetDatabasesResult::databases),
                      with_default("connections", &GetDatabasesResult::connections),
                      with_default("maxConnections", &GetDatabasesResult::max_connections),
                      field("nextRun", &GetDatabasesResult::next_run),
                      with_default("runs", &GetDatabasesResult::runs));
  }
};

struct GetDatabases {
  static constexpr std::string_view kMt = "GetDatabases";
  using Answer = GetDatabasesResult;
  static constexpr auto fields() { return std::tuple(); }
};

}  // namespace berth::api
