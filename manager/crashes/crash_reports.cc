#include "manager/crashes/crash_reports.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "base/file.h"
#include "base/flight_recorder.h"
#include "base/log.h"
#include "base/text.h"
#include "base/utc.h"
#include "crash/stack.h"
#include "loop/process.h"
#include "manager/crashes/kernel_log.h"
#include "manager/crashes/unnamed_file.h"
#include "manager/platform/clock.h"
#include "manager/supervise/log_folder.h"
#include "wire/json/json.h"

namespace berth::manager {

using namespace std::chrono_literals;

namespace {

constexpr auto kReduceLimit = 3min;
constexpr std::size_t kLogLines = 200;  // where there is no flight recorder

std::string clean(std::string_view line) {
  if (is_valid_utf8(line)) return std::string(line);
  std::string text;
  for (const char c : line) text += static_cast<unsigned char>(c) < 0x80 ? c : '?';
  return text;
}

std::vector<std::string> flight_lines(const std::string& memory) {
  std::vector<std::string> lines;
  const auto tape = parse_flight_recorder(memory);
  if (!tape) return lines;
  const std::size_t from = tape->entries.size() - std::min(tape->entries.size(), CrashReports::kFlightLines);
  for (std::size_t i = from; i < tape->entries.size(); ++i)
    lines.push_back(clean(format_flight_entry(tape->entries[i])));
  return lines;
}

std::vector<crash::Frame> to_frames(const std::vector<api::StackFrame>& stack) {
  std::vector<crash::Frame> frames;
  for (const auto& frame : stack)
    frames.push_back({frame.function, frame.place, frame.module, frame.address});
  return frames;
}

// The place and the group follow from the rest.
void name_group(api::CrashReport& report) {
  const auto frames = to_frames(report.stack);
  if (const int own = crash::find_own_frame(frames); own >= 0) {
    const auto& frame = frames[static_cast<std::size_t>(own)];
    report.place = frame.place.empty() ? frame.function : fmt::format("{} ({})", frame.function, frame.place);
  }
  std::string cause = report.text;
  if (report.out_of_memory) cause = "out of memory";
  else if (report.signal) cause = fmt::format("signal {}", report.signal);
  report.group = crash::group_of(report.service, cause, frames);
}

}  // namespace

void take_core_words(std::string_view output, api::CrashReport& report) {
  for (const auto line : split(output, '\n')) {
    const auto object = json::parse_object(line);
    if (!object) continue;
    if (const auto* notes = json::find_object(*object, "notes")) {
      const auto address = json::get_string(*notes, "address");
      if (!address.empty()) report.text += " at address " + address.substr(0, 20);
      report.threads =
          static_cast<std::uint64_t>(std::max<std::int64_t>(0, json::get_integer(*notes, "threads")));
    }
    if (object->contains("coreBytes"))
      report.core_bytes =
          static_cast<std::uint64_t>(std::max<std::int64_t>(0, json::get_integer(*object, "coreBytes")));
    if (const auto* stack = json::find_array(*object, "stack"))
      for (const auto& entry : *stack) {
        auto frame = api::from_json<api::StackFrame>(entry);
        if (frame && report.stack.size() < crash::kMostFrames) report.stack.push_back(std::move(*frame));
      }
  }
}

CrashReports::CrashReports(loop::Loop& loop, const Layout& layout, std::string program)
    : loop_(loop),
      layout_(layout),
      program_(std::move(program)),
      core_place_(read_core_place()),
      store_(std::make_shared<ReportStore>(layout.core_dumps())),
      worker_(loop),
      one_at_a_time_(loop, 1),
      tasks_(loop, "crash reports") {}

CrashReports::~CrashReports() { tasks_.cancel_all(); }

void CrashReports::begin() {
  tasks_.spawn([](CrashReports& self) -> Task<void> {
    const auto limits = self.settings().limits;
    co_await self.worker_.run([store = self.store_, limits] { return store->prune(limits); });
  }(*this));
}

CrashReports::Pending CrashReports::begin_report(api::ReportCause cause, const std::string& service,
                                                 std::uint64_t pid) {
  Pending pending;
  auto& report = pending.report;
  report.id = make_report_id(service, std::chrono::system_clock::now(), pid);
  report.cause = cause;
  report.service = service;
  report.at = utc_now();
  report.pid = pid;
  pending.log_folder = layout_.log(service == "postgres" ? "postgresql" : service);
  return pending;
}

CrashReports::Pending CrashReports::begin_report(api::ReportCause cause, const Service& service, pid_t pid) {
  auto pending = begin_report(cause, service.row().id, static_cast<std::uint64_t>(pid));
  pending.report.build = service.row().build;
  pending.report.label = service.row().label;
  if (service.isolated()) pending.report.instance = service.isolated()->key;
  pending.log_folder = service.place().logs;
  return pending;
}

void CrashReports::service_died(Service& service, const Death& death) {
  // Of those that were ended from outside there is nothing to find out.
  const bool by_kernel = death.out_of_memory || !death.kernel_word.empty();
  if ((death.status.signal == SIGKILL && !by_kernel && !death.was_hung) || death.status.signal == SIGTERM ||
      !death.status.known)
    return;
  auto pending = begin_report(api::ReportCause::kCrash, service, death.pid);
  auto& report = pending.report;
  report.text = death.how;
  report.signal = static_cast<std::uint64_t>(death.status.signal);
  report.out_of_memory = by_kernel;
  report.ran_seconds = static_cast<std::uint64_t>(death.ran.count() / 1000);
  pending.flight = service.take_flight_memory();
  if (death.dumped_core && core_place_.is_beside) {
    auto core = take_core(service.place().work, core_place_.prefix, service.row().uid);
    if (core) pending.core = std::move(*core);
    else report.core_note = core.error().detail;
  } else if (report.signal && !by_kernel && !death.was_hung) {
    report.core_note = !core_place_.is_beside       ? core_place_.why
                       : settings().core_bytes == 0 ? "core dumps are off (setting coreBytes)"
                                                    : "the kernel wrote no core dump";
  }
  if (tasks_.size() >= kAtMostWaiting && pending.core) {
    pending.core.reset();
    report.core_note = "too many crashed at once";
  }
  tasks_.spawn(complete(std::move(pending)));
}

void CrashReports::process_died(const std::string& name, const Death& death) {
  const bool by_kernel = death.out_of_memory || !death.kernel_word.empty();
  if ((death.status.signal == SIGKILL && !by_kernel && !death.was_hung) || death.status.signal == SIGTERM ||
      !death.status.known)
    return;
  auto pending = begin_report(api::ReportCause::kCrash, name, static_cast<std::uint64_t>(death.pid));
  pending.report.text = death.how;
  pending.report.signal = static_cast<std::uint64_t>(death.status.signal);
  pending.report.out_of_memory = by_kernel;
  pending.report.ran_seconds = static_cast<std::uint64_t>(death.ran.count() / 1000);
  pending.report.core_note = "core dumps are taken of app services";
  tasks_.spawn(complete(std::move(pending)));
}

void CrashReports::alarm_raised(Service& service, const std::string& text) {
  auto memory = service.read_flight_memory();
  if (!memory) return;  // nothing to save
  auto& last = alarms_[service.name()];
  if (last != loop::TimePoint{} && loop_.now() - last < kAlarmPause) return;
  last = loop_.now();
  auto pending = begin_report(api::ReportCause::kAlarm, service, std::max<pid_t>(0, service.process().pid()));
  pending.report.text = clean(text).substr(0, 500);
  pending.flight = std::move(*memory);
  tasks_.spawn(complete(std::move(pending)));
}

Task<api::CrashReport> CrashReports::make(Service& service, bool core) {
  const pid_t pid = service.process().pid();
  if (pid <= 0) throw_failure(Errc::kUnavailable, "{} does not run", service.name());
  auto pending = begin_report(api::ReportCause::kRequest, service, pid);
  pending.report.text = core ? "asked for, with its memory" : "asked for";
  pending.of_living = true;
  if (auto memory = service.read_flight_memory()) pending.flight = std::move(*memory);
  if (core) {
    const auto limit = settings().core_bytes;
    if (limit == 0) throw_failure(Errc::kDenied, "core dumps are off (setting coreBytes)");
    pending.core = co_await dump(pid, limit);
  }
  co_return co_await finish(std::move(pending));
}

Task<UniqueFd> CrashReports::dump(pid_t pid, std::uint64_t limit_bytes) {
  or_throw(make_directories(layout_.core_dumps(), 0700));
  UniqueFd file = or_throw(make_unnamed_file(layout_.core_dumps()));
  loop::CommandOptions command;
  command.spawn.program = program_;
  command.spawn.arguments = {"dump", std::to_string(pid), std::to_string(limit_bytes)};
  command.spawn.descriptors = {{file.get(), 4}};
  auto running = loop::run_command(loop_, std::move(command));
  const auto done = co_await loop::with_timeout(loop_, kReduceLimit, std::move(running), "core dump");
  if (!done.status.is_success())
    throw_failure(Errc::kFailed, "no core dump: {}",
                  trim(done.errors).empty() ? done.status.describe() : std::string(trim(done.errors)));
  co_return std::move(file);
}

Task<void> CrashReports::complete(Pending pending) {
  const std::string id = pending.report.id;
  try {
    const auto report = co_await finish(std::move(pending));
    if (report.cause == api::ReportCause::kCrash)
      log_warning("crash report", {{"id", report.id}, {"how", report.text}, {"place", report.place}});
    if (made) made(report);
  } catch (const Failure& failure) {
    log_error("no crash report", {{"id", id}, {"error", failure.error().detail}});
  }
}

Task<void> CrashReports::reduce_core(Pending& pending) {
  auto& report = pending.report;
  or_throw(store_->make_folder(report.service));
  const std::string path = or_throw(store_->path_of(report.id, ".core.zst"));
  const UniqueFd packed(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!packed) throw Failure(errno_error(errno, "open " + path));
  struct stat info{};
  if (::fstat(pending.core.get(), &info) != 0) throw Failure(errno_error(errno, "core dump"));
  loop::CommandOptions command;
  command.spawn.program = program_;
  // As its owner, who may read no more than the service could.
  command.spawn.arguments = {"collect", std::to_string(info.st_uid),
                             std::to_string(settings().core_bytes * 2)};
  command.spawn.descriptors = {{pending.core.get(), 3}, {packed.get(), 4}};
  std::string trouble;
  try {
    auto running = loop::run_command(loop_, std::move(command));
    const auto done = co_await loop::with_timeout(loop_, kReduceLimit, std::move(running), "core dump");
    take_core_words(done.output, report);
    if (!done.status.is_success())
      trouble = trim(done.errors).empty() ? done.status.describe() : clean(trim(done.errors).substr(0, 500));
  } catch (const Failure& failure) {
    trouble = failure.error().detail;
  }
  if (!trouble.empty()) report.core_note = "its core dump tells no more: " + trouble;
  if (report.core_bytes == 0) ::unlink(path.c_str());
}

Task<api::CrashReport> CrashReports::finish(Pending pending) {
  const auto permit = co_await one_at_a_time_.acquire();
  auto& report = pending.report;
  if (report.text.empty()) report.text = "ended";
  auto trace = co_await worker_.run([memory = std::move(pending.flight)] { return flight_lines(memory); });
  if (trace.empty()) trace = read_tail(pending.log_folder, kLogLines, "").lines;
  report.trace_lines = trace.size();
  if (pending.core) co_await reduce_core(pending);
  if (report.cause == api::ReportCause::kCrash) name_group(report);
  const auto limits = settings().limits;
  const auto put = co_await worker_.run([store = store_, report, trace = std::move(trace), limits] {
    return store->put(report, trace, limits);
  });
  or_throw(put);
  co_return std::move(report);
}

Task<api::GetCrashesResult> CrashReports::list(std::string service) {
  auto result = co_await worker_.run([store = store_, service, limits = settings().limits] {
    api::GetCrashesResult told;
    told.reports = store->list(service);
    told.groups = store->groups();
    if (!service.empty())
      std::erase_if(told.groups, [&](const auto& group) { return group.service != service; });
    told.bytes = store->prune(limits);
    return told;
  });
  if (!core_place_.is_beside) result.core_note = core_place_.why;
  else if (settings().core_bytes == 0) result.core_note = "core dumps are off (setting coreBytes)";
  co_return std::move(result);
}

Task<api::GetCrashResult> CrashReports::get(std::string id) {
  auto found = co_await worker_.run([store = store_, id]() -> Result<api::GetCrashResult> {
    api::GetCrashResult told;
    BERTH_TRY(told.report, store->get(id));
    told.trace = store->trace(id);
    if (told.trace.size() > ReportLimits::kTraceLines)
      told.trace.erase(told.trace.begin(), told.trace.end() - ReportLimits::kTraceLines);
    return told;
  });
  co_return or_throw(std::move(found));
}

Task<std::uint64_t> CrashReports::remove(api::RemoveCrashes which) {
  const auto removed = co_await worker_.run([store = store_, which] {
    if (which.id) return store->remove(*which.id);
    if (which.group) return store->remove_group(*which.group);
    return store->remove_all();
  });
  if (which.id && removed == 0) throw_failure(Errc::kNotFound, "there is no report {}", *which.id);
  co_return removed;
}

Task<UniqueFd> CrashReports::open_core(std::string id) { co_return or_throw(store_->open_core(id)); }

Task<void> CrashReports::settle() { co_await tasks_.empty().wait(); }

}  // namespace berth::manager
