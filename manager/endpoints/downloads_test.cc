// One-time addresses: how long, how many, for whom; and what is handed out by them.
#include "manager/endpoints/downloads.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <unistd.h>

#include "archive/zstd_file.h"
#include "base/file.h"
#include "loop/sync.h"
#include "manager/endpoints/admin.h"

namespace berth::manager {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

class Peer : public AdminPeer {
 public:
  void send(api::JsonObject) override {}
  Task<void> drained() override { co_return; }
  bool is_open() const override { return true; }
  std::string who() const override { return "Admin"; }
  Result<std::string> open_secret(const api::Password& password) const override { return password.value; }
  api::Password seal_secret(std::string secret) const override { return {std::move(secret), ""}; }
  std::string http_key() override { return {}; }
  void end(std::string) override {}
};

FileExport file_of(std::string_view text) {
  char name[] = "/tmp/berth-download-XXXXXX";
  FileExport file;
  file.file = UniqueFd(::mkostemp(name, O_CLOEXEC));
  ::unlink(name);
  file.name = "a file";
  or_throw(write_all(file.file.get(), text));
  ::lseek(file.file.get(), 0, SEEK_SET);
  return file;
}

class DownloadsTest : public testing::Test {
 protected:
  std::string offer(const AdminPeer& owner, std::string_view text = "text") {
    auto slot = downloads_.reserve();
    const auto told = downloads_.offer(std::move(slot), owner, file_of(text));
    return told.address.substr(told.address.find('=') + 1);
  }
  std::optional<Errc> code_of(const std::function<void()>& work) {
    try {
      work();
    } catch (const Failure& failure) {
      return failure.error().code;
    }
    return std::nullopt;
  }
  bool is_there(const std::string& key) {
    return code_of([&] { downloads_.take(key); }) != Errc::kDenied;
  }

  loop::Loop loop_{loop::Loop::Time::kManual};
  DownloadLimits limits_{2, 10s};
  Downloads downloads_{loop_, [this] { return limits_; }};
  Peer ann_, ben_;
};

TEST_F(DownloadsTest, AnAddressServesOnce) {
  const auto key = offer(ann_);
  EXPECT_GE(key.size(), 48u) << "nobody guesses it";
  EXPECT_TRUE(is_there(key));
  EXPECT_FALSE(is_there(key));
  EXPECT_EQ(code_of([&] { downloads_.take(std::nullopt); }), Errc::kDenied);
  EXPECT_FALSE(is_there(""));
}

TEST_F(DownloadsTest, AnAddressEndsByItselfAndGivesItsPlaceBack) {
  const auto early = offer(ann_);
  loop_.advance(6s);
  const auto late = offer(ann_);
  EXPECT_EQ(code_of([&] { offer(ann_); }), Errc::kUnavailable);
  loop_.advance(4s);
  const auto third = offer(ann_);
  EXPECT_FALSE(is_there(early));
  EXPECT_TRUE(is_there(late));
  loop_.advance(10s);
  EXPECT_FALSE(is_there(third));
}

TEST_F(DownloadsTest, AnAddressEndsWithTheSessionThatAskedForIt) {
  const auto hers = offer(ann_), his = offer(ben_);
  downloads_.withdraw(ann_);
  EXPECT_FALSE(is_there(hers));
  EXPECT_TRUE(is_there(his));
}

TEST_F(DownloadsTest, WhatIsBeingMadeOrFetchedCountsUntilItsEnd) {
  const auto key = offer(ann_);
  {
    const auto fetched = downloads_.take(key);
    const auto made = downloads_.reserve();
    EXPECT_EQ(code_of([&] { offer(ben_); }), Errc::kUnavailable);
  }
  offer(ben_);
  offer(ben_);
}

TEST_F(DownloadsTest, FilesArriveByteForByteWhetherTheyLieCompressedOrNot) {
  std::string text;
  while (text.size() < 1'000'000) text += std::to_string(text.size()) + ' ';
  loop::Loop loop;
  TextSink plain, unpacked;
  auto file = file_of(text);
  EXPECT_EQ(size_of(file), text.size());
  EXPECT_EQ(loop::run_task(loop, write_file(loop, std::move(file), plain)), text.size());
  EXPECT_TRUE(plain.text == text);

  auto packed = file_of("");
  archive::ZstdWriter writer(packed.file.get());
  writer.write(text);
  writer.finish();
  ::lseek(packed.file.get(), 0, SEEK_SET);
  packed.is_compressed = true;
  EXPECT_EQ(size_of(packed), std::nullopt) << "not known before it was read";
  EXPECT_EQ(loop::run_task(loop, write_file(loop, std::move(packed), unpacked)), text.size());
  EXPECT_TRUE(unpacked.text == text);
}

}  // namespace
}  // namespace berth::manager
