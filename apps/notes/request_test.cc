#include "apps/notes/request.h"

#include <gtest/gtest.h>

#include "wire/json/json.h"

namespace berth::notes {
namespace {

sdk::Message message(std::string_view text) { return sdk::Message(json::parse_object(text).value()); }

json::Value text(std::string_view plain) { return boost::json::string(plain.data(), plain.size()); }

constexpr const char* kGood =
    R"({"id":"5F3C1D2E-22bb-4a6f-8e1d-7a9b0c1d2e01","board":"0b0a4d0e-11aa-4c5e-9d2f-3f0f6a1b2c01","text":"a\nb\t–","color":"blue","position":-1.5})";

TEST(NotesRequest, ReadsANote) {
  const auto note = read_note(message(kGood));
  ASSERT_TRUE(note) << note.error().detail;
  EXPECT_EQ(note->id, "5f3c1d2e-22bb-4a6f-8e1d-7a9b0c1d2e01")
      << "the form in which the database gives it back";
  EXPECT_EQ(note->text, "a\nb\t–");
  EXPECT_EQ(note->position, -1.5);
}

TEST(NotesRequest, SaysWhichMemberIsWrong) {
  struct Case {
    const char* member;
    json::Value value;
    Errc code;
    const char* detail;
  };
  const Case cases[] = {
      {"id", "5f3c1d2e22bb4a6f8e1d7a9b0c1d2e01", Errc::kMalformed, "id: not a UUID"},
      {"id", nullptr, Errc::kMalformed, "id is missing"},
      {"board", 7, Errc::kMalformed, "board: not text"},
      {"text", text(std::string(16385, 'x')), Errc::kTooLarge,
       "text: 16385 bytes, at most 16384 are possible"},
      {"text", text({"a\0b", 3}), Errc::kMalformed, "text: has control characters"},
      {"text", "\x1b[31m", Errc::kMalformed, "text: has control characters"},
      {"text", "\xff", Errc::kMalformed, "text: not UTF-8"},
      {"color", "red", Errc::kMalformed, "color: none of yellow green blue pink violet grey"},
      {"position", "first", Errc::kMalformed, "position: not a finite number"},
      {"position", std::numeric_limits<double>::infinity(), Errc::kMalformed,
       "position: not a finite number"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.detail);
    auto changed = message(kGood);
    changed.body()[c.member] = c.value;
    const auto note = read_note(changed);
    ASSERT_FALSE(note);
    EXPECT_EQ(note.error().code, c.code);
    EXPECT_EQ(note.error().detail, c.detail);
  }
  auto longest = message(kGood);
  longest.body()["text"] = text(std::string(16384, 'x'));
  EXPECT_TRUE(read_note(longest));
}

TEST(NotesRequest, AChangeHasOnlyWhatIsThere) {
  const auto change = read_note_change(message(R"({"id":"x","text":""})"));
  ASSERT_TRUE(change);
  EXPECT_EQ(change->text, "");
  EXPECT_FALSE(change->color);
  EXPECT_FALSE(change->board);
  EXPECT_FALSE(change->position);
}

TEST(NotesRequest, FileNamesLoseTheirFolders) {
  EXPECT_EQ(parse_file_name("C:\\Users\\ann\\plan.pdf").value(), "plan.pdf");
  EXPECT_EQ(parse_file_name("../../etc/passwd").value(), "passwd");
  EXPECT_EQ(parse_file_name("größe\n1.txt").value(), "größe 1.txt");
  EXPECT_FALSE(parse_file_name("a/.."));
  EXPECT_FALSE(parse_file_name("  "));
  EXPECT_EQ(parse_file_name(std::string(300, 'x')).value().size(), 255u);
}

TEST(NotesRequest, CutsTextBetweenCharacters) {
  EXPECT_EQ(fit_text("größe", 4), "grö");
  EXPECT_EQ(fit_text("größe", 3), "gr");
  EXPECT_EQ(fit_text("größe", 100), "größe");
}

}  // namespace
}  // namespace berth::notes
