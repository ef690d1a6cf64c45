// The command as people and scripts meet it, against a manager that answers by script.
#include "cli/program.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/all.h"
#include "api/time_machine.h"
#include "base/utc.h"
#include "cli/exit_code.h"
#include "cli/human.h"
#include "cli/testing/fake_manager.h"

namespace berth::cli {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

struct Outcome {
  int code = -1;
  std::string out, error;
  api::Json json() const { return boost::json::parse(out); }
};

struct Capture {
  Capture() : file(::open_memstream(&data, &size)) {}
  ~Capture() { ::free(data); }
  std::string take() {
    std::fclose(file);
    return std::string(data, size);
  }
  char* data = nullptr;
  std::size_t size = 0;
  std::FILE* file;
};

Outcome run_berth(std::vector<std::string> arguments, Terminal terminal = {}) {
  if (!terminal.now) terminal.now = *parse_utc("2026-11-22T12:00:00Z");
  std::vector<const char*> argv = {"berth"};
  for (const auto& argument : arguments) argv.push_back(argument.c_str());
  Capture out, error;
  Outcome outcome;
  outcome.code = run(static_cast<int>(argv.size()), argv.data(), terminal, out.file, error.file);
  outcome.out = out.take();
  outcome.error = error.take();
  return outcome;
}

api::Status running_platform() {
  api::Status status{.state = api::PlatformState::kRunning, .version = "0.1.0", .build = "1a2b"};
  status.processes = {
      {.name = "webserver", .pid = 11, .state = api::ServiceState::kRunning, .memory_bytes = 3 << 20},
      {.name = "postgres", .pid = 12, .state = api::ServiceState::kRunning},
      {.name = "manager",
       .pid = 13,
       .state = api::ServiceState::kRunning,
       .started_at = "2026-11-22T09:00:00Z"}};
  return status;
}

api::Instance team(api::InstanceState state = api::InstanceState::kRunning) {
  return {.service = "notes",
          .name = "team",
          .domain = "example.com",
          .state = state,
          .path = "/example.com/team",
          .database = "example.com_team"};
}

FakeManager::Handler status_is(api::Status status) {
  return [status](FakeRequest& request) { request.reply(api::GetStatusResult{status}); };
}
FakeManager::Handler instance_is(api::Instance instance) {
  return [instance](FakeRequest& request) { request.reply(api::GetInstanceResult{instance}); };
}

class Program : public testing::Test {
 protected:
  Outcome berth(std::vector<std::string> arguments, Terminal terminal = {}) {
    arguments.insert(arguments.begin(), {"--root", folder.path()});
    return run_berth(std::move(arguments), terminal);
  }
  std::string file(const std::string& name) const { return folder.path() + "/" + name; }
  TemporaryFolder folder;
};

TEST_F(Program, StatusAsJsonHasStateVersionAndProcesses) {
  FakeManager manager(folder.path(), {{"GetStatus", status_is(running_platform())}});
  const auto outcome = berth({"status", "--wait", "--timeout", "120", "--json"});
  EXPECT_EQ(outcome.code, 0) << outcome.error;
  const auto status = outcome.json();
  EXPECT_EQ(status.at("state"), "running");
  EXPECT_EQ(status.at("version"), "0.1.0");
  EXPECT_EQ(status.at("processes").at(0).at("name"), "webserver");
  EXPECT_EQ(status.at("processes").at(1).at("pid"), 12);
  EXPECT_EQ(std::count(outcome.out.begin(), outcome.out.end(), '\n'), 1) << "one line for scripts";
}

TEST_F(Program, StatusForPeopleIsATableWithRelativeTimes) {
  FakeManager manager(folder.path(), {{"GetStatus", status_is(running_platform())}});
  const auto outcome = berth({"status"});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_THAT(outcome.out, HasSubstr("● running  Berth 0.1.0 (build 1a2b)"));
  EXPECT_THAT(outcome.out, HasSubstr("webserver  ● running   11  3.0 MiB  -               0\n"));
  EXPECT_THAT(outcome.out, HasSubstr("3 h ago"));
  EXPECT_THAT(outcome.out, Not(HasSubstr("\x1b"))) << "no colours where there is no terminal";
}

TEST_F(Program, DegradedHasAnExitCodeOfItsOwnAndShowsTheFix) {
  auto status = running_platform();
  status.state = api::PlatformState::kDegraded;
  status.checks = {{.id = "crash",
                    .severity = api::Severity::kError,
                    .text = "notes crashed 5 times",
                    .fix = "Look at its log.",
                    .command = "berth log notes"}};
  FakeManager manager(folder.path(), {{"GetStatus", status_is(status)}});
  const auto outcome = berth({"status"});
  EXPECT_EQ(outcome.code, 7);
  EXPECT_THAT(outcome.out,
              HasSubstr("error: notes crashed 5 times\n  Look at its log.\n  $ berth log notes\n"));
}

TEST_F(Program, StatusWaitsForAManagerThatIsNotThereYet) {
  std::unique_ptr<FakeManager> manager;
  Outcome outcome;
  std::thread waiting([&] { outcome = berth({"status", "--wait", "--timeout", "60", "--quiet"}); });
  auto starting = running_platform();
  starting.state = api::PlatformState::kStarting;
  std::atomic<int> asked = 0;
  manager = std::make_unique<FakeManager>(
      folder.path(), std::map<std::string, FakeManager::Handler>{
                         {"GetStatus", [&](FakeRequest& request) {
                            request.reply(api::GetStatusResult{asked++ < 2 ? starting : running_platform()});
                          }}});
  waiting.join();
  EXPECT_EQ(outcome.code, 0) << outcome.error;
  EXPECT_EQ(outcome.out, "running\n");
  EXPECT_EQ(asked, 3);
}

TEST_F(Program, WaitingEndsWithTheTimeoutCode) {
  const auto outcome = berth({"status", "--wait", "--timeout", "1"});
  EXPECT_EQ(outcome.code, 6);
  EXPECT_THAT(outcome.error, HasSubstr("waiting for the platform"));
}

TEST_F(Program, NobodyThereNamesTheRemedy) {
  const auto outcome = berth({"status"});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_EQ(outcome.out, "");
  EXPECT_THAT(outcome.error, HasSubstr("no platform runs in " + folder.path()));
  EXPECT_THAT(outcome.error, HasSubstr("./run --root"));
}

TEST_F(Program, ErrorCodesBecomeExitCodes) {
  struct Case {
    Errc code;
    int exit;
  };
  const Case cases[] = {{Errc::kNotFound, 3}, {Errc::kExists, 4},   {Errc::kConflict, 4},
                        {Errc::kDenied, 5},   {Errc::kTimeout, 6},  {Errc::kFailed, 1},
                        {Errc::kNoSpace, 1},  {Errc::kMalformed, 1}};
  for (const auto& c : cases) {
    SCOPED_TRACE(name_of(c.code));
    FakeManager manager(folder.path(),
                        {{"GetInstance", [&](FakeRequest& request) { request.fail(c.code, "told so"); }}});
    const auto outcome = berth({"instance", "show", "team@example.com"});
    EXPECT_EQ(outcome.code, c.exit);
    EXPECT_EQ(outcome.error, "berth: told so\n");
    const auto as_json = berth({"instance", "show", "team@example.com", "--json"});
    EXPECT_EQ(boost::json::parse(as_json.error).at("errorCode").as_string(), name_of(c.code));
    EXPECT_EQ(as_json.out, "");
  }
}

TEST_F(Program, WrongUseEndsWithTwoBeforeAnythingIsAsked) {
  FakeManager manager(folder.path(), {});
  const std::vector<std::vector<std::string>> wrong = {
      {},
      {"fly"},
      {"instance"},
      {"instance", "fly"},
      {"instance", "show"},
      {"instance", "show", "team"},
      {"instance", "show", "@example.com"},
      {"instance", "create", "notes", "--name", "team"},
      {"instance", "edit", "team@example.com"},
      {"instance", "edit", "team@example.com", "--log-flags", "many"},
      {"status", "--json", "--quiet"},
      {"status", "--nonsense"},
      {"job", "ls", "--limit", "few"},
      {"service", "install"},
      {"config", "set", "redirectHttps"},
  };
  for (const auto& arguments : wrong) {
    std::string line;
    for (const auto& argument : arguments) line += argument + ' ';
    SCOPED_TRACE(line);
    const auto outcome = berth(arguments);
    EXPECT_EQ(outcome.code, 2);
    EXPECT_EQ(outcome.out, "");
    EXPECT_THAT(outcome.error, testing::StartsWith("berth: "));
  }
  EXPECT_THAT(manager.seen(), ElementsAre());
}

TEST_F(Program, HelpShowsAnExampleOfEachCommand) {
  EXPECT_THAT(run_berth({"--help"}).out, HasSubstr("Exit codes: 0 ok, 1 failed, 2 usage"));
  const auto outcome = run_berth({"instance", "create", "--help"});
  EXPECT_EQ(outcome.code, 0);
  EXPECT_THAT(outcome.out, HasSubstr("berth instance create notes --name team --domain example.com --json"));
  EXPECT_THAT(outcome.out, HasSubstr("--no-wait"));
  EXPECT_THAT(outcome.out, HasSubstr("--dry-run"));
}

api::Job job_in(api::JobState state, api::JobKind kind = api::JobKind::kCreate) {
  return {.id = "7",
          .kind = kind,
          .title = "Create team@example.com",
          .target = "team@example.com",
          .state = state,
          .step = 1,
          .steps = 3,
          .step_text = "make the database",
          .percent = 30};
}

std::map<std::string, FakeManager::Handler> creating_manager() {
  return {
      {"CreateInstance",
       [](FakeRequest& request) {
         request.reply(api::CreateInstanceResult{job_in(api::JobState::kWaiting),
                                                 team(api::InstanceState::kStarting),
                                                 {"generated-1", ""},
                                                 {"generated-2", ""}});
       }},
      {"Subscribe",
       [](FakeRequest& request) {
         request.reply(api::SubscribeResult{});
         request.reply(api::JobChanged{job_in(api::JobState::kRunning)});
         request.reply(api::JobChanged{job_in(api::JobState::kDone)});
       }},
      {"GetJob",
       [](FakeRequest& request) { request.reply(api::GetJobResult{job_in(api::JobState::kRunning), {}}); }},
      {"GetInstance", instance_is(team())},
  };
}

TEST_F(Program, CreateWaitsForTheJobAndTellsThePasswords) {
  FakeManager manager(folder.path(), creating_manager());
  const auto outcome =
      berth({"instance", "create", "notes", "--name", "team", "--domain", "example.com", "--json"});
  EXPECT_EQ(outcome.code, 0) << outcome.error;
  const auto instance = outcome.json();
  EXPECT_EQ(instance.at("path"), "/example.com/team");
  EXPECT_EQ(instance.at("database"), "example.com_team");
  EXPECT_EQ(instance.at("password"), "generated-1");
  EXPECT_EQ(instance.at("databasePassword"), "generated-2");
  EXPECT_EQ(instance.at("state"), "running");
}

TEST_F(Program, NoWaitGivesTheJobAtOnce) {
  FakeManager manager(folder.path(), creating_manager());
  const auto outcome = berth(
      {"instance", "create", "notes", "--name", "team", "--domain", "example.com", "--json", "--no-wait"});
  EXPECT_EQ(outcome.code, 0) << outcome.error;
  EXPECT_EQ(outcome.json().at("job"), "7");
  EXPECT_EQ(outcome.json().at("state"), "starting");
  EXPECT_THAT(manager.seen(), ElementsAre("CreateInstance"));
}

TEST_F(Program, AJobThatFailsIsAFailureWithItsReason) {
  auto handlers = creating_manager();
  handlers["GetJob"] = [](FakeRequest& request) {
    auto job = job_in(api::JobState::kFailed);
    job.error = "disk full";
    request.reply(api::GetJobResult{job, {}});
  };
  FakeManager manager(folder.path(), std::move(handlers));
  const auto outcome = berth({"instance", "create", "notes", "--name", "team", "--domain", "example.com"});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_EQ(outcome.error, "berth: Create team@example.com: disk full (berth job show 7)\n");
}

TEST_F(Program, WaitingForAJobSurvivesARestartOfTheManager) {
  auto handlers = creating_manager();
  std::atomic<int> subscriptions = 0;
  handlers["Subscribe"] = [&](FakeRequest& request) {
    request.reply(api::SubscribeResult{});
    if (subscriptions++ == 0) request.hang_up();
    else request.reply(api::JobChanged{job_in(api::JobState::kDone)});
  };
  FakeManager manager(folder.path(), std::move(handlers));
  const auto outcome =
      berth({"instance", "create", "notes", "--name", "team", "--domain", "example.com", "-q"});
  EXPECT_EQ(outcome.code, 0) << outcome.error;
  EXPECT_EQ(outcome.out, "team@example.com\n");
  EXPECT_EQ(subscriptions, 2);
}

TEST_F(Program, AnUnfinishedJobTimesOutButGoesOn) {
  auto handlers = creating_manager();
  handlers["Subscribe"] = [](FakeRequest& request) { request.reply(api::SubscribeResult{}); };
  FakeManager manager(folder.path(), std::move(handlers));
  const auto outcome =
      berth({"instance", "create", "notes", "--name", "team", "--domain", "example.com", "--timeout", "1"});
  EXPECT_EQ(outcome.code, 6);
  EXPECT_THAT(outcome.error, HasSubstr("the work goes on: berth job show 7"));
}

TEST_F(Program, BackupPassesADescriptorAndTheFileAppearsWhole) {
  FakeManager manager(folder.path(),
                      {{"GetInstance", instance_is(team())},
                       {"BackupInstance", [](FakeRequest& request) {
                          ASSERT_EQ(request.descriptors().size(), 1u);
                          or_throw(write_all(request.descriptors()[0].get(), "PGDMP and so on"));
                          request.reply(api::BackupInstanceResult{15});
                        }}});
  const auto outcome = berth({"instance", "backup", "team@example.com", "-o", file("team.dump"), "--json"});
  EXPECT_EQ(outcome.code, 0) << outcome.error;
  EXPECT_EQ(outcome.json().at("bytes"), 15);
  EXPECT_EQ(read_file(file("team.dump")).value(), "PGDMP and so on");
  struct stat status{};
  ASSERT_EQ(::stat(file("team.dump").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u) << "a backup holds passwords";
}

TEST_F(Program, ABackupThatFailsLeavesTheOldFile) {
  or_throw(write_file_durably(file("team.dump"), "yesterday's"));
  FakeManager manager(folder.path(), {{"GetInstance", instance_is(team())},
                                      {"BackupInstance", [](FakeRequest& request) {
                                         or_throw(write_all(request.descriptors()[0].get(), "PGD"));
                                         request.fail(Errc::kNoSpace, "disk full");
                                       }}});
  const auto outcome = berth({"instance", "backup", "team@example.com", "-o", file("team.dump")});
  EXPECT_EQ(outcome.code, 1);
  EXPECT_EQ(read_file(file("team.dump")).value(), "yesterday's");
  EXPECT_EQ(std::system(("test $(ls " + folder.path() + " | wc -l) = 2").c_str()), 0)
      << "run/ and the old file only";
}

TEST_F(Program, RestorePassesTheFileAndTheNameToUse) {
  or_throw(write_file_durably(file("team.dump"), "PGDMP"));
  std::string got;
  api::RestoreInstance asked;
  FakeManager manager(
      folder.path(),
      {{"RestoreInstance", [&](FakeRequest& request) {
          char buffer[16];
          const auto count = ::read(request.descriptors().at(0).get(), buffer, sizeof buffer);
          got.assign(buffer, static_cast<std::size_t>(count));
          asked = request.as<api::RestoreInstance>();
          request.reply(api::RestoreInstanceResult{job_in(api::JobState::kDone, api::JobKind::kRestore)});
        }}});
  EXPECT_EQ(berth({"instance", "restore", file("team.dump"), "--as", "copy@example.org", "--wait"}).code, 0);
  EXPECT_EQ(got, "PGDMP");
  EXPECT_EQ(asked.name, "copy");
  EXPECT_EQ(asked.domain, "example.org");
  EXPECT_EQ(berth({"instance", "restore", file("team.dump"), "--wait"}).code, 0);
  EXPECT_EQ(asked.name, std::nullopt) << "the file's own name";
  EXPECT_EQ(berth({"instance", "restore", file("none.dump")}).code, 3);
}

TEST_F(Program, RestoreToAMomentAsksForThePlanFirstAndARehearsalForNothingElse) {
  std::vector<api::RewindInstance> asked;
  FakeManager manager(folder.path(), {{"RewindInstance", [&](FakeRequest& request) {
                                         asked.push_back(request.as<api::RewindInstance>());
                                         api::RewindInstanceResult result;
                                         result.plan = {.at = "2026-11-22T13:32:07Z",
                                                        .base = "20261122T020000-17",
                                                        .base_made_at = "2026-11-22T02:00:09Z",
                                                        .log_bytes = 64 << 20,
                                                        .needed_bytes = 3 << 20,
                                                        .free_bytes = 9 << 20};
                                         if (!asked.back().only_plan)
                                           result.job = job_in(api::JobState::kDone, api::JobKind::kRewind);
                                         request.reply(result);
                                       }}});
  const std::vector<std::string> words = {"instance", "restore", "team@example.com", "--at",
                                          "2026-11-22 14:32:07"};
  auto rehearsal = words;
  rehearsal.push_back("--dry-run");
  const auto plan = berth(rehearsal);
  EXPECT_EQ(plan.code, 0) << plan.error;
  EXPECT_THAT(plan.out + plan.error, HasSubstr("64 MiB of log"));
  ASSERT_EQ(asked.size(), 1U);
  EXPECT_TRUE(asked[0].only_plan);
  EXPECT_EQ(asked[0].at, "2026-11-22 14:32:07") << "the platform knows its zone";

  EXPECT_EQ(berth(words).code, 0);
  ASSERT_EQ(asked.size(), 3U);
  EXPECT_FALSE(asked[2].only_plan);
  EXPECT_EQ(asked[2].at, "2026-11-22T13:32:07Z") << "the very moment of the plan";
  EXPECT_EQ(asked[2].as_name, std::nullopt);

  auto copy = words;
  copy.insert(copy.end(), {"--as", "before@example.com"});
  EXPECT_EQ(berth(copy).code, 0);
  EXPECT_EQ(asked[4].as_name, "before");
  EXPECT_EQ(asked[4].as_domain, "example.com");
}

TEST_F(Program, TimeMachineShowsWhatCanBeReachedAndWhatItCosts) {
  api::TimeMachine machine;
  machine.state = api::TimeMachineState::kOn;
  machine.days = 7;
  machine.ranges = {{"2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z"}, {"2026-11-21T02:00:00Z", std::nullopt}};
  machine.bases = {{"20261121T015900-3", "2026-11-21T02:00:00Z", std::uint64_t{2} << 30, 150 << 20}};
  machine.base_bytes = 150 << 20;
  machine.log_bytes = 30 << 20;
  FakeManager manager(
      folder.path(),
      {{"GetTimeMachine", [&](FakeRequest& request) { request.reply(api::GetTimeMachineResult{machine}); }},
       {"GetInstance", instance_is(team())}});
  const auto outcome = berth({"platform", "time-machine"});
  EXPECT_EQ(outcome.code, 0) << outcome.error;
  EXPECT_THAT(outcome.out, HasSubstr("to 2026-11-21T00:00:00Z"));
  EXPECT_THAT(outcome.out, HasSubstr("to now"));
  EXPECT_THAT(outcome.out, HasSubstr("150 MiB"));
  EXPECT_EQ(berth({"platform", "time-machine", "--json"}).json().at("ranges").as_array().size(), 2U);

  // And with an instance, what it can be brought back to.
  const std::vector<std::string> show = {"instance", "show", "team@example.com"};
  EXPECT_THAT(berth(show).out,
              HasSubstr("time machine      from 2026-11-20T00:00:00Z to 2026-11-21T00:00:00Z, "
                        "from 2026-11-21T02:00:00Z to now\n"));
  machine.state = api::TimeMachineState::kOff;
  machine.reason = "the disk is too small";
  machine.ranges.clear();
  EXPECT_THAT(berth(show).out, HasSubstr("time machine      off: the disk is too small\n"));
}

TEST_F(Program, DeletingForGoodNeedsYes) {
  bool deleted_now = false;
  FakeManager manager(folder.path(), {{"GetInstance", instance_is(team())},
                                      {"DeleteInstance", [&](FakeRequest& request) {
                                         deleted_now = request.as<api::DeleteInstance>().now;
                                         request.reply(api::DeleteInstanceResult{
                                             job_in(api::JobState::kDone, api::JobKind::kDelete)});
                                       }}});
  const auto unasked = berth({"instance", "rm", "team@example.com", "--now"});
  EXPECT_EQ(unasked.code, 2);
  EXPECT_THAT(unasked.error, HasSubstr("--yes"));
  EXPECT_THAT(manager.seen(), Not(Contains("DeleteInstance")));

  const auto to_bin = berth({"instance", "rm", "team@example.com"});
  EXPECT_EQ(to_bin.code, 0) << to_bin.error;
  EXPECT_FALSE(deleted_now);
  EXPECT_THAT(to_bin.out, HasSubstr("berth instance undo team@example.com"));

  EXPECT_EQ(berth({"instance", "rm", "team@example.com", "--now", "--yes"}).code, 0);
  EXPECT_TRUE(deleted_now);
}

TEST_F(Program, DryRunAsksButChangesNothing) {
  or_throw(write_file_durably(file("x.dump"), "PGDMP"));
  FakeManager manager(
      folder.path(),
      {{"GetInstance", instance_is(team())},
       {"GetServices",
        [](FakeRequest& request) {
          request.reply(api::GetServicesResult{{{.id = "notes", .state = api::ServiceState::kRunning}}});
        }},
       {"GetSettings",
        [](FakeRequest& request) {
          request.reply(api::GetSettingsResult{{{.name = "redirectHttps", .value = "false"}}});
        }},
       {"SuggestInstance", [](FakeRequest& request) {
          request.reply(api::SuggestInstanceResult{"team", "/example.com/team", "example.com_team", {}});
        }}});
  const std::vector<std::vector<std::string>> changes = {
      {"service", "install", "notes"},
      {"service", "stop", "notes"},
      {"service", "rm", "notes"},
      {"instance", "create", "notes", "--name", "team", "--domain", "example.com"},
      {"instance", "rm", "team@example.com", "--now"},
      {"instance", "passwd", "team@example.com"},
      {"instance", "restart", "team@example.com"},
      {"instance", "restore", file("x.dump")},
      {"config", "set", "redirectHttps", "true"},
      {"cert", "reset"},
  };
  for (auto arguments : changes) {
    SCOPED_TRACE(arguments[0] + " " + arguments[1]);
    arguments.push_back("--dry-run");
    const auto outcome = berth(arguments);
    EXPECT_EQ(outcome.code, 0) << outcome.error;
    EXPECT_THAT(outcome.out, testing::StartsWith("would "));
  }
  for (const auto& mt : manager.seen()) EXPECT_TRUE(mt.starts_with("Get") || mt.starts_with("Suggest")) << mt;
}

TEST_F(Program, PasswordsComeFromAFileOnly) {
  or_throw(write_file_durably(file("new.txt"), "s3cret \"quoted\"\nsecond line\n", 0600));
  std::optional<std::string> got;
  FakeManager manager(folder.path(), {{"GetInstance", instance_is(team())},
                                      {"SetInstancePassword", [&](FakeRequest& request) {
                                         const auto asked = request.as<api::SetInstancePassword>();
                                         api::SetInstancePasswordResult result;
                                         if (asked.password) got = asked.password->value;
                                         else result.password = api::Password{"generated", ""};
                                         request.reply(result);
                                       }}});
  EXPECT_EQ(berth({"instance", "passwd", "team@example.com", "--password-file", file("new.txt")}).code, 0);
  EXPECT_EQ(got, "s3cret \"quoted\"");
  const auto generated = berth({"instance", "passwd", "team@example.com"});
  EXPECT_EQ(generated.out, "generated\n");
  or_throw(write_file_durably(file("empty.txt"), "\n"));
  EXPECT_EQ(berth({"instance", "passwd", "team@example.com", "--password-file", file("empty.txt")}).code, 1);
}

TEST_F(Program, SecretSettingsAreNotTakenFromTheCommandLine) {
  FakeManager manager(folder.path(),
                      {{"GetSettings", [](FakeRequest& request) {
                          request.reply(api::GetSettingsResult{{{.name = "mailPassword", .secret = true}}});
                        }}});
  const auto outcome = berth({"config", "set", "mailPassword", "hunter2"});
  EXPECT_EQ(outcome.code, 2);
  EXPECT_THAT(outcome.error, HasSubstr("--value-file"));
}

TEST_F(Program, AFollowedLogEndsWithTheManager) {
  FakeManager manager(folder.path(), {{"GetLog", [](FakeRequest& request) {
                                         EXPECT_TRUE(request.as<api::GetLog>().follow);
                                         request.reply(api::GetLogResult{{"one"}, true});
                                         request.reply(api::LogLines{"notes", {"two", "th\x1bree"}});
                                         request.hang_up();
                                       }}});
  const auto outcome = berth({"log", "notes", "-f"});
  EXPECT_EQ(outcome.out, "one\ntwo\nthree\n") << "no escape sequences from a log";
  EXPECT_EQ(outcome.code, 1);
}

TEST_F(Program, TablesFitTheTerminal) {
  api::Instance long_one = team();
  long_one.path = "/example.com/" + std::string(100, 'x');
  FakeManager manager(
      folder.path(),
      {{"GetInstances", [&](FakeRequest& request) { request.reply(api::GetInstancesResult{{long_one}}); }}});
  Terminal terminal;
  terminal.out_is_terminal = true;
  terminal.color = true;
  terminal.width = 100;
  const auto outcome = berth({"instance", "ls"}, terminal);
  EXPECT_THAT(outcome.out, HasSubstr("…"));
  EXPECT_THAT(outcome.out, HasSubstr("\x1b[32m● running\x1b[0m"));
  EXPECT_THAT(berth({"--no-color", "instance", "ls"}, terminal).out, Not(HasSubstr("\x1b[")));
}

api::BackupPolicy nightly() {
  return {.name = "nightly",
          .target = "disk",
          .schedule = "daily 02:00",
          .keep = "daily=7",
          .would_back_up = {"manager", "team@example.com"}};
}

TEST_F(Program, BackupRunTakesTheOnlyPolicyAndTellsItsSet) {
  api::Job job{.id = "7", .kind = api::JobKind::kBackup, .state = api::JobState::kDone};
  job.result = api::JsonObject{{"set", "20261122-020000-3fa9"}, {"bytes", 2048}};
  FakeManager manager(
      folder.path(),
      {{"GetBackupPolicies",
        [](FakeRequest& request) { request.reply(api::GetBackupPoliciesResult{{nightly()}}); }},
       {"RunBackup", [&](FakeRequest& request) {
          EXPECT_EQ(request.as<api::RunBackup>().policy, "nightly");
          request.reply(api::RunBackupResult{job});
        }}});
  const auto rehearsal = berth({"backup", "run", "--dry-run"});
  EXPECT_THAT(rehearsal.out + rehearsal.error, HasSubstr("back up team@example.com to disk"));
  const auto outcome = berth({"backup", "run"});
  EXPECT_EQ(outcome.code, 0) << outcome.error;
  EXPECT_EQ(outcome.out, "20261122-020000-3fa9: 2.0 KiB\n");
}

TEST_F(Program, BackupGetWritesAWholeFileOrNone) {
  FakeManager manager(folder.path(), {{"FetchBackup", [](FakeRequest& request) {
                                         const auto message = request.as<api::FetchBackup>();
                                         ASSERT_EQ(request.descriptors().size(), 1u);
                                         ASSERT_TRUE(write_all(request.descriptors()[0].get(), "PGDMP"));
                                         if (message.name != "team")
                                           request.fail(Errc::kMalformed, "damaged");
                                         else request.reply(api::FetchBackupResult{5});
                                       }}});
  const auto outcome = berth({"backup", "get", "s1", "team@example.com", "--file", file("team.dump")});
  EXPECT_EQ(outcome.code, 0) << outcome.error;
  EXPECT_EQ(read_file(file("team.dump")).value(), "PGDMP");
  EXPECT_NE(berth({"backup", "get", "s1", "manager", "-o", file("manager.dump")}).code, 0);
  EXPECT_FALSE(path_exists(file("manager.dump")));
}

TEST_F(Program, BackupPolicySetChangesOnlyWhatIsGiven) {
  FakeManager manager(
      folder.path(),
      {{"GetBackupPolicies",
        [](FakeRequest& request) { request.reply(api::GetBackupPoliciesResult{{nightly()}}); }},
       {"SetBackupPolicy", [](FakeRequest& request) {
          const auto policy = request.as<api::SetBackupPolicy>().policy;
          EXPECT_EQ(policy.schedule, "daily 02:00");
          EXPECT_EQ(policy.keep, "daily=14");
          EXPECT_EQ(policy.scope, api::BackupScope::kInstance);
          EXPECT_EQ(policy.instance, "team");
          EXPECT_EQ(policy.domain, "example.com");
          EXPECT_THAT(policy.excluded, ElementsAre("a@x", "b@x"));
          request.reply(api::SetBackupPolicyResult{policy});
        }}});
  EXPECT_EQ(berth({"backup", "policy", "set", "nightly", "--keep", "daily=14", "--of", "team@example.com",
                   "--exclude", "a@x, b@x"})
                .code,
            0);
  EXPECT_EQ(berth({"backup", "policy", "set", "new"}).code, 2) << "a new one needs a target";
}

TEST_F(Program, BackupPlanSaysWhatGoesAndWhy) {
  FakeManager manager(folder.path(), {{"PlanBackupPrune", [](FakeRequest& request) {
                                         EXPECT_EQ(request.as<api::PlanBackupPrune>().keep, "daily=1");
                                         api::PlanBackupPruneResult result;
                                         result.verdicts = {
                                             {"s2", "2026-11-22T02:00:00Z", true, {"newest"}},
                                             {"s1", "2026-11-21T02:00:00Z", false, {"no rule keeps it"}}};
                                         request.reply(result);
                                       }}});
  const auto outcome = berth({"backup", "plan", "nightly", "--keep", "daily=1", "--preview"});
  EXPECT_EQ(outcome.code, 0) << outcome.error;
  EXPECT_THAT(outcome.out, HasSubstr("goes"));
  EXPECT_THAT(outcome.out, HasSubstr("no rule keeps it"));
  EXPECT_EQ(berth({"--quiet", "backup", "plan", "nightly", "--keep", "daily=1"}).out, "s1\n");
}

TEST_F(Program, TheKeySheetGoesIntoAFileThatOnlyItsOwnerReads) {
  FakeManager manager(folder.path(), {{"GetBackupKeys", [](FakeRequest& request) {
                                         api::GetBackupKeysResult result;
                                         result.keys = {{"disk", "directory", "/mnt/disk", {}, {"the key"}}};
                                         request.reply(result);
                                       }}});
  EXPECT_EQ(berth({"backup", "key-sheet", "--file", file("keys.txt")}).code, 0);
  EXPECT_THAT(read_file(file("keys.txt")).value(), HasSubstr("Key         the key"));
  struct stat info{};
  ASSERT_EQ(::stat(file("keys.txt").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
}

TEST_F(Program, APlatformDoesNotComeBackWhereSomethingStandsInTheWay) {
  ASSERT_TRUE(write_file_durably(file("key"), "the key\n", 0600));
  FakeManager manager(folder.path(), {{"RestorePlatform", [](FakeRequest& request) {
                                         const auto message = request.as<api::RestorePlatform>();
                                         EXPECT_EQ(message.target.place, "/mnt/disk");
                                         EXPECT_EQ(message.target.repository_key->value, "the key");
                                         api::RestorePlatformResult result;
                                         result.obstacles = {"this platform has 2 instances already"};
                                         request.reply(result);
                                       }}});
  const auto outcome = berth({"platform", "restore", "--from", "/mnt/disk", "--key-file", file("key")});
  EXPECT_EQ(outcome.code, 4);
  EXPECT_THAT(outcome.error, HasSubstr("has 2 instances already"));
}

TEST_F(Program, MonitorShowsNowMeanPeakAndTheCurve) {
  api::GetMonitorResult told;
  told.step = 10;
  told.series = {{"webserver", "cpu", "percent", {-1, 10, 20, 30}, {}},
                 {"webserver", "memory", "bytes", {-1, -1}, {}},
                 {"webserver", "bytesIn", "bytes/s", {1024, 2048}, {4096, 2048}}};
  told.markers = {{"2026-11-22T11:00:00Z", "death", "webserver", "signal 11", "", true}};
  api::GetMonitor asked;
  FakeManager manager(folder.path(), {{"GetMonitor", [&](FakeRequest& request) {
                                         asked = request.as<api::GetMonitor>();
                                         request.reply(told);
                                       }}});
  const auto outcome = berth({"monitor", "show", "webserver", "--since", "24h"});
  EXPECT_EQ(outcome.code, 0) << outcome.error;
  EXPECT_THAT(asked.subjects, ElementsAre("webserver"));
  EXPECT_EQ(asked.seconds, 86'400u);
  EXPECT_THAT(outcome.out, HasSubstr("30 %       20 %       30 %   ▃▆█"));
  EXPECT_THAT(outcome.out, HasSubstr("2.0 KiB/s  1.5 KiB/s  4.0 KiB/s"));
  EXPECT_THAT(outcome.out, Not(HasSubstr("memory")));  // nothing is known of it
  EXPECT_THAT(outcome.out, HasSubstr("1 h ago  death  webserver  signal 11"));
  EXPECT_EQ(berth({"monitor", "show", "--since", "yesterday"}).code, static_cast<int>(ExitCode::kUsage));
}

TEST_F(Program, PlatformDiskSaysWhenItIsFullAndWhoFillsIt) {
  api::GetDiskResult disk;
  disk.total_bytes = 100;
  disk.used_bytes = 60;
  disk.free_bytes = 40;
  disk.threshold = 95;
  disk.warning = 85;
  disk.are_apps_held = true;
  disk.forecast = api::DiskForecast{9, "team@example.com", 1 << 30};
  FakeManager manager(folder.path(), {{"GetDisk", [&](FakeRequest& request) { request.reply(disk); }}});
  const auto outcome = berth({"platform", "disk"});
  EXPECT_THAT(outcome.out, HasSubstr("60 B of 100 B used (60.0 %), 40 B free"));
  EXPECT_THAT(outcome.out, HasSubstr("full in 9 days: team@example.com grows 1.0 GiB a day"));
  EXPECT_THAT(outcome.error, HasSubstr("berth platform start-apps"));
}

TEST_F(Program, UsageIsATableOrCsvWithoutFormulas) {
  api::GetUsageResult told;
  told.from = "2026-11-01";
  told.to = "2026-11-22";
  api::UsageRow row;
  row.domain = "=1+1";
  row.name = "team";
  row.service = "notes";
  row.cpu_seconds = 12.5;
  row.memory_gib_hours = 0.25;
  row.database_bytes = 8 << 20;
  row.requests = 77;
  row.slowed = 3;
  told.rows = {row};
  api::GetUsage asked;
  FakeManager manager(folder.path(), {{"GetUsage", [&](FakeRequest& request) {
                                         asked = request.as<api::GetUsage>();
                                         request.reply(told);
                                       }}});
  const auto table = berth({"usage", "team@example.com", "--from", "2026-11-01", "--by-day"});
  EXPECT_EQ(table.code, 0) << table.error;
  EXPECT_EQ(asked.domain, "example.com");
  EXPECT_EQ(asked.name, "team");
  EXPECT_EQ(asked.from, "2026-11-01");
  EXPECT_TRUE(asked.by_day);
  EXPECT_THAT(table.out, HasSubstr("12 s"));
  EXPECT_THAT(table.out, HasSubstr("0.25 GiB·h"));
  EXPECT_THAT(table.out, HasSubstr("8.0 MiB"));
  const auto csv = berth({"usage", "example.com", "--csv"});
  EXPECT_EQ(asked.name, std::nullopt);
  EXPECT_THAT(csv.out,
              HasSubstr("\r\n,\"'=1+1\",team,notes,12.500,0.2500,8388608,77,0.00,0,0,0,0,0.000,3,0\r\n"));
  EXPECT_EQ(berth({"usage", "team@"}).code, static_cast<int>(ExitCode::kUsage));
}

TEST_F(Program, LimitsAreAddedToThoseThatAreSetAndClearedTogether) {
  api::GetLimitsResult known;
  api::LimitsOf of;
  of.domain = "example.com";
  of.name = "team";
  of.own.messages = 200;
  of.effective = {.database_bytes = 0,
                  .websockets = 0,
                  .requests = 0,
                  .messages = 200,
                  .database_connections = 4,
                  .statement_seconds = 60};
  of.database_state = "fine";
  known.limits = {of};
  std::vector<api::SetLimits> asked;
  FakeManager manager(folder.path(), {{"GetLimits", [&](FakeRequest& request) { request.reply(known); }},
                                      {"SetLimits", [&](FakeRequest& request) {
                                         asked.push_back(request.as<api::SetLimits>());
                                         request.reply(api::SetLimitsResult{of});
                                       }}});
  const auto list = berth({"limit", "ls"});
  EXPECT_THAT(list.out, HasSubstr("team@example.com"));
  EXPECT_THAT(list.out, HasSubstr("60 s"));
  EXPECT_EQ(berth({"limit", "set", "team@example.com", "--requests", "5", "--dry-run"}).code, 0);
  EXPECT_TRUE(asked.empty());
  EXPECT_EQ(berth({"limit", "set", "team@example.com", "--requests", "5"}).code, 0);
  EXPECT_EQ(berth({"limit", "set", "team@example.com", "--clear"}).code, 0);
  ASSERT_EQ(asked.size(), 2u);
  EXPECT_EQ(asked[0].limits.messages, 200u);
  EXPECT_EQ(asked[0].limits.requests, 5u);
  EXPECT_EQ(asked[1].limits.messages, std::nullopt);
  EXPECT_EQ(berth({"limit", "set", "team@example.com"}).code, static_cast<int>(ExitCode::kUsage));
}

}  // namespace
}  // namespace berth::cli
