// How one webserver follows another: WebserverControl::replace() and what comes of it.
#include "manager/control/webserver_succession.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>

#include "base/log.h"
#include "base/text.h"
#include "base/utc.h"
#include "manager/control/webserver_successor.h"
#include "manager/platform/clock.h"
#include "wire/json/json.h"

namespace berth::manager {

using namespace std::chrono_literals;

namespace {

constexpr auto kReadyLimit = 20s;  // from its start until it has its configuration
constexpr auto kFollowLimit = 5s;  // for all services to attach there, too; they take milliseconds
constexpr auto kLookInterval = 20ms;
constexpr auto kDrainLook = 5s;
constexpr auto kEndLimit = 10s;
constexpr int kListenersFd = 3;

}  // namespace

bool WebserverControl::has_newer_program() const {
  return process_->pid() > 0 && is_another_program(process_->pid(), options_.program);
}

Task<WebserverControl::Replaced> WebserverControl::replace(std::chrono::seconds limit) {
  if (is_replacing()) throw_failure(Errc::kConflict, "the webserver is being replaced already");
  if (!primary_ || !primary_->is_ready || !process_->is_wanted())
    throw_failure(Errc::kUnavailable, "the webserver does not serve now; try again when it does");
  if (!primary_->hands_over)
    throw_failure(
        Errc::kUnsupported,
        "the webserver that runs is of a build that cannot hand over; stop the platform and start it "
        "again this once");
  if (draining_.size() >= kMostDraining)
    throw_failure(
        Errc::kConflict,
        "{} webservers that were replaced still serve their connections; wait until one of them has "
        "ended, or lower webserverDrainMinutes",
        draining_.size());
  settled_.reset();
  struct Done {
    loop::Event& settled;
    ~Done() { settled.set(); }
  } done{settled_};

  Replaced replaced;
  replaced.version = co_await check_webserver(loop_, options_.program);
  std::optional<Error> error;
  try {
    co_await prepare_successor();
  } catch (...) {
    error = current_error();
  }
  if (error) {
    co_await give_up_successor();
    throw Failure(std::move(*error).within("the webserver is not replaced and serves as before"));
  }
  co_await promote_successor(limit, replaced);
  co_return replaced;
}

// Ends with a successor that has all paths and waits for its clients.
Task<void> WebserverControl::prepare_successor() {
  // It may go at any moment, and its line with it.
  const auto old = [this]() -> ControlPeer& {
    if (!primary_) throw_failure(Errc::kUnavailable, "the old webserver has gone meanwhile");
    return primary_->peer;
  };
  auto listeners = co_await fetch_listeners(old);
  std::vector<UniqueFd> end;
  end.push_back(post_listeners(std::move(listeners)));
  co_await start_successor(std::move(end));
  co_await wait_until_ready();
  if (!successor_) co_return;
  ControlPeer& peer = old();
  successor_->is_announced = true;
  json::Object leave{{"mt", "SetRole"}, {"role", "leaving"}};
  co_await peer.ask(std::move(leave));
  co_await wait_until_followed();
}

Task<void> WebserverControl::start_successor(std::vector<UniqueFd> listeners) {
  auto made = co_await plan();
  const UniqueFd output(::open(made.output.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640));
  if (!output) throw Failure(errno_error(errno, "open " + made.output));
  const std::string starting = table_.starting_path(std::string(kSuccessorName));
  auto& spawn = made.spawn;
  spawn.arguments.insert(spawn.arguments.end(), {"--listeners", std::to_string(kListenersFd)});
  spawn.descriptors = {{output.get(), 1}, {output.get(), 2}, {listeners.front().get(), kListenersFd}};
  spawn.in_child = [&starting] { return note_own_pid(starting.c_str()); };
  const pid_t pid = or_throw(loop::spawn(spawn));
  successor_ = std::make_unique<Successor>(loop_, pid);
  ProcessRecord record;
  record.name = kSuccessorName;
  record.pid = pid;
  record.start_time = loop::process_start_time(pid).value_or(0);
  record.program = spawn.program;
  record.started_at = utc_now();
  or_throw(table_.put(std::move(record)));
  log_info("successor of the webserver started", {{"pid", pid}});
}

Task<void> WebserverControl::wait_until_ready() {
  const auto deadline = loop_.now() + kReadyLimit;
  for (;;) {
    if (!successor_) co_return;  // it is the webserver by now: the old one died
    if (successor_->has_ended())
      throw_failure(Errc::kFailed, "the new webserver ended: {}: {}", successor_->ending.take().describe(),
                    last_words());
    if (const auto line = lines_.find(successor_->pid()); line != lines_.end() && line->second->is_ready)
      co_return;
    if (loop_.now() >= deadline) throw_failure(Errc::kTimeout, "the new webserver does not report");
    co_await loop::sleep_for(loop_, kLookInterval);
  }
}

// All that is attached at the old one is at the new one, too. A service that does not follow in time is hung or gone, and
// would be as unreachable at the old one.
Task<void> WebserverControl::wait_until_followed() {
  const auto deadline = loop_.now() + kFollowLimit;
  for (;;) {
    if (!successor_ || !primary_) co_return;
    if (successor_->has_ended()) throw_failure(Errc::kFailed, "the new webserver ended: {}", last_words());
    const auto line = lines_.find(successor_->pid());
    if (line == lines_.end()) throw_failure(Errc::kUnavailable, "the new webserver went away");
    json::Object request{{"mt", "GetCounters"}, {"attaches", false}};
    auto copy = request;
    const auto here = co_await primary_->peer.ask(std::move(request));
    if (!successor_ || !lines_.contains(successor_->pid())) continue;
    const auto there = co_await lines_.at(successor_->pid())->peer.ask(std::move(copy));
    const auto wanted = json::get_integer(here, "following"), has = json::get_integer(there, "routed");
    if (has >= wanted) co_return;
    if (loop_.now() >= deadline) {
      log_warning("not all services have attached at the new webserver in time",
                  {{"wanted", wanted}, {"there", has}});
      co_return;
    }
    co_await loop::sleep_for(loop_, kLookInterval);
  }
}

Task<void> WebserverControl::give_up_successor() {
  // The old one has just died: its successor is found instead of it (find_successor()).
  if (process_->pid() == 0) co_return;
  const auto given_up = std::move(successor_);
  if (given_up) {
    given_up->watch->send_signal(SIGKILL);
    co_await given_up->ending.done().wait();
    if (const auto removed = table_.remove(std::string(kSuccessorName)); !removed)
      log_error("process table not written", {{"error", removed.error().detail}});
  }
  // Services that have gone to the other come back: their links are accepted again.
  if (!primary_) co_return;
  try {
    json::Object serve{{"mt", "SetRole"}, {"role", "serving"}};
    co_await primary_->peer.ask(std::move(serve));
  } catch (const Failure& failure) {
    log_warning("the webserver was not told to go on", {{"error", failure.error().detail}});
  }
}

// From here on there is no way back, and none is needed: whoever dies, the other one, or the next, serves.
Task<void> WebserverControl::promote_successor(std::chrono::seconds limit, Replaced& replaced) {
  if (!successor_) co_return;  // promoted already: the old one died
  if (!process_->is_wanted()) {
    co_await give_up_successor();
    throw_failure(Errc::kConflict, "the platform is being stopped");
  }
  const pid_t old = process_->pid(), next = successor_->pid();
  const std::string drain_name = fmt::format("{}{}", kDrainPrefix, old);
  if (const auto written = table_.succeed("webserver", std::string(kSuccessorName), drain_name); !written)
    log_error("process table not written", {{"error", written.error().detail}});
  successor_.reset();
  process_->follow();
  add_drain(table_.records().at(drain_name));
  const auto line = lines_.find(next);
  set_primary(line == lines_.end() ? nullptr : line->second);
  log_info("webserver replaced", {{"old", old}, {"new", next}});
  moved_.set();
  if (changed) changed();
  const auto tell_one = [this](pid_t pid, json::Object message) -> Task<void> {
    const auto found = lines_.find(pid);
    if (found == lines_.end()) co_return;
    try {
      co_await found->second->peer.ask(std::move(message));
    } catch (const Failure& failure) {
      log_warning("a webserver does not answer", {{"pid", pid}, {"error", failure.error().detail}});
    }
  };
  // Both accept for a moment, from the same queues: none refuses.
  json::Object serve{{"mt", "SetRole"}, {"role", "serving"}};
  co_await tell_one(next, std::move(serve));
  json::Object drain{{"mt", "Drain"}, {"limitSeconds", limit.count()}};
  co_await tell_one(old, std::move(drain));
  json::Object count{{"mt", "GetCounters"}, {"attaches", false}, {"files", true}};
  if (const auto found = lines_.find(old); found != lines_.end()) {
    try {
      auto counted = co_await found->second->peer.ask(std::move(count));
      note_files(counted);
      note_counts(old, counted);
      replaced.websockets = static_cast<std::uint64_t>(json::get_integer(counted, "websockets"));
    } catch (const Failure&) {
      // It had no connections and has ended.
    }
  }
  if (changed) changed();
}

// --- those that drain ---

void WebserverControl::add_drain(ProcessRecord record) {
  auto watch = loop::ProcessWatch::make(loop_, record.pid);
  if (!watch) {  // it has ended this moment
    if (const auto removed = table_.remove(record.name); !removed)
      log_error("process table not written", {{"error", removed.error().detail}});
    return;
  }
  auto drain = std::make_unique<Drain>();
  drain->pid = record.pid;
  drain->name = record.name;
  drain->started_at = record.started_at;
  drain->until = format_utc(std::chrono::system_clock::now() + drain_limit());
  drain->watch = std::move(*watch);
  Drain& added = *drain;
  draining_[record.pid] = std::move(drain);
  tasks_.spawn(watch_drain(added));
}

Task<void> WebserverControl::watch_drain(Drain& drain) {
  const auto status = co_await drain.watch->wait();
  const bool is_bad = status.known && !status.is_success() && !drain.is_ended_by_us;
  log_event(is_bad ? LogLevel::kWarning : LogLevel::kInfo, "webserver drained",
            {{"pid", drain.pid}, {"how", status.describe()}});
  if (const auto removed = table_.remove(drain.name); !removed)
    log_error("process table not written", {{"error", removed.error().detail}});
  if (is_bad && died) {
    Death death;
    death.pid = drain.pid;
    death.status = status;
    death.how = status.describe();
    died(death);
  }
  draining_.erase(drain.pid);
  if (changed) changed();
}

// A setting may have changed it, and a manager that adopts does not know when it began.
void WebserverControl::note_end(pid_t pid, const json::Object& told) {
  const auto found = draining_.find(pid);
  if (found == draining_.end() || !told.contains("leftSeconds")) return;
  const auto end = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()) +
                   std::chrono::seconds(json::get_integer(told, "leftSeconds"));
  std::string& until = found->second->until;
  const auto known = parse_utc(until);
  if (!known || std::chrono::abs(*known - end) > 2s) until = format_utc(end);
}

