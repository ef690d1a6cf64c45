// Jobs: long work of the manager that goes on whoever watches.
#pragma once

#include "api/json.h"
#include "api/state.h"

namespace berth::api {

struct Job {
  static constexpr std::string_view kName = "Job";
  std::string id;
  JobKind kind = JobKind{};
  std::string title;
  std::string target;  // service id or name@domain
  JobState state = JobState{};
  std::uint64_t step = 0;  // 1…steps
  std::uint64_t steps = 0;
  std::string step_text;
  std::uint64_t percent = 0;  // 0…100
  std::optional<std::string> started_at;
  std::optional<std::string> ended_at;
  std::string by;  // who asked
  std::optional<std::string> error;
  std::optional<Json> result;
  static constexpr auto fields() {
    return std::tuple(field("id", &Job::id), field("kind", &Job::kind), with_default("title", &Job::title),
                      with_default("target", &Job::target), field("state", &Job::state),
                      with_default("step", &Job::step), with_default("steps", &Job::steps),
                      with_default("stepText", &Job::step_text), with_default("percent", &Job::percent),
                      field("startedAt", &Job::started_at), field("endedAt", &Job::ended_at),
                      with_default("by", &Job::by), field("error", &Job::error),
                      field("result", &Job::result));
  }
};

struct JobLogLine {
  static constexpr std::string_view kName = "JobLogLine";
  std::string at;
  std::string text;
  static constexpr auto fields() {
    return std::tuple(field("at", &JobLogLine::at), field("text", &JobLogLine::text));
  }
};

struct GetJobsResult {
  static constexpr std::string_view kMt = "GetJobsResult";
  std::vector<Job> jobs;  // newest first
  static constexpr auto fields() { return std::tuple(field("jobs", &GetJobsResult::jobs)); }
};

struct GetJobs {
  static constexpr std::string_view kMt = "GetJobs";
  using Answer = GetJobsResult;
  std::uint64_t limit = 100;
  static constexpr auto fields() { return std::tuple(with_default("limit", &GetJobs::limit)); }
};

struct GetJobResult {
  static constexpr std::string_view kMt = "GetJobResult";
  Job job;
  std::vector<JobLogLine> log;
  static constexpr auto fields() {
    return std::tuple(field("job", &GetJobResult::job), with_default("log", &GetJobResult::log));
  }
};

struct GetJob {
  static constexpr std::string_view kMt = "GetJob";
  using Answer = GetJobResult;
  std::string id;
  static constexpr auto fields() { return std::tuple(field("id", &GetJob::id)); }
};

struct CancelJobResult {
  static constexpr std::string_view kMt = "CancelJobResult";
  static constexpr auto fields() { return std::tuple(); }
};

// kConflict if it is past the point where that is safe.
struct CancelJob {
  static constexpr std::string_view kMt = "CancelJob";
  using Answer = CancelJobResult;
  std::string id;
  static constexpr auto fields() { return std::tuple(field("id", &CancelJob::id)); }
};

struct JobChanged {
  static constexpr std::string_view kMt = "JobChanged";
  Job job;
  static constexpr auto fields() { return std::tuple(field("job", &JobChanged::job)); }
};

}  // namespace berth::api
