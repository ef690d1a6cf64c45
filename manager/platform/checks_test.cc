#include "manager/platform/checks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/utc.h"

namespace berth::manager {
namespace {

using namespace std::chrono_literals;
using api::Severity;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

const auto kNow = *parse_utc("2026-11-22T12:00:00Z");

CheckFacts healthy() {
  CheckFacts facts;
  facts.now = kNow;
  facts.services = {{"notes", "Notes", true, {{"own user", "on", ""}, {"seccomp", "on", ""}}}};
  facts.certificate = CheckFacts::Certificate{false, kNow + 24h * 48};
  facts.instances = {{"team@example.com", kNow - 24h * 90, kNow - 24h * 2}};
  facts.backup_days = 7;
  return facts;
}

std::vector<std::string> ids(const std::vector<api::Check>& checks) {
  std::vector<std::string> all;
  for (const auto& check : checks) all.push_back(check.id);
  return all;
}

TEST(Checks, AHealthyPlatformHasNone) {
  EXPECT_THAT(find_checks(healthy()), IsEmpty());
  CheckFacts nothing_known;
  EXPECT_THAT(find_checks(nothing_known), IsEmpty());
}

TEST(Checks, EachFindingSaysWhatWhyAndWhatToDo) {
  auto facts = healthy();
  facts.down = {{"notes", "crashed", "signal 9 (Killed)", false}, {"postgres", "starting", "", true}};
  facts.is_webserver_short = true;
  facts.is_root = false;
  facts.developer_mode = true;
  facts.app_security_off = true;
  facts.services.push_back({"echo", "Echo", false, {{"own user", "on", ""}, {"seccomp", "off", "no"}}});
  facts.certificate = CheckFacts::Certificate{true, kNow + 24h * 3};
  facts.instances.front().backed_up.reset();
  const auto found = find_checks(facts);
  EXPECT_THAT(ids(found), ElementsAre("process-notes", "webserver-descriptors", "process-postgres", "backup",
                                      "certificate-ends", "certificate-self-signed", "sandbox", "unsigned",
                                      "not-root", "developer-mode", "app-security-off"));
  for (const auto& check : found) {
    SCOPED_TRACE(check.id);
    EXPECT_FALSE(check.text.empty());
    EXPECT_FALSE(check.fix.empty());
    if (!check.id.starts_with("process-")) EXPECT_FALSE(check.why.empty());
    EXPECT_FALSE(check.is_accepted);
  }
  EXPECT_EQ(found[0].text, "notes is crashed: signal 9 (Killed)");
  EXPECT_EQ(found[0].severity, Severity::kError);
  EXPECT_EQ(found[2].severity, Severity::kWarning);
}

TEST(Checks, TheSandboxNamesTheWeakestAppAndWhatIsMissing) {
  auto facts = healthy();
  facts.services.front().sandbox = {{"own user", "on", ""},
                                    {"seccomp", "unavailable", "not part of this version"},
                                    {"Landlock", "off", "switched off"}};
  auto found = find_checks(facts);
  ASSERT_THAT(ids(found), ElementsAre("sandbox"));
  EXPECT_EQ(found[0].text, "Notes runs with 1 of 3 sandbox layers.");
  EXPECT_THAT(found[0].why, HasSubstr("Missing: seccomp, Landlock."));
  EXPECT_THAT(found[0].values, ElementsAre("1", "Notes", "1", "3", "seccomp, Landlock", "notes"));

  facts.services.push_back({"echo", "Echo", true, {{"own user", "unavailable", "not root"}}});
  facts.services.push_back({"files", "Files", true, {}});
  found = find_checks(facts);
  EXPECT_EQ(found[0].text, "2 apps lack sandbox layers; Notes has 1 of 3.");
  EXPECT_THAT(found[0].fix, Not(HasSubstr("as root")));
  facts.is_root = false;
  EXPECT_THAT(find_checks(facts)[0].fix, HasSubstr("as root"));
}

TEST(Checks, TheCommandFileIsToldWhenItCannotBeHadOrALineFails) {
  auto facts = healthy();
  facts.commands.url = "https://fleet.example.com/berth.cmd";
  facts.commands.lines = {{3, "backup …", "team@example.com", api::CommandState::kDone, "", ""}};
  EXPECT_THAT(find_checks(facts), IsEmpty());
  facts.commands.lines.push_back(
      {4, "backup …", "manager", api::CommandState::kFailed, "the server is full", ""});
  auto found = find_checks(facts);
  ASSERT_THAT(ids(found), ElementsAre("command-file"));
  EXPECT_EQ(found[0].text, "1 line failed of the command file: line 4: the server is full");
  facts.commands.lines.clear();
  facts.commands.error = "no such host";
  found = find_checks(facts);
  ASSERT_THAT(ids(found), ElementsAre("command-file"));
  EXPECT_EQ(found[0].text, "The command file cannot be had: no such host");
  facts.commands.url.clear();
  EXPECT_THAT(find_checks(facts), IsEmpty());
}

TEST(Checks, ABackupMayBeAsOldAsTheSettingSaysAndANewInstanceHasADay) {
  struct Case {
    const char* why;
    std::chrono::hours age;
    std::optional<std::chrono::hours> backup;
    int days;
    bool found;
  };
  const Case cases[] = {
      {"young enough", 9000h, 167h, 7, false},         {"too old", 9000h, 169h, 7, true},
      {"never, but new", 23h, std::nullopt, 7, false}, {"never", 25h, std::nullopt, 7, true},
      {"switched off", 9000h, std::nullopt, 0, false},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.why);
    auto facts = healthy();
    auto& one = facts.instances.front();
    one.created = kNow - c.age;
    one.backed_up.reset();
    if (c.backup) one.backed_up = kNow - *c.backup;
    facts.backup_days = c.days;
    EXPECT_EQ(!find_checks(facts).empty(), c.found);
  }
}

TEST(Checks, DatabasesThatFailedAtNightAndThoseThatAnotherPlatformTookAreTold) {
  CheckFacts facts;
  EXPECT_TRUE(find_checks(facts).empty());
  facts.not_optimised = {"a", "b", "c", "d", "e"};
  facts.taken = {{"team@example.com", "two.example.com"}};
  const auto found = find_checks(facts);
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].severity, api::Severity::kError);
  EXPECT_EQ(found[0].text,
            "The platform two.example.com took the external database of team@example.com, which is stopped.");
  EXPECT_EQ(found[0].command, "berth instance take-over team@example.com");
  EXPECT_EQ(found[1].id, "optimisation");
  EXPECT_EQ(found[1].text, "5 databases could not be optimised: a, b, c and 2 more.");
}

