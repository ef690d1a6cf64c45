// Crash reports, traces, flight recorders, support bundle.
#include "api/crash.h"
#include "api/trace.h"
#include "base/flight_recorder.h"
#include "base/log.h"
#include "base/text.h"
#include "manager/backup/sink.h"
#include "manager/crashes/support_bundle.h"
#include "manager/endpoints/admin.h"
#include "manager/endpoints/log_follow.h"
#include "manager/settings/timed_mode.h"

namespace berth::manager {
namespace {

constexpr std::uint64_t kMostLines = 20'000;

std::shared_ptr<Service> find_process(const Parts& parts, const std::string& text,
                                      const std::string& instance = {}) {
  auto process = parts.services.find_process(text, instance);
  if (!process) throw_failure(Errc::kNotFound, "there is no service {}", text);
  return process;
}

std::string valid(std::string line) {
  if (is_valid_utf8(line)) return line;
  for (char& c : line)
    if (static_cast<unsigned char>(c) >= 0x80) c = '?';
  return line;
}

api::GetFlightRecorderResult read_flight(const Service& service, const api::GetFlightRecorder& message) {
  const auto tape = or_throw(parse_flight_recorder(or_throw(service.read_flight_memory())));
  api::GetFlightRecorderResult result;
  result.torn = tape.torn;
  result.truncated = tape.is_full;
  const auto limit = std::min(message.lines, kMostLines);
  const std::string subject = message.instance ? *message.instance + " " : "";
  for (const auto& entry : tape.entries)
    if (subject.empty() || entry.text.starts_with(subject))
      result.lines.push_back(valid(format_flight_entry(entry)));
  if (result.lines.size() > limit) {
    result.lines.erase(result.lines.begin(), result.lines.end() - static_cast<std::ptrdiff_t>(limit));
    result.truncated = true;
  }
  return result;
}

// Whoever is admin on this machine could enter by other means, too; this one is looked at beforehand, ends, and is told.
api::OpenServiceShellResult open_shell(Parts& parts, const std::string& id, const std::string& by) {
  if (!parts.settings.flag(kAppSecurityOff.flag))
    throw_failure(
        Errc::kDenied,
        "app security is on: berth config set appSecurityOff true lets admins of this machine look into "
        "apps, for appSecurityOffHours");
  const auto process = find_process(parts, id);
  const Service& service = *process;
  if (service.process().pid() <= 0) throw_failure(Errc::kConflict, "{} does not run", id);
  Condition event;
  event.key = "shell/" + id;
  event.code = alarm_code::kService;
  event.source = id;
  event.text = fmt::format("A shell was opened within {} by {}.", service.title(), by);
  event.details = "It has the rights of the app: data and passwords of all its instances.";
  event.command = "berth config set appSecurityOff false";
  parts.alarms.event(std::move(event));
  log_warning("shell opened", {{"service", id}, {"by", by}});
  return {service.process().pid(), static_cast<std::int64_t>(parts.services.uid_of(service.row().id)),
          service.place().work, parts.settings.text(kAppSecurityOff.ends)};
}

// For whoever sent a descriptor: all of it into that. For a session elsewhere: an address to fetch it from.
template <class T>
Task<T> hand_out(Parts& parts, Downloads& downloads, Downloads::Slot slot, AdminRequest& request,
                 FileExport file) {
  T result;
  if (request.descriptors.empty()) {
    result.download = downloads.offer(std::move(slot), request.peer, std::move(file));
    co_return result;
  }
  const UniqueFd target = std::move(request.descriptors.front());
  DescriptorSink sink(parts.loop, target.get());
  result.bytes = co_await write_file(parts.loop, std::move(file), sink);
  co_return result;
}

// What goes into a descriptor takes no place among the downloads.
Downloads::Slot reserve(Downloads& downloads, const AdminRequest& request) {
  if (!request.descriptors.empty()) return {};
  if (request.peer.is_local())
    throw_failure(Errc::kMalformed, "{} comes with the descriptor to write to", request.mt());
  return downloads.reserve();
}

}  // namespace

void Admin::add_crashes() {
  on<api::OpenServiceShell>(
      [this](api::OpenServiceShell message, AdminRequest& request) -> Task<api::OpenServiceShellResult> {
        if (!request.peer.is_local())
          throw_failure(Errc::kDenied, "a shell opens on the platform's own machine only: log in there");
        co_return open_shell(parts_, message.id, request.peer.who());
      });
  on<api::GetCrashes>([this](api::GetCrashes message, AdminRequest&) -> Task<api::GetCrashesResult> {
    co_return co_await parts_.crashes.list(message.service.value_or(""));
  });
  on<api::GetCrash>([this](api::GetCrash message, AdminRequest&) -> Task<api::GetCrashResult> {
    co_return co_await parts_.crashes.get(message.id);
  });
  on<api::RemoveCrashes>([this](api::RemoveCrashes message, AdminRequest&) -> Task<api::RemoveCrashesResult> {
    api::RemoveCrashesResult result;
    result.removed = co_await parts_.crashes.remove(std::move(message));
    co_return result;
  });
  on<api::MakeReport>([this](api::MakeReport message, AdminRequest&) -> Task<api::MakeReportResult> {
    api::MakeReportResult result;
    const auto process = find_process(parts_, message.service);
    result.report = co_await parts_.crashes.make(*process, message.core);
    co_return result;
  });
  on<api::FetchCore>([this](api::FetchCore message, AdminRequest& request) -> Task<api::FetchCoreResult> {
    auto slot = reserve(downloads_, request);
    FileExport core;
    core.name = message.id + ".core";
    core.file = co_await parts_.crashes.open_core(message.id);
    core.is_compressed = true;
    co_return co_await hand_out<api::FetchCoreResult>(parts_, downloads_, std::move(slot), request,
                                                      std::move(core));
  });
  on<api::MakeSupportBundle>(
      [this](api::MakeSupportBundle message, AdminRequest& request) -> Task<api::MakeSupportBundleResult> {
        auto slot = reserve(downloads_, request);
        FileExport bundle;
        bundle.name = "berth-support.tar.zst";
        bundle.content_type = "application/zstd";
        bundle.file = co_await make_support_bundle(parts_, message.cores);
        co_return co_await hand_out<api::MakeSupportBundleResult>(parts_, downloads_, std::move(slot),
                                                                  request, std::move(bundle));
      });
  on<api::GetTraces>([this](api::GetTraces, AdminRequest&) -> Task<api::GetTracesResult> {
    co_return api::GetTracesResult{parts_.traces.list()};
  });
  on<api::SetTrace>([this](api::SetTrace message, AdminRequest& request) -> Task<api::SetTraceResult> {
    api::SetTraceResult result;
    result.trace =
        co_await parts_.traces.set(message.target, message.flags, message.minutes, request.peer.who());
    co_return result;
  });
  on<api::GetFlightRecorder>(
      [this](api::GetFlightRecorder message, AdminRequest&) -> Task<api::GetFlightRecorderResult> {
        const auto process = find_process(parts_, message.service, message.instance.value_or(""));
        co_return read_flight(*process, message);
      });
}

}  // namespace berth::manager
