#include "db/connection_options.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace berth::db {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

TEST(ConninfoText, KeepsOddValuesWhole) {
  ConnectionOptions options;
  options.host = "/run/my folder";
  options.database = "it's \\ a = 'name'";
  options.user = "ünï";
  const auto back = parse_conninfo(format_conninfo(options));
  ASSERT_TRUE(back) << back.error().detail;
  EXPECT_EQ(back->host, options.host);
  EXPECT_EQ(back->database, options.database);
  EXPECT_EQ(back->user, options.user);
  EXPECT_EQ(back->port, 5432);
}

TEST(ConninfoText, ReadsBothFormsOfLibpq) {
  const auto keywords = parse_conninfo("host=/tmp dbname='a b' port=5433 target_session_attrs=any");
  ASSERT_TRUE(keywords);
  EXPECT_EQ(keywords->database, "a b");
  EXPECT_EQ(keywords->port, 5433);
  ASSERT_EQ(keywords->other.size(), 1u);
  const auto uri = parse_conninfo("postgresql://me:p%40ss@[::1]:5440/notes?sslmode=require");
  ASSERT_TRUE(uri);
  EXPECT_EQ(uri->host, "::1");
  EXPECT_EQ(uri->password, "p@ss");
  EXPECT_EQ(uri->sslmode, "require");
}

TEST(ConninfoText, RefusesWhatLibpqRefuses) {
  for (const char* text : {"host", "=x", "nosuchkeyword=1", "port=70000", "port=x", "dbname='open"}) {
    SCOPED_TRACE(text);
    const auto parsed = parse_conninfo(text);
    ASSERT_FALSE(parsed);
    EXPECT_EQ(parsed.error().code, Errc::kMalformed);
  }
}

TEST(ConninfoText, LeavesThePasswordOut) {
  ConnectionOptions options;
  options.password = "geheim";
  EXPECT_THAT(format_conninfo(options), testing::Not(HasSubstr("geheim")));
  EXPECT_THAT(options.describe(), testing::Not(HasSubstr("geheim")));
}

}  // namespace
}  // namespace berth::db
