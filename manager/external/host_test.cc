#include "manager/external/host.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace berth::manager {
namespace {

TEST(DatabaseHosts, AreReadAsPeopleWriteThem) {
  const struct {
    const char* text;
    DatabaseHost host;
    const char* shortest;
  } cases[] = {
      {"db.example.com", {"db.example.com", 5432}, "db.example.com"},
      {"DB.Example.com:5433", {"db.example.com", 5433}, "db.example.com:5433"},
      {" db-1_x ", {"db-1_x", 5432}, "db-1_x"},
      {"192.0.2.7", {"192.0.2.7", 5432}, "192.0.2.7"},
      {"192.0.2.7:6432", {"192.0.2.7", 6432}, "192.0.2.7:6432"},
      {"[::1]:5433", {"::1", 5433}, "[::1]:5433"},
      {"[2001:DB8::7]", {"2001:db8::7", 5432}, "2001:db8::7"},
      {"2001:db8::7", {"2001:db8::7", 5432}, "2001:db8::7"},
      {"::1", {"::1", 5432}, "::1"},
      {"::ffff:192.0.2.7", {"::ffff:192.0.2.7", 5432}, "::ffff:192.0.2.7"},
      {"db.example.com:5432", {"db.example.com", 5432}, "db.example.com"},
  };
  for (const auto& c : cases) {
    const auto host = parse_database_host(c.text, 5432);
    ASSERT_TRUE(host) << c.text << ": " << host.error().detail;
    EXPECT_EQ(*host, c.host) << c.text;
    EXPECT_EQ(format_database_host(*host, 5432), c.shortest);
    EXPECT_EQ(parse_database_host(c.shortest, 5432), *host);
  }
}

TEST(DatabaseHosts, SayWhatIsWrongWithThem) {
  const struct {
    const char* text;
    const char* why;
  } cases[] = {{"", "empty"},
               {":5432", "empty"},
               {"/run/postgresql", "socket folder"},
               {"db.example.com:", "no port"},
               {"db.example.com:0", "no port"},
               {"db.example.com:65536", "no port"},
               {"db.example.com:5432x", "no port"},
               {"[::1", "']' is missing"},
               {"[::1]5432", "behind ']'"},
               {"[db.example.com]:5432", "no IPv6 address"},
               {"1:2:3", "[address]:port"},
               {"db..example.com", "no host name"},
               {"-db", "no host name"},
               {"db example", "must not contain ' '"},
               {"user@db", "must not contain '@'"},
               {"host=db", "must not contain '='"},
               {"db,other", "must not contain ','"},
               {"256.1.1.1", "no IPv4 address"},
               {"1.2.3", "no IPv4 address"}};
  for (const auto& c : cases) {
    const auto host = parse_database_host(c.text, 5432);
    ASSERT_FALSE(host) << c.text;
    EXPECT_EQ(host.error().code, Errc::kMalformed);
    EXPECT_THAT(host.error().detail, testing::HasSubstr(c.why)) << c.text;
  }
}

// Found by the fuzzer: the address was read up to the zero byte, and kept with what follows.
TEST(DatabaseHosts, AZeroByteIsNoEndOfAnAddress) {
  using namespace std::string_view_literals;
  EXPECT_FALSE(parse_database_host("[::\0---]"sv, 5432));
  EXPECT_FALSE(parse_database_host("::1\0x"sv, 5432));
  EXPECT_FALSE(parse_database_host("1.2.3.4\0"sv, 5432));
}

}  // namespace
}  // namespace berth::manager
