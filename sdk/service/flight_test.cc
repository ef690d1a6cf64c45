// What a service traces reaches its log and its flight recorder, which the manager can read.
#include <gmock/gmock.h>

#include <optional>

#include "base/file.h"
#include "base/flight_recorder.h"
#include "base/log.h"
#include "berth/app_service.h"
#include "sdk/testing/fake_manager.h"
#include "sdk/testing/fixture.h"

namespace berth::sdk {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;

class Quiet : public AppInstance {
 public:
  using AppInstance::AppInstance;
};

class FlightTest : public testing::Test {
 protected:
  FlightTest() : manager(loop, folder.path() + "/control.sock") {
    ServiceArguments arguments;
    arguments.service = "quiet";
    arguments.manager = folder.path() + "/control.sock";
    arguments.log_dir = folder.path() + "/log";
    arguments.flight_recorder_bytes = 1 << 16;
    service.emplace(loop, ServiceDescription{.id = "quiet"}, arguments, instances_of<Quiet>());
    running.emplace(loop, service->run());
  }
  std::vector<std::string> recorded() {
    std::vector<std::string> texts;
    const auto tape =
        or_throw(parse_flight_recorder(or_throw(read_flight_memory(manager.descriptors.back().get()))));
    for (const auto& entry : tape.entries) texts.push_back(entry.text);
    return texts;
  }
  std::string log() { return or_throw(read_file(folder.path() + "/log/quiet.log")); }

  loop::Loop loop;
  TemporaryFolder folder;
  FakeManager manager;
  std::optional<AppService> service;
  std::optional<loop::Spawned<void>> running;
};

TEST_F(FlightTest, EverythingIsRecordedWhateverTheLogShows) {
  const auto hello = manager.await("ServiceHello");
  EXPECT_TRUE(json::get_bool(hello, "flightRecorder"));
  ASSERT_EQ(manager.descriptors.size(), 1u);
  manager.send({{"mt", "AppStart"},
                {"name", "team"},
                {"domain", "example.com"},
                {"webserverPath", "/example.com/team"}});
  manager.await("AppStarted");
  const AppInstance* instance = service->find_instance("team", "example.com");
  ASSERT_NE(instance, nullptr);
  EXPECT_TRUE(instance->traces(kDatabase));
  instance->log(kDatabase, "only recorded", {{"rows", 3}});
  instance->log("in both");
  EXPECT_THAT(recorded(), Contains("team@example.com only recorded rows=3"));
  EXPECT_THAT(recorded(), Contains("team@example.com in both"));
  EXPECT_THAT(log(), HasSubstr("team@example.com in both"));
  EXPECT_THAT(log(), Not(HasSubstr("only recorded")));
}

TEST_F(FlightTest, ANewManagerGetsItAgain) {
  manager.await("ServiceHello");
  manager.disconnect();
  manager.await("ServiceHello");
  ASSERT_EQ(manager.descriptors.size(), 2u);
  log_info("after the second hello");
  EXPECT_THAT(recorded(), Contains("after the second hello"));
}

TEST_F(FlightTest, HexdumpsStandInTheLogUnlessThePlatformHasThemOff) {
  manager.await("ServiceHello");
  manager.send({{"mt", "AppStart"},
                {"name", "team"},
                {"domain", "example.com"},
                {"webserverPath", "/example.com/team"}});
  manager.await("AppStarted");
  const AppInstance* instance = service->find_instance("team", "example.com");
  instance->log_hexdump(kApp, "frame", as_bytes("Hello"));
  EXPECT_THAT(log(), HasSubstr("team@example.com frame bytes=5"));
  EXPECT_THAT(log(), HasSubstr("team@example.com 0000  48 65 6c 6c 6f "));
  manager.send({{"mt", "ServiceConfig"}, {"disableHexdumps", true}, {"logFlags", 0x8001}});
  manager.send({{"mt", "Ping"}, {"src", "1"}});
  manager.await("Pong");
  instance->log_hexdump(kApp, "another", as_bytes("world"));
  EXPECT_THAT(log(), HasSubstr("another bytes=5"));
  EXPECT_THAT(log(), Not(HasSubstr("77 6f 72 6c 64")));
}

}  // namespace
}  // namespace berth::sdk
