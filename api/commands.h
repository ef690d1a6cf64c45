// The command file: what a platform does because a file on a server says so.
#pragma once

#include "api/job.h"
#include "api/json.h"
#include "api/state.h"

namespace berth::api {

// One line, for one instance.
struct CommandLine {
  static constexpr std::string_view kName = "CommandLine";
  std::uint64_t line = 0;  // number in the file, from 1
  std::string text;        // without secrets
  std::string target;      // name@domain, "manager"; empty: the line itself is meant
  CommandState state = CommandState{};
  std::string detail;  // what went wrong, or why it is not due
  std::string at;      // when that was; empty: not yet
  static constexpr auto fields() {
    return std::tuple(field("line", &CommandLine::line), with_default("text", &CommandLine::text),
                      with_default("target", &CommandLine::target), field("state", &CommandLine::state),
                      with_default("detail", &CommandLine::detail), with_default("at", &CommandLine::at));
  }
};

struct CommandFileReport {
  static constexpr std::string_view kName = "CommandFileReport";
  std::string url;      // without secrets; empty: no command file is set
  std::string fetched;  // when it was last had, or tried
  std::string error;    // why it could not be had
  std::string next;     // when it is fetched again
  std::string job;      // id of the newest job that ran it
  std::vector<CommandLine> lines;
  static constexpr auto fields() {
    return std::tuple(
        with_default("url", &CommandFileReport::url), with_default("fetched", &CommandFileReport::fetched),
        with_default("error", &CommandFileReport::error), with_default("next", &CommandFileReport::next),
        with_default("job", &CommandFileReport::job), with_default("lines", &CommandFileReport::lines));
  }
};

struct GetCommandFileResult {
  static constexpr std::string_view kMt = "GetCommandFileResult";
  CommandFileReport report;
  static constexpr auto fields() { return std::tuple(field("report", &GetCommandFileResult::report)); }
};

struct GetCommandFile {
  static constexpr std::string_view kMt = "GetCommandFile";
  using Answer = GetCommandFileResult;
  static constexpr auto fields() { return std::tuple(); }
};

struct RunCommandFileResult {
  static constexpr std::string_view kMt = "RunCommandFileResult";
  CommandFileReport report;
  std::optional<Job> job;  // absent: nothing is due
  static constexpr auto fields() {
    return std::tuple(field("report", &RunCommandFileResult::report),
                      field("job", &RunCommandFileResult::job));
  }
};

// Fetches it now and does what is due.
struct RunCommandFile {
  static constexpr std::string_view kMt = "RunCommandFile";
  using Answer = RunCommandFileResult;
  static constexpr auto fields() { return std::tuple(); }
};

}  // namespace berth::api
