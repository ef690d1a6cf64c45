// Fetches the command file from time to time and does what it says.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "api/commands.h"
#include "loop/sync.h"
#include "manager/commands/command_file.h"
#include "manager/commands/command_state.h"
#include "manager/commands/upload.h"
#include "manager/instances/exports.h"
#include "manager/jobs/runner.h"
#include "manager/settings/secret_box.h"
#include "manager/settings/settings.h"

namespace berth::manager {

// Owned by the manager's main; its parts outlive it. What is due is one job at a time; every upload is noted when it is
// done, so that a job that a crash broke off goes on behind it.
class CommandRunner {
 public:
  struct Parts {
    loop::Loop& loop;
    net::HttpClient& http;
    db::Database& database;
    JobRunner& jobs;
    Instances& instances;
    Exports& exports;
    Settings& settings;
    const SecretBox& box;
    std::string platform_label;
    std::function<bool(int port)> is_own_port;
  };
  explicit CommandRunner(Parts parts);

  // Reads the last report: before jobs are resumed, which write on in it.
  Task<void> load();
  // Fetches from now on.
  void start() { settings_changed(); }
  void stop() { timer_.cancel(); }
  // After settings have changed.
  void settings_changed();

  struct Outcome {
    api::CommandFileReport report;
    std::optional<api::Job> job;  // nothing was due
  };
  // Now. Throws Failure: kConflict when no file is set, or a job runs it already.
  Task<Outcome> run_now(std::string by);

  const api::CommandFileReport& report() const { return report_; }

 private:
  // One command for one database.
  struct Act {
    BackupCommand command;
    std::string target;   // name@domain or "manager"
    std::string why_not;  // empty: due
  };

  void plan();
  Task<void> poll();
  Task<Outcome> fetch_and_start(std::string by);
  Task<std::string> fetch();
  Task<std::vector<Act>> find_acts(CommandFile file);
  std::vector<std::string> targets_of(const BackupCommand& command) const;
  JobRunner::Steps steps();
  Task<void> run(JobRun& run);
  Task<void> act(BackupCommand command, std::string target);
  Result<void> check_no_loop(const BackupCommand& command, const std::string& url) const;
  void note(const BackupCommand& command, const std::string& target, api::CommandState state,
            std::string detail);

  Parts parts_;
  CommandStore store_;
  Uploader uploader_;
  api::CommandFileReport report_;
  std::chrono::minutes poll_{0};  // as the file asks; 0: as the setting says
  std::string planned_url_;
  loop::Timer timer_;
  loop::TaskGroup tasks_;
};

}  // namespace berth::manager
