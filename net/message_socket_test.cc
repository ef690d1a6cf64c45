#include "net/message_socket.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "base/file.h"
#include "net/test_support.h"

namespace berth::net {
namespace {

struct Pair {
  explicit Pair(loop::Loop& loop, MessageSocketLimits limits = {}) {
    int fds[2];
    BERTH_CHECK(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
    a = std::make_unique<MessageSocket>(loop, UniqueFd(fds[0]), limits);
    b = std::make_unique<MessageSocket>(loop, UniqueFd(fds[1]), limits);
  }
  std::unique_ptr<MessageSocket> a, b;
};

UniqueFd memory_file(std::string_view content) {
  UniqueFd fd(::memfd_create("test", MFD_CLOEXEC));
  BERTH_CHECK(write_all(fd.get(), content).has_value());
  return fd;
}
std::string content_of(const UniqueFd& fd) {
  char text[64];
  const auto got = ::pread(fd.get(), text, sizeof text, 0);
  return std::string(text, static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
}

TEST(MessageSocket, CarriesMessagesInOrder) {
  loop::Loop loop;
  Pair pair(loop);
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(pair.a->send({{"mt", "Count"}, {"n", i}}));
  for (int i = 0; i < 100; ++i) {
    const auto message = loop::run_task(loop, pair.b->receive());
    EXPECT_EQ(json::get_integer(message.value().body, "n"), i);
  }
  EXPECT_EQ(pair.a->peer().pid, ::getpid());
}

TEST(MessageSocket, CarriesLargeMessagesAgainstASlowReader) {
  loop::Loop loop;
  Pair pair(loop);
  const std::string large(3 << 20, 'x');
  EXPECT_TRUE(pair.a->send({{"mt", "Large"}, {"data", large}}));
  EXPECT_TRUE(pair.a->send({{"mt", "Small"}}));
  EXPECT_GT(pair.a->queued_bytes(), 0u);
  const auto first = loop::run_task(loop, pair.b->receive());
  EXPECT_EQ(json::get_string(first.value().body, "data"), large);
  EXPECT_EQ(json::get_string(loop::run_task(loop, pair.b->receive()).value().body, "mt"), "Small");
  EXPECT_TRUE(loop::run_task(loop, pair.a->flush()));
  EXPECT_EQ(pair.a->queued_bytes(), 0u);
}

TEST(MessageSocket, DescriptorsComeWithTheirOwnMessage) {
  loop::Loop loop;
  Pair pair(loop);
  const auto send = [&](int n, std::vector<std::string> contents) {
    std::vector<UniqueFd> fds;
    for (const auto& content : contents) fds.push_back(memory_file(content));
    EXPECT_TRUE(pair.a->send({{"n", n}, {"pad", std::string(static_cast<std::size_t>(n) * 9000, 'p')}},
                             std::move(fds)));
  };
  send(0, {});
  send(1, {"one"});
  send(2, {});
  send(3, {"three", "and more"});
  send(4, {"four"});
  send(40, {"forty"});
  send(5, {});
  const std::map<int, std::vector<std::string>> expected = {
      {0, {}}, {1, {"one"}}, {2, {}}, {3, {"three", "and more"}}, {4, {"four"}}, {40, {"forty"}}, {5, {}}};
  for (const int n : {0, 1, 2, 3, 4, 40, 5}) {
    const auto message = loop::run_task(loop, pair.b->receive()).value();
    EXPECT_EQ(json::get_integer(message.body, "n"), n);
    std::vector<std::string> contents;
    for (const auto& fd : message.descriptors) contents.push_back(content_of(fd));
    EXPECT_EQ(contents, expected.at(n)) << n;
  }
}

TEST(MessageSocket, EndsWhenThePeerGoesAndKeepsWhatItSaid) {
  loop::Loop loop;
  Pair pair(loop);
  EXPECT_TRUE(pair.a->send({{"mt", "Last words"}}));
  pair.a.reset();
  pair.b->send({{"mt", "Into the void"}});
  EXPECT_EQ(json::get_string(loop::run_task(loop, pair.b->receive()).value().body, "mt"), "Last words");
  EXPECT_FALSE(loop::run_task(loop, pair.b->receive()).has_value());
  EXPECT_FALSE(pair.b->send({{"mt", "Hello?"}}));
  EXPECT_FALSE(loop::run_task(loop, pair.b->receive()).has_value());
}

TEST(MessageSocket, WakesItsReceiverWhenClosed) {
  loop::Loop loop;
  Pair pair(loop);
  loop::Spawned<std::optional<Message>> receiving(loop, pair.a->receive());
  loop::Deferred later(loop);
  later.schedule([&] { pair.a->close(); });
  ASSERT_TRUE(loop.run_until([&] { return receiving.is_done(); }));
  EXPECT_FALSE(receiving.take().has_value());
}

TEST(MessageSocket, ThrowsOnWhatIsNoControlFrame) {
  for (const std::string_view bytes : {std::string_view("\x7f\xff\xff\xff", 4),
                                       std::string_view("\0\0\0\2[]", 6), std::string_view("\0\0\0\2{", 5)}) {
    loop::Loop loop;
    int fds[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    MessageSocket socket(loop, UniqueFd(fds[0]));
    UniqueFd raw(fds[1]);
    ASSERT_TRUE(write_all(raw.get(), bytes));
    raw.reset();
    EXPECT_THROW(loop::run_task(loop, socket.receive()), Failure);
    EXPECT_FALSE(socket.is_open());
  }
}

TEST(MessageSocket, ClosesWhenItsQueueIsFull) {
  loop::Loop loop;
  Pair pair(loop, {.max_queue_bytes = 1 << 20});
  const std::string chunk(300000, 'x');
  int sent = 0;
  while (pair.a->send({{"data", chunk}})) ASSERT_LT(++sent, 100);
  EXPECT_FALSE(pair.a->is_open());
  EXPECT_FALSE(loop::run_task(loop, pair.a->receive()).has_value());
}

TEST(MessageSocket, RefusesTooManyDescriptors) {
  loop::Loop loop;
  int fds[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
  MessageSocket generous(loop, UniqueFd(fds[0]), {.max_descriptors = 8});
  MessageSocket strict(loop, UniqueFd(fds[1]), {.max_descriptors = 2});
  std::vector<UniqueFd> many;
  for (int i = 0; i < 3; ++i) many.push_back(memory_file("x"));
  EXPECT_TRUE(generous.send({{"mt", "Three"}}, std::move(many)));
  EXPECT_THROW(loop::run_task(loop, strict.receive()), Failure);
}

TEST(MessageSocket, LosesNothingWhenAReceiveIsCancelled) {
  loop::Loop loop;
  Pair pair(loop);
  {
    loop::Spawned<std::optional<Message>> cancelled(loop, pair.b->receive());
    loop.run_once(std::chrono::milliseconds(0));
  }
  EXPECT_TRUE(pair.a->send({{"mt", "Here"}}));
  EXPECT_EQ(json::get_string(loop::run_task(loop, pair.b->receive()).value().body, "mt"), "Here");
}

TEST(MessageSocket, ConnectsToAPath) {
  loop::Loop loop;
  const test::TemporaryFolder folder;
  EXPECT_EQ(MessageSocket::connect(loop, folder / "s").error().code, Errc::kNotFound);
  const auto listener = Listener::unix_socket(loop, folder / "s").value();
  const auto client = MessageSocket::connect(loop, folder / "s").value();
  MessageSocket server(loop, loop::run_task(loop, listener->accept()));
  client->send({{"mt", "Hello"}});
  EXPECT_EQ(json::get_string(loop::run_task(loop, server.receive()).value().body, "mt"), "Hello");
}

}  // namespace
}  // namespace berth::net
