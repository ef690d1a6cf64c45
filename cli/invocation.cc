#include "cli/invocation.h"

#include <iostream>

#include "api/subscribe.h"
#include "loop/sync.h"

namespace berth::cli {
namespace {

constexpr std::chrono::seconds kJobLimit{3600};
constexpr std::chrono::milliseconds kReconnectPause{200};

Error error_of(const api::Job& job) {
  const auto error = job.error.value_or("");
  if (job.state == api::JobState::kCancelled)
    return {Errc::kFailed, fmt::format("job {} was cancelled", job.id)};
  return {Errc::kFailed, fmt::format("{}: {} (berth job show {})", job.title.empty() ? job.target : job.title,
                                     error.empty() ? "failed" : error, job.id)};
}

}  // namespace

loop::Task<Session*> Invocation::session() {
  if (!session_) session_ = co_await connect(loop_, line_.options);
  co_return session_.get();
}

InstanceName Invocation::instance_name(std::string_view parameter) const {
  const auto& text = line_.arguments.text(parameter);
  const auto at = text.rfind('@');
  if (at == std::string::npos || at == 0 || at + 1 == text.size())
    throw_usage("{}: an instance is named name@domain, for example team@example.com", text);
  return {text.substr(0, at), text.substr(at + 1)};
}

void Invocation::confirm(std::string_view warning, std::string_view word) {
  if (line_.options.yes || line_.options.dry_run) return;
  if (!output_.terminal().in_is_terminal || output_.is_json())
    throw_usage("{} Add --yes if that is what you want", warning);
  output_.note(fmt::format("{}\nType {} to go on: ", warning, word));
  std::string typed;
  std::getline(std::cin, typed);
  if (typed != word) throw_failure(Errc::kCancelled, "not confirmed, nothing was changed");
}

bool Invocation::is_rehearsal(std::vector<std::string> plan) {
  if (!line_.options.dry_run) return false;
  if (output_.is_json()) {
    output_.print_json(api::JsonObject{{"dryRun", true}, {"plan", api::to_json(plan)}});
  } else {
    for (const auto& step : plan) output_.print_line(fmt::format("would {}", step));
  }
  return true;
}

void Invocation::show_progress(const api::Job& job) {
  const auto title = job.title.empty() ? fmt::format("{} {}", api::word_of(job.kind), job.target) : job.title;
  std::string step;
  if (job.steps > 0) step = fmt::format("  step {} of {}", job.step, job.steps);
  output_.progress(fmt::format("{}  {} %{}  {}", title, job.percent, step, job.step_text));
}

loop::Task<api::Job> Invocation::watch(api::Job job) {
  while (!api::is_final(job.state)) {
    bool is_lost = false;
    try {
      auto* connected = co_await session();
      // First the subscription, then the state: so no change is missed in between.
      co_await cli::ask(*connected, api::Subscribe{{api::Topic::kJobs}});
      job = (co_await cli::ask(*connected, api::GetJob{job.id})).job;
      while (!api::is_final(job.state)) {
        show_progress(job);
        const auto message = co_await connected->indication();
        const auto envelope = api::parse_envelope(message);
        if (!envelope || envelope->mt != api::JobChanged::kMt) continue;
        auto changed = or_throw(api::parse_message<api::JobChanged>(message));
        if (changed.job.id == job.id) job = std::move(changed.job);
      }
    } catch (const Failure& failure) {
      if (failure.error().code != Errc::kUnavailable) throw;
      is_lost = true;
    }
    if (is_lost) {
      // The manager is being restarted; jobs outlive that.
      drop_session();
      co_await loop::sleep_for(loop_, kReconnectPause);
    }
  }
  co_return job;
}

loop::Task<api::Job> Invocation::finish(api::Job job) {
  if (!waits()) co_return job;
  const std::string id = job.id;
  const auto limit = timeout_or(kJobLimit);
  try {
    auto watching = watch(std::move(job));
    job = co_await loop::with_timeout(loop_, limit, std::move(watching));
  } catch (const Failure& failure) {
    if (failure.error().code != Errc::kTimeout) throw;
    throw_failure(Errc::kTimeout, "not done after {} s; the work goes on: berth job show {}", limit.count(),
                  id);
  }
  output_.progress("");
  if (job.state != api::JobState::kDone) throw Failure(error_of(job));
  co_return job;
}

void Invocation::report(const api::Job& job, std::string_view quiet, std::string_view done) {
  if (output_.is_json()) output_.print_json(api::JsonObject{{"job", api::to_json(job)}});
  else if (output_.is_quiet()) output_.print_line(quiet);
  else if (api::is_final(job.state)) output_.print_line(done);
  else output_.print_line(fmt::format("job {} works on it: berth job show {}", job.id, job.id));
}

}  // namespace berth::cli
