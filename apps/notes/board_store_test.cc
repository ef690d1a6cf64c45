// Boards and notes against a real PostgreSQL.
#include "apps/notes/board_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apps/notes/testing/store_fixture.h"

namespace berth::notes {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

class BoardStoreTest : public StoreFixture {};

TEST_F(BoardStoreTest, BoardsComeInTheOrderOfTheirPositions) {
  await(boards.add_board({.id = kBoard, .title = "Later", .position = 2}));
  await(boards.add_board({.id = kOtherBoard, .title = "Now", .position = -0.5}));
  const auto all = await(boards.boards());
  ASSERT_THAT(all, SizeIs(2));
  EXPECT_EQ(all[0].title, "Now");
  EXPECT_EQ(all[0].position, -0.5);
  EXPECT_EQ(all[1].title, "Later");
}

TEST_F(BoardStoreTest, AddingOnceMoreChangesNothing) {
  make_board();
  await(boards.edit_board(kBoard, {.title = "Renamed"}));
  const auto again = await(boards.add_board({.id = kBoard, .title = "Ideas", .position = 9}));
  EXPECT_EQ(again.title, "Renamed");

  const auto first = await(boards.add_note(note("milk"))).value();
  EXPECT_EQ(first.revision, 1);
  EXPECT_EQ(first.author, "Ann");
  EXPECT_EQ(first.changed_by, "Ann");
  EXPECT_THAT(first.created_at, testing::MatchesRegex(R"(....-..-..T..:..:......Z)"));
  await(boards.edit_note(kNote, {.text = "bread"}, "Bob"));
  const auto repeated = await(boards.add_note(note("milk"))).value();
  EXPECT_EQ(repeated.text, "bread");
  EXPECT_EQ(repeated.revision, 2);
  EXPECT_EQ(repeated.changed_by, "Bob");
}

TEST_F(BoardStoreTest, EditingChangesOnlyWhatIsGiven) {
  make_board();
  await(boards.add_board({.id = kOtherBoard, .title = "Done", .position = 2}));
  await(boards.add_note(note("a \"quoted\" line\nand 'another' – ü")));
  const auto moved = await(boards.edit_note(kNote, {.board = kOtherBoard, .position = 7.25}, "Bob")).value();
  EXPECT_EQ(moved.board, kOtherBoard);
  EXPECT_EQ(moved.position, 7.25);
  EXPECT_EQ(moved.text, "a \"quoted\" line\nand 'another' – ü");
  EXPECT_EQ(moved.color, "yellow");
  EXPECT_EQ(moved.revision, 2);
}

TEST_F(BoardStoreTest, WhatIsNotThereIsNotFound) {
  EXPECT_EQ(await(boards.add_note(note("x"))).error().code, Errc::kNotFound);
  EXPECT_EQ(await(boards.edit_note(kNote, {.text = "x"}, "Bob")).error().code, Errc::kNotFound);
  EXPECT_EQ(await(boards.edit_board(kBoard, {.title = "x"})).error().code, Errc::kNotFound);
  EXPECT_EQ(await(boards.restore_note(kNote, "Bob")).error().code, Errc::kNotFound);
  EXPECT_EQ(await(boards.restore_board(kBoard)).error().code, Errc::kNotFound);
  EXPECT_FALSE(await(boards.remove_note(kNote)));
  EXPECT_FALSE(await(boards.remove_board(kBoard)));
  make_board();
  await(boards.add_note(note("x")));
  EXPECT_EQ(await(boards.edit_note(kNote, {.board = kOtherBoard}, "Bob")).error().code, Errc::kNotFound);
}

TEST_F(BoardStoreTest, ARemovedNoteCanBeBroughtBack) {
  make_board();
  await(boards.add_note(note("milk")));
  EXPECT_TRUE(await(boards.remove_note(kNote)));
  EXPECT_THAT(await(boards.notes_after("", 100)), IsEmpty());
  EXPECT_EQ(await(boards.edit_note(kNote, {.text = "x"}, "Bob")).error().code, Errc::kNotFound);
  EXPECT_TRUE(await(boards.add_note(note("milk")))->is_removed)
      << "sending it again does not undo the removal";
  EXPECT_EQ(await(boards.restore_note(kNote, "Bob"))->text, "milk");
  EXPECT_THAT(await(boards.notes_after("", 100)), SizeIs(1));
}

TEST_F(BoardStoreTest, ABoardTakesItsNotesWithItAndBringsThemBack) {
  make_board();
  await(boards.add_note(note("stays")));
  auto gone_before = note("gone before");
  gone_before.id = kOtherNote;
  await(boards.add_note(gone_before));
  await(boards.remove_note(kOtherNote));

  EXPECT_TRUE(await(boards.remove_board(kBoard)));
  EXPECT_THAT(await(boards.boards()), IsEmpty());
  EXPECT_THAT(await(boards.notes_after("", 100)), IsEmpty());
  EXPECT_EQ(await(boards.restore_note(kNote, "Bob")).error().code, Errc::kConflict)
      << "its board is not there";

  EXPECT_TRUE(await(boards.restore_board(kBoard)));
  const auto notes = await(boards.notes_of(kBoard));
  ASSERT_THAT(notes, SizeIs(1)) << "the one removed before stays removed";
  EXPECT_EQ(notes[0].text, "stays");
}

TEST_F(BoardStoreTest, PagesGiveEveryNoteOnce) {
  make_board();
  std::set<std::string> added;
  for (int i = 0; i < 25; ++i) {
    auto one = note("n");
    one.id = fmt::format("{:08x}-0000-4000-8000-000000000000", i * 7919);
    added.insert(one.id);
    await(boards.add_note(one));
  }
  std::set<std::string> seen;
  std::string after;
  while (true) {
    const auto page = await(boards.notes_after(after, 10));
    for (const auto& one : page) EXPECT_TRUE(seen.insert(one.id).second) << one.id;
    if (page.size() < 10) break;
    after = page.back().id;
  }
  EXPECT_EQ(seen, added);
}

TEST_F(BoardStoreTest, WhatIsLongGoneIsPurged) {
  make_board();
  await(boards.add_note(note("old")));
  await(boards.remove_note(kNote));
  await(boards.purge());
  EXPECT_TRUE(await(boards.find_note(kNote))) << "within the days of undo";
  await(database.run_script("UPDATE note SET removed = now() - interval '8 days'"));
  EXPECT_FALSE(await(boards.restore_note(kNote, "Bob")));
  await(boards.purge());
  EXPECT_FALSE(await(boards.find_note(kNote)));
}

}  // namespace
}  // namespace berth::notes
