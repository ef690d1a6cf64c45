// The manager gives way to a newer build of itself, and the webserver to one of its own.
#include <algorithm>

#include "base/log.h"
#include "manager/platform/platform_parts.h"
#include "manager/platform/version.h"

namespace berth::manager {

using namespace std::chrono_literals;

// Ends when no webserver is being replaced.
Task<void> Platform::Parts_::settled() {
  while (webserver_.is_replacing()) co_await webserver_.settled().wait();
}

Task<Successor> Platform::Parts_::ask_to_replace(bool webserver, WhenBusy when_busy) {
  const auto refuse_if_busy = [this] {
    if (!is_up_ || is_stopping_)
      throw_failure(Errc::kConflict, "the manager is {}; try again when it runs",
                    is_stopping_ ? "stopping or being replaced" : "starting");
    if (webserver_.is_replacing())
      throw_failure(Errc::kConflict, "the webserver is being replaced; try again in a moment");
  };
  if (when_busy == WhenBusy::kRefuse) refuse_if_busy();
  co_await started_.wait();  // hand_over() needs that; it is a moment after is_up_
  if (when_busy == WhenBusy::kWait) co_await settled();
  refuse_if_busy();
  auto successor = co_await check_successor(loop_, program_, arguments_);
  if (when_busy == WhenBusy::kWait) co_await settled();
  refuse_if_busy();
  log_info("will be replaced", {{"version", successor.version}, {"build", successor.build}});
  is_stopping_ = true;  // nobody asks twice
  inherited_.webserver = webserver;
  replace_asked_.set();
  co_return successor;
}

Task<Handover> Platform::Parts_::hand_over() {
  const auto limit = std::chrono::seconds(settings_.number("replaceWaitSeconds"));
  const auto deadline = loop_.now() + limit;
  stop_timers();
  co_await jobs_.hold(limit);
  co_await admin_.finish_requests(std::max<loop::Duration>(deadline - loop_.now(), 0s));
  Handover left;
  left.version = platform_version();
  left.build = platform_build();
  left.webserver = inherited_.webserver;
  left.lock = std::move(inherited_.lock);
  left.admin = admin_socket_->release();
  co_await stop_own_instances();
  left.control = control_->release();
  co_await usage_.stop();
  co_await alarms_.stop();
  jobs_.drop_all();
  tasks_.cancel_all();
  admin_database_.release();
  database_.release();
  log_info("hands over");
  co_return left;
}

// What an earlier manager started for its jobs and did not wait for: they begin it again, and this one is of nobody any more.
void Platform::Parts_::take_leave_of_strays() {
  for (const pid_t pid : own_children()) {
    const auto& known = table_.records();
    if (std::any_of(known.begin(), known.end(), [pid](const auto& entry) { return entry.second.pid == pid; }))
      continue;
    tasks_.spawn([](loop::Loop& loop, pid_t stray) -> Task<void> {
      auto watch = loop::ProcessWatch::make(loop, stray);
      if (!watch) co_return;
      const auto status = co_await (*watch)->wait();
      log_info("a process of the manager before has ended", {{"pid", stray}, {"how", status.describe()}});
    }(loop_, pid));
  }
}

Task<api::ReplaceWebserverResult> Platform::Parts_::replace_webserver() {
  if (!is_up_ || is_stopping_)
    throw_failure(Errc::kConflict, "the manager starts or stops; try again when it runs");
  const std::chrono::seconds limit = drain_limit();
  const auto replaced = co_await webserver_.replace(limit);
  api::ReplaceWebserverResult result;
  result.version = replaced.version;
  result.websockets = replaced.websockets;
  result.limit = static_cast<std::uint64_t>(limit.count());
  co_return result;
}

// After a manager that was asked to replace both.
Task<void> Platform::Parts_::replace_older_webserver() {
  if (!webserver_.has_newer_program()) co_return;
  try {
    co_await replace_webserver();
  } catch (const Failure& failure) {
    log_error("the webserver is not replaced", {{"error", failure.error().detail}});
  }
}

}  // namespace berth::manager
