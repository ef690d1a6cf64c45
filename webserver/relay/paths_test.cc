#include "webserver/relay/paths.h"

namespace berth::webserver {
namespace {

TEST(Paths, KnowWhatIsBelow) {
  EXPECT_TRUE(is_below("/a", "/a"));
  EXPECT_TRUE(is_below("/a/b", "/a"));
  EXPECT_FALSE(is_below("/ab", "/a"));
  EXPECT_FALSE(is_below("/", "/a"));
  EXPECT_TRUE(is_below("/anything", "/"));
  EXPECT_EQ(relative_to("/a/b/c", "/a"), "b/c");
  EXPECT_EQ(relative_to("/a", "/a"), "");
  EXPECT_EQ(relative_to("/a/", "/a"), "");
  EXPECT_EQ(relative_to("/a/b", "/"), "a/b");
}

TEST(Target, IsTakenApart) {
  const auto target = parse_target("/a%20b/%C3%BC?x=%20");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->path, "/a b/\xc3\xbc");
  EXPECT_EQ(target->query, "x=%20");
  EXPECT_EQ(target->raw, "/a%20b/%C3%BC?x=%20");
  EXPECT_EQ(parse_target("http://host:80/a")->path, "/a");
  EXPECT_EQ(parse_target("http://host:80/a")->host, "host:80");
  EXPECT_EQ(parse_target("HTTPS://host")->path, "/");
  EXPECT_EQ(parse_target("HTTPS://host")->origin(), "/");
  EXPECT_EQ(parse_target("http://[::1]:80/?/x")->host, "[::1]:80");
  EXPECT_EQ(parse_target("*")->path, "*");
  EXPECT_EQ(parse_target("/a..b/...")->path, "/a..b/...");
}

// The slash behind the question mark is none of the path.
TEST(Target, MayLeaveThePathOutInTheAbsoluteForm) {
  const auto target = parse_target("http://host?q=/example.com/app");
  ASSERT_TRUE(target);
  EXPECT_EQ(target->host, "host");
  EXPECT_EQ(target->path, "/");
  EXPECT_EQ(target->query, "q=/example.com/app");
  EXPECT_EQ(target->origin(), "/?q=/example.com/app");
}

TEST(Target, IsRefusedWhereItMeansHarmOrNothing) {
  for (const auto* text : {"",
                           "a",
                           "host:443",
                           "ftp://host/a",
                           "/%",
                           "/%4",
                           "/%zz",
                           "/a/../b",
                           "/..",
                           "/.",
                           "/a/.",
                           "/%2e%2e/a",
                           "/a/%2E",
                           "/a%2f..%2fb",
                           "/a#b",
                           "http:///a",
                           "http://:80/a",
                           "http://u:p@host/a",
                           "http://ho st/a",
                           "http://host#f"})
    EXPECT_FALSE(parse_target(text)) << text;
  EXPECT_FALSE(parse_target("/%00"));
}

}  // namespace
}  // namespace berth::webserver
