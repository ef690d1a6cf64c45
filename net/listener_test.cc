#include "net/listener.h"

#include <sys/stat.h>

#include "net/test_support.h"

namespace berth::net {
namespace {

TEST(Address, IsReadAndWritten) {
  EXPECT_EQ(Address::parse("127.0.0.1", 80).value().format(), "127.0.0.1:80");
  EXPECT_EQ(Address::parse("[::1]", 443).value().format(), "[::1]:443");
  EXPECT_EQ(Address::parse("::ffff:10.1.2.3", 1).value().ip(), "10.1.2.3");
  EXPECT_TRUE(Address::parse("127.9.9.9", 1).value().is_loopback());
  EXPECT_TRUE(Address::parse("::ffff:127.0.0.1", 1).value().is_loopback());
  EXPECT_FALSE(Address::parse("10.0.0.1", 1).value().is_loopback());
  for (const char* text : {"", "localhost", "127.0.0", "127.0.0.1:80", "::g"})
    EXPECT_EQ(Address::parse(text, 1).error().code, Errc::kMalformed) << text;
}

TEST(Address, IsTakenOffItsPort) {
  EXPECT_EQ(without_port("127.0.0.1:51234"), "127.0.0.1");
  EXPECT_EQ(without_port("[2001:db8::1]:443"), "2001:db8::1");
  EXPECT_EQ(without_port("192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(without_port("2001:db8::1"), "2001:db8::1");
  EXPECT_EQ(without_port(""), "");
}

TEST(Listener, TellsThatAPortIsTaken) {
  loop::Loop loop;
  const auto first = Listener::tcp(loop, Address::loopback(0)).value();
  EXPECT_NE(first->address().port(), 0);
  const auto second = Listener::tcp(loop, first->address());
  EXPECT_EQ(second.error().code, Errc::kExists);
  EXPECT_THAT(second.error().detail, testing::HasSubstr(first->address().format()));
}

TEST(Listener, SharesAPortBetweenReactors) {
  loop::Loop loop;
  const auto first = Listener::tcp(loop, Address::loopback(0), {.reuse_port = true}).value();
  EXPECT_TRUE(Listener::tcp(loop, first->address(), {.reuse_port = true}));
}

TEST(UnixListener, HasItsModeAndRemovesItsPath) {
  loop::Loop loop;
  const test::TemporaryFolder folder;
  const auto path = folder / "s";
  {
    const auto listener = Listener::unix_socket(loop, path, 0640).value();
    struct stat info{};
    ASSERT_EQ(::stat(path.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0640u);
    EXPECT_TRUE(connect_unix(path));
  }
  EXPECT_FALSE(path_exists(path));
}

TEST(UnixListener, ReplacesAStaleSocketButNotALiveOneNorAFile) {
  loop::Loop loop;
  const test::TemporaryFolder folder;
  const auto path = folder / "s";
  { const auto stale = listen_unix(path, 0600).value(); }  // closed, but its path stays
  ASSERT_TRUE(path_exists(path));
  EXPECT_EQ(connect_unix(path).error().code, Errc::kUnavailable);
  const auto live = Listener::unix_socket(loop, path).value();
  EXPECT_EQ(Listener::unix_socket(loop, path).error().code, Errc::kExists);
  ASSERT_TRUE(write_file_durably(folder / "file", "x"));
  EXPECT_EQ(Listener::unix_socket(loop, folder / "file").error().code, Errc::kExists);
  EXPECT_EQ(connect_unix(folder / "none").error().code, Errc::kNotFound);
}

TEST(UnixListener, DoesNotRemoveThePathOfItsSuccessor) {
  loop::Loop loop;
  const test::TemporaryFolder folder;
  const auto path = folder / "s";
  auto old = Listener::unix_socket(loop, path).value();
  ASSERT_EQ(::unlink(path.c_str()), 0);
  const auto fresh = Listener::unix_socket(loop, path).value();
  old.reset();
  EXPECT_TRUE(connect_unix(path));
}

TEST(UnixListener, TakesPathsLongerThanASocketAddress) {
  loop::Loop loop;
  const test::TemporaryFolder folder;
  const auto deep = folder / (std::string(60, 'a') + "/" + std::string(60, 'b'));
  ASSERT_TRUE(make_directories(deep));
  const auto listener = Listener::unix_socket(loop, deep + "/control.sock").value();
  EXPECT_TRUE(connect_unix(deep + "/control.sock"));
}

TEST(Listener, AcceptsUntilCancelled) {
  loop::Loop loop;
  const test::TemporaryFolder folder;
  const auto listener = Listener::unix_socket(loop, folder / "s").value();
  {
    loop::Spawned<UniqueFd> waiting(loop, listener->accept());
    loop.run_once(std::chrono::milliseconds(0));
    EXPECT_FALSE(waiting.is_done());
  }
  const auto client = connect_unix(folder / "s").value();
  const auto fd = loop::run_task(loop, listener->accept());
  EXPECT_TRUE(fd);
  EXPECT_EQ(peer_credentials(fd.get()).value().pid, ::getpid());
  EXPECT_EQ(peer_credentials(fd.get()).value().uid, ::getuid());
}

}  // namespace
}  // namespace berth::net
