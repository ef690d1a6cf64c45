#include "webserver/http/static_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace berth::webserver {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

TEST(StaticOptions, ReadsBuildHeadersAndRedirects) {
  const auto options = parse_static_options(
      R"({"build":"1a2b","headers":{"X-Frame-Options":"DENY","referrer-policy":"no-referrer"},"redirectPages":true,"later":1})");
  ASSERT_TRUE(options);
  EXPECT_EQ(options->build, "1a2b");
  EXPECT_THAT(options->headers,
              ElementsAre(Pair("x-frame-options", "DENY"), Pair("referrer-policy", "no-referrer")));
  EXPECT_TRUE(options->redirects_pages);
  EXPECT_TRUE(parse_static_options("")->build.empty());
  EXPECT_TRUE(parse_static_options(R"({"build":"not hex"})")->build.empty());
}

TEST(StaticOptions, RefusesWhatWouldBreakAnAnswer) {
  const std::string cases[] = {
      "[]",
      "{",
      R"({"headers":{"content-length":"1"}})",
      R"({"headers":{"Transfer-Encoding":"chunked"}})",
      R"({"headers":{"ETag":"x"}})",
      R"({"headers":{"bad name":"x"}})",
      R"({"headers":{"":"x"}})",
      R"({"headers":{"x":"a\r\nb: c"}})",
      R"({"headers":{"x":1}})",
      R"({"headers":{"x":")" + std::string(4096, 'a') + R"("}})",
      R"({"headers":{"a":"","b":"","c":"","d":"","e":"","f":"","g":"","h":"","i":"","j":"","k":"","l":"","m":"","n":"","o":"","p":"","q":""}})",
  };
  for (const auto& text : cases) EXPECT_FALSE(parse_static_options(text)) << text;
}

TEST(StaticOptions, RedirectsPagesIntoTheRunningBuildAndNothingElse) {
  StaticOptions options;
  options.build = "1a2b";
  EXPECT_EQ(redirect_of(options, "/app", "app.htm", ""), std::nullopt) << "only if it is wanted";
  options.redirects_pages = true;
  EXPECT_EQ(redirect_of(options, "/app", "app.htm", "?lang=de"), "/app/1a2b/app.htm?lang=de");
  EXPECT_EQ(redirect_of(options, "/app", "99/app.htm", ""), "/app/1a2b/app.htm");
  EXPECT_EQ(redirect_of(options, "/app", "help/app.html", ""), "/app/1a2b/help/app.html");
  EXPECT_EQ(redirect_of(options, "/", "app.htm", ""), "/1a2b/app.htm");
  EXPECT_EQ(redirect_of(options, "/example.com/b\xc3\xbcro", "app.htm", ""),
            "/example.com/b%C3%BCro/1a2b/app.htm");
  EXPECT_EQ(redirect_of(options, "/app", "1a2b/app.htm", ""), std::nullopt);
  EXPECT_EQ(redirect_of(options, "/app", "app.js", ""), std::nullopt);
  options.build.clear();
  EXPECT_EQ(redirect_of(options, "/app", "app.htm", ""), std::nullopt);
}

}  // namespace
}  // namespace berth::webserver
