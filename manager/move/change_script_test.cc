#include "manager/move/change_script.h"

#include <gtest/gtest.h>

namespace berth::manager {
namespace {

using namespace pgoutput;

// With the zeros in it.
template <std::size_t kSize>
std::string raw(const char (&bytes)[kSize]) {
  return std::string(bytes, kSize - 1);
}

Value text(std::string value) { return {Value::Kind::kText, std::move(value)}; }
const Value kNull{};
const Value kUnchanged{Value::Kind::kUnchanged, {}};

Relation note(char identity = 'd') {
  const bool whole = identity == 'f';
  return {7, "public", "no\"te", identity, {{"id", true}, {"text", whole}}};
}

std::string sql_of(const Relation& relation, const Message& change) {
  ChangeScript script;
  EXPECT_TRUE(script.add(Begin{}));
  EXPECT_TRUE(script.add(relation));
  const auto added = script.add(change);
  EXPECT_TRUE(added) << added.error().detail;
  return script.take();
}

// What PostgreSQL 15 sends for INSERT INTO note VALUES (1, 'ü') (Logical Replication Message Formats).
TEST(Pgoutput, ReadsWhatTheDocumentationDescribes) {
  const auto relation =
      raw("R\0\0\0\7public\0note\0d\0\2\1id\0\0\0\0\x17\xff\xff\xff\xff\0text\0\0\0\0\x19\xff\xff\xff\xff");
  const auto table = std::get<Relation>(parse(relation).value());
  EXPECT_EQ(table.id, 7u);
  EXPECT_EQ(table.schema + "." + table.name, "public.note");
  ASSERT_EQ(table.columns.size(), 2u);
  EXPECT_TRUE(table.columns[0].is_key);
  EXPECT_FALSE(table.columns[1].is_key);
  const auto insert =
      raw("I\0\0\0\7N\0\2t\0\0\0\1"
          "1t\0\0\0\2\xc3\xbc");
  const auto row = std::get<Insert>(parse(insert).value()).row;
  EXPECT_EQ(row, (Tuple{text("1"), text("ü")}));
  const auto commit = raw("C\0\0\0\0\0\0\0\0\x10\0\0\0\0\0\0\0\x20\0\0\0\0\0\0\0\0");
  EXPECT_EQ(std::get<Commit>(parse(commit).value()).end, 0x20u);
}

TEST(Pgoutput, RefusesEveryCutAndWhatFollows) {
  const auto insert =
      raw("I\0\0\0\7N\0\2t\0\0\0\1"
          "1t\0\0\0\2\xc3\xbc");
  for (std::size_t have = 0; have < insert.size(); ++have)
    EXPECT_FALSE(parse(std::string_view(insert).substr(0, have))) << have;
  EXPECT_FALSE(parse(insert + "x"));
  EXPECT_FALSE(parse("Z"));
}

TEST(ChangeScript, PutsRowsThatFollowEachOtherIntoOneStatement) {
  ChangeScript script;
  ASSERT_TRUE(script.add(note()));
  for (const char* id : {"1", "2"}) {
    ASSERT_TRUE(script.add(Begin{}));
    EXPECT_FALSE(script.is_between());
    ASSERT_TRUE(script.add(Insert{7, {text(id), kNull}}));
    ASSERT_TRUE(script.add(Commit{0x10}));
  }
  EXPECT_TRUE(script.is_between());
  EXPECT_EQ(script.place(), 0x10u);
  EXPECT_EQ(
      script.take(),
      "INSERT INTO \"public\".\"no\"\"te\" (\"id\", \"text\") OVERRIDING SYSTEM VALUE VALUES ('1', NULL),\n"
      "('2', NULL);\n");
  EXPECT_EQ(script.take(), "");
  EXPECT_EQ(script.changes(), 2u);
  EXPECT_EQ(*script.changed().begin(), "\"public\".\"no\"\"te\"");
}

TEST(ChangeScript, ChangesExactlyTheRowWithTheKey) {
  EXPECT_EQ(sql_of(note(), Update{7, {}, false, {text("1"), text("it's")}}),
            "WITH hit AS (UPDATE ONLY \"public\".\"no\"\"te\" SET \"text\" = 'it''s' WHERE \"id\" = '1' "
            "RETURNING 1) "
            "SELECT 1 / (count(*) = 1)::int FROM hit;\n");
  // The key itself changes; the large text is as it was.
  EXPECT_EQ(
      sql_of(note(), Update{7, Tuple{text("1"), kNull}, false, {text("2"), kUnchanged}}),
      "WITH hit AS (UPDATE ONLY \"public\".\"no\"\"te\" SET \"id\" = '2' WHERE \"id\" = '1' RETURNING 1) "
      "SELECT 1 / (count(*) = 1)::int FROM hit;\n");
  EXPECT_EQ(sql_of(note(), Update{7, {}, false, {text("1"), kUnchanged}}), "");
}

TEST(ChangeScript, TakesOneOfEqualRowsWhereThereIsNoKey) {
  EXPECT_EQ(sql_of(note('f'), Delete{7, {text("1"), kNull}, true}),
            "WITH hit AS (DELETE FROM ONLY \"public\".\"no\"\"te\" WHERE ctid = (SELECT ctid FROM ONLY "
            "\"public\".\"no\"\"te\" WHERE \"id\" IS DISTINCT FROM NULL AND pg_catalog.format('%s', \"id\") "
            "COLLATE "
            "\"C\" = '1' AND \"text\" IS NOT DISTINCT FROM NULL LIMIT 1) RETURNING 1) "
            "SELECT 1 / (count(*) = 1)::int FROM hit;\n");
}

TEST(ChangeScript, RefusesWhatCannotBeCarriedOver) {
  ChangeScript script;
  EXPECT_EQ(script.add(Insert{9, {text("1")}}).error().code, Errc::kMalformed) << "a table that was not told";
  ASSERT_TRUE(script.add(note()));
  EXPECT_EQ(script.add(Insert{7, {text("1")}}).error().code, Errc::kMalformed) << "a column too few";
  EXPECT_EQ(script.add(Insert{7, {text(std::string("a\0b", 3)), kNull}}).error().code, Errc::kMalformed);
  auto keyless = note();
  keyless.columns[0].is_key = false;
  ASSERT_TRUE(script.add(keyless));
  EXPECT_EQ(script.add(Delete{7, {text("1"), kNull}, false}).error().code, Errc::kConflict);
}

}  // namespace
}  // namespace berth::manager
