#include "manager/move/startup_packet.h"

#include <gtest/gtest.h>

namespace berth::manager {
namespace {

// With the zeros in it.
template <std::size_t kSize>
std::string raw(const char (&bytes)[kSize]) {
  return std::string(bytes, kSize - 1);
}

// As psql -U team -d other sends it (PostgreSQL 15, StartupMessage).
std::string packet(const std::string& members) {
  const auto length = static_cast<char>(8 + members.size());
  return std::string{0, 0, 0, length, 0, 3, 0, 0} + members;
}
const std::string kTeam = packet(raw("user\0team\0database\0other\0application_name\0psql\0\0"));

TEST(StartupPacket, TellsWhoWantsToWhichDatabase) {
  const auto told = parse_startup_packet(as_bytes(kTeam + "more")).value().value();
  EXPECT_EQ(told.user, "team");
  EXPECT_EQ(told.database, "other");
  EXPECT_FALSE(told.wants_replication);
  EXPECT_EQ(told.bytes, kTeam.size());
}

TEST(StartupPacket, WaitsAtEveryCutPoint) {
  for (std::size_t have = 0; have < kTeam.size(); ++have)
    EXPECT_FALSE(parse_startup_packet(as_bytes(kTeam).first(have)).value()) << have;
}

TEST(StartupPacket, TakesTheLastOfTwoAsTheServerDoes) {
  const auto told =
      parse_startup_packet(as_bytes(packet(raw("user\0team\0user\0berth\0replication\0database\0\0"))))
          .value()
          .value();
  EXPECT_EQ(told.user, "berth");
  EXPECT_EQ(told.database, "berth") << "without one the user's";
  EXPECT_TRUE(told.wants_replication);
}

TEST(StartupPacket, RefusesWhatIsNone) {
  const std::string tls{0, 0, 0, 8, 4, char(0xd2), 22, 47},
      cancel{0, 0, 0, 16, 4, char(0xd2), 22, 46, 0, 0, 0, 1, 0, 0, 0, 2};
  EXPECT_EQ(parse_startup_packet(as_bytes(tls)).error().code, Errc::kMalformed);
  EXPECT_EQ(parse_startup_packet(as_bytes(cancel)).error().code, Errc::kMalformed);
  EXPECT_EQ(parse_startup_packet(as_bytes(std::string("GET / HTTP/1.1\r\n"))).error().code, Errc::kTooLarge);
  EXPECT_EQ(parse_startup_packet(as_bytes(packet("user"))).error().code, Errc::kMalformed);
}

}  // namespace
}  // namespace berth::manager
