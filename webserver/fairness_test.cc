// Shares of a turn: nobody keeps a reactor to himself. Counted in turns of a loop that this test turns by hand.
#include <sys/socket.h>

#include <gtest/gtest.h>

#include "webserver/reactor.h"

namespace berth::webserver {
namespace {

struct Ends {
  UniqueFd ours, theirs;
};

Ends make_pair_of_sockets() {
  int fds[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) != 0)
    throw Failure(errno_error(errno, "socketpair"));
  return {UniqueFd(fds[0]), UniqueFd(fds[1])};
}

void put(const UniqueFd& fd, ByteView bytes) {
  ASSERT_EQ(::send(fd.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes.size()));
}

Bytes take(const UniqueFd& fd) {
  static std::array<std::uint8_t, 1 << 18> buffer;
  const auto got = ::recv(fd.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
  return {buffer.begin(), buffer.begin() + std::max<ssize_t>(got, 0)};
}

// One reactor with services of an attach each, "/0", "/1", ….
struct World {
  loop::Loop loop{loop::Loop::Time::kManual};
  Census census;
  Reactor reactor{loop, census, Reactor::Setup()};
  std::vector<UniqueFd> services;

  explicit World(std::size_t count) {
    Config config;
    config.grants.push_back({{}, "/", ::getuid()});
    config.limits.connections_per_peer = 0;
    EXPECT_TRUE(reactor.configure(config, TicketKeys()));
    for (std::size_t i = 0; i < count; ++i) {
      auto ends = make_pair_of_sockets();
      reactor.accepted_link(std::move(ends.ours));
      Bytes out;
      link::append(out, link::Hello{.name = "test"});
      link::append(out, link::Attach{1, link::Kind::kWebsocket, {}, fmt::format("/{}", i), ""});
      put(ends.theirs, out);
      services.push_back(std::move(ends.theirs));
    }
    turn(3);
    for (const auto& service : services) EXPECT_FALSE(take(service).empty());
  }
  void turn(int count = 1) {
    for (int i = 0; i < count; ++i) loop.run_once(loop::Duration::zero());
  }
  struct Opened {
    UniqueFd client;
    std::uint32_t stream = 0;
  };
  Opened open(std::size_t service) {
    auto ends = make_pair_of_sockets();
    sockaddr_storage address{};
    address.ss_family = AF_INET;
    reactor.accepted(std::move(ends.ours), address, false);
    put(ends.theirs,
        as_bytes(fmt::format("GET /{} HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"
                             "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                             "Sec-WebSocket-Version: 13\r\n\r\n",
                             service)));
    turn(2);
    const auto frame = take(services[service]);
    Opened opened{std::move(ends.theirs), or_throw(link::parse_header(frame)).value().stream};
    Bytes out;
    EXPECT_TRUE(link::append(out, opened.stream, link::Accept{}));
    put(services[service], out);
    turn(2);
    EXPECT_FALSE(take(opened.client).empty());
    return opened;
  }
};

TEST(Fairness, ABroadcastToThousandsLetsAnotherServicesMessageThrough) {
  constexpr std::size_t kCount = 4000;
  World world(2);
  std::vector<World::Opened> many;
  for (std::size_t i = 0; i < kCount; ++i) many.push_back(world.open(0));
  const auto quiet = world.open(1);
  std::vector<std::uint32_t> streams;
  for (const auto& opened : many) streams.push_back(opened.stream);
  Bytes flood, message;
  link::append_broadcast(flood, link::kFlagEnd, streams, as_bytes(std::string(256, 'b')));
  put(world.services[0], flood);
  world.turn();
  link::append_data(message, link::Type::kMessage, quiet.stream, link::kFlagEnd, as_bytes("quiet"));
  put(world.services[1], message);
  world.turn();
  EXPECT_FALSE(take(quiet.client).empty());
  const auto got = [&] {
    std::size_t count = 0;
    for (const auto& opened : many) count += !take(opened.client).empty();
    return count;
  };
  // Two turns, and once more at the end of the first.
  const auto first = got();
  EXPECT_LE(first, 3 * Link::kShare);
  world.turn(kCount / Link::kShare);
  EXPECT_EQ(first + got(), kCount);
}

TEST(Fairness, AFloodOfSmallMessagesLetsAnotherServicesMessageThrough) {
  World world(2);
  const auto loud = world.open(0), quiet = world.open(1);
  Bytes flood, message;
  for (int i = 0; i < 5000; ++i)
    link::append_data(flood, link::Type::kMessage, loud.stream, link::kFlagEnd, as_bytes("x"));
  put(world.services[0], flood);
  link::append_data(message, link::Type::kMessage, quiet.stream, link::kFlagEnd, as_bytes("quiet"));
  put(world.services[1], message);
  world.turn();
  EXPECT_FALSE(take(quiet.client).empty());
  auto got = take(loud.client).size();
  EXPECT_LE(got, 2 * Link::kShare * 3);
  for (std::size_t i = 0; i < 5000 / Link::kShare + 2; ++i) {
    world.turn();
    got += take(loud.client).size();
  }
  EXPECT_EQ(got, 5000u * 3);
}

TEST(Fairness, AClientWithMuchToSayIsReadByTheTurn) {
  World world(2);
  auto loud = world.open(0);
  const auto quiet = world.open(1);
  const int size = 1 << 20;
  ::setsockopt(loud.client.get(), SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
  Bytes frame = {0x82, 0xff, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0};  // 128 KiB, masked with zeros
  frame.resize(frame.size() + (1 << 17));
  put(loud.client, frame);
  put(quiet.client, Bytes{0x82, 0x81, 0, 0, 0, 0, 'q'});
  world.turn();
  EXPECT_LE(take(world.services[0]).size(), 65536u + 2 * link::kHeaderSize);
  EXPECT_EQ(take(world.services[1]).size(), link::kHeaderSize + 1);
}

}  // namespace
}  // namespace berth::webserver
