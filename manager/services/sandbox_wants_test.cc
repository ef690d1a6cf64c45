#include "manager/services/sandbox_wants.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "manager/services/service_sandbox.h"
#include "wire/json/json.h"

namespace berth::manager {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Result<SandboxWants> parse(std::string_view text) {
  return parse_sandbox_wants(json::parse_object(text).value());
}

TEST(SandboxWants, AnAppWithoutThemWantsNothing) {
  EXPECT_EQ(parse(R"({"id": "notes"})").value(), SandboxWants());
  EXPECT_THAT(describe(SandboxWants()), IsEmpty());
}

TEST(SandboxWants, AreToldInWordsBeforeTheAppIsInstalled) {
  const auto wants =
      parse(R"({"sandbox": {"hosts": ["mail.example.com"], "memory": 268435456, "tasks": 64, "cpu": 150,
                               "seccomp": ["exec"]}})")
          .value();
  EXPECT_TRUE(wants.network);
  EXPECT_THAT(describe(wants),
              ElementsAre("connects to other machines: mail.example.com", "uses up to 256 MiB of memory",
                          "runs up to 64 processes and threads", "uses up to 150 % of a processor core",
                          "runs other programs"));
}

TEST(SandboxWants, AWishThatIsNotUnderstoodIsNoneOfTheOthers) {
  for (const char* text :
       {R"({"sandbox": true})", R"({"sandbox": {"network": "yes"}})", R"({"sandbox": {"memory": 1}})",
        R"({"sandbox": {"memory": "1 GiB"}})", R"({"sandbox": {"tasks": 0}})",
        R"({"sandbox": {"seccomp": ["everything"]}})", R"({"sandbox": {"seccomp": "exec"}})",
        R"({"sandbox": {"hosts": [1]}})", R"({"sandbox": {"hosts": ["any host"]}})",
        R"({"sandbox": {"hosts": ["*.example.com"]}})", R"({"sandbox": {"hosts": ["2001:db8::1"]}})",
        R"({"sandbox": {"hosts": ["a..b"]}})",
        R"({"sandbox": {"hosts": ["mail.example.com\n192.0.2.1 other"]}})"}) {
    SCOPED_TRACE(text);
    EXPECT_EQ(parse(text).error().code, Errc::kMalformed);
  }
}

TEST(SandboxWants, AMemberThatIsNotKnownIsRefusedByNameBeforeItIsInstalledOnly) {
  const auto entry = json::parse_object(R"({"sandbox": {"network": true, "netwrok": false}})").value();
  const auto refused = parse_new_sandbox_wants(entry);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kMalformed);
  EXPECT_THAT(refused.error().detail, HasSubstr("sandbox.netwrok"));
  EXPECT_THAT(refused.error().detail, HasSubstr("network, hosts, memory, tasks, cpu, seccomp"));
  EXPECT_TRUE(parse_sandbox_wants(entry)->network);
  // All that is known.
  const auto known =
      json::parse_object(
          R"({"sandbox": {"network": true, "hosts": ["192.0.2.1"], "memory": 268435456, "tasks": 64, "cpu": 150,
                          "seccomp": ["exec"]}})")
          .value();
  EXPECT_EQ(parse_new_sandbox_wants(known).value(), parse_sandbox_wants(known).value());
  EXPECT_TRUE(parse_new_sandbox_wants(json::parse_object(R"({"id": "notes"})").value()));
}

TEST(SandboxWants, AMembersNameIsShownWithoutControlCharactersAndCut) {
  json::Object sandbox;
  sandbox["\x1b[2J" + std::string(1000, 'a')] = true;
  const auto refused = parse_new_sandbox_wants(json::Object{{"sandbox", std::move(sandbox)}});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().detail.find('\x1b'), std::string::npos);
  EXPECT_LT(refused.error().detail.size(), 300u);
}

TEST(SandboxOff, NamesLayersOfServices) {
  const auto off = parse_switched_off("echo/own-user  echo/seccomp notes/PID-namespace").value();
  EXPECT_THAT(off.at("echo"), ElementsAre(sandbox::Layer::kUser, sandbox::Layer::kSeccomp));
  EXPECT_THAT(off.at("notes"), ElementsAre(sandbox::Layer::kPids));
  EXPECT_FALSE(parse_switched_off("echo"));
  EXPECT_FALSE(parse_switched_off("echo/moat"));
}

}  // namespace
}  // namespace berth::manager
