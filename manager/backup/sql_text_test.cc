#include "manager/backup/sql_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace berth::manager {
namespace {

using testing::ElementsAre;

// One text a part: its kind's letter, then its text.
std::vector<std::string> parts_of(std::string_view text, std::size_t piece = 1 << 20) {
  SqlTextReader reader;
  std::vector<SqlPart> parts;
  for (std::size_t at = 0; at < text.size(); at += piece) {
    const auto taken = reader.feed(text.substr(at, piece), parts);
    if (!taken) return {"error " + taken.error().detail};
  }
  std::vector<std::string> out;
  for (const auto& part : parts) {
    const char letter = "SCDE\\"[static_cast<int>(part.kind)];
    // Pieces of COPY data may be cut anywhere between lines.
    if (letter == 'D' && !out.empty() && out.back()[0] == 'D') out.back() += part.text;
    else out.push_back(letter + (" " + part.text));
  }
  if (const auto end = reader.finish(); !end) out.push_back("cut off");
  return out;
}

TEST(SqlText, IsCutAtItsSemicolons) {
  EXPECT_THAT(parts_of("SET a = 1;\n\nSELECT 2 ;;"), ElementsAre("S SET a = 1", "S SELECT 2"));
  EXPECT_THAT(parts_of("SELECT ';', \"a;b\", 'it''s;';"), ElementsAre("S SELECT ';', \"a;b\", 'it''s;'"));
  EXPECT_THAT(parts_of("SELECT E'\\';', 'x\\'; SELECT 1;"),
              ElementsAre("S SELECT E'\\';', 'x\\'", "S SELECT 1"));
  EXPECT_THAT(parts_of("SELECT E'a''b\\';';"), ElementsAre("S SELECT E'a''b\\';'"));
  EXPECT_THAT(parts_of("AS $$ a; $x$ b; $$; B AS $x$ $$; $x$;"),
              ElementsAre("S AS $$ a; $x$ b; $$", "S B AS $x$ $$; $x$"));
  EXPECT_THAT(parts_of("SELECT $1; SELECT a$b; SELECT $2$;"),
              ElementsAre("S SELECT $1", "S SELECT a$b", "S SELECT $2$"));
}

TEST(SqlText, LeavesCommentsOut) {
  EXPECT_THAT(parts_of("-- one; two\nSELECT 1 -- three;\n, 2;"), ElementsAre("S SELECT 1 \n, 2"));
  EXPECT_THAT(parts_of("/* a; /* nested; */ b; */ SELECT /**/ 3;"), ElementsAre("S SELECT   3"));
  EXPECT_THAT(parts_of("SELECT 1 - -1, 4 / 2;"), ElementsAre("S SELECT 1 - -1, 4 / 2"));
}

TEST(SqlText, KeepsBodiesTogether) {
  EXPECT_THAT(parts_of("CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2);"),
              ElementsAre("S CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2)"));
  EXPECT_THAT(parts_of("CREATE OR REPLACE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN a THEN 1 "
                       "END; SELECT 2; END; SET b;"),
              ElementsAre("S CREATE OR REPLACE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN a THEN "
                          "1 END; SELECT 2; END",
                          "S SET b"));
  EXPECT_THAT(parts_of("BEGIN; SELECT 1; END;"), ElementsAre("S BEGIN", "S SELECT 1", "S END"));
}

TEST(SqlText, TellsCopyDataFromStatements) {
  EXPECT_THAT(parts_of("COPY t (a) FROM stdin;\n1;\n\\\\.\n\\.\n\nSELECT 1;"),
              ElementsAre("C COPY t (a) FROM stdin", "D 1;\n\\\\.\n", "E ", "S SELECT 1"));
  EXPECT_THAT(parts_of("COPY t FROM stdin;\n\\.\n"), ElementsAre("C COPY t FROM stdin", "E "));
  EXPECT_THAT(parts_of("COPY t FROM stdin;\n1\n"), ElementsAre("C COPY t FROM stdin", "D 1\n", "cut off"));
}

TEST(SqlText, HandsOverCommandsForPsql) {
  EXPECT_THAT(parts_of("\\restrict x\nSELECT 1;\n\\! rm\n"),
              ElementsAre("\\ \\restrict x", "S SELECT 1", "\\ \\! rm"));
}

TEST(SqlText, GivesTheSamePartsForAnySplit) {
  const std::string text =
      "--c\n\\restrict q\nCREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; END;\nSELECT "
      "E'\\'' ';', $a$;$$;$a$, "
      "\"x\"\"y;\" /* ; /* */ */;\nCOPY \"T;\" (a) FROM stdin;\na\\tb\n\\.\nSELECT '';\n";
  const auto whole = parts_of(text);
  EXPECT_EQ(whole.size(), 7u);
  for (std::size_t piece = 1; piece < 20; ++piece) EXPECT_EQ(parts_of(text, piece), whole) << piece;
}

TEST(SqlText, NoticesWhereItIsCutOff) {
  for (const char* text : {"SELECT 1", "SELECT 'a;", "SELECT $$a;", "/* a", "CREATE RULE x (a;", "\\restr"})
    EXPECT_EQ(parts_of(text).back(), "cut off") << text;
  EXPECT_THAT(parts_of("SELECT 1; -- end"), ElementsAre("S SELECT 1"));
}

TEST(SqlText, HasALimit) {
  SqlTextReader reader(100);
  std::vector<SqlPart> parts;
  EXPECT_EQ(reader.feed(std::string(101, 'x'), parts).error().code, Errc::kTooLarge);
  EXPECT_EQ(SqlTextReader().feed(std::string_view("a\0b", 3), parts).error().code, Errc::kMalformed);
}

TEST(SqlText, KnowsStatementsAboutRights) {
  for (const char* text :
       {"ALTER TABLE public.note OWNER TO \"us\"\"er\"", "ALTER FUNCTION f(a text) OWNER TO ann",
        "GRANT ALL ON TABLE t TO x", "REVOKE ALL ON SCHEMA public FROM PUBLIC",
        "ALTER DEFAULT PRIVILEGES FOR ROLE x GRANT SELECT ON TABLES TO y"})
    EXPECT_TRUE(is_about_rights(text)) << text;
  for (const char* text : {"ALTER TABLE ONLY t ADD CONSTRAINT c CHECK (a <> ' OWNER TO x')",
                           "CREATE TABLE grants(a int)", "ALTER TABLE t OWNER TO \"a\" \"b\"", "SELECT 1"})
    EXPECT_FALSE(is_about_rights(text)) << text;
}

}  // namespace
}  // namespace berth::manager