TEST(Checks, ManyInstancesWithoutABackupAreOneFindingThatNamesSome) {
  auto facts = healthy();
  facts.instances.clear();
  for (const auto* key : {"a@x", "b@x", "c@x", "d@x", "e@x"})
    facts.instances.push_back({key, kNow - 48h, {}});
  const auto found = find_checks(facts);
  ASSERT_THAT(ids(found), ElementsAre("backup"));
  EXPECT_EQ(found[0].text, "5 instances have no backup of the last 7 days: a@x, b@x, c@x and 2 more.");
  EXPECT_EQ(found[0].command, "berth backup run");
}

TEST(Checks, ACertificateIsToldTwoWeeksBeforeItsEndAndIsAnErrorAfterwards) {
  struct Case {
    std::chrono::hours left;
    std::string text;
    Severity severity;
  };
  const Case cases[] = {{24h * 14, "", Severity::kOk},
                        {24h * 13 + 1h, "The certificate ends in 13 days.", Severity::kWarning},
                        {25h, "The certificate ends in 1 day.", Severity::kWarning},
                        {1h, "The certificate ends today.", Severity::kWarning},
                        {-1h, "The certificate has expired.", Severity::kError}};
  for (const auto& c : cases) {
    SCOPED_TRACE(c.text);
    auto facts = healthy();
    facts.certificate->not_after = kNow + c.left;
    const auto found = find_checks(facts);
    ASSERT_EQ(found.empty(), c.text.empty());
    if (found.empty()) continue;
    EXPECT_EQ(found[0].text, c.text);
    EXPECT_EQ(found[0].severity, c.severity);
  }
}

TEST(Checks, WhatAnAdminAcceptsIsMarkedButErrorsAndDeadProcessesAreNot) {
  auto facts = healthy();
  facts.developer_mode = true;
  facts.certificate = CheckFacts::Certificate{true, kNow - 1h};
  facts.down = {{"notes", "starting", "", true}};
  facts.accepted = {"certificate-self-signed", "certificate-ends", "process-notes", "gone"};
  const auto found = find_checks(facts);
  EXPECT_THAT(ids(found),
              ElementsAre("certificate-ends", "process-notes", "certificate-self-signed", "developer-mode"));
  std::vector<std::string> accepted;
  for (const auto& check : found)
    if (check.is_accepted) accepted.push_back(check.id);
  EXPECT_THAT(accepted, ElementsAre("certificate-self-signed"));
}

TEST(Checks, ABackupThatDidNotComeBackIsAnError) {
  auto facts = healthy();
  facts.drill_days = 15;
  facts.instances.front().proven = kNow - 24h * 3;
  EXPECT_THAT(find_checks(facts), IsEmpty());
  facts.instances.front().drill_error = "other rows came back";
  const auto found = find_checks(facts);
  ASSERT_THAT(ids(found), ElementsAre("backup-drill"));
  EXPECT_EQ(found[0].severity, Severity::kError);
  EXPECT_EQ(found[0].text,
            "The newest backup of team@example.com could not be restored: other rows came back.");
  EXPECT_EQ(found[0].command, "berth backup drill team@example.com");
}

TEST(Checks, ABackupNeverProvenIsToldOnceTheInstanceIsOldEnough) {
  auto facts = healthy();
  facts.drill_days = 15;
  ASSERT_THAT(ids(find_checks(facts)), ElementsAre("backup-proof"));
  EXPECT_THAT(find_checks(facts)[0].text, HasSubstr("within 15 days"));
  facts.instances.front().created = kNow - 24h * 10;
  EXPECT_THAT(find_checks(facts), IsEmpty());
  facts.instances.front() = {"team@example.com", kNow - 24h * 90, kNow - 24h * 2, kNow - 24h * 16, ""};
  EXPECT_THAT(ids(find_checks(facts)), ElementsAre("backup-proof"));
  facts.drill_days = 0;
  EXPECT_THAT(find_checks(facts), IsEmpty());
}

TEST(Checks, ATargetThatFailsAndAKeySheetThatNobodyHasAreTold) {
  auto facts = healthy();
  facts.backup_targets = {{"local", ""}, {"disk", "is its disk mounted?"}};
  facts.has_backup_sets = true;
  facts.keys_were_shown = false;
  EXPECT_THAT(ids(find_checks(facts)), ElementsAre("backup-target-disk", "backup-keys"));
  facts.has_backup_sets = false;
  EXPECT_THAT(ids(find_checks(facts)), ElementsAre("backup-target-disk")) << "nothing to lose yet";
}

}  // namespace
}  // namespace berth::manager
