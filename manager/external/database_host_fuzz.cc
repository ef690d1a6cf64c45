#include "manager/external/host.h"

// What is taken can be written and is the same when it is read again.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace berth;
  const auto host = manager::parse_database_host({reinterpret_cast<const char*>(data), size}, 5432);
  if (!host) return 0;
  BERTH_CHECK(host->port >= 1 && host->port <= 65535 && !host->name.empty());
  const auto again = manager::parse_database_host(manager::format_database_host(*host, 5432), 5432);
  BERTH_CHECK(again && *again == *host);
  return 0;
}
