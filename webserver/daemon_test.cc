// The program as the manager and the admin meet it.
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <thread>

#include "base/file.h"
#include "net/listener.h"
#include "webserver/ports.h"
#include "webserver/testing/program.h"

namespace berth::webserver::testing {
namespace {

const std::vector<std::string> kPorts = {"--http", "0",         "--https",    "0",
                                         "--bind", "127.0.0.1", "--reactors", "2"};

json::Object config(const std::string& pem = "") {
  return {{"mt", "WebserverConfig"},
          {"certificate", pem},
          {"redirectHttps", false},
          {"accessLog", false},
          {"limits", json::Object{{"headMs", 5000}}},
          {"grants", json::Array{grant_of("/app", 'a')}}};
}

TEST(Program, SaysHelloAndServesOnceConfigured) {
  Root root;
  Program program(root, kPorts);
  Manager manager(root);
  const auto& hello = manager.hello();
  EXPECT_EQ(hello.at("mt"), "WebserverHello");
  EXPECT_EQ(hello.at("version").to_number<int>(), 1);
  EXPECT_EQ(hello.at("pid").to_number<int>(), program.pid());
  EXPECT_EQ(hello.at("reactors").to_number<int>(), 2);
  EXPECT_EQ(hello.at("linkSockets").as_array().size(), 2U);
  EXPECT_GT(manager.http(), 0);
  EXPECT_GT(manager.https(), 0);

  Client early(manager.http());  // waits in the kernel's queue
  early.get("/x");
  EXPECT_THROW(ServicePeer service(manager.link()), std::exception)
      << "links are closed before the grants are known";
  EXPECT_EQ(manager.ask(config(make_certificate())).at("mt"), "WebserverReady");
  EXPECT_EQ(early.read_response().status(), 404);

  struct stat status{};
  ASSERT_EQ(::stat(manager.link().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0666U);
  ServicePeer service(manager.link(0)), second(manager.link(1));
  EXPECT_EQ(service.attach(1, link::Kind::kHttp, "/app", secret_of('a')).result, link::AttachResult::kOk);
  EXPECT_EQ(second.attach(1, link::Kind::kHttp, "/app", secret_of('a')).result, link::AttachResult::kOk);
  Client tls(manager.https(), true);
  EXPECT_EQ(tls.fetch("/x").status(), 404);
}

TEST(Program, TellsWhatItServedOfFilesByGrantAndOfAllReactorsTogether) {
  Root root;
  Program program(root, kPorts);
  Manager manager(root);
  ASSERT_EQ(manager.ask(config()).at("mt"), "WebserverReady");
  manager.ask({{"mt", "SetGrant"}, {"grant", std::string(64, 'b')}, {"path", "/b"}, {"uid", ::getuid()}});
  const auto pack = make_pack({{"tiny.bin", "0123456789"}});
  ServicePeer first(manager.link(0)), second(manager.link(1));
  for (auto* service : {&first, &second})
    EXPECT_EQ(service->attach_static(10, "/b/files", secret_of('b'), pack).result, link::AttachResult::kOk);
  for (int i = 0; i < 8; ++i) {
    Client reader(manager.http());
    EXPECT_EQ(reader.fetch("/b/files/tiny.bin").body, "0123456789");
  }
  const json::Object question{{"mt", "GetCounters"}, {"attaches", false}, {"files", true}};
  const auto answer = manager.ask(question);
  const json::Array served = {json::Object{{"path", "/b"}, {"requests", 8}, {"bytesOut", 80}}};
  EXPECT_EQ(answer.at("files"), json::Value(served));
  EXPECT_EQ(answer.at("run").as_string().size(), 16U);
  EXPECT_EQ(manager.ask(question).at("run"), answer.at("run"));
}

TEST(Program, AnswersEveryChangeTheManagerMakes) {
  Root root;
  Program program(root, kPorts);
  Manager manager(root);
  ASSERT_EQ(manager.ask(config()).at("mt"), "WebserverReady");

  auto answer = manager.ask({{"mt", "SetGrant"},
                             {"grant", std::string(64, 'b')},
                             {"path", "/b"},
                             {"uid", ::getuid()},
                             {"src", "1"}});
  EXPECT_EQ(answer.at("mt"), "Ok");
  EXPECT_EQ(answer.at("src"), "1");
  ServicePeer service(manager.link());
  EXPECT_EQ(service.attach(9, link::Kind::kWebsocket, "/b", secret_of('b')).result, link::AttachResult::kOk);

  answer = manager.ask({{"mt", "GetCounters"}, {"src", 2}});
  EXPECT_EQ(answer.at("mt"), "Counters");
  EXPECT_EQ(answer.at("src"), 2);
  EXPECT_EQ(answer.at("connections").to_number<int>(), 0);
  const auto& attaches = answer.at("attaches").as_array();
  ASSERT_EQ(attaches.size(), 1U);
  EXPECT_EQ(attaches[0].as_object().at("path"), "/b");
  EXPECT_EQ(attaches[0].as_object().at("kind"), "websocket");
  EXPECT_EQ(attaches[0].as_object().at("service"), "fake");
  answer = manager.ask({{"mt", "GetCounters"}, {"src", 3}, {"attaches", false}});
  EXPECT_TRUE(answer.at("attaches").as_array().empty()) << "a long list that the monitoring does not read";
  EXPECT_FALSE(answer.contains("files"));

  EXPECT_EQ(manager.ask({{"mt", "RemoveGrant"}, {"grant", std::string(64, 'b')}}).at("mt"), "Ok");
  EXPECT_EQ(or_throw(link::parse_attached(service.expect(link::Type::kDetached).payload)).id, 9U);

  EXPECT_EQ(manager.ask({{"mt", "SetLimits"}, {"limits", json::Object{{"targetBytes", 16}}}}).at("mt"), "Ok");
  Client client(manager.http());
  EXPECT_EQ(client.fetch("/12345678901234567890").status(), 414);

  EXPECT_EQ(manager.ask({{"mt", "SetCertificate"}, {"certificate", make_certificate()}}).at("mt"), "Ok");
  Client tls(manager.https(), true);
  EXPECT_EQ(tls.fetch("/x").status(), 404);

  for (json::Object bad :
       {json::Object{{"mt", "SetCertificate"}, {"certificate", "no"}},
        json::Object{{"mt", "SetGrant"}, {"grant", "zz"}, {"path", "/c"}, {"uid", 1}},
        json::Object{{"mt", "SetGrant"}, {"grant", std::string(64, 'c')}, {"path", "c/"}, {"uid", 1}},
        json::Object{{"mt", "SetLimits"}, {"limits", json::Object{{"links", "x"}}}},
        json::Object{{"mt", "WebserverConfig"}, {"grants", json::Array{1}}}, json::Object{{"mt", "Brew"}}}) {
    bad["src"] = "bad";
    answer = manager.ask(bad);
    EXPECT_EQ(answer.at("mt"), "Error") << json::serialize(bad);
    EXPECT_EQ(answer.at("src"), "bad");
    EXPECT_FALSE(answer.at("error").as_string().empty());
  }
  EXPECT_EQ(tls.fetch("/x").status(), 404);
}

TEST(Program, ServesOnWhileTheManagerIsAwayAndTakesTheNextOne) {
  Root root;
  Program program(root, kPorts);
  std::optional<Manager> manager(std::in_place, root);
  ASSERT_EQ(manager->ask(config()).at("mt"), "WebserverReady");
  ServicePeer service(manager->link());
  ASSERT_EQ(service.attach(1, link::Kind::kHttp, "/app", secret_of('a')).result, link::AttachResult::kOk);
  const auto port = manager->http();
  manager.reset();

  const auto fetch = [&] {  // from the reactor that the service is attached to
    for (;;) {
      Client client(port);
      client.get("/app");
      pollfd either[] = {{client.fd(), POLLIN, 0}, {service.fd(), POLLIN, 0}};
      ::poll(either, 2, 30000);
      if (either[0].revents) continue;
      const auto opened = service.expect_open();
      service.accept(opened.stream, 200, {}, true);
      return client.read_response().status();
    }
  };
  EXPECT_EQ(fetch(), 200);
  Manager next(root);
  EXPECT_EQ(next.ask(config()).at("mt"), "WebserverReady");
  EXPECT_EQ(fetch(), 200);
  // A configuration without the grant takes the path away.
  auto without = config();
  without["grants"] = json::Array();
  EXPECT_EQ(next.ask(without).at("mt"), "WebserverReady");
  service.expect(link::Type::kDetached);
}

TEST(Program, WritesAnAccessLogOnlyWhenAsked) {
  Root root;
  Program program(root, kPorts);
  Manager manager(root);
  ASSERT_EQ(manager.ask(config()).at("mt"), "WebserverReady");
  Client client(manager.http());
  EXPECT_EQ(client.fetch("/quiet").status(), 404);
  auto talkative = config();
  talkative["accessLog"] = true;
  ASSERT_EQ(manager.ask(talkative).at("mt"), "WebserverReady");
  EXPECT_EQ(client.fetch("/told?x=1").status(), 404);
  program.kill(SIGTERM);
  EXPECT_EQ(program.wait(), 0);
  const auto log = or_throw(read_file(program.log()));
  EXPECT_THAT(log, ::testing::Not(::testing::HasSubstr("/quiet")));
  EXPECT_THAT(log, ::testing::HasSubstr("\"GET /told?...\" status=404"));
  EXPECT_THAT(log, ::testing::Not(::testing::HasSubstr("x=1"))) << "queries hold keys and tokens";
}

TEST(Program, NamesWhoHoldsAPortAndWhichOptionChangesIt) {
  Root root;
  const auto taken = or_throw(net::listen_tcp(net::Address::loopback(0)));
  const auto port = net::local_address(taken.get()).port();
  Program program(root, {"--http", std::to_string(port), "--https", "off", "--bind", "127.0.0.1"});
  EXPECT_EQ(program.wait(), 98);
  const auto log = or_throw(read_file(program.log()));
  EXPECT_THAT(log, ::testing::HasSubstr(
                       fmt::format("port {} is taken by webserver_test (process {})", port, ::getpid())));
  EXPECT_THAT(log, ::testing::HasSubstr("--http"));
}

// SO_REUSEPORT would otherwise let two webservers share a port unseen.
TEST(Program, DoesNotShareAPortWithAnotherWebserver) {
  Root root, other;
  Program first(root, kPorts);
  Manager manager(root);
  Program second(other, {"--http", "off", "--https", std::to_string(manager.https()), "--bind", "127.0.0.1"});
  EXPECT_EQ(second.wait(), 98);
  EXPECT_THAT(or_throw(read_file(second.log())), ::testing::HasSubstr("berth-webserver"));
}

TEST(Program, ExplainsItsArguments) {
  Root root;
  for (const auto& arguments : {std::vector<std::string>{"--http", "off", "--https", "off"},
                                {"--http", "70000"},
                                {"--brew"},
                                {"--http", "0", "--uid", "7"}}) {
    Program program(root, arguments);
    EXPECT_EQ(program.wait(), 2);
    EXPECT_THAT(or_throw(read_file(program.log())), ::testing::HasSubstr("--root DIR"));
  }
}

TEST(Program, IsBackOnTheSamePortsRightAfterAKill) {
  Root root;
  std::uint16_t port = 0;
  {
    Program program(root, kPorts);
    Manager manager(root);
    port = manager.http();
    ASSERT_EQ(manager.ask(config()).at("mt"), "WebserverReady");
    Client client(port);
    EXPECT_EQ(client.fetch("/x").status(), 404);
    program.kill(SIGKILL);
    EXPECT_EQ(program.wait(), 256 + SIGKILL);
  }
  Program program(
      root, {"--http", std::to_string(port), "--https", "off", "--bind", "127.0.0.1", "--reactors", "2"});
  Manager manager(root);
  EXPECT_EQ(manager.ask(config()).at("mt"), "WebserverReady");
  Client client(port);
  EXPECT_EQ(client.fetch("/x").status(), 404);
  ServicePeer service(manager.link());
}

TEST(Program, TellsWebSocketsThatItGoesAndEndsOnSigterm) {
  Root root;
  Program program(root, {"--http", "0", "--https", "off", "--bind", "127.0.0.1", "--reactors", "1"});
  Manager manager(root);
  ASSERT_EQ(manager.ask(config()).at("mt"), "WebserverReady");
  ServicePeer service(manager.link());
  ASSERT_EQ(service.attach(1, link::Kind::kWebsocket, "/app", secret_of('a')).result,
            link::AttachResult::kOk);
  Client client(manager.http());
  client.send_upgrade("/app");
  service.accept(service.expect_open().stream, 0);
  ASSERT_EQ(client.read_response().status(), 101);
  program.kill(SIGTERM);
  EXPECT_EQ(client.read_frame().close_code(), 1012);
  EXPECT_EQ(program.wait(), 0);
}

TEST(Program, DrainsAcceptingNobodyAndEndsWhenTheLastHasGone) {
  Root root;
  Program program(root, {"--http", "0", "--https", "off", "--bind", "127.0.0.1", "--reactors", "1"});
  std::optional<Manager> manager(std::in_place, root);
  auto impatient = config();
  impatient["limits"] = json::Object{{"closeMs", 100}};  // which those have that ask nothing
  ASSERT_EQ(manager->ask(impatient).at("mt"), "WebserverReady");
  ServicePeer service(manager->link());
  ASSERT_EQ(service.attach(1, link::Kind::kHttp, "/app", secret_of('a')).result, link::AttachResult::kOk);
  Client idle(manager->http()), busy(manager->http());
  EXPECT_EQ(idle.fetch("/x").status(), 404);
  busy.get("/app");
  const auto opened = service.expect_open();
  EXPECT_EQ(manager->ask({{"mt", "Drain"}}).at("mt"), "Ok");
  EXPECT_TRUE(idle.is_at_end());
  service.accept(opened.stream, 200, {}, true);
  const auto response = busy.read_response();
  EXPECT_EQ(response.status(), 200);
  EXPECT_TRUE(busy.is_at_end());
  EXPECT_EQ(program.wait(), 0);
}

TEST(Program, DropsItsRightsOnceThePortsAreBound) {
  if (::getuid() != 0) GTEST_SKIP() << "needs root";
  Root root;
  ASSERT_EQ(::chmod(root.path().c_str(), 0755), 0);
  ASSERT_EQ(::chmod((root.path() + "/run/berth/apps/control.sock").c_str(), 0666), 0);
  Program program(root,
                  {"--http", "0", "--https", "off", "--reactors", "1", "--uid", "70123", "--gid", "70123"});
  Manager manager(root);
  ASSERT_EQ(manager.ask(config()).at("mt"), "WebserverReady");
  const auto status = or_throw(read_file(fmt::format("/proc/{}/status", program.pid())));
  EXPECT_THAT(status, ::testing::HasSubstr("Uid:\t70123\t70123\t70123\t70123"));
  EXPECT_THAT(status, ::testing::HasSubstr("Gid:\t70123\t70123\t70123\t70123"));
  EXPECT_THAT(status, ::testing::HasSubstr("Groups:\t \n"));
  EXPECT_THAT(status, ::testing::HasSubstr("CapEff:\t0000000000000000"));
  EXPECT_THAT(status, ::testing::HasSubstr("NoNewPrivs:\t1"));
  ServicePeer service(manager.link());
  EXPECT_EQ(service.attach(1, link::Kind::kHttp, "/app", secret_of('a')).result, link::AttachResult::kOk);
}

TEST(Ports, ChooseOneForAllReactorsWhenTheKernelMayChoose) {
  const auto bound = or_throw(bind_port("127.0.0.1", 0, 3, "--http"));
  ASSERT_EQ(bound.sockets.size(), 3U);
  for (const auto& socket : bound.sockets) EXPECT_EQ(net::local_address(socket.get()).port(), bound.port);
}

// How often any thread of the program has given up its processor by itself, that is, has slept and was woken.
std::int64_t wake_ups(pid_t pid) {
  std::int64_t sum = 0;
  const std::string folder = fmt::format("/proc/{}/task", pid);
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const auto text = or_throw(read_file(entry.path().string() + "/status"));
    constexpr std::string_view kName = "\nvoluntary_ctxt_switches:";
    sum += std::strtoll(text.c_str() + text.find(kName) + kName.size(), nullptr, 10);
  }
  return sum;
}

TEST(Program, SleepsWhileNothingHappensWhateverIsConnected) {
#if __has_feature(thread_sanitizer)
  GTEST_SKIP() << "the sanitizer's own thread wakes up ten times a second";
#endif
  Root root;
  Program program(root, kPorts);
  Manager manager(root);
  ASSERT_EQ(manager.ask(config(make_certificate())).at("mt"), "WebserverReady");
  std::vector<ServicePeer> services;
  std::vector<Client> clients;
  for (unsigned reactor = 0; reactor < 2; ++reactor) {
    services.emplace_back(manager.link(reactor));
    services.back().attach(1, link::Kind::kWebsocket, "/app", secret_of('a'));
  }
  // Clients land on either reactor: whichever service has the OPEN accepts it.
  for (int i = 0; i < 10; ++i) {
    auto& client = clients.emplace_back(i % 2 ? manager.https() : manager.http(), i % 2 == 1);
    client.send_upgrade("/app");
    pollfd ready[2] = {{services[0].fd(), POLLIN, 0}, {services[1].fd(), POLLIN, 0}};
    ASSERT_GT(::poll(ready, 2, 10000), 0);
    auto& service = services[ready[0].revents ? 0 : 1];
    service.accept(service.expect_open().stream, 0);
    ASSERT_EQ(client.read_response().status(), 101);
  }
  // What was begun comes to its end, then there is nothing at all for longer than the 3 s that it waits for a first
  // configuration.
  std::int64_t before = -1, now = wake_ups(program.pid());
  for (int tries = 0; tries < 5 && before != now; ++tries) {
    before = now;
    std::this_thread::sleep_for(std::chrono::milliseconds(3200));
    now = wake_ups(program.pid());
  }
  EXPECT_EQ(now, before);
}

TEST(Program, TellsTheManagerWhenDescriptorsRunOutAndDropsNobody) {
  Root root;
  Program program(root, kPorts);
  Manager manager(root);
  ASSERT_EQ(manager.ask(config()).at("mt"), "WebserverReady");
  Client old(manager.http());
  ASSERT_EQ(old.fetch("/x").status(), 404);
  rlimit limit{};
  ASSERT_EQ(::prlimit(program.pid(), RLIMIT_NOFILE, nullptr, &limit), 0);
  const rlimit low{40, limit.rlim_max};
  ASSERT_EQ(::prlimit(program.pid(), RLIMIT_NOFILE, &low, nullptr), 0);
  std::vector<Client> clients;
  for (int i = 0; i < 60; ++i) {
    clients.emplace_back(manager.http());
    clients.back().get("/x");
  }
  const auto alarm = manager.receive();
  EXPECT_EQ(alarm.at("mt"), "WebserverAlarm");
  EXPECT_EQ(alarm.at("alarm"), "descriptors");
  EXPECT_TRUE(alarm.at("active").as_bool());
  EXPECT_EQ(old.fetch("/x").status(), 404);
  ASSERT_EQ(::prlimit(program.pid(), RLIMIT_NOFILE, &limit, nullptr), 0);
  for (auto& client : clients) EXPECT_EQ(client.read_response().status(), 404);
  EXPECT_FALSE(manager.receive().at("active").as_bool());
}

}  // namespace
}  // namespace berth::webserver::testing
