#include "manager/services/app_networks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/log.h"
#include "loop/sync.h"

namespace berth::manager {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

// What the kernel, the resolver and the network would be.
class FakeMachine : public NetworkMachine {
 public:
  Task<Result<void>> apply(std::string rules) override {
    if (!nft_error.empty()) co_return fail(Errc::kUnsupported, "{}", nft_error);
    applied.push_back(std::move(rules));
    co_return Result<void>();
  }
  Task<std::vector<std::string>> look_up(std::string name) override { co_return names[name]; }
  std::multimap<std::string, std::uint32_t> interfaces() const override { return addresses; }
  bool has_interface(const std::string& name) const override { return addresses.contains(name); }
  bool is_router() const override { return router; }
  Result<void> make_router(bool on) override {
    router = on;
    return {};
  }
  std::vector<std::string> resolver_texts() const override { return resolvers; }

  std::string nft_error;
  std::vector<std::string> applied;
  std::map<std::string, std::vector<std::string>> names;
  std::multimap<std::string, std::uint32_t> addresses = {{"lo", 0x7f000001}, {"eth0", 0xc0000214}};
  bool router = false;
  std::vector<std::string> resolvers = {"nameserver 192.0.2.53\n"};
};

class AppNetworksTest : public testing::Test {
 protected:
  AppNetworksTest() {
    set_log_sink([](LogLevel, std::string_view) {});
    char name[] = "/tmp/berth-networks-XXXXXX";
    folder_ = ::mkdtemp(name);
    layout_ = {folder_, folder_};
    begin();
  }
  ~AppNetworksTest() override {
    networks_.reset();
    (void)remove_tree(folder_);
    set_log_sink(nullptr);
  }
  // As a new manager does.
  void begin() {
    networks_.reset();
    networks_.emplace(loop_, layout_, machine_);
    networks_->begin();
  }
  Result<sandbox::OwnNetwork> prepare(const std::string& service, std::vector<std::string> hosts) {
    auto made = loop::run_task(loop_, networks_->prepare(service, std::move(hosts)));
    if (made) machine_.addresses.emplace(made->interface, 0);
    return made;
  }
  void refresh() { loop::run_task(loop_, networks_->refresh()); }
  void end() { loop::run_task(loop_, networks_->end()); }

