#include "manager/database/cluster_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace berth::manager {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(ClusterFiles, HasNoTcpUnlessAsked) {
  ClusterSettings settings;
  settings.socket_folder = "/run/it's here";
  const auto text = format_configuration(settings);
  EXPECT_THAT(text, HasSubstr("listen_addresses = ''\n"));
  EXPECT_THAT(text, HasSubstr("unix_socket_directories = '/run/it''s here'\n"));
  EXPECT_THAT(text, HasSubstr("jit = off\n"));
  EXPECT_THAT(text, HasSubstr("recovery_init_sync_method = 'syncfs'\n"));
  settings.listen_addresses = "*";
  EXPECT_THAT(format_configuration(settings), HasSubstr("listen_addresses = '*'\n"));
}

TEST(ClusterFiles, AutovacuumVisitsManyDatabasesMoreRarely) {
  EXPECT_EQ(autovacuum_round(0), std::chrono::seconds(60));
  EXPECT_EQ(autovacuum_round(30), std::chrono::seconds(60));
  EXPECT_EQ(autovacuum_round(1000), std::chrono::seconds(2000)) << "one visit every two seconds";
  ClusterSettings settings;
  EXPECT_THAT(format_configuration(settings), HasSubstr("autovacuum_naptime = 60s\n"));
  settings.databases = 100;
  EXPECT_THAT(format_configuration(settings), HasSubstr("autovacuum_naptime = 200s\n"));
}

TEST(ClusterFiles, TouchesOnlyTheLinesBetweenItsMarks) {
  const std::string first = replace_marked_block("# admin's\nmine ann ann", format_user_map({"postgres"}));
  EXPECT_THAT(first, testing::StartsWith("# admin's\nmine ann ann\n# BEGIN berth"));
  const std::string with_more = first + "mine bob bob\n";
  const std::string second = replace_marked_block(with_more, format_user_map({"postgres", "root"}));
  EXPECT_THAT(second, testing::StartsWith("# admin's\nmine ann ann\n# BEGIN berth"));
  EXPECT_THAT(second, testing::EndsWith("# END berth\nmine bob bob\n"));
  EXPECT_THAT(second, HasSubstr("berth  \"root\"  berth\n"));
  EXPECT_EQ(replace_marked_block(second, format_user_map({"postgres", "root"})), second);
}

TEST(ClusterFiles, AsksEverybodyButTheSuperuserForAPassword) {
  const auto rules = format_access_rules(SuperuserLogin::kPeer);
  EXPECT_THAT(rules, HasSubstr("local  all          berth  peer map=berth\n"));
  EXPECT_THAT(rules, HasSubstr("local  all          all    scram-sha-256\n"));
  EXPECT_THAT(rules, Not(HasSubstr("\nhost")));
  EXPECT_THAT(rules, Not(HasSubstr("trust")));
}

TEST(ClusterFiles, AnOrdinaryUsersSuperuserNeedsAPasswordToo) {
  const auto rules = format_access_rules(SuperuserLogin::kPassword);
  EXPECT_THAT(rules, HasSubstr("local  all          berth  scram-sha-256\n"));
  EXPECT_THAT(rules, HasSubstr("local  replication  berth  scram-sha-256\n"));
  EXPECT_THAT(rules, Not(HasSubstr("peer")));
}

}  // namespace
}  // namespace berth::manager
