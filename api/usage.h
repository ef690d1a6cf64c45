// What instances and domains used, day by day, and how much they may have.
#pragma once

#include "api/json.h"

namespace berth::api {

// Of an instance or a domain, on a day or in all the time that was asked for.
struct UsageRow {
  static constexpr std::string_view kName = "UsageRow";
  std::string day;  // "2026-11-22", by the platform's time zone; empty: the whole time
  std::string domain;
  std::string name;             // of the instance; empty: the whole domain
  std::string service;          // of the instance
  double cpu_seconds = 0;       // its part of the service's
  double memory_gib_hours = 0;  // its part of the service's
  std::uint64_t database_bytes =
      0;  // the most; of a domain: of all its databases together on the largest day
  std::uint64_t requests = 0;
  double websocket_minutes = 0;
  std::uint64_t messages_in = 0, messages_out = 0;
  std::uint64_t bytes_in = 0,
                bytes_out = 0;  // of messages and bodies, also of files that the webserver serves alone
  double database_seconds = 0;  // what its statements took
  std::uint64_t slowed = 0, refused = 0;  // messages, requests and WebSockets, by a limit
  static constexpr auto fields() {
    return std::tuple(with_default("day", &UsageRow::day), field("domain", &UsageRow::domain),
                      with_default("name", &UsageRow::name), with_default("service", &UsageRow::service),
                      with_default("cpuSeconds", &UsageRow::cpu_seconds),
                      with_default("memoryGibHours", &UsageRow::memory_gib_hours),
                      with_default("databaseBytes", &UsageRow::database_bytes),
                      with_default("requests", &UsageRow::requests),
                      with_default("websocketMinutes", &UsageRow::websocket_minutes),
                      with_default("messagesIn", &UsageRow::messages_in),
                      with_default("messagesOut", &UsageRow::messages_out),
                      with_default("bytesIn", &UsageRow::bytes_in),
                      with_default("bytesOut", &UsageRow::bytes_out),
                      with_default("databaseSeconds", &UsageRow::database_seconds),
                      with_default("slowed", &UsageRow::slowed), with_default("refused", &UsageRow::refused));
  }
};

struct GetUsageResult {
  static constexpr std::string_view kMt = "GetUsageResult";
  std::string from, to;         // days, both included
  std::string time_zone;        // in which days begin; empty: UTC
  std::uint64_t kept_days = 0;  // setting usageDays
  std::vector<UsageRow> rows;   // by day, domain and name
  static constexpr auto fields() {
    return std::tuple(field("from", &GetUsageResult::from), field("to", &GetUsageResult::to),
                      with_default("timeZone", &GetUsageResult::time_zone),
                      with_default("keptDays", &GetUsageResult::kept_days),
                      field("rows", &GetUsageResult::rows));
  }
};

struct GetUsage {
  static constexpr std::string_view kMt = "GetUsage";
  using Answer = GetUsageResult;
  std::optional<std::string> from;  // day; absent: the first of the month of `to`
  std::optional<std::string> to;    // day; absent: today
  std::optional<std::string> domain;
  std::optional<std::string> name;  // of an instance of `domain`
  bool by_day = false;              // a row for each day
  bool by_instance = false;         // a row for each instance, else for each domain
  static constexpr auto fields() {
    return std::tuple(field("from", &GetUsage::from), field("to", &GetUsage::to),
                      field("domain", &GetUsage::domain), field("name", &GetUsage::name),
                      with_default("byDay", &GetUsage::by_day),
                      with_default("byInstance", &GetUsage::by_instance));
  }
};

// 0: no limit (connections and seconds: what the SDK has by itself). Absent: as the next wider one says, which is that of
// the domain, then the setting for everybody.
struct Limits {
  static constexpr std::string_view kName = "Limits";
  std::optional<std::uint64_t> database_bytes;  // of a domain: of all its databases together
  std::optional<std::uint64_t> websockets;      // open at once
  std::optional<std::uint64_t> requests;        // a second
  std::optional<std::uint64_t> messages;        // a second
  std::optional<std::uint64_t> database_connections;
  std::optional<std::uint64_t> statement_seconds;
  static constexpr auto fields() {
    return std::tuple(field("databaseBytes", &Limits::database_bytes),
                      field("websockets", &Limits::websockets), field("requests", &Limits::requests),
                      field("messages", &Limits::messages),
                      field("databaseConnections", &Limits::database_connections),
                      field("statementSeconds", &Limits::statement_seconds));
  }
};

// What holds for an instance, or for a domain.
struct LimitsOf {
  static constexpr std::string_view kName = "LimitsOf";
  std::string domain;
  std::string name;  // of the instance; empty: the domain
  Limits own;        // what was set for it
  Limits effective;  // what holds; none absent
  std::uint64_t database_bytes = 0;
  std::string
      database_state;  // "fine", "near" (90 % of its limit), "readOnly", "lockedOut" (it wrote all the
                       // same), "writable" (for a while)
  std::optional<std::string> writable_until;  // though above the limit
  static constexpr auto fields() {
    return std::tuple(field("domain", &LimitsOf::domain), with_default("name", &LimitsOf::name),
                      field("own", &LimitsOf::own), field("effective", &LimitsOf::effective),
                      with_default("databaseBytes", &LimitsOf::database_bytes),
                      with_default("databaseState", &LimitsOf::database_state),
                      field("writableUntil", &LimitsOf::writable_until));
  }
};

struct GetLimitsResult {
  static constexpr std::string_view kMt = "GetLimitsResult";
  Limits usual;                  // for everybody: the settings limit…
  std::vector<LimitsOf> limits;  // domains, each followed by its instances
  static constexpr auto fields() {
    return std::tuple(field("usual", &GetLimitsResult::usual), field("limits", &GetLimitsResult::limits));
  }
};

struct GetLimits {
  static constexpr std::string_view kMt = "GetLimits";
  using Answer = GetLimitsResult;
  std::optional<std::string> domain;
  std::optional<std::string> name;
  static constexpr auto fields() {
    return std::tuple(field("domain", &GetLimits::domain), field("name", &GetLimits::name));
  }
};

struct SetLimitsResult {
  static constexpr std::string_view kMt = "SetLimitsResult";
  LimitsOf limits;
  static constexpr auto fields() { return std::tuple(field("limits", &SetLimitsResult::limits)); }
};

// Replaces what was set for it; what is absent in `limits` is as the next wider one says again.
struct SetLimits {
  static constexpr std::string_view kMt = "SetLimits";
  using Answer = SetLimitsResult;
  std::string domain;
  std::string name;  // empty: the domain
  Limits limits;
  static constexpr auto fields() {
    return std::tuple(field("domain", &SetLimits::domain), with_default("name", &SetLimits::name),
                      field("limits", &SetLimits::limits));
  }
};

struct AllowWritesResult {
  static constexpr std::string_view kMt = "AllowWritesResult";
  LimitsOf limits;
  static constexpr auto fields() { return std::tuple(field("limits", &AllowWritesResult::limits)); }
};

// Lets an instance write for a while though its database is above its limit, so that its users can delete.
struct AllowWrites {
  static constexpr std::string_view kMt = "AllowWrites";
  using Answer = AllowWritesResult;
  std::string domain;
  std::string name;
  std::uint64_t minutes = 60;  // 0: no longer; at most 10,080
  static constexpr auto fields() {
    return std::tuple(field("domain", &AllowWrites::domain), field("name", &AllowWrites::name),
                      with_default("minutes", &AllowWrites::minutes));
  }
};

}  // namespace berth::api
