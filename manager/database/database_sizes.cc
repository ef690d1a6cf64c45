#include "manager/database/database_sizes.h"

#include <fmt/ranges.h>

#include <set>
#include <vector>

namespace berth::manager {
namespace {

struct Changed {
  std::int64_t oid;
  std::string name;
  std::int64_t transactions;
  bool is_in_use;
};

}  // namespace

Task<void> DatabaseSizes::refresh() {
  // The functions behind pg_stat_database: the view asks for two dozen numbers of each.
  const auto rows = co_await admin_.query_repeatable(
      "SELECT oid::bigint AS oid, datname::text AS name, "
      "pg_stat_get_db_xact_commit(oid) + pg_stat_get_db_xact_rollback(oid) AS transactions, "
      "oid IN (SELECT datid FROM pg_stat_activity WHERE datid IS NOT NULL) AS is_in_use "
      "FROM pg_database WHERE NOT datistemplate");
  std::vector<Changed> changed;
  std::map<std::string, std::uint64_t> bytes;
  std::set<std::int64_t> present;
  for (const auto row : rows) {
    Changed one{row.get<std::int64_t>("oid"), row.get<std::string>("name"),
                row.get<std::int64_t>("transactions"), row.get<bool>("is_in_use")};
    present.insert(one.oid);
    const auto found = seen_.find(one.oid);
    if (found != seen_.end()) bytes[one.name] = found->second.bytes;
    if (found == seen_.end() || one.is_in_use || found->second.was_in_use ||
        found->second.transactions != one.transactions)
      changed.push_back(std::move(one));
  }
  std::erase_if(seen_, [&](const auto& entry) { return !present.contains(entry.first); });
  bytes_ = std::move(bytes);

  for (std::size_t first = 0; first < changed.size(); first += kAtOnce) {
    const std::size_t end = std::min(first + kAtOnce, changed.size());
    std::vector<std::int64_t> oids;
    for (std::size_t i = first; i < end; ++i) oids.push_back(changed[i].oid);
    // From pg_database: of one that was dropped meanwhile there is no row, and no error.
    const auto sizes = co_await admin_.query_repeatable(fmt::format(
        "SELECT oid::bigint AS oid, pg_database_size(oid) AS bytes FROM pg_database WHERE oid IN ({})",
        fmt::join(oids, ",")));
    std::map<std::int64_t, std::uint64_t> measured;
    for (const auto row : sizes) measured[row.get<std::int64_t>("oid")] = row.get<std::uint64_t>("bytes");
    for (std::size_t i = first; i < end; ++i) {
      const auto found = measured.find(changed[i].oid);
      if (found == measured.end()) continue;
      seen_[changed[i].oid] = {changed[i].transactions, changed[i].is_in_use, found->second};
      bytes_[changed[i].name] = found->second;
      ++measured_;
    }
  }
}

}  // namespace berth::manager
