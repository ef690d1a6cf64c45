#include "manager/sets/restic.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "base/bytes.h"
#include "base/file.h"
#include "loop/process.h"
#include "loop/sync.h"
#include "loop/testing/failure_of.h"

namespace berth::manager {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

ObjectWriter writes(std::string text) {
  return [text = std::move(text)](BackupSink& sink) -> Task<void> { co_await sink.write(text); };
}

class ResticTest : public testing::Test {
 protected:
  ResticTest() {
    ::signal(SIGPIPE, SIG_IGN);
    set_log_sink([](LogLevel, std::string_view) {});
    char name[] = "/tmp/berth-restic-XXXXXX";
    folder_ = ::mkdtemp(name);
  }
  ~ResticTest() override {
    (void)remove_tree(folder_);
    set_log_sink(nullptr);
  }
  ResticPlace place(std::string repository = "") {
    ResticPlace place;
    place.repository = repository.empty() ? folder_ + "/repository" : repository;
    place.password = "the key";
    return place;
  }
  template <class T>
  T run(Task<T> task) {
    return loop::run_task(loop_, std::move(task));
  }
  std::string fetched(Target& target, const StoredObject& object) {
    TextSink memory;
    run(target.fetch(object, memory));
    return memory.text;
  }

  loop::Loop loop_;
  std::string folder_;
};

TEST_F(ResticTest, GivesBackWhatItWasGiven) {
  ResticRepository target(loop_, place());
  run(target.prepare(false));
  const std::string odd = "te/am %2F \"it's\" Grüße@exämple.com.dump";
  std::string large(5 << 20, '\0');
  for (std::size_t i = 0; i < large.size(); ++i) large[i] = static_cast<char>(i * i >> 7);
  const auto first = run(target.store("set1", odd, writes(large)));
  run(target.store("set1", "set.json", writes("{}")));
  run(target.store("set2", odd, writes("later")));

  const auto all = run(target.list("", ""));
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(all[0].name, odd);
  EXPECT_EQ(all[0].set, "set1");
  EXPECT_TRUE(all[0].id.starts_with(first.id));
  EXPECT_EQ(run(target.list("set1", "")).size(), 2u);
  EXPECT_EQ(run(target.list("", "set.json")).size(), 1u);
  EXPECT_TRUE(fetched(target, all[0]) == large);
  EXPECT_EQ(fetched(target, all[2]), "later");
  run(target.fetch_to_file(all[0], folder_ + "/file"));
  EXPECT_TRUE(read_file(folder_ + "/file").value() == large);
  EXPECT_FALSE(path_exists(folder_ + "/file.d"));

  run(target.remove({all[0].id, all[1].id}));
  EXPECT_EQ(run(target.list("", "")).size(), 1u);
  EXPECT_EQ(fetched(target, all[2]), "later");
  EXPECT_TRUE(run(target.list("none", "")).empty());
}

TEST_F(ResticTest, KeepsNothingOfWhatIsBrokenOff) {
  ResticRepository target(loop_, place());
  run(target.prepare(false));
  const auto error = loop::failure_of(loop_, target.store("set1", "a", [](BackupSink& sink) -> Task<void> {
    co_await sink.write("half of");
    throw_failure(Errc::kConflict, "pg_dump has had enough");
  }));
  EXPECT_EQ(error.detail, "pg_dump has had enough");
  {
    // Cancelled in the middle.
    loop::Event never(loop_);
    bool wrote = false;
    loop::Spawned<StoredObject> storing(loop_, target.store("set1", "b", [&](BackupSink& sink) -> Task<void> {
      co_await sink.write("half of");
      wrote = true;
      co_await never.wait();
    }));
    ASSERT_TRUE(loop_.run_until([&] { return wrote; }, 30s));
  }
  EXPECT_TRUE(run(target.list("", "")).empty());
}

TEST_F(ResticTest, ARepositoryThatIsGoneIsNotMadeAnew) {
  ResticRepository target(loop_, place());
  const auto error = loop::failure_of(loop_, target.prepare(true));
  EXPECT_EQ(error.code, Errc::kUnavailable);
  EXPECT_THAT(error.detail, HasSubstr("is its disk mounted?"));
  EXPECT_FALSE(path_exists(folder_ + "/repository"));
}

TEST_F(ResticTest, AnotherKeyIsToldAsSuch) {
  ResticRepository target(loop_, place());
  run(target.prepare(false));
  auto wrong = place();
  wrong.password = "another key";
  ResticRepository stranger(loop_, wrong);
  const auto error = loop::failure_of(loop_, stranger.prepare(true));
  EXPECT_EQ(error.code, Errc::kDenied);
  EXPECT_THAT(error.detail, HasSubstr("made with another key"));
}

TEST_F(ResticTest, AFlippedByteIsNoticedWhenItIsRead) {
  ResticRepository target(loop_, place());
  run(target.prepare(false));
  const auto object = run(target.store("set1", "a", writes(random_hex(200'000))));
  std::string largest;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_ + "/repository/data"))
    if (entry.is_regular_file() &&
        (largest.empty() || entry.file_size() > std::filesystem::file_size(largest)))
      largest = entry.path();
  auto content = read_file(largest).value();
  content[1000] = static_cast<char>(content[1000] ^ 1);
  std::filesystem::permissions(largest, std::filesystem::perms::owner_all);
  ASSERT_TRUE(write_file_durably(largest, content));
  TextSink memory;
  const auto error = loop::failure_of(loop_, target.fetch(object, memory));
  EXPECT_EQ(error.code, Errc::kMalformed) << error.detail;
  EXPECT_EQ(loop::failure_of(loop_, target.fetch_to_file(object, folder_ + "/file")).code, Errc::kMalformed);
}

TEST_F(ResticTest, ATargetThatTakesNothingIsGivenUp) {
  run(ResticRepository(loop_, place()).prepare(false));
  auto slow = place();
  slow.stall = 1s;
  slow.program = folder_ + "/stuck";
  ASSERT_TRUE(write_file_durably(slow.program, "#!/bin/sh\nexec sleep 600\n", 0755));
  ResticRepository target(loop_, slow);
  const auto error = loop::failure_of(loop_, target.store("set1", "a", writes(std::string(1 << 20, 'x'))));
  EXPECT_EQ(error.code, Errc::kTimeout);
}

TEST_F(ResticTest, AFullTargetSaysSoAndKeepsWhatItHad) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to mount a small file system";
  const std::string disk = folder_ + "/disk";
  ASSERT_EQ(::mkdir(disk.c_str(), 0755), 0);
  ASSERT_EQ(::mount("tmpfs", disk.c_str(), "tmpfs", 0, "size=6m"), 0);
  {
    ResticRepository target(loop_, place(disk + "/repository"));
    run(target.prepare(false));
    const auto kept = run(target.store("set1", "small", writes("what was there before")));
    const auto error =
        loop::failure_of(loop_, target.store("set2", "large", [](BackupSink& sink) -> Task<void> {
          for (int i = 0; i < 64; ++i) co_await sink.write(random_hex(256 << 10));
        }));
    EXPECT_EQ(error.code, Errc::kNoSpace) << error.detail;
    EXPECT_EQ(fetched(target, kept), "what was there before");
    EXPECT_EQ(run(target.list("", "")).size(), 1u);
  }
  ASSERT_EQ(::umount2(disk.c_str(), MNT_DETACH), 0);
}

TEST_F(ResticTest, ItsKeyIsInNoArgumentAndNoEnvironment) {
  auto spy = place();
  spy.program = folder_ + "/spy";
  ASSERT_TRUE(write_file_durably(
      spy.program,
      "#!/bin/sh\n(tr '\\0' '\\n' </proc/$$/environ; echo \"$@\") >" + folder_ + "/seen\necho null\n", 0755));
  run(ResticRepository(loop_, spy).list("", ""));
  const auto seen = read_file(folder_ + "/seen").value();
  EXPECT_THAT(seen, HasSubstr("RESTIC_PASSWORD_FILE=/dev/fd/3"));
  EXPECT_THAT(seen, testing::Not(HasSubstr("the key")));
}

TEST_F(ResticTest, TestsATargetByUsingIt) {
  ResticRepository target(loop_, place());
  run(target.test(false));
  EXPECT_TRUE(run(target.list("", "")).empty()) << "nothing of the test stays";
  auto nowhere = place("/proc/nowhere");
  EXPECT_EQ(loop::failure_of(loop_, ResticRepository(loop_, nowhere).test(false)).code, Errc::kNotFound);
}

// Words as restic 0.14 prints them.
TEST(Restic, ComplaintsBecomeReasons) {
  struct Case {
    const char* words;
    Errc code;
  };
  const Case cases[] = {
      {"Fatal: unable to save snapshot: write /x: no space left on device", Errc::kNoSpace},
      {"Fatal: wrong password or no key found", Errc::kDenied},
      {"Fatal: unable to open config file: Stat: Access Denied.\nIs there a repository at the following "
       "location?\ns3:x",
       Errc::kDenied},
      {"Fatal: create repository at s3:x failed: client.BucketExists: The AWS Access Key Id you provided "
       "does not "
       "exist in our records.",
       Errc::kDenied},
      {"Fatal: unable to open config file: stat /x/config: no such file or directory\nIs there a repository "
       "at the "
       "following location?\n/x",
       Errc::kNotFound},
      {"subprocess ssh: ssh: connect to host localhost port 1: Connection refused\nFatal: unable to open "
       "repository at "
       "sftp:x: unable to start the sftp session, error: EOF",
       Errc::kUnavailable},
      {"Fatal: ciphertext verification failed", Errc::kMalformed},
      {"rclone: 2026/11/23 06:55:53 ERROR : data/a4/a4e0: Post request rcat error: object not found\n"
       "Save(<data/a4e0>) returned error, retrying after 8.2s: server response unexpected: 500 (500)\n"
       "Fatal: unable to save snapshot: server response unexpected: 500 Internal Server Error (500)",
       Errc::kMalformed},
      {"rclone: 2026/11/23 06:55:53 ERROR : data/a4/a4e0: Post request rcat error: Insufficient Storage: "
       "507\n"
       "Fatal: unable to save snapshot: server response unexpected: 500 Internal Server Error (500)",
       Errc::kNoSpace},
      {"something else", Errc::kFailed},
  };
  for (const auto& one : cases) EXPECT_EQ(explain_restic(one.words, "/x").code, one.code) << one.words;
}

TEST(Restic, ForeignSnapshotsAreLeftOut) {
  const auto objects = parse_snapshots(
      R"([{"time":"2026-11-22T16:09:15.78Z","paths":["/b.dump"],"tags":["berth","set=s1"],"id":"22"},
          {"time":"2026-11-22T16:09:12.31Z","paths":["/te%2Fam@example.com.dump"],"tags":["berth","set=s1"],"id":"11"},
          {"time":"2026-11-22T16:09:12Z","paths":["/home"],"id":"33"}])");
  ASSERT_TRUE(objects);
  ASSERT_EQ(objects->size(), 2u);
  EXPECT_EQ(objects->front().name, "te/am@example.com.dump");
  EXPECT_TRUE(parse_snapshots("null")->empty());
  EXPECT_EQ(parse_snapshots("{").error().code, Errc::kMalformed);
}

}  // namespace
}  // namespace berth::manager
