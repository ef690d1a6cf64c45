#include "manager/services/network_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace berth::manager {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

NetworkRules rules() {
  NetworkRules made;
  made.table = "berth_12ab34";
  made.interface_prefix = "bt12ab34.";
  made.apps = {{"bt12ab34.1", "198.18.0.2", true, {}},
               {"bt12ab34.2", "198.18.0.6", false, {"192.0.2.7", "192.0.2.9"}},
               {"bt12ab34.3", "198.18.0.10", false, {}}};
  return made;
}

TEST(NetworkRules, LetAnAppReachWhatItNamesAndNothingElse) {
  const auto text = format_network_rules(rules());
  EXPECT_THAT(text, HasSubstr("iifname \"bt12ab34.1\" ip saddr 198.18.0.2 accept\n"));
  EXPECT_THAT(
      text,
      HasSubstr("iifname \"bt12ab34.2\" ip saddr 198.18.0.6 ip daddr { 192.0.2.7, 192.0.2.9 } accept\n"));
  EXPECT_THAT(text, Not(HasSubstr("iifname \"bt12ab34.3\"")));
  // What is not accepted by then is refused.
  EXPECT_LT(text.rfind("accept\n"), text.rfind("  iifname \"bt12ab34.*\" reject"));
}

TEST(NetworkRules, KeepEveryAppFromTheMachineAndFromCloudsMetadata) {
  const auto text = format_network_rules(rules());
  const auto input =
      text.substr(text.find("chain input"), text.find("chain forward") - text.find("chain input"));
  EXPECT_THAT(input, HasSubstr("iifname \"bt12ab34.*\" reject"));
  EXPECT_LT(text.find("169.254.0.0/16"), text.find("ip saddr 198.18.0.2 accept"));
}

TEST(NetworkRules, MakeTheMachineARouterForAppsOnly) {
  auto made = rules();
  EXPECT_THAT(format_network_rules(made), Not(HasSubstr("drop")));
  made.is_router = false;
  EXPECT_THAT(format_network_rules(made), HasSubstr("iifname != \"bt*\" oifname != \"bt*\" drop"));
}

TEST(NetworkRules, TakeThePlaceOfTheOldTableAtOnce) {
  EXPECT_EQ(format_network_rules(rules()).find(
                "add table inet berth_12ab34\ndelete table inet berth_12ab34\ntable inet"),
            0U);
}

TEST(HostsFile, HoldsNamesButNoAddressesOfThemselves) {
  EXPECT_EQ(
      format_hosts_file({{"mail.example.com", {"192.0.2.7", "192.0.2.8"}}, {"192.0.2.9", {"192.0.2.9"}}}),
      "127.0.0.1 localhost\n192.0.2.7 mail.example.com\n192.0.2.8 mail.example.com\n");
}

TEST(NameServers, AreThoseOfResolvConf) {
  EXPECT_THAT(
      name_servers("# nameserver 1.1.1.1\nsearch example.com\nnameserver 192.0.2.53\nnameserver\t::1\n"
                   "nameserverx 2\nnameserver"),
      ElementsAre("192.0.2.53", "::1"));
  EXPECT_THAT(name_servers(""), IsEmpty());
}

TEST(AddressRange, GivesEachAppABlockOfFour) {
  const auto range = AddressRange::parse("198.18.0.0/16").value();
  EXPECT_EQ(range.blocks, 16384U);
  EXPECT_EQ(range.gateway(0), "198.18.0.1");
  EXPECT_EQ(range.app(16383), "198.18.255.254");
  EXPECT_TRUE(range.holds(1, 0xc6120007));
  EXPECT_FALSE(range.holds(1, 0xc6120008));
  for (const char* text :
       {"198.18.0.0", "198.18.0.0/30", "10.0.0.0/10", "198.18.0.1/16", "198.18/16", "::/16", "", "/16"})
    EXPECT_FALSE(AddressRange::parse(text)) << text;
}

}  // namespace
}  // namespace berth::manager
