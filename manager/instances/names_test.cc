#include "manager/instances/names.h"

#include <gtest/gtest.h>

namespace berth::manager {
namespace {

TEST(InstanceNames, TakesUsualAndForeignLetters) {
  for (const char* name : {"team", "Team-2", "a", "große-küche", "команда", "チーム", "x.y_z~!"})
    EXPECT_TRUE(check_instance_name(name)) << name;
}

TEST(InstanceNames, RefusesOddBytesAndSaysWhich) {
  struct Case {
    std::string name;
    const char* word;
    Errc code;
  };
  const Case cases[] = {
      {"", "empty", Errc::kMalformed},
      {"a b", "a space", Errc::kMalformed},
      {"a/b", "'/'", Errc::kMalformed},
      {"a@b", "'@'", Errc::kMalformed},
      {"a%41", "'%'", Errc::kMalformed},
      {"a?x", "'?'", Errc::kMalformed},
      {std::string("a\0b", 3), "0x00", Errc::kMalformed},
      {"a\nb", "0x0a", Errc::kMalformed},
      {"a\"b", "'\"'", Errc::kMalformed},
      {"..", "\"..\"", Errc::kMalformed},
      {"\xff\xfe", "UTF-8", Errc::kMalformed},
      {"a\xe2\x80\x8b"
       "b",
       "invisible", Errc::kMalformed},  // zero width space
      {std::string(64, 'x'), "64 bytes", Errc::kTooLarge},
  };
  for (const auto& c : cases) {
    const auto checked = check_instance_name(c.name);
    ASSERT_FALSE(checked) << c.word;
    EXPECT_EQ(checked.error().code, c.code) << c.word;
    EXPECT_NE(checked.error().detail.find(c.word), std::string::npos) << checked.error().detail;
  }
  EXPECT_TRUE(check_instance_name(std::string(63, 'x')));
  // 63 bytes are meant, not 63 characters.
  std::string umlauts;
  for (int i = 0; i < 32; ++i) umlauts += "ä";
  EXPECT_EQ(check_instance_name(umlauts).error().code, Errc::kTooLarge);
}

TEST(InstanceNames, DomainsAreDnsNamesOrEmpty) {
  for (const char* domain :
       {"", "example.com", "localhost", "a-b.xn--mnchen-3ya.de", "EXAMPLE.com", "_x.test"})
    EXPECT_TRUE(check_domain(domain)) << domain;
  for (const char* domain : {"a..b", ".a", "a.", "-a.de", "a-.de", "a b.de", "münchen.de", "a/b"})
    EXPECT_FALSE(check_domain(domain)) << domain;
  EXPECT_FALSE(check_domain(std::string(64, 'a') + ".de"));
}

TEST(InstancePaths, AreTakenWithAndWithoutLeadingSlash) {
  EXPECT_EQ(normalise_path("example.com/team").value(), "/example.com/team");  // as the installer sends it
  EXPECT_EQ(normalise_path("/example.com/team").value(), "/example.com/team");
  EXPECT_EQ(normalise_path("/team/").value(), "/team");
}

TEST(InstancePaths, RootAndManagerAreReserved) {
  for (const char* path : {"", "/", "manager", "/manager", "/manager/x", "manager/"})
    EXPECT_EQ(normalise_path(path).error().code, Errc::kConflict) << path;
  EXPECT_TRUE(normalise_path("/managers"));
  EXPECT_TRUE(normalise_path("/example.com/manager"));
}

TEST(InstancePaths, RefuseWhatNoUrlCouldSay) {
  for (const char* path : {"/a//b", "/a/../b", "/./a", "/a b", "/a?b", "/a#b", "/a%2fb", "/a\\b", "/a\x01"})
    EXPECT_EQ(normalise_path(path).error().code, Errc::kMalformed) << path;
  EXPECT_EQ(normalise_path("/" + std::string(255, 'a')).error().code, Errc::kTooLarge);
  EXPECT_TRUE(normalise_path("/" + std::string(254, 'a')));
}

TEST(ServiceIds, AreSafeFileNamesAndNotOurs) {
  for (const char* id : {"notes", "innovaphone-users", "acme_x", "a.b", "9x"})
    EXPECT_TRUE(check_service_id(id)) << id;
  for (const char* id : {"", ".x", "-x", "a/b", "a b", "..", "ä"}) EXPECT_FALSE(check_service_id(id)) << id;
  for (const char* id : {"manager", "webserver", "postgres", "core_dumps", "capture"})
    EXPECT_EQ(check_service_id(id).error().code, Errc::kExists) << id;
}

// The installer's passwords: 16 characters of ASCII 33..126 without ' and \ (reference/manager-api.md).
TEST(Passwords, OfTheInstallerAreTaken) {
  std::string all;
  for (char c = 33; c < 127; ++c)
    if (c != '\'' && c != '\\') all += c;
  EXPECT_TRUE(check_password(all));
  EXPECT_FALSE(check_password(""));
  EXPECT_FALSE(check_password("a\nb"));
  EXPECT_FALSE(check_password("\xff"));
}

}  // namespace
}  // namespace berth::manager