  std::string folder_;
  loop::Loop loop_;
  Layout layout_;
  FakeMachine machine_;
  std::optional<AppNetworks> networks_;
};

TEST_F(AppNetworksTest, LeadToTheHostsThatThePackageNames) {
  machine_.names["mail.example.com"] = {"192.0.2.7"};
  const auto network = prepare("notes", {"mail.example.com"}).value();
  EXPECT_EQ(network.note, "leads to mail.example.com only");
  EXPECT_THAT(machine_.applied.back(), HasSubstr("ip daddr { 192.0.2.7 } accept"));
  EXPECT_THAT(read_file(network.hosts_file).value(), HasSubstr("192.0.2.7 mail.example.com\n"));
  // Names beyond those are not even asked for.
  EXPECT_THAT(read_file(network.resolver_file).value(), Not(HasSubstr("nameserver")));
}

TEST_F(AppNetworksTest, FollowANameToItsNewAddressesAndKeepTheOldOnesForAWhile) {
  machine_.names["mail.example.com"] = {"192.0.2.7"};
  const auto network = prepare("notes", {"mail.example.com"}).value();
  struct stat before{}, after{};
  ::stat(network.hosts_file.c_str(), &before);
  machine_.names["mail.example.com"] = {"192.0.2.8"};
  refresh();
  EXPECT_THAT(machine_.applied.back(), HasSubstr("ip daddr { 192.0.2.7, 192.0.2.8 } accept"));
  EXPECT_THAT(read_file(network.hosts_file).value(), HasSubstr("192.0.2.8 mail.example.com\n"));
  // The running service has this very file.
  ::stat(network.hosts_file.c_str(), &after);
  EXPECT_EQ(before.st_ino, after.st_ino);
  // Nothing new: the kernel is left alone. No answer: nothing is taken away.
  const auto count = machine_.applied.size();
  refresh();
  machine_.names.clear();
  refresh();
  EXPECT_EQ(machine_.applied.size(), count);
}

TEST_F(AppNetworksTest, HaveAddressesThatNobodyElseOnTheMachineHas) {
  // All blocks but one are somebody else's.
  begin();
  machine_.addresses.clear();
  const auto range = AddressRange::parse("198.18.0.0/16").value();
  for (std::uint32_t block = 0; block < range.blocks; ++block)
    if (range.app(block) != "198.18.9.6") machine_.addresses.emplace("other", range.first + block * 4 + 1);
  EXPECT_EQ(prepare("echo", {}).value().address, "198.18.9.6");
  EXPECT_EQ(prepare("devices", {}).error().code, Errc::kUnsupported);
}

TEST_F(AppNetworksTest, AServiceHasTheSameAddressesAfterARestartAlsoOfTheManager) {
  const auto first = prepare("notes", {}).value();
  EXPECT_EQ(prepare("notes", {}).value(), first);
  EXPECT_NE(prepare("echo", {}).value().address, first.address);
  begin();
  EXPECT_EQ(prepare("notes", {}).value(), first);
}

TEST_F(AppNetworksTest, ANewManagerKeepsWhatServicesMayReachAndForgetsThoseThatHaveEnded) {
  machine_.names["mail.example.com"] = {"192.0.2.7"};
  const auto notes = prepare("notes", {"mail.example.com"}).value();
  const auto echo = prepare("echo", {}).value();
  machine_.addresses.erase(echo.interface);
  begin();
  machine_.names["mail.example.com"] = {"192.0.2.8"};
  refresh();
  EXPECT_THAT(machine_.applied.back(), HasSubstr(notes.interface));
  EXPECT_THAT(machine_.applied.back(), HasSubstr("192.0.2.7, 192.0.2.8"));
  EXPECT_THAT(machine_.applied.back(), Not(HasSubstr(echo.interface)));
}

TEST_F(AppNetworksTest, TheMachineForwardsForAppsOnlyAndNoMoreWhenTheyAreGone) {
  ASSERT_TRUE(prepare("notes", {}));
  EXPECT_TRUE(machine_.router);
  EXPECT_THAT(machine_.applied.back(), HasSubstr("oifname != \"bt*\" drop"));
  begin();  // which knows that it was none before
  ASSERT_TRUE(prepare("notes", {}));
  EXPECT_THAT(machine_.applied.back(), HasSubstr("oifname != \"bt*\" drop"));
  end();
  EXPECT_FALSE(machine_.router);
  EXPECT_THAT(machine_.applied.back(), Not(HasSubstr("chain")));
}

TEST_F(AppNetworksTest, AMachineThatIsARouterStaysOne) {
  machine_.router = true;
  ASSERT_TRUE(prepare("notes", {}));
  EXPECT_THAT(machine_.applied.back(), Not(HasSubstr("drop")));
  end();
  EXPECT_TRUE(machine_.router);
}

TEST_F(AppNetworksTest, SayWhyThereCanBeNone) {
  machine_.nft_error = "the program nft is missing (package nftables)";
  EXPECT_THAT(prepare("notes", {}).error().detail, HasSubstr("nftables"));
  EXPECT_FALSE(machine_.router);
  machine_.nft_error.clear();
  machine_.resolvers = {"nameserver 127.0.0.1\n"};
  EXPECT_THAT(prepare("notes", {}).error().detail, HasSubstr("127.0.0.1"));
  // With names of its own it asks nobody.
  EXPECT_TRUE(prepare("notes", {"192.0.2.9"}));
}

TEST_F(AppNetworksTest, AnOpenOneAsksTheServersBehindTheMachinesOwn) {
  EXPECT_THAT(prepare("notes", {}).value().resolver_file, IsEmpty());
  machine_.resolvers = {"nameserver 127.0.0.53\n", "nameserver 192.0.2.53\n"};
  const auto network = prepare("notes", {}).value();
  EXPECT_THAT(network.resolver_file, EndsWith("/notes.resolv"));
  EXPECT_EQ(read_file(network.resolver_file).value(), "nameserver 192.0.2.53\n");
}

}  // namespace
}  // namespace berth::manager
