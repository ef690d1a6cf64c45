#include "manager/commands/command_runner.h"
#include "manager/instances/keeper.h"

#include <algorithm>

#include "base/bytes.h"
#include "base/log.h"
#include "base/text.h"
#include "base/time_zone.h"
#include "manager/commands/hash_parameters.h"
#include "manager/platform/clock.h"
#include "manager/platform/own_mac.h"
#include "manager/settings/certificate.h"
#include "net/url.h"

namespace berth::manager {
namespace {

using std::chrono::floor;
using std::chrono::sys_seconds;
using std::chrono::system_clock;

constexpr std::string_view kUrl = "commandFileUrl", kPoll = "commandFileMinutes",
                           kFingerprint = "commandFileFingerprint", kUser = "commandFileUser",
                           kPassword = "commandFilePassword";
constexpr std::string_view kManager = "manager";
constexpr std::string_view kJobTarget = "command-file";
// Platforms that were started together do not all ask at once.
constexpr std::chrono::seconds kFirstPollWithin{60};

sys_seconds now() { return floor<std::chrono::seconds>(system_clock::now()); }

std::string format_hash_time(sys_seconds time) {
  const auto day = floor<std::chrono::days>(time);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(time - day);
  return fmt::format("{:04}{:02}{:02}-{:02}{:02}{:02}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     clock.hours().count(), clock.minutes().count(), clock.seconds().count());
}

// Under which a job keeps how an upload ended.
std::string key_of(const BackupCommand& command, const std::string& target) {
  return fmt::format("{}, {}", command.line, target);
}

}  // namespace

CommandRunner::CommandRunner(Parts parts)
    : parts_(std::move(parts)),
      store_(parts_.database),
      uploader_(parts_.loop, parts_.http),
      timer_(parts_.loop),
      tasks_(parts_.loop, "command file") {
  parts_.jobs.add_kind(api::JobKind::kCommands, [this](const JobEntry&) { return steps(); });
}

Task<void> CommandRunner::load() { report_ = co_await store_.report(); }

void CommandRunner::settings_changed() {
  const auto& url = parts_.settings.text(kUrl);
  if (url == planned_url_ && !url.empty() && timer_.is_running()) return;
  if (url != planned_url_ && !planned_url_.empty()) poll_ = {};
  planned_url_ = url;
  if (url.empty()) {
    timer_.cancel();
    report_ = {};
    return;
  }
  report_.url = shown_url(url);
  const auto wait = std::chrono::seconds(random_bytes(1)[0] % kFirstPollWithin.count());
  report_.next = format_utc(system_clock::now() + wait);
  timer_.start(wait, [this] { tasks_.spawn(poll()); });
}

void CommandRunner::plan() {
  const auto wait = poll_.count() > 0 ? poll_ : std::chrono::minutes(parts_.settings.number(kPoll));
  report_.next = format_utc(system_clock::now() + wait);
  timer_.start(wait, [this] { tasks_.spawn(poll()); });
}

Task<void> CommandRunner::poll() {
  plan();
  if (parts_.jobs.find_running(std::string(kJobTarget))) co_return;  // the next time then
  try {
    co_await fetch_and_start("command file");
  } catch (const Failure& failure) {
    log_warning("command file", {{"error", failure.error().detail}});  // it is in the report as well
  }
}

Task<CommandRunner::Outcome> CommandRunner::run_now(std::string by) {
  if (parts_.settings.text(kUrl).empty())
    throw_failure(Errc::kConflict, "no command file is set: berth config set {} https://…", kUrl);
  if (const auto busy = parts_.jobs.find_running(std::string(kJobTarget)))
    throw_failure(Errc::kConflict, "job {} is running the command file already", busy->id);
  plan();
  co_return co_await fetch_and_start(std::move(by));
}

Task<std::string> CommandRunner::fetch() {
  net::HttpRequest request;
  request.url = parts_.settings.text(kUrl);
  request.user = parts_.settings.text(kUser);
  request.password = (co_await parts_.settings.secret(kPassword)).value_or("");
  request.pinned_fingerprint = parts_.settings.text(kFingerprint);
  request.limit_bytes = kMaxCommandFile;
  auto response = co_await parts_.http.fetch(std::move(request));
  if (response.status != 200)
    throw_failure(Errc::kUnavailable, "the server answers {} to {}", response.status, report_.url);
  co_return std::move(response.body);
}

Task<CommandRunner::Outcome> CommandRunner::fetch_and_start(std::string by) {
  const std::string url = parts_.settings.text(kUrl);
  report_.url = shown_url(url);
  report_.fetched = format_utc(now());
  report_.error.clear();
  std::string text;
  CommandFile file;
  std::optional<Error> error;
  try {
    text = co_await fetch();
    file = or_throw(parse_command_file(text));
  } catch (const Failure& failure) {
    error = failure.error();
  }
  if (error) {
    if (error->detail.starts_with(url)) error->detail = report_.url + error->detail.substr(url.size());
    report_.error = error->detail;
    co_await store_.set_report(report_);
    throw Failure(*error);
  }
  if (file.poll && *file.poll != poll_) {
    poll_ = *file.poll;
    plan();
  }

  report_.lines.clear();
  for (const auto& fault : file.faults)
    report_.lines.push_back({fault.line, "", "", api::CommandState::kFailed, fault.text, report_.fetched});
  bool is_due = false;
  const auto acts = co_await find_acts(std::move(file));
  for (const auto& act : acts) {
    is_due |= act.why_not.empty();
    report_.lines.push_back({act.command.line, act.command.shown, act.target,
                             act.why_not.empty() ? api::CommandState::kWaiting : api::CommandState::kSkipped,
                             act.why_not, ""});
  }
  std::sort(report_.lines.begin(), report_.lines.end(), [](const auto& a, const auto& b) {
    return std::tie(a.line, a.target) < std::tie(b.line, b.target);
  });
  Outcome outcome;
  if (is_due) {
    NewJob job;
    job.kind = api::JobKind::kCommands;
    job.title = "Command file";
    job.target = kJobTarget;
    job.by = std::move(by);
    job.data["file"] = parts_.box.seal(text);  // it may hold passwords
    outcome.job = or_throw(co_await parts_.jobs.start(std::move(job)));
    report_.job = outcome.job->id;
  }
  co_await store_.set_report(report_);
  outcome.report = report_;
  co_return outcome;
}

std::vector<std::string> CommandRunner::targets_of(const BackupCommand& command) const {
  if (command.what != "all") return {command.what};
  std::vector<std::string> targets;
  for (const auto& [key, row] : parts_.instances.all())
    if (row.is_made && !row.is_deleted() && row.is_in_backups()) targets.push_back(key);
  return targets;
}

Task<std::vector<CommandRunner::Act>> CommandRunner::find_acts(CommandFile file) {
  const auto zone = TimeZone::parse(parts_.settings.text("timezone")).value_or(TimeZone());
  const auto moment = now();
  const auto local = zone.to_local(moment);
  const auto today = floor<std::chrono::days>(local);
  const int hour = static_cast<int>(floor<std::chrono::hours>(local - today).count());
  const int weekday = static_cast<int>(std::chrono::weekday(today).c_encoding());
  std::vector<Act> acts;
  for (auto& command : file.commands) {
    for (auto& target : targets_of(command)) {
      Act act{command, target, {}};
      if (!command.guard.allows(hour, weekday)) act.why_not = "not at this hour or day";
      else act.why_not = why_not_due(command, co_await store_.find(command, target), moment);
      acts.push_back(std::move(act));
    }
  }
  co_return acts;
}

JobRunner::Steps CommandRunner::steps() {
  JobStep step;
  step.text = "run the commands";
  step.run = [this](JobRun& run) { return this->run(run); };
  return {std::move(step)};
}

Task<void> CommandRunner::run(JobRun& run) {
  const auto text = or_throw(parts_.box.unseal(run.text("file")));
  auto acts = co_await find_acts(or_throw(parse_command_file(text)));
  if (!run.data()["ended"].is_object()) run.data()["ended"].emplace_object();
  std::size_t ended = 0;
  for (const auto& [command, target, why_not] : acts) {
    ++ended;
    const auto key = key_of(command, target);
    if (!why_not.empty() || run.data()["ended"].as_object().contains(key)) continue;
    std::string trouble;
    try {
      co_await act(command, target);
    } catch (const Failure& failure) {
      trouble = failure.error().detail;
    }
    BERTH_LOG(kCommand, trouble.empty() ? "done" : "failed", {"line", command.line}, {"target", target},
              {"error", trouble});
    run.log(fmt::format("line {}, {}: {}", command.line, target, trouble.empty() ? "done" : trouble));
    note(command, target, trouble.empty() ? api::CommandState::kDone : api::CommandState::kFailed, trouble);
    co_await store_.set_report(report_);
    run.data()["ended"].as_object()[key] = trouble;
    co_await run.save();
    run.progress(ended * 100 / acts.size());
  }
  std::vector<std::string> troubles;
  for (const auto& [key, trouble] : run.data()["ended"].as_object())
    if (!trouble.as_string().empty())
      troubles.push_back(
          fmt::format("line {}: {}", std::string_view(key), std::string_view(trouble.as_string())));
  // What went well is remembered; only what failed is due again.
  if (!troubles.empty())
    throw_failure(Errc::kFailed, "{} of {} failed: {}", troubles.size(), ended, troubles.front());
}

Task<void> CommandRunner::act(BackupCommand command, std::string target) {
  const bool is_manager = target == kManager;
  InstanceRow row;
  if (!is_manager) {
    const auto at = target.rfind('@');
    row = or_throw(parts_.instances.get(target.substr(0, at), target.substr(at + 1)));
  }
  const auto memory = co_await store_.find(command, target);
  const int limit = or_throw(find_rolling_limit(command.place.url)).value_or(0);
  HashParameters values;
  values.platform_label = parts_.platform_label;
  values.instance = is_manager ? target : row.name;
  values.domain = is_manager ? "" : row.domain;
  const Service* service = is_manager ? nullptr : parts_.instances.services().find(row.service);
  values.app_label = service ? service->row().build : parts_.platform_label;
  values.mac = own_mac();
  values.utc = format_hash_time(now());
  values.index = limit > 0 ? memory.next_index % (limit + 1) : 0;

  auto place = command.place;
  place.url = or_throw(expand_hashes(place.url, values, true));
  or_throw(check_no_loop(command, place.url));
  co_await uploader_.put(
      std::move(place), [this, row, is_manager, format = command.format](BackupSink& sink) {
        return is_manager ? parts_.exports.write_manager(format, sink)
                          : parts_.exports.write_instance(row.name, row.domain, format, sink);
      });
  co_await store_.done(command, target, memory, limit);
}

// S207: backups that are kept in an instance which is itself backed up grow without end.
Result<void> CommandRunner::check_no_loop(const BackupCommand& command, const std::string& text) const {
  BERTH_TRY(const auto url, net::parse_url(text));
  const auto* keeper =
      find_keeper(parts_.instances, parts_.settings.text("dnsName"), parts_.is_own_port, url);
  if (!keeper) return {};
  return fail(Errc::kConflict,
              "{} of this platform would keep the backups and is backed up itself: exclude it from backup, "
              "or send line {} elsewhere",
              keeper->key(), command.line);
}

void CommandRunner::note(const BackupCommand& command, const std::string& target, api::CommandState state,
                         std::string detail) {
  for (auto& line : report_.lines) {
    if (line.line != command.line || line.target != target) continue;
    line.state = state;
    line.detail = std::move(detail);
    line.at = format_utc(now());
    return;
  }
}

}  // namespace berth::manager
