// One webserver follows another, as the manager brings it about (docs/protocols/control.md).
#include <sys/socket.h>
#include <unistd.h>

#include <array>

#include "base/passed_descriptors.h"
#include "loop/process.h"
#include "webserver/testing/program.h"

namespace berth::webserver::testing {
namespace {

const std::vector<std::string> kPorts = {"--http", "0",         "--https",    "off",
                                         "--bind", "127.0.0.1", "--reactors", "1"};

json::Object config(std::string_view role = "serving") {
  return {{"mt", "WebserverConfig"},
          {"role", role},
          {"limits", json::Object{{"closeMs", 1000}}},
          {"grants", json::Array{grant_of("/app", 'a')}}};
}
json::Object role(std::string_view name) { return {{"mt", "SetRole"}, {"role", name}, {"src", "1"}}; }

// A service that understands LEAVE.
class Follower : public ServicePeer {
 public:
  explicit Follower(const std::string& path) : ServicePeer(path, link::kDefaultCredit, false) {
    Bytes hello;
    link::append(hello, link::Hello{.reactor = link::kHelloFollows, .name = "follower"});
    send(hello);
  }
  void attach_app(link::Kind kind = link::Kind::kHttp) {
    EXPECT_EQ(attach(static_cast<std::uint32_t>(kind), kind, "/app", secret_of('a')).result,
              link::AttachResult::kOk);
  }
};

// What GetListeners gives, in the socket that --listeners names.
UniqueFd pass_listeners(Manager& manager) {
  Bytes request;
  or_throw(control::append(request, {{"mt", "GetListeners"}, {"reactor", 0}, {"src", "7"}}));
  EXPECT_EQ(::write(manager.fd(), request.data(), request.size()), static_cast<ssize_t>(request.size()));
  std::uint8_t bytes[4096];
  iovec part{bytes, sizeof bytes};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  DescriptorRoom<8> room;
  room.receive_with(message);
  const auto got = ::recvmsg(manager.fd(), &message, MSG_CMSG_CLOEXEC);
  EXPECT_GT(got, 0);
  control::Decoder decoder;
  decoder.feed(ByteView(bytes, static_cast<std::size_t>(std::max<ssize_t>(got, 0))));
  const auto answer = or_throw(decoder.next()).value();
  EXPECT_EQ(answer.at("mt"), "Listeners");
  EXPECT_EQ(answer.at("reactors").to_number<int>(), 1);
  const auto sockets = take_descriptors(message);
  if (sockets.size() != 2) throw std::runtime_error("two listeners expected");
  int ends[2];
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
  const UniqueFd ours(ends[0]);
  std::string text = json::serialize(json::Object{{"http", manager.http()}, {"https", 0}});
  iovec out{text.data(), text.size()};
  msghdr sent{};
  sent.msg_iov = &out;
  sent.msg_iovlen = 1;
  const std::array numbers{sockets[0].get(), sockets[1].get()};
  DescriptorRoom<2> passed;
  passed.send_with(sent, numbers);
  EXPECT_GT(::sendmsg(ours.get(), &sent, 0), 0);
  return UniqueFd(ends[1]);
}

TEST(Handover, ASuccessorServesTheSamePortsAndTheOldOneItsConnections) {
  Root root;
  std::optional<Program> old(std::in_place, root, kPorts);
  Manager manager(root);
  ASSERT_EQ(manager.ask(config()).at("mt"), "WebserverReady");
  Follower service(manager.link());
  service.attach_app(link::Kind::kWebsocket);
  service.attach_app();
  Client kept(manager.http()), idle(manager.http());
  kept.send_upgrade("/app");
  const auto stream = service.expect_open().stream;
  service.accept(stream, 0);
  EXPECT_EQ(kept.read_response().status(), 101);
  EXPECT_EQ(idle.fetch("/none").status(), 404);

  const UniqueFd listeners = pass_listeners(manager);
  auto arguments = kPorts;
  arguments.insert(arguments.end(), {"--listeners", "3"});
  Program next(root, arguments, {{listeners.get(), 3}});
  Manager its_manager(root);
  EXPECT_EQ(its_manager.hello().at("pid").to_number<int>(), next.pid());
  EXPECT_EQ(its_manager.http(), manager.http());
  ASSERT_EQ(its_manager.ask(config("waiting")).at("mt"), "WebserverReady");

  EXPECT_EQ(manager.ask(role("leaving")).at("mt"), "Ok");
  service.expect(link::Type::kLeave);
  Follower at_next(manager.link());
  at_next.attach_app(link::Kind::kWebsocket);
  at_next.attach_app();
  EXPECT_EQ(its_manager.ask({{"mt", "GetCounters"}, {"src", "2"}}).at("routed").to_number<int>(), 2);
  EXPECT_EQ(manager.ask({{"mt", "GetCounters"}, {"src", "2"}}).at("following").to_number<int>(), 2);

  // Clients still come to the old one.
  Client early(manager.http());
  early.get("/app");
  service.accept(service.expect_open().stream, 200, {}, true);
  EXPECT_EQ(early.read_response().status(), 200);

  EXPECT_EQ(its_manager.ask(role("serving")).at("mt"), "Ok");
  EXPECT_EQ(manager.ask({{"mt", "Drain"}, {"src", "3"}}).at("mt"), "Ok");
  Client late(manager.http());
  late.get("/app");
  at_next.accept(at_next.expect_open().stream, 200, {}, true);
  EXPECT_EQ(late.read_response().status(), 200);
  // What is open at the old one is served there: a request that was on its way, too, as the last.
  const auto last = idle.fetch("/none");
  EXPECT_EQ(last.status(), 404);
  EXPECT_EQ(last.header("connection"), "close");
  kept.send_frame(websocket::Opcode::kText, "still here");
  EXPECT_EQ(service.read_body(stream, link::Type::kMessage).first, "still here");
  service.message(stream, "and answered");
  EXPECT_EQ(kept.read_message(), "and answered");
  kept.close();
  EXPECT_EQ(old->wait(), 0);
  EXPECT_EQ(late.fetch("/none").status(), 404);
}

TEST(Handover, WithoutASuccessorAfterAllThePathsGoToWhoAttachesAgain) {
  Root root;
  Program program(root, kPorts);
  Manager manager(root);
  ASSERT_EQ(manager.ask(config()).at("mt"), "WebserverReady");
  Follower service(manager.link());
  service.attach_app();
  Client before(manager.http());
  before.get("/app");
  const auto opened = service.expect_open();
  EXPECT_EQ(manager.ask(role("leaving")).at("mt"), "Ok");
  service.expect(link::Type::kLeave);
  EXPECT_EQ(manager.ask(role("serving")).at("mt"), "Ok");
  Follower again(manager.link());
  again.attach_app();
  Client after(manager.http());
  after.get("/app");
  again.accept(again.expect_open().stream, 200, {}, true);
  EXPECT_EQ(after.read_response().status(), 200);
  service.accept(opened.stream, 200, {}, true);
  EXPECT_EQ(before.read_response().status(), 200);
}

TEST(Handover, APathOfALinkThatStaysIsNotTakenOver) {
  Root root;
  Program program(root, kPorts);
  Manager manager(root);
  ASSERT_EQ(manager.ask(config()).at("mt"), "WebserverReady");
  Follower service(manager.link()), other(manager.link());
  service.attach_app();
  EXPECT_EQ(other.attach(1, link::Kind::kHttp, "/app", secret_of('a')).result,
            link::AttachResult::kPathTaken);
}

TEST(Handover, WhatIsLeftAfterTheLimitIsClosed) {
  Root root;
  Program program(root, kPorts);
  Manager manager(root);
  ASSERT_EQ(manager.ask(config()).at("mt"), "WebserverReady");
  Follower service(manager.link());
  service.attach_app(link::Kind::kWebsocket);
  Client client(manager.http());
  client.send_upgrade("/app");
  service.accept(service.expect_open().stream, 0);
  EXPECT_EQ(client.read_response().status(), 101);
  EXPECT_GT(manager.ask({{"mt", "Drain"}, {"limitSeconds", 3600}}).at("leftSeconds").to_number<int>(), 3000);
  EXPECT_EQ(manager.ask({{"mt", "Drain"}, {"limitSeconds", 0}}).at("mt"), "Ok");
  EXPECT_EQ(client.read_frame().close_code(), 1012);
  EXPECT_EQ(program.wait(), 0);
}

TEST(Handover, RefusesListenersThatAreNone) {
  Root root;
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends), 0);
  UniqueFd ours(ends[0]);
  const UniqueFd theirs(ends[1]);
  const std::string text = R"({"http":8080})";
  ASSERT_GT(::send(ours.get(), text.data(), text.size(), 0), 0);
  ours.reset();
  auto arguments = kPorts;
  arguments.insert(arguments.end(), {"--listeners", "3"});
  Program program(root, arguments, {{theirs.get(), 3}});
  EXPECT_EQ(program.wait(), 1);
}

}  // namespace
}  // namespace berth::webserver::testing
