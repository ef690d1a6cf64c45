// What a command has at hand while it runs.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "api/job.h"
#include "cli/exit_code.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/session.h"
#include "loop/loop.h"

namespace berth::cli {

struct InstanceName {
  std::string name, domain;
  std::string format() const { return name + '@' + domain; }
};

class Invocation {
 public:
  Invocation(loop::Loop& loop, ParsedLine line, Output output)
      : loop_(loop), line_(std::move(line)), output_(std::move(output)) {}

  loop::Loop& loop() { return loop_; }
  const GlobalOptions& options() const { return line_.options; }
  const Arguments& arguments() const { return line_.arguments; }
  Output& output() { return output_; }

  // Connects at the first call.
  loop::Task<Session*> session();
  template <api::Request T>
  loop::Task<typename T::Answer> ask(T request) {
    auto* connected = co_await session();
    co_return co_await cli::ask(*connected, std::move(request));
  }
  // The next session() connects anew.
  void drop_session() { session_.reset(); }

  // "team@example.com" of a positional; UsageError if it is not of that form.
  InstanceName instance_name(std::string_view parameter = "INSTANCE") const;

  // Before something that cannot be undone: goes on with --yes, asks on a terminal for `word` to be typed;
  // else UsageError.
  void confirm(std::string_view warning, std::string_view word);

  // With --dry-run: prints the plan and gives true.
  bool is_rehearsal(std::vector<std::string> plan);

  // Waits for the end of a job, unless --no-wait, with progress on a terminal; survives a restart of the
  // manager. Throws Failure(kFailed) with the job's error, kTimeout while it goes on. Gives the job as it was last seen.
  loop::Task<api::Job> finish(api::Job job);
  // Tells what finish() gave: the job for programs, `quiet` with --quiet, `done` when it has ended, else where to look.
  void report(const api::Job& job, std::string_view quiet, std::string_view done);
  bool waits() const { return line_.options.wait; }
  std::chrono::seconds timeout_or(std::chrono::seconds fallback) const {
    return line_.options.timeout.count() ? line_.options.timeout : fallback;
  }

 private:
  loop::Task<api::Job> watch(api::Job job);
  void show_progress(const api::Job& job);

  loop::Loop& loop_;
  ParsedLine line_;
  Output output_;
  std::unique_ptr<Session> session_;
};

}  // namespace berth::cli
