// What one may ask of the connections of a database, and what they count.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace berth::db {

// `Place`: where the database is and who we are there (ConnectionOptions, MysqlOptions).
template <class Place>
struct PoolOptions {
  Place connection;
  std::size_t max_connections = 1;                  // opened as needed
  std::chrono::milliseconds idle_release{300'000};  // unused connections are closed after it; 0: never
  std::chrono::milliseconds wait_limit{30'000};     // longest wait for a (re)connected, free connection
  std::chrono::milliseconds query_limit{60'000};    // longest run of one statement; 0: no limit
  std::size_t max_waiting = 1000;                   // tasks in the queue; more get kUnavailable at once
};

// Counters since the start, for metrics and tests.
struct DatabaseCounters {
  std::uint64_t queries = 0, connects = 0, failed_connects = 0, lost = 0;
  std::chrono::microseconds busy{0};  // sum of what statements took, without their wait for a connection
};

}  // namespace berth::db
