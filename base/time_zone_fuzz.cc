#include "base/time_zone.h"

// Whatever is accepted can be written, read again, and asked for any time of the next thousand years.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace berth;
  using namespace std::chrono;
  const auto zone = TimeZone::parse({reinterpret_cast<const char*>(data), size});
  if (!zone) return 0;
  const auto again = TimeZone::parse(zone->format());
  BERTH_CHECK(again && *again == *zone);
  std::uint64_t seed = size;
  for (std::size_t i = 0; i < size; ++i) seed = seed * 6364136223846793005u + data[i];
  for (int i = 0; i < 16; ++i) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    const sys_seconds moment{seconds(static_cast<std::int64_t>(seed >> 30))};  // 1970 to about 2514
    const auto back = zone->to_utc(zone->to_local(moment));
    BERTH_CHECK(zone->to_local(back) == zone->to_local(moment) && back <= moment);
    const auto next = zone->next_daily(moment, seconds(static_cast<std::int64_t>(seed % 86400)));
    BERTH_CHECK(next > moment && next - moment < hours(24 * 4));
  }
  return 0;
}
