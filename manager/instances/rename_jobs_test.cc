#include "manager/instances/rename_jobs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace berth::manager {
namespace {

using testing::HasSubstr;

InstanceRow row(std::string name, std::string domain, std::string path) {
  InstanceRow row;
  row.name = std::move(name);
  row.domain = std::move(domain);
  row.path = std::move(path);
  return row;
}

std::vector<std::string> told(const std::vector<api::Renaming>& plan) {
  std::vector<std::string> lines;
  for (const auto& one : plan)
    lines.push_back(fmt::format("{}@{} {} → {} {}{}", one.name, one.domain, one.path, one.new_domain,
                                one.new_path, one.problem ? " !" : ""));
  return lines;
}

TEST(Renaming, TakesThePathsOfADomainAlong) {
  const std::vector<InstanceRow> rows = {
      row("team", "old.example", "/old.example/team"), row("odd", "old.example", "/special"),
      row("team", "other.example", "/other.example/team"), row("x", "old.example", "/old.example.org/x")};
  EXPECT_THAT(told(plan_renaming(rows, {.domain = "old.example", .new_domain = "new.example"})),
              testing::ElementsAre("team@old.example /old.example/team → new.example /new.example/team",
                                   "odd@old.example /special → new.example /special",
                                   "x@old.example /old.example.org/x → new.example /old.example.org/x"));
  EXPECT_THAT(told(plan_renaming(rows, {.path = "old.example", .new_path = "/apps/old"})),
              testing::ElementsAre("team@old.example /old.example/team → old.example /apps/old/team"));
}

TEST(Renaming, FindsWhatWouldCollideBeforeAnythingIsDone) {
  std::vector<InstanceRow> rows = {row("team", "a.example", "/a.example/team"),
                                   row("team", "b.example", "/b.example/team")};
  for (const auto& one : plan_renaming(rows, {.new_domain = "c.example"}))
    EXPECT_THAT(one.problem.value_or(""), HasSubstr("two instances team@c.example"));
  EXPECT_THAT(
      plan_renaming(rows, {.domain = "a.example", .new_domain = "b.example"}).at(0).problem.value_or(""),
      HasSubstr("two instances team@b.example"));
  EXPECT_THAT(plan_renaming(rows, {.domain = "a.example", .new_domain = "-"}).at(0).problem.value_or(""),
              HasSubstr("'-'"));
  EXPECT_THAT(plan_renaming(rows, {.path = "/a.example", .new_path = "/manager"}).at(0).problem.value_or(""),
              HasSubstr("/manager"));
  EXPECT_THAT(
      plan_renaming(rows, {.path = "/a.example", .new_path = "/b.example/team"}).at(0).problem.value_or(""),
      HasSubstr("below the other"));
  // Two that change places are no collision.
  rows = {row("team", "a.example", "/a.example/team"), row("site", "b.example", "/b.example/site")};
  for (const auto& one : plan_renaming(rows, {.new_domain = "c.example"}))
    EXPECT_FALSE(one.problem) << *one.problem;
  rows[1].deleted = "2026-11-22T00:00:00Z";
  EXPECT_EQ(plan_renaming(rows, {.new_domain = "c.example"}).size(), 1u) << "the bin keeps its names";
}

}  // namespace
}  // namespace berth::manager
