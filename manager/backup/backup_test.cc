#include "manager/backup/backup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bytes.h"
#include "base/file.h"
#include "base/text.h"
#include "manager/backup/end_mark.h"
#include "manager/backup/restore.h"
#include "manager/database/testing/shared_cluster.h"

namespace berth::manager {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kBinaries = "/usr/lib/postgresql/15/bin";

// Takes some bytes, then waits for ever.
struct StuckSink : BackupSink {
  explicit StuckSink(loop::Loop& loop) : never(loop) {}
  std::uint64_t taken = 0;
  loop::Event never;
  Task<void> write(std::string piece) override {
    taken += piece.size();
    if (taken > 100'000) co_await never.wait();
  }
};

class BackupTest : public SharedClusterTest {
 protected:
  static void SetUpTestSuite() {
    ::signal(SIGPIPE, SIG_IGN);
    SharedClusterTest::SetUpTestSuite();
  }
  static inline int made = 0;

  void SetUp() override {
    SharedClusterTest::SetUp();
    ++made;
    names = {fmt::format("example.com_te'am {}", made), fmt::format("user ü{}", made)};
    loop::run_task(loop, databases.create(names, "db password"));
    app = open(names.database);
    run(*app, "CREATE TABLE board(id serial PRIMARY KEY, title text NOT NULL)");
    run(*app,
        "CREATE TABLE note(id bigserial PRIMARY KEY, board int NOT NULL REFERENCES board, text text, file "
        "bytea)");
    run(*app, "CREATE TABLE \"Odd \"\"Näme\"\" %/\"(\"Spalte 1\" text)");
    run(*app, "INSERT INTO board(title) VALUES ('Grüße'), ('it''s')");
    run(*app,
        "INSERT INTO note(board, text, file) SELECT 1 + n % 2, 'note ' || n || E'\\t\\\\ \\n', "
        "sha256(n::text::bytea) FROM generate_series(1, 5000) n");
    run(*app, "INSERT INTO \"Odd \"\"Näme\"\" %/\" VALUES (NULL), ('x < y & \"z\"'), (E'\\x01')");
    char folder_name[] = "/tmp/berth-backup-XXXXXX";
    ASSERT_TRUE(::mkdtemp(folder_name));
    folder = folder_name;
    ::chmod(folder_name, 0755);
  }
  void TearDown() override {
    app.reset();
    (void)remove_tree(folder);
  }

  std::unique_ptr<db::Database> open(const std::string& database) {
    return std::make_unique<db::Database>(loop, running.options(database, names.user, "db password"));
  }
  db::Rows run(db::Database& database, std::string sql) {
    return loop::run_task(loop, database.query_repeatable(std::move(sql)));
  }
  std::string one(db::Database& database, std::string sql) {
    return run(database, std::move(sql)).front().get<std::string>(std::size_t{0});
  }
  // Tells two databases apart: every row and the schema.
  std::string fingerprint(db::Database& database) {
    return one(
        database,
        "SELECT md5((SELECT string_agg(n::text, ';' ORDER BY id) FROM note n) || "
        "(SELECT string_agg(b::text, ';' ORDER BY id) FROM board b) || "
        "(SELECT string_agg(coalesce(\"Spalte 1\", 'null'), ';' ORDER BY 1) FROM \"Odd \"\"Näme\"\" %/\") || "
        "(SELECT string_agg(conname::text || contype::text, ';' ORDER BY conname) FROM pg_constraint c "
        "JOIN pg_namespace s ON s.oid = c.connamespace WHERE nspname = 'public'))");
  }
  BackupMetadata metadata() {
    BackupMetadata about;
    about.name = "te'am";
    about.domain = "example.com";
    about.path = "/example.com/te'am";
    about.password = "instance \\ password '%";
    about.service = "notes";
    about.build = 7;
    about.database = names.database;
    about.database_user = names.user;
    return about;
  }
  std::string back_up(std::optional<BackupKey> key = std::nullopt) {
    TextSink sink;
    last = loop::run_task(loop,
                          writer.write(running.cluster().superuser(names.database), metadata(), key, sink));
    return std::move(sink.text);
  }
  std::string keep(const std::string& bytes, std::string file = "a.dump") {
    const std::string path = folder + "/" + file;
    EXPECT_TRUE(write_file_durably(path, bytes));
    return path;
  }
  Error refusal(Task<BackupFile> task) {
    try {
      (void)loop::run_task(loop, std::move(task));
    } catch (const Failure& failure) {
      return failure.error();
    }
    return Error{Errc::kCancelled, "it was taken"};
  }
  loop::CommandResult command(std::string program, std::vector<std::string> arguments,
                              std::string input = "") {
    loop::CommandOptions options;
    options.spawn.program = kBinaries + std::string("/") + program;
    options.spawn.arguments = std::move(arguments);
    options.input = std::move(input);
    options.limit_bytes = 64 << 20;
    return loop::run_task(loop, loop::run_command(loop, std::move(options)));
  }