// True if something of it is new.
bool WebserverControl::note_counts(pid_t pid, const json::Object& counted) {
  const auto found = draining_.find(pid);
  if (found == draining_.end()) return false;
  Drain& drain = *found->second;
  const auto number = [&](std::string_view name) {
    return static_cast<std::uint64_t>(json::get_integer(counted, name));
  };
  const auto connections = std::exchange(drain.connections, number("connections"));
  const auto websockets = std::exchange(drain.websockets, number("websockets"));
  return connections != drain.connections || websockets != drain.websockets;
}

Task<void> WebserverControl::look_after(Line& line) {
  for (;;) {
    while (!draining_.contains(line.pid)) {
      moved_.reset();
      co_await moved_.wait();
    }
    co_await loop::sleep_for(loop_, kDrainLook);
    try {
      json::Object drain{{"mt", "Drain"}, {"limitSeconds", drain_limit().count()}};
      const auto told = co_await line.peer.ask(std::move(drain));
      note_end(line.pid, told);
      json::Object count{{"mt", "GetCounters"}, {"attaches", false}, {"files", true}};
      auto counted = co_await line.peer.ask(std::move(count));
      note_files(counted);
      if (note_counts(line.pid, counted) && changed) changed();
    } catch (const Failure& failure) {
      BERTH_LOG(kProcess, "no counters of a webserver that drains", {"error", failure.error().detail});
    }
  }
}

