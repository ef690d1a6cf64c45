#include "manager/services/service_sandbox.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "base/log.h"
#include "manager/services/testing/fake_network_machine.h"
#include "wire/json/json.h"

namespace berth::manager {
namespace {

using sandbox::Layer;
using sandbox::Wish;
using testing::HasSubstr;

class ServiceSandboxTest : public testing::Test {
 protected:
  ServiceSandboxTest() {
    set_log_sink([](LogLevel, std::string_view) {});
    char name[] = "/tmp/berth-sandbox-XXXXXX";
    folder_ = ::mkdtemp(name);
    layout_ = {folder_, folder_};
    auto machine = std::make_unique<FakeNetworkMachine>(loop_);
    machine_ = machine.get();
    sandbox_.emplace(loop_, layout_, true, "/usr/libexec/berth-launch", std::move(machine));
    sandbox_->settings = [this] {
      auto settings = settings_;
      settings.off["notes"].insert(Layer::kCgroup);  // those are the machine's
      return settings;
    };
  }
  ~ServiceSandboxTest() override {
    sandbox_.reset();
    (void)remove_tree(folder_);
    set_log_sink(nullptr);
  }
  SandboxPlan plan(const std::string& wishes = R"({"network": true})", const std::string& network_why = "") {
    ServiceRow row;
    row.id = row.program = "notes";
    row.uid = 70001;
    row.store = json::parse_object(R"({"sandbox": )" + wishes + "}").value();
    return loop::run_task(loop_, sandbox_->plan(row, place_of_service(layout_, row.id), network_why, {}, {}));
  }
  // Rules, addresses and files of its network.
  bool has_network(const sandbox::OwnNetwork& network) const {
    const auto saved = read_file(folder_ + "/run/berth/networks/apps.json").value_or("");
    return machine_->applied.back().find(network.interface) != std::string::npos ||
           saved.find("notes") != std::string::npos ||
           path_exists(folder_ + "/run/berth/networks/notes.hosts");
  }

  std::string folder_;
  loop::Loop loop_;
  Layout layout_;
  FakeNetworkMachine* machine_ = nullptr;  // the sandbox's
  SandboxSettings settings_;
  std::optional<ServiceSandbox> sandbox_;
};

TEST_F(ServiceSandboxTest, ANetworkOfItsOwnThatIsPlannedIsRequired) {
  const auto plan = this->plan();
  EXPECT_TRUE(plan.spec.own_network);
  EXPECT_FALSE(plan.spec.host_network);
  EXPECT_EQ(plan.spec.wish(Layer::kNetwork), Wish::kRequired);
}

TEST_F(ServiceSandboxTest, AServiceOfWhichAnAdminSaysSoMayRunWithoutIt) {
  settings_.weaker = {"notes"};
  EXPECT_EQ(plan().spec.wish(Layer::kNetwork), Wish::kOptional);
  machine_->nft_error = Error{Errc::kFailed, "nft refused the rules: Resource busy"};
  EXPECT_TRUE(plan().spec.host_network);
}

TEST_F(ServiceSandboxTest, AMachineThatCannotHaveAnySharesItsOwnAndSaysWhy) {
  machine_->nft_error = Error{Errc::kUnsupported, "the program nft is missing (package nftables)"};
  const auto plan = this->plan();
  EXPECT_TRUE(plan.spec.host_network);
  EXPECT_TRUE(plan.spec.is_network_missed);
  EXPECT_THAT(plan.spec.network_why, HasSubstr("nftables"));
}

TEST_F(ServiceSandboxTest, WhatPassesLeadsNoServiceToTheMachinesNetwork) {
  for (const auto code : {Errc::kFailed, Errc::kTimeout, Errc::kNoSpace}) {
    machine_->nft_error = Error{code, "not now"};
    EXPECT_THROW((void)plan(), Failure);
  }
  machine_->nft_error.reset();
  EXPECT_TRUE(plan().spec.own_network);
}

TEST_F(ServiceSandboxTest, AServiceThatWantsNoNetworkAnyMoreLeavesNothingOfIt) {
  const std::string wish = R"({"hosts": ["192.0.2.7"]})";
  auto network = plan(wish).spec.own_network.value();
  ASSERT_TRUE(has_network(network));
  // Its next build asks for none.
  EXPECT_FALSE(plan("{}").spec.host_network);
  EXPECT_FALSE(has_network(network));
  // It is to reach a database on another host.
  network = plan(wish).spec.own_network.value();
  EXPECT_TRUE(plan(wish, "the database of a@b is on db.example.com").spec.host_network);
  EXPECT_FALSE(has_network(network));
  // An admin has switched the layer off.
  network = plan(wish).spec.own_network.value();
  settings_.off["notes"].insert(Layer::kNetwork);
  EXPECT_TRUE(plan(wish).spec.host_network);
  EXPECT_FALSE(has_network(network));
  settings_.off.clear();
  EXPECT_TRUE(has_network(plan(wish).spec.own_network.value()));
}

TEST_F(ServiceSandboxTest, AServiceThatWantsAnotherNetworkHasThatOneOnly) {
  machine_->names["mail.example.com"] = {"192.0.2.7"};
  const auto named = plan(R"({"hosts": ["mail.example.com"]})").spec.own_network.value();
  ASSERT_NE(machine_->applied.back().find("192.0.2.7"), std::string::npos);
  const auto open = plan(R"({"network": true})").spec.own_network.value();
  EXPECT_EQ(open.address, named.address);
  EXPECT_EQ(machine_->applied.back().find("192.0.2.7"), std::string::npos);
  EXPECT_FALSE(path_exists(named.hosts_file));
}

}  // namespace
}  // namespace berth::manager
