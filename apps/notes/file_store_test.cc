// Attached files against a real PostgreSQL.
#include "apps/notes/file_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apps/notes/testing/store_fixture.h"
#include "wire/json/json.h"

namespace berth::notes {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

class FileStoreTest : public StoreFixture {
 protected:
  FileStoreTest() {
    make_board();
    await(boards.add_note(note("with files")));
  }
  Result<File> attach(std::string id, Bytes bytes, std::string note = kNote) {
    File file{.id = std::move(id),
              .note = std::move(note),
              .name = "a.bin",
              .type = "application/octet-stream",
              .size = bytes.size()};
    file.content = await(files.begin_content());
    await(files.write_part(file.content, 0, std::move(bytes)));
    return await(files.add(file, "Ann"));
  }
  std::int64_t count(std::string table) {
    return await(database.query("SELECT count(*) FROM " + table)).front().get<std::int64_t>(0);
  }
};

TEST_F(FileStoreTest, BytesComeBackAsTheyWere) {
  Bytes all;
  for (int i = 0; i < 256; ++i) all.push_back(static_cast<std::uint8_t>(i));
  const auto file = attach(kFile, all).value();
  EXPECT_EQ(await(files.read_part(file.content, 0)), all);
  EXPECT_THROW(await(files.read_part(file.content, 1)), Failure);
  const auto found = await(files.find(kFile));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->size, 256u);
  EXPECT_EQ(found->note, kNote);
}

TEST_F(FileStoreTest, ANoteShowsItsFiles) {
  attach(kFile, {1, 2, 3}).value();
  const auto with_file = await(boards.find_note(kNote));
  EXPECT_EQ(
      json::serialize(json::Value(with_file->files)),
      fmt::format(R"([{{"id":"{}","name":"a.bin","type":"application/octet-stream","size":3}}])", kFile));
  EXPECT_EQ(with_file->revision, 2);

  EXPECT_EQ(await(files.remove(kFile)), kNote);
  EXPECT_EQ(await(files.remove(kFile)), std::nullopt);
  EXPECT_THAT(await(boards.find_note(kNote))->files, IsEmpty());
  EXPECT_FALSE(await(files.find(kFile)));
}

TEST_F(FileStoreTest, TheSameUploadTwiceIsOneFile) {
  const auto first = attach(kFile, {1, 2, 3}).value();
  const auto second = attach(kFile, {1, 2, 3}).value();
  EXPECT_EQ(second.content, first.content);
  EXPECT_EQ(count("content"), 1) << "the second content is dropped";
  EXPECT_EQ(await(boards.find_note(kNote))->revision, 2);
}

TEST_F(FileStoreTest, RefusesFilesOfNotesThatAreNotThere) {
  EXPECT_EQ(attach(kFile, {1}, kOtherNote).error().code, Errc::kNotFound);
  await(boards.remove_note(kNote));
  EXPECT_EQ(attach(kFile, {1}).error().code, Errc::kNotFound);
}

TEST_F(FileStoreTest, ANoteHasABoundedNumberOfFiles) {
  for (int i = 0; i < Limits::kFilesANote; ++i)
    ASSERT_TRUE(attach(fmt::format("9d8c7b6a-33cc-4d5e-9f0a-{:012x}", i), {1}));
  EXPECT_EQ(attach(kFile, {1}).error().code, Errc::kTooLarge);
}

TEST_F(FileStoreTest, UploadsThatDidNotEndArePurgedButFilesAreNot) {
  attach(kFile, {1, 2, 3}).value();
  const auto lost = await(files.begin_content());
  await(files.write_part(lost, 0, {1}));
  await(boards.purge());
  EXPECT_EQ(count("content"), 2) << "it may still be arriving";
  await(database.run_script("UPDATE content SET started = now() - interval '25 hours'"));
  await(boards.purge());
  EXPECT_EQ(count("content"), 1);
  EXPECT_EQ(count("content_part"), 1);
  EXPECT_TRUE(await(files.find(kFile)));
}

TEST_F(FileStoreTest, FindsFilesThatAreNotWhole) {
  attach(kFile, {1, 2, 3}).value();
  EXPECT_THAT(await(files.find_damage()), IsEmpty());
  await(database.run_script("UPDATE content_part SET bytes = '\\x01'"));
  EXPECT_THAT(await(files.find_damage()), ElementsAre(HasSubstr("1 of 3 bytes")));
}

}  // namespace
}  // namespace berth::notes
