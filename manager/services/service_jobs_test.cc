// What is installed, as whom, and what is refused; on a real PostgreSQL with real service processes.
#include "manager/services/service_jobs.h"

#include "manager/testing/rig_fixture.h"

namespace berth::manager {
namespace {

using testing::HasSubstr;

class ServiceJobsTest : public RigTest {
 protected:
  ServiceJobsTest() { start(); }
  api::Job try_install(const std::string& id) {
    return rig_->finish(run(rig_->service_jobs.install(id, "", "test")));
  }
  uid_t user_of(const std::string& id) { return run(rig_->service_repository.find(id)).value().uid; }
  void add_to_manifest(const std::string& id, const std::string& member) {
    world_->publish(id, "1a");
    world_->entries[id].insert(1, member + ",");
    world_->publish("other", "1a");  // writes the index
  }
};

TEST_F(ServiceJobsTest, EachServiceHasAUserOfItsOwnOfWhichUpdatesTakeNone) {
  ASSERT_EQ(try_install("notes").state, api::JobState::kDone);
  const auto first = user_of("notes");
  for (const char* build : {"1b", "1c"}) {
    world_->publish("notes", build);
    ASSERT_EQ(try_install("notes").state, api::JobState::kDone);
  }
  EXPECT_EQ(user_of("notes"), first);
  world_->publish("echo", "1a");
  ASSERT_EQ(try_install("echo").state, api::JobState::kDone);
  EXPECT_EQ(user_of("echo"), first + 1);
  // What was removed leaves its number to nobody.
  ASSERT_EQ(rig_->finish(run(rig_->service_jobs.remove("echo", "test"))).state, api::JobState::kDone);
  ASSERT_EQ(try_install("echo").state, api::JobState::kDone);
  EXPECT_EQ(user_of("echo"), first + 2);
}

TEST_F(ServiceJobsTest, ThatNoUserIsLeftIsSaidWithWhatToDo) {
  ASSERT_EQ(try_install("notes").state, api::JobState::kDone);
  (void)run(rig_->database.query("SELECT setval('service_uid', 99999)"));
  world_->publish("echo", "1a");
  const auto job = try_install("echo");
  EXPECT_EQ(job.state, api::JobState::kFailed);
  EXPECT_THAT(job.error.value_or(""), HasSubstr("no user is left for echo"));
  EXPECT_THAT(job.error.value_or(""), HasSubstr("berth instance move"));
  EXPECT_FALSE(rig_->services.find("echo"));
  // Those that have one are updated all the same.
  world_->publish("notes", "1b");
  EXPECT_EQ(try_install("notes").state, api::JobState::kDone);
}

TEST_F(ServiceJobsTest, AWishThatThisPlatformDoesNotKnowRefusesTheInstallation) {
  add_to_manifest("echo", R"("sandbox":{"netwrok":true})");
  const auto refused = run(rig_->service_jobs.install("echo", "", "test"));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kMalformed);
  EXPECT_THAT(refused.error().detail, HasSubstr("sandbox.netwrok"));
  EXPECT_FALSE(rig_->services.find("echo"));
}

TEST_F(ServiceJobsTest, AServiceThatIsThereRunsThoughItsRowHasAWishThatIsNotKnown) {
  ASSERT_EQ(try_install("notes").state, api::JobState::kDone);
  (void)run(rig_->database.query(
      R"(UPDATE service SET store = store || '{"sandbox": {"netwrok": true, "tasks": 100}}')"));
  end();
  start();
  EXPECT_TRUE(loop_.run_until([&] { return rig_->services.find("notes")->ready().is_set(); }));
}

}  // namespace
}  // namespace berth::manager