  InstanceDatabases& databases = shared->databases();
  BackupWriter writer{loop, kBinaries};
  BackupReader reader{loop, kBinaries};
  Restorer restorer{loop, shared->cluster(), shared->databases()};
  InstanceDatabaseNames names;
  std::unique_ptr<db::Database> app;
  std::string folder;
  BackupResult last;
};

TEST_F(BackupTest, IsAPlainCustomDumpThatTellsOfItsInstance) {
  const auto bytes = back_up();
  EXPECT_EQ(last.bytes, bytes.size());
  EXPECT_EQ(last.sha256, sha256_hex(std::string_view(bytes).substr(0, bytes.size() - 48)));
  const auto path = keep(bytes);
  const auto list = command("pg_restore", {"-l", path});
  EXPECT_TRUE(list.status.is_success()) << list.errors;
  EXPECT_THAT(list.output, HasSubstr("TABLE DATA public note"));

  const auto file = loop::run_task(loop, reader.verify(path, {}));
  ASSERT_TRUE(file.about);
  EXPECT_EQ(file.about->metadata.name, "te'am");
  EXPECT_EQ(file.about->metadata.password, "instance \\ password '%");
  EXPECT_EQ(file.about->metadata.build, 7u);
  EXPECT_EQ(file.about->metadata.database, names.database);
  EXPECT_THAT(file.about->metadata.created, testing::MatchesRegex("20..-..-..T..:..:..Z"));
}

TEST_F(BackupTest, LeavesNoPasswordInTheDatabase) {
  back_up();
  EXPECT_TRUE(run(*app, "SELECT * FROM berth_backup.about").empty());
  back_up();  // and again, with the schema there
}

TEST_F(BackupTest, RestoresByHandWithPlainPgRestore) {
  const auto before = fingerprint(*app);
  const auto path = keep(back_up());
  const std::string by_hand = fmt::format("by hand {}", made);
  loop::run_task(loop, databases.create_beside(by_hand, names.user));
  const auto place = db::format_conninfo(running.cluster().superuser(by_hand));
  const auto result = command("pg_restore", {"--no-owner", "--exit-on-error", "-d", place, path});
  EXPECT_TRUE(result.status.is_success()) << result.errors;
  const auto counted = command("psql", {"-XAt", "-d", place, "-c", "SELECT count(*) FROM note"});
  EXPECT_EQ(counted.output, "5000\n");
  db::DatabaseOptions options;
  options.connection = running.cluster().superuser(by_hand);
  db::Database restored(loop, options);
  EXPECT_EQ(fingerprint(restored), before);
}

TEST_F(BackupTest, RestoresByHandFromAPipe) {
  const std::string piped = fmt::format("piped {}", made);
  loop::run_task(loop, databases.create_beside(piped, names.user));
  const auto place = db::format_conninfo(running.cluster().superuser(piped));
  const auto result = command("pg_restore", {"--no-owner", "--exit-on-error", "-d", place}, back_up());
  EXPECT_TRUE(result.status.is_success()) << result.errors;
  EXPECT_EQ(command("psql", {"-XAt", "-d", place, "-c", "SELECT count(*) FROM note"}).output, "5000\n");
}

TEST_F(BackupTest, HoldsOneMomentWhileTheAppWrites) {
  // Each transaction adds a note to both boards; a copy taken in between would see unequal counts.
  loop::TaskGroup writing(loop, "writer");
  bool stop = false;
  auto write_on = [](db::Database& database, bool& stop) -> Task<void> {
    while (!stop) {
      auto transaction = co_await database.begin();
      co_await transaction.query("INSERT INTO note(board, text) VALUES (1, 'pair')");
      co_await transaction.query("INSERT INTO note(board, text) VALUES (2, 'pair')");
      co_await transaction.commit();
    }
  };
  writing.spawn(write_on(*app, stop));
  const auto path = keep(back_up());
  stop = true;
  ASSERT_TRUE(loop.run_until([&] { return writing.size() == 0; }));
  loop::run_task(loop, restorer.load_beside(path, names, "db password", "m"));
  auto restored = open(Restorer::beside_name(names.database, "m"));
  EXPECT_EQ(one(*restored,
                "SELECT count(*) FILTER (WHERE board = 1) - count(*) FILTER (WHERE board = 2) FROM note"),
            "0");
}

TEST_F(BackupTest, ComesBackByRestoreAndGoesBackByUndo) {
  const auto before = fingerprint(*app);
  const auto path = keep(back_up());
  run(*app, "DELETE FROM note WHERE id > 10");
  run(*app, "INSERT INTO board(title) VALUES ('later')");
  const auto later = fingerprint(*app);

  std::uint64_t told = 0;
  loop::run_task(
      loop, restorer.load_beside(path, names, "db password", "1", [&](std::uint64_t bytes, std::uint64_t of) {
        EXPECT_GE(bytes, told);
        EXPECT_LE(bytes, of);
        told = bytes;
      }));
  EXPECT_EQ(told, last.bytes);
  EXPECT_EQ(fingerprint(*app), later) << "nothing changes before the swap";
  loop::run_task(loop, restorer.swap_in(names, "1"));
  EXPECT_EQ(fingerprint(*app), before) << "the connected app finds the restored data";
  loop::run_task(loop, restorer.swap_in(names, "1"));
  EXPECT_TRUE(run(*app, "SELECT 1 FROM pg_namespace WHERE nspname = 'berth_backup'").empty());
  EXPECT_EQ(one(*app, "SELECT tableowner::text FROM pg_tables WHERE tablename = 'note'"), names.user);
  EXPECT_EQ(one(*app, "SELECT nextval('note_id_seq')::text"), "5001");

  loop::run_task(loop, restorer.undo(names, "1"));
  EXPECT_EQ(fingerprint(*app), later);
  loop::run_task(loop, restorer.undo(names, "1"));
  loop::run_task(loop, restorer.forget(names, "1"));
  EXPECT_EQ(fingerprint(*app), later);
  EXPECT_FALSE(loop::run_task(loop, databases.exists(Restorer::beside_name(names.database, "1"))));
  EXPECT_FALSE(loop::run_task(loop, databases.exists(Restorer::old_name(names.database, "1"))));
}

TEST_F(BackupTest, BringsBackAnInstanceThatIsGone) {
  const auto before = fingerprint(*app);
  const auto path = keep(back_up());
  app.reset();
  loop::run_task(loop, databases.drop(names));
  loop::run_task(loop, databases.create(names, "db password"));
  loop::run_task(loop, databases.drop_database(names.database));
  loop::run_task(loop, restorer.load_beside(path, names, "db password", "9"));
  loop::run_task(loop, restorer.swap_in(names, "9"));
  app = open(names.database);
  EXPECT_EQ(fingerprint(*app), before);
}

TEST_F(BackupTest, RefusesASecondRestoreOfTheSame) {
  auto first = restorer.reserve(names.database);
  ASSERT_TRUE(first);
  const auto second = restorer.reserve(names.database);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, Errc::kConflict);
  EXPECT_TRUE(restorer.reserve("another"));
  { const auto ends = std::move(*first); }
  EXPECT_TRUE(restorer.reserve(names.database));
}

TEST_F(BackupTest, RestoresWithNoMoreRightsThanTheInstanceHas) {
  // The statements of a dump stand in it as text: somebody changed one.
  const std::string comment(120, 'A');
  run(*app, "COMMENT ON TABLE board IS '" + comment + "'");
  const std::string path = folder + "/evil.dump";
  const auto place = db::format_conninfo(running.cluster().superuser(names.database));
  ASSERT_TRUE(command("pg_dump", {"-Fc", "-d", place, "-f", path}).status.is_success());
  auto bytes = read_file(path).value();
  const auto at = bytes.find(comment);
  ASSERT_NE(at, std::string::npos);
  std::string attack =
      "x'; RESET SESSION AUTHORIZATION; RESET ROLE; ALTER ROLE SESSION_USER SUPERUSER; SELECT '";
  attack.resize(comment.size(), 'x');
  bytes.replace(at, attack.size(), attack);
  try {
    loop::run_task(loop, restorer.load_beside(keep(bytes, "evil.dump"), names, "db password", "e"));
    ADD_FAILURE() << "it was taken";
  } catch (const Failure& failure) {
    EXPECT_THAT(failure.error().detail, HasSubstr("must be superuser"));
  }
  EXPECT_EQ(one(*app, "SELECT rolsuper::text FROM pg_roles WHERE rolname = current_user"), "false");
  EXPECT_FALSE(loop::run_task(loop, databases.exists(Restorer::beside_name(names.database, "e"))));
}

TEST_F(BackupTest, TakesAPlainDumpOfPgDumpWithoutMetadata) {
  const auto place = db::format_conninfo(running.cluster().superuser(names.database));
  const std::string path = folder + "/plain.dump";
  ASSERT_TRUE(command("pg_dump", {"-Fc", "-d", place, "-f", path}).status.is_success());
  const auto file = loop::run_task(loop, reader.verify(path, {}));
  EXPECT_FALSE(file.about);
  const auto before = fingerprint(*app);
  loop::run_task(loop, restorer.load_beside(path, names, "db password", "p"));
  auto restored = open(Restorer::beside_name(names.database, "p"));
  EXPECT_EQ(fingerprint(*restored), before);
}

TEST_F(BackupTest, FindsAFileCutOffAtAnyPoint) {
  const auto whole = back_up();
  std::vector<std::size_t> cuts = {0,
                                   1,
                                   4,
                                   5,
                                   7,
                                   10,
                                   11,
                                   20,
                                   48,
                                   100,
                                   whole.size() - 1,
                                   whole.size() - 47,
                                   whole.size() - 48,
                                   whole.size() - 49};
  for (std::size_t i = 1; i < 16; ++i) cuts.push_back(whole.size() * i / 16);
  for (const auto cut : cuts) {
    SCOPED_TRACE(cut);
    const auto path = keep(whole.substr(0, cut), "cut.dump");
    const auto error = refusal(reader.inspect(path, {}));
    EXPECT_EQ(error.code, Errc::kMalformed) << error.detail;
    EXPECT_THAT(error.detail,
                testing::AnyOf(HasSubstr("Fetch it again"), HasSubstr("no backup of a platform")));
  }
}

TEST_F(BackupTest, FindsOneFlippedByteAnywhere) {
  const auto whole = back_up();
  for (std::size_t i = 0; i <= 24; ++i) {
    const std::size_t at = std::min(whole.size() - 1, whole.size() * i / 24);
    SCOPED_TRACE(at);
    auto flipped = whole;
    flipped[at] = static_cast<char>(flipped[at] ^ 0x10);
    const auto error = refusal(reader.verify(keep(flipped, "flipped.dump"), {}));
    EXPECT_THAT(error.code, testing::AnyOf(Errc::kMalformed, Errc::kUnsupported)) << error.detail;
  }
}

TEST_F(BackupTest, SaysWhatAForeignFileIs) {
  struct Case {
    std::string bytes;
    const char* words;
  };
  const Case cases[] = {
      {"", "empty"},
      {"\x1f\x8b\x08 gzip", "unpack it first"},
      {"PK\x03\x04", "ZIP"},
      {"--\n-- PostgreSQL database dump\n--\nSET x = y;\n", "cut off"},
      {"<!DOCTYPE html>", "error page"},
      {"just some text that is long enough", "no backup of a platform"},
      {std::string("PGDMP\x01\x0f\x00\x04\x08\x01 rest", 16), "newer PostgreSQL"},
      {std::string("PGDMP\x01\x0e\x00\x04\x08\x03 rest", 16), "custom format"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.words);
    EXPECT_THAT(refusal(reader.inspect(keep(c.bytes, "foreign"), {})).detail, HasSubstr(c.words));
  }
  EXPECT_EQ(refusal(reader.inspect(folder + "/absent", {})).code, Errc::kNotFound);
  EXPECT_EQ(refusal(reader.inspect("/dev/null", {})).code, Errc::kMalformed);
}

TEST_F(BackupTest, OpensSealedFilesWithTheRightKeyOnly) {
  const auto key = BackupKey::from_bytes(std::string(32, 'k')).value();
  const auto other = BackupKey::from_bytes(std::string(32, 'x')).value();
  const auto bytes = back_up(key);
  const auto path = keep(bytes);
  const auto good = loop::run_task(loop, reader.inspect(path, {.keys = {key}}));
  EXPECT_EQ(good.about->metadata.password, "instance \\ password '%");
  const auto bad = loop::run_task(loop, reader.inspect(path, {.keys = {other}}));
  ASSERT_TRUE(bad.about->missing_key);
  EXPECT_THAT(*bad.about->missing_key, HasSubstr(key.id()));
  EXPECT_EQ(bad.about->metadata.name, "te'am");
}

TEST_F(BackupTest, EndsCleanlyWhenCancelled) {
  // Enough, and incompressible, so that the sink is stuck in the middle.
  run(*app,
      "INSERT INTO note(board, file) SELECT 1, string_agg(sha256((n * 1000 + i)::text::bytea), ''::bytea) "
      "FROM generate_series(1, 200) n, generate_series(1, 100) i GROUP BY n");
  StuckSink sink(loop);
  {
    loop::Spawned<BackupResult> stuck(
        loop, writer.write(running.cluster().superuser(names.database), metadata(), {}, sink));
    ASSERT_TRUE(loop.run_until([&] { return sink.taken > 100'000; }));
    EXPECT_GT(loop::run_task(loop, databases.sessions(names.database)), 1);
  }
  app.reset();
  for (int i = 0; i < 100 && loop::run_task(loop, databases.sessions(names.database)) > 0; ++i)
    loop.run_until([] { return false; }, 50ms);
  EXPECT_EQ(loop::run_task(loop, databases.sessions(names.database)), 0) << "pg_dump is gone";
}

TEST_F(BackupTest, TellsWhenPostgresqlDiesInTheMiddle) {
  run(*app,
      "INSERT INTO note(board, file) SELECT 1, string_agg(sha256((n * 1000 + i)::text::bytea), ''::bytea) "
      "FROM generate_series(1, 500) n, generate_series(1, 200) i GROUP BY n");
  struct KillingSink : BackupSink {
    RunningCluster& running;
    loop::Event& killed;
    std::uint64_t taken = 0;
    KillingSink(RunningCluster& cluster, loop::Event& event) : running(cluster), killed(event) {}
    Task<void> write(std::string piece) override {
      taken += piece.size();
      if (taken > 50'000) co_await killed.wait();
    }
  };
  loop::Event killed(loop);
  KillingSink sink(running, killed);
  loop::Spawned<BackupResult> writing(
      loop, writer.write(running.cluster().superuser(names.database), metadata(), {}, sink));
  ASSERT_TRUE(loop.run_until([&] { return sink.taken > 50'000; }));
  running.kill_now();
  killed.set();
  ASSERT_TRUE(loop.run_until([&] { return writing.is_done(); }));
  try {
    (void)writing.take();
    FAIL();
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.error().code, Errc::kUnavailable) << failure.error().detail;
  }
  running.start();
  EXPECT_EQ(one(*app, "SELECT count(*)::text FROM board"), "2");
}

TEST_F(BackupTest, LeavesTheOldDataWhenPostgresqlDiesInARestore) {
  const auto path = keep(back_up());
  const auto before = fingerprint(*app);
  loop::Spawned<void> restoring(loop, restorer.load_beside(path, names, "db password", "k"));
  const auto beside = Restorer::beside_name(names.database, "k");
  ASSERT_TRUE(loop.run_until([&] { return loop::run_task(loop, databases.exists(beside)); }));
  running.kill_now();
  running.start();
  ASSERT_TRUE(loop.run_until([&] { return restoring.is_done(); }));
  try {
    restoring.take();
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.error().code, Errc::kUnavailable) << failure.error().detail;
  }
  EXPECT_EQ(fingerprint(*app), before);
  loop::run_task(loop, restorer.load_beside(path, names, "db password", "k"));
  loop::run_task(loop, restorer.swap_in(names, "k"));
  EXPECT_EQ(fingerprint(*app), before);
}

TEST_F(BackupTest, SaysThatADatabaseIsNotThere) {
  TextSink sink;
  try {
    loop::run_task(loop, writer.write(running.cluster().superuser("absent"), metadata(), {}, sink));
    FAIL();
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.error().code, Errc::kNotFound);
  }
  EXPECT_TRUE(sink.text.empty());
}

TEST_F(BackupTest, LeavesNothingHalfDoneOnAFullDisk) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to mount a small file system";
  const std::string small = folder + "/small";
  ASSERT_EQ(::mkdir(small.c_str(), 0755), 0);
  if (::mount("tmpfs", small.c_str(), "tmpfs", 0, "size=64k,mode=0755") != 0)
    GTEST_SKIP() << "cannot mount a tmpfs here";
  {
    FileSink sink(loop, small + "/a.dump");
    try {
      loop::run_task(loop, writer.write(running.cluster().superuser(names.database), metadata(), {}, sink));
      ADD_FAILURE() << "64 KiB were enough";
    } catch (const Failure& failure) {
      EXPECT_EQ(failure.error().code, Errc::kNoSpace) << failure.error().detail;
    }
  }
  loop::CommandOptions list;
  list.spawn.program = "/bin/ls";
  list.spawn.arguments = {"-A", small};
  EXPECT_EQ(loop::run_task(loop, loop::run_command(loop, std::move(list))).output, "");
  EXPECT_EQ(::umount(small.c_str()), 0);
}

// Mounts a file system of so many megabytes over a folder, with the same content; undone at the end.
class SmallFolder {
 public:
  SmallFolder(std::string folder, int megabytes) : folder_(std::move(folder)), aside_(folder_ + ".small") {
    const std::string script = fmt::format(
        "mkdir '{1}' && mount -t tmpfs -o size={2}m tmpfs '{1}' && cp -a '{0}/.' '{1}/' && mount --move "
        "'{1}' '{0}'",
        folder_, aside_, megabytes);
    is_mounted_ = std::system(script.c_str()) == 0;
  }
  ~SmallFolder() {
    if (is_mounted_) ::umount2(folder_.c_str(), MNT_DETACH);
    ::rmdir(aside_.c_str());
  }
  SmallFolder(const SmallFolder&) = delete;
  bool is_mounted() const { return is_mounted_; }

 private:
  std::string folder_, aside_;
  bool is_mounted_ = false;
};

TEST_F(BackupTest, LeavesTheOldDataWhenTheDiskGetsFullInARestore) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to mount a small file system";
  loop::run_task(loop, app->query("INSERT INTO note(board, file) SELECT 1, string_agg(sha256((n * 5000 + "
                                  "i)::text::bytea), ''::bytea) "
                                  "FROM generate_series(1, 100) n, generate_series(1, 5000) i GROUP BY n"));
  const auto path = keep(back_up());
  run(*app, "DELETE FROM note WHERE id > 5000");
  run(*app, "TRUNCATE \"Odd \"\"Näme\"\" %/\"");
  const auto before = one(*app, "SELECT md5(string_agg(n::text, '' ORDER BY id)) FROM note n");
  running.stop();
  // Databases of the tests before, the old one with its dead rows, and room for a part of a second one.
  const auto counted = [&] {
    loop::CommandOptions du;
    du.spawn.program = "/usr/bin/du";
    du.spawn.arguments = {"-sm", running.folder() + "/pgsql/base"};
    return parse_integer(split(loop::run_task(loop, loop::run_command(loop, std::move(du))).output, '\t')[0])
        .value();
  }();
  std::optional<SmallFolder> small(std::in_place, running.folder() + "/pgsql/base",
                                   static_cast<int>(counted) + 16);
  if (!small->is_mounted()) GTEST_SKIP() << "cannot mount a tmpfs here";
  running.start();
  try {
    loop::run_task(loop, restorer.load_beside(path, names, "db password", "full"));
    ADD_FAILURE() << "16 MB were enough";
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.error().code, Errc::kNoSpace) << failure.error().detail;
  }
  EXPECT_FALSE(loop::run_task(loop, databases.exists(Restorer::beside_name(names.database, "full"))));
  EXPECT_EQ(one(*app, "SELECT md5(string_agg(n::text, '' ORDER BY id)) FROM note n"), before);
  run(*app, "INSERT INTO board(title) VALUES ('there is room again')");
  app.reset();
  // What stands below the small one is from another time: the next tests get a cluster of their own.
  running.stop();
  small.reset();
  shared.reset();
  shared = std::make_unique<RunningCluster>(loop);
}

TEST_F(BackupTest, WritesAFileWholeOrNotAtAll) {
  const std::string path = folder + "/b.dump";
  {
    FileSink sink(loop, path);
    loop::run_task(loop, sink.write("half"));
    EXPECT_FALSE(path_exists(path));
  }
  FileSink sink(loop, path);
  loop::run_task(loop, sink.write("whole"));
  loop::run_task(loop, sink.finish());
  EXPECT_EQ(read_file(path).value(), "whole");
  struct stat info{};
  ASSERT_EQ(::stat(path.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST_F(BackupTest, WaitsForASlowReader) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  UniqueFd ours(ends[0]), theirs(ends[1]);
  DescriptorSink sink(loop, ours.get());
  loop::Spawned<BackupResult> writing(
      loop, writer.write(running.cluster().superuser(names.database), metadata(), {}, sink));
  std::string got;
  char buffer[4096];
  for (bool is_empty = false; !is_empty;) {
    if (!writing.is_done()) loop.run_once(1ms);
    const auto was_done = writing.is_done();
    const auto count = ::recv(theirs.get(), buffer, sizeof buffer, MSG_DONTWAIT);
    if (count > 0) got.append(buffer, static_cast<std::size_t>(count));
    else is_empty = was_done;
  }
  EXPECT_EQ(got.size(), writing.take().bytes);
  ASSERT_GT(got.size(), kEndMarkBytes);
  EXPECT_TRUE(parse_end_mark(std::string_view(got).substr(got.size() - kEndMarkBytes)));
}

TEST_F(BackupTest, WritesSqlTextForPsql) {
  TextSink sink;
  const auto bytes =
      loop::run_task(loop, writer.write_sql(running.cluster().superuser(names.database), sink, {"board"}));
  EXPECT_EQ(bytes, sink.text.size());
  EXPECT_THAT(sink.text, HasSubstr("CREATE TABLE public.note"));
  EXPECT_THAT(sink.text, HasSubstr("COPY public.note "));
  EXPECT_THAT(sink.text, Not(HasSubstr("COPY public.board ")));
  EXPECT_THAT(sink.text, Not(HasSubstr("berth_backup")));
}

TEST_F(BackupTest, RestoresItsOwnSqlText) {
  run(*app,
      "CREATE FUNCTION two() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT CASE WHEN true THEN 2 "
      "END; END");
  run(*app, "CREATE FUNCTION dollar() RETURNS text LANGUAGE plpgsql AS $x$ BEGIN RETURN 'a;$$b'; END $x$");
  run(*app, "CREATE RULE twice AS ON INSERT TO board DO ALSO (SELECT 1; SELECT 2)");
  run(*app, "COMMENT ON TABLE board IS E'semi;colon \\\\ ''quoted'' -- no /* comment'");
  const auto before = fingerprint(*app);
  TextSink sink;
  loop::run_task(loop, writer.write_sql(running.cluster().superuser(names.database), sink));
  const auto path = keep(sink.text, "a.sql");
  const auto file = loop::run_task(loop, reader.verify(path, {}));
  EXPECT_TRUE(file.is_sql_text);
  EXPECT_FALSE(file.about);
  loop::run_task(loop, restorer.load_beside(path, names, "db password", "s"));
  auto restored = open(Restorer::beside_name(names.database, "s"));
  EXPECT_EQ(fingerprint(*restored), before);
  EXPECT_EQ(one(*restored, "SELECT two()::text || dollar()"), "2a;$$b");
  EXPECT_EQ(one(*restored, "SELECT obj_description('board'::regclass)"),
            one(*app, "SELECT obj_description('board'::regclass)"));
}

TEST_F(BackupTest, RestoresSqlTextOfAnotherRoleAndRefusesCommandsForPsql) {
  // As pg_dump without --no-owner writes it.
  const std::string head =
      "--\n-- PostgreSQL database dump\n--\n\n\\restrict abc\nSET client_encoding = 'UTF8';\n";
  const std::string body =
      "CREATE TABLE t(a int);\nALTER TABLE t OWNER TO \"somebody else\";\nGRANT ALL ON TABLE t TO "
      "nobody_here;\n"
      "COPY t (a) FROM stdin;\n1\n\\N\n\\.\n";
  const std::string end = "--\n-- PostgreSQL database dump complete\n--\n\n\\unrestrict abc\n";
  loop::run_task(loop, restorer.load_beside(keep(head + body + end, "b.sql"), names, "db password", "o"));
  auto restored = open(Restorer::beside_name(names.database, "o"));
  EXPECT_EQ(one(*restored, "SELECT count(*)::text FROM t"), "2");

  const std::string attacks[] = {
      "\\! touch " + folder + "/touched\n", "\\connect postgres\n", "\\copy t from /etc/passwd\n",
      "COPY t FROM PROGRAM 'touch " + folder + "/touched';\n", "COPY t FROM '/etc/passwd';\n"};
  for (const auto& attack : attacks) {
    SCOPED_TRACE(attack);
    EXPECT_THROW(loop::run_task(loop, restorer.load_beside(keep(head + body + attack + end, "c.sql"), names,
                                                           "db password", "x")),
                 Failure);
    EXPECT_FALSE(loop::run_task(loop, databases.exists(Restorer::beside_name(names.database, "x"))));
  }
  EXPECT_FALSE(path_exists(folder + "/touched"));
  const auto cut = keep(head + body.substr(0, body.size() - 4), "cut.sql");
  EXPECT_THAT(refusal(reader.inspect(cut, {})).detail, HasSubstr("cut off"));
}

TEST_F(BackupTest, WritesXmlOfEveryTable) {
  run(*app, "DELETE FROM note WHERE id > 1");
  TextSink sink;
  loop::run_task(loop, write_xml(loop, running.cluster().superuser(names.database), {"board"}, sink));
  EXPECT_THAT(sink.text,
              testing::StartsWith(fmt::format("<database name=\"example.com_te'am {}\">\n", made)));
  EXPECT_THAT(sink.text,
              HasSubstr(" <table schema=\"public\" name=\"Odd &quot;Näme&quot; %/\">\n"
                        "  <row><column name=\"Spalte 1\" null=\"true\"/></row>\n"
                        "  <row><column name=\"Spalte 1\">x &lt; y &amp; &quot;z&quot;</column></row>\n"
                        "  <row><column name=\"Spalte 1\" encoding=\"base64\">AQ==</column></row>\n"));
  // sha256("1"), by sha256sum.
  const auto digest = parse_hex("6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b").value();
  EXPECT_THAT(sink.text,
              HasSubstr("<column name=\"file\" encoding=\"base64\">" + format_base64(digest) + "</column>"));
  EXPECT_THAT(sink.text, Not(HasSubstr("name=\"board\"><")));
  EXPECT_THAT(sink.text, Not(HasSubstr("<table schema=\"public\" name=\"board\">")));
  EXPECT_THAT(sink.text, testing::EndsWith("</database>\n"));
}

}  // namespace
}  // namespace berth::manager
