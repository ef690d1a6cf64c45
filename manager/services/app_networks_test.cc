#include "manager/services/app_networks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/log.h"
#include "loop/sync.h"
#include "manager/services/testing/fake_network_machine.h"

namespace berth::manager {
namespace {

using testing::EndsWith;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

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
    loop::run_task(loop_, networks_->begin());
  }
  Result<sandbox::OwnNetwork> prepare(const std::string& service, std::vector<std::string> hosts) {
    auto made = loop::run_task(loop_, networks_->prepare(service, std::move(hosts)));
    if (made) machine_.addresses.emplace(made->interface, 0);
    return made;
  }
  void refresh() { loop::run_task(loop_, networks_->refresh()); }
  std::string state_file() const { return layout_.run() + "/networks/apps.json"; }
  void end() { loop::run_task(loop_, networks_->end()); }

  std::string folder_;
  loop::Loop loop_;
  Layout layout_;
  FakeNetworkMachine machine_{loop_};
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
  machine_.nft_error = Error{Errc::kUnsupported, "the program nft is missing (package nftables)"};
  EXPECT_THAT(prepare("notes", {}).error().detail, HasSubstr("nftables"));
  EXPECT_FALSE(machine_.router);
  machine_.nft_error.reset();
  machine_.resolvers = {"nameserver 127.0.0.1\n"};
  EXPECT_THAT(prepare("notes", {}).error().detail, HasSubstr("127.0.0.1"));
  machine_.resolvers = {"nameserver 127.0.0.53\n", "search example.com\n"};
  EXPECT_THAT(prepare("notes", {}).error().detail, HasSubstr("127.0.0.53"));
  machine_.resolvers = {"nameserver 169.254.169.253\n"};
  EXPECT_THAT(prepare("notes", {}).error().detail, HasSubstr("169.254.169.253")) << "link-local";
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

TEST_F(AppNetworksTest, OfSeveralNameServersAnOpenOneAsksThoseThatItReaches) {
  machine_.resolvers = {
      "search example.com\nnameserver ::1\nnameserver 127.0.0.1\nnameserver 192.0.2.53\n"
      "nameserver 192.0.2.20\nnameserver 2001:db8::53\nnameserver 192.0.2.54\n"};
  const auto network = prepare("notes", {}).value();
  EXPECT_EQ(read_file(network.resolver_file).value(),
            "search example.com\nnameserver 192.0.2.53\nnameserver 192.0.2.54\n");
}

TEST_F(AppNetworksTest, ANameThatNobodyAnswersKeepsOnlyItsOwnServiceWaiting) {
  machine_.silent = {"gone.example.com"};
  std::vector<std::string> hosts = {"gone.example.com"};
  loop::Spawned<Result<sandbox::OwnNetwork>> waiting(loop_, networks_->prepare("notes", hosts));
  const auto began = loop_.now();
  machine_.names["mail.example.com"] = {"192.0.2.7"};
  ASSERT_TRUE(prepare("echo", {"mail.example.com"}));
  EXPECT_LT(loop_.now() - began, std::chrono::seconds(3));
  EXPECT_THAT(machine_.applied.back(), HasSubstr("192.0.2.7"));
  EXPECT_FALSE(waiting.is_done());
}

TEST_F(AppNetworksTest, ANameThatNobodyAnswersHidesNoneOfTheOthers) {
  machine_.silent = {"a.example.com"};
  machine_.names["mail.example.com"] = {"192.0.2.7"};
  const auto network = prepare("notes", {"a.example.com", "mail.example.com"}).value();  // within kAtStart
  EXPECT_THAT(read_file(network.hosts_file).value(), HasSubstr("192.0.2.7 mail.example.com\n"));
  // Nor does it keep a start waiting while all names are looked up anew.
  loop::Spawned<void> refreshing(loop_, networks_->refresh());
  const auto began = loop_.now();
  ASSERT_TRUE(prepare("echo", {}));
  EXPECT_LT(loop_.now() - began, std::chrono::seconds(3));
  EXPECT_FALSE(refreshing.is_done());
}

TEST_F(AppNetworksTest, WhatNftRefusesOnceIsMendedByTheNextRound) {
  machine_.names["mail.example.com"] = {"192.0.2.7"};
  ASSERT_TRUE(prepare("notes", {"mail.example.com"}));
  machine_.names["mail.example.com"] = {"192.0.2.8"};
  machine_.nft_error = Error{Errc::kFailed, "nft refused the rules: Resource busy"};
  EXPECT_THROW(refresh(), Failure);
  EXPECT_THAT(machine_.applied.back(), Not(HasSubstr("192.0.2.8")));
  machine_.nft_error.reset();
  refresh();
  EXPECT_THAT(machine_.applied.back(), HasSubstr("192.0.2.8"));
  const auto count = machine_.applied.size();
  refresh();
  EXPECT_EQ(machine_.applied.size(), count);
}

TEST_F(AppNetworksTest, AManagerThatDiesWhileItMakesTheMachineForwardLeavesWordOfThat) {
  std::string kept;
  machine_.when_switched = [&] { kept = read_file(state_file()).value(); };
  ASSERT_TRUE(prepare("notes", {}));
  EXPECT_THAT(kept, HasSubstr("\"madeRouter\":true"));
}

TEST_F(AppNetworksTest, AStateThatCannotBeReadIsNoneThatWasNeverThere) {
  ASSERT_TRUE(prepare("notes", {}));
  ASSERT_TRUE(write_file_durably(state_file(), "{torn"));
  begin();
  end();
  EXPECT_FALSE(machine_.router);
  EXPECT_THAT(machine_.applied.back(), Not(HasSubstr("chain")));
}

TEST_F(AppNetworksTest, AStateThatCannotBeReadMakesNoRouterLessOfOne) {
  machine_.router = true;
  ASSERT_TRUE(prepare("notes", {}));
  ASSERT_TRUE(write_file_durably(state_file(), "{torn"));
  begin();
  end();
  EXPECT_TRUE(machine_.router);
  EXPECT_THAT(machine_.applied.back(), Not(HasSubstr("chain")));
}

TEST_F(AppNetworksTest, TheRulesGoWithTheManagerAlsoIfAllServicesEndedBefore) {
  machine_.router = true;
  const auto network = prepare("notes", {}).value();
  machine_.addresses.erase(network.interface);
  begin();
  end();
  EXPECT_THAT(machine_.applied.back(), Not(HasSubstr("chain")));
  // And where there never were any the kernel is left alone.
  const auto count = machine_.applied.size();
  begin();
  end();
  EXPECT_EQ(machine_.applied.size(), count);
}

TEST_F(AppNetworksTest, NothingIsLeftOfAServiceThatIsThereNoMore) {
  machine_.names["mail.example.com"] = {"192.0.2.7"};
  const auto notes = prepare("notes", {"mail.example.com"}).value();
  const auto echo = prepare("echo", {}).value();
  loop::run_task(loop_, networks_->forget("notes"));
  EXPECT_THAT(machine_.applied.back(), Not(HasSubstr(notes.interface)));
  EXPECT_THAT(machine_.applied.back(), HasSubstr(echo.interface));
  EXPECT_FALSE(read_file(notes.hosts_file));
  EXPECT_FALSE(read_file(notes.resolver_file));
  EXPECT_THAT(read_file(state_file()).value(), Not(HasSubstr("mail.example.com")));
}

TEST_F(AppNetworksTest, AServiceThatIsInstalledAgainHasWhatItWantsNow) {
  machine_.names = {{"mail.example.com", {"192.0.2.7"}}, {"ldap.example.com", {"192.0.2.8"}}};
  const auto before = prepare("notes", {"mail.example.com"}).value();
  loop::run_task(loop_, networks_->forget("notes"));
  machine_.addresses.erase(before.interface);
  const auto after = prepare("notes", {"ldap.example.com"}).value();
  EXPECT_THAT(machine_.applied.back(), HasSubstr("ip daddr { 192.0.2.8 } accept"));
  EXPECT_EQ(after.note, "leads to ldap.example.com only");
  loop::run_task(loop_, networks_->forget("notes"));
  const auto open = prepare("notes", {}).value();
  EXPECT_THAT(machine_.applied.back(), Not(HasSubstr("192.0.2.8")));
  EXPECT_EQ(open.hosts_file, "");
}

TEST_F(AppNetworksTest, ANewManagerTakesAwayTheRulesOfServicesThatEndedWithoutIt) {
  const auto notes = prepare("notes", {}).value();
  machine_.addresses.erase(notes.interface);
  begin();
  refresh();
  EXPECT_THAT(machine_.applied.back(), Not(HasSubstr(notes.interface)));
  EXPECT_THAT(read_file(state_file()).value(), Not(HasSubstr("notes")));
}

TEST_F(AppNetworksTest, EveryServiceReadsItsFilesWhateverTheManagersUmaskIs) {
  const auto before = ::umask(077);
  const auto network = prepare("notes", {"192.0.2.9"}).value();
  ::umask(before);
  for (const auto& path : {network.hosts_file, network.resolver_file}) {
    struct stat info{};
    ASSERT_EQ(::stat(path.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0644u) << path;
  }
}

}  // namespace
}  // namespace berth::manager
