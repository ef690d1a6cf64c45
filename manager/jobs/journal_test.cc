#include "manager/jobs/journal.h"

#include <gtest/gtest.h>

#include "db/migrate.h"
#include "loop/loop.h"
#include "manager/database/testing/running_cluster.h"
#include "manager/platform/schema.h"

namespace berth::manager {
namespace {

class JournalTest : public testing::Test {
 protected:
  JournalTest() {
    loop::run_task(loop_, running_.admin().run_script("CREATE DATABASE manager TEMPLATE template0"));
    open();
    loop::run_task(loop_, db::migrate(*database_, manager_migrations()));
  }
  void open() {
    database_ = std::make_unique<db::Database>(loop_, running_.options("manager", "berth", ""));
    journal_ = std::make_unique<Journal>(loop_, *database_);
  }
  JobEntry add() {
    JobEntry entry;
    entry.kind = api::JobKind::kCreate;
    entry.title = "Create team@example.com";
    entry.target = "team@example.com";
    entry.steps = 4;
    entry.id = loop::run_task(loop_, journal_->add(entry));
    return entry;
  }

  loop::Loop loop_;
  RunningCluster running_{loop_};
  std::unique_ptr<db::Database> database_;
  std::unique_ptr<Journal> journal_;
};

// PostgreSQL, "Asynchronous Commit": transactions may be lost, but never one while a later one is not.
TEST_F(JournalTest, WhatIsWrittenInOrderIsThereIfWhatCameAfterItIs) {
  auto entry = add();
  entry.step = 2;
  entry.data["making"] = true;
  loop::run_task(loop_, journal_->write(entry, CommitSync::kInOrder));
  loop::run_task(loop_, running_.databases().create({"made", "made"}, "geheim"));
  running_.kill_now();
  database_.reset();
  running_.start();
  open();
  EXPECT_TRUE(loop::run_task(loop_, running_.databases().exists("made")));
  const auto found = loop::run_task(loop_, journal_->find(entry.id));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->step, 2u);
  EXPECT_TRUE(found->data.at("making").as_bool());
}

TEST_F(JournalTest, OnlyTheWriteItselfIsNotSynced) {
  auto entry = add();
  entry.step = 1;
  loop::run_task(loop_, journal_->write(entry, CommitSync::kInOrder));
  loop::run_task(loop_, journal_->add_log(entry.id, "a line"));
  const auto rows = loop::run_task(loop_, database_->query("SHOW synchronous_commit"));
  EXPECT_EQ(rows.front().text(0), "on");
  EXPECT_EQ(loop::run_task(loop_, journal_->find(entry.id))->step, 1u);
  EXPECT_EQ(loop::run_task(loop_, journal_->log(entry.id)).size(), 1u);
}

}  // namespace
}  // namespace berth::manager