// --- what another manager left ---

void WebserverControl::adopt_others() {
  const auto records = table_.records();
  for (const auto& [name, record] : records) {
    if (!name.starts_with(kDrainPrefix) || name == kSuccessorName) continue;
    if (loop::process_start_time(record.pid) == record.start_time) {
      log_info("adopted a webserver that drains", {{"pid", record.pid}});
      add_drain(record);
    } else if (const auto removed = table_.remove(name); !removed) {
      log_error("process table not written", {{"error", removed.error().detail}});
    }
  }
  const auto half = table_.find_survivor(std::string(kSuccessorName), options_.program);
  if (!half || !table_.find_survivor("webserver", options_.program)) return;
  // The old one serves, and is told so with its configuration.
  log_warning("a webserver that an earlier manager did not bring to serve is ended", {{"pid", half->pid}});
  if (auto watch = loop::ProcessWatch::make(loop_, half->pid)) (*watch)->send_signal(SIGKILL);
  if (const auto removed = table_.remove(std::string(kSuccessorName)); !removed)
    log_error("process table not written", {{"error", removed.error().detail}});
}

std::optional<ProcessRecord> WebserverControl::find_successor() {
  auto record = table_.find_survivor(std::string(kSuccessorName), options_.program);
  if (!record) return std::nullopt;
  log_warning("the webserver has gone, its successor takes over at once", {{"pid", record->pid}});
  record->name = "webserver";
  if (const auto removed = table_.remove(std::string(kSuccessorName)); !removed)
    log_error("process table not written", {{"error", removed.error().detail}});
  adopted_.schedule([this, pid = record->pid] {
    successor_.reset();
    const auto line = lines_.find(pid);
    if (line == lines_.end()) return;  // it says hello later, and hears then that it serves
    set_primary(line->second);
    line->second->peer.send(configuration_for(pid));
    if (line->second->is_ready) process_->note_ready();
  });
  return record;
}

Task<void> WebserverControl::stop() {
  for (const auto& [pid, drain] : draining_) {
    drain->is_ended_by_us = true;
    drain->watch->send_signal(SIGTERM);
  }
  if (successor_) successor_->watch->send_signal(SIGKILL);
  co_await process_->stop();
  const bool gone = co_await wait_at_most(loop_, tasks_.empty(), kEndLimit);
  if (gone) co_return;
  for (const auto& [pid, drain] : draining_) drain->watch->send_signal(SIGKILL);
  co_await tasks_.empty().wait();
}

}  // namespace berth::manager
