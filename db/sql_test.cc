#include "db/sql.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "db/database.h"
#include "db/sql_failure.h"
#include "db/testing/temporary_cluster.h"
#include "loop/sync.h"

namespace berth::db {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

TEST(Quoting, IsUndoneByTheServer) {
  loop::Loop loop;
  DatabaseOptions options;
  options.connection = TemporaryCluster::shared().make_database();
  Database database(loop, options);
  for (const std::string text :
       {"", "plain", "it's", "back\\slash'", "\\'; DROP TABLE x; --", "Zeile\n\"zwei\""}) {
    SCOPED_TRACE(text);
    const auto rows = loop::run_task(loop, database.query("SELECT " + quote_literal(text) + " AS t"));
    EXPECT_EQ(rows[0].get<std::string>("t"), text);
    if (text.empty()) continue;
    const auto named = loop::run_task(loop, database.query("SELECT 1 AS " + quote_identifier(text)));
    EXPECT_EQ(named.column_name(0), text);
  }
}

TEST(MaskLiterals, LeavesNoTextOfAStatementInALog) {
  EXPECT_EQ(mask_literals("SELECT a FROM b WHERE c = $1 AND d = $2"),
            "SELECT a FROM b WHERE c = $1 AND d = $2");
  EXPECT_EQ(mask_literals("ALTER ROLE a PASSWORD 'it''s secret', x"), "ALTER ROLE a PASSWORD '…', x");
  EXPECT_EQ(mask_literals("ALTER ROLE a PASSWORD E'x\\'secret'"), "ALTER ROLE a PASSWORD E'…'");
  EXPECT_EQ(mask_literals("ALTER ROLE a PASSWORD 'secret"), "ALTER ROLE a PASSWORD '…'");
  EXPECT_EQ(mask_literals("DO $$secret$$, $tag$secret$tag$ y"), "DO '…', '…' y");
  EXPECT_EQ(mask_literals("SELECT $1, $2::text"), "SELECT $1, $2::text");
  EXPECT_EQ(mask_literals(std::string(500, 'a')).size(), 200u);
}

TEST(Sqlstate, HasTheCodeThatCallersBranchOn) {
  EXPECT_EQ(errc_of_sqlstate("23505"), Errc::kExists);
  EXPECT_EQ(errc_of_sqlstate("23503"), Errc::kConflict);
  EXPECT_EQ(errc_of_sqlstate("53100"), Errc::kNoSpace);
  EXPECT_EQ(errc_of_sqlstate("53300"), Errc::kUnavailable);
  EXPECT_EQ(errc_of_sqlstate("28P01"), Errc::kDenied);
  EXPECT_EQ(errc_of_sqlstate("40P01"), Errc::kConflict);
  EXPECT_EQ(errc_of_sqlstate("57P03"), Errc::kUnavailable);
  EXPECT_EQ(errc_of_sqlstate("XX000"), Errc::kFailed);
}

}  // namespace
}  // namespace berth::db
