// A conversation with a manager, near or far.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/instance.h"
#include "api/message.h"
#include "base/unique_fd.h"
#include "cli/options.h"
#include "loop/loop.h"
#include "loop/task.h"

namespace berth::cli {

// Owned by the Invocation. One task uses it.
class Session {
 public:
  virtual ~Session() = default;

  // The answer to `message`, which gets a src of its own. Throws Failure: kUnavailable if the manager
  // goes away, kTimeout after `limit`.
  virtual loop::Task<api::JsonObject> request(api::JsonObject message, loop::Duration limit) = 0;
  // What comes after a subscription, in order.
  virtual loop::Task<api::JsonObject> indication() = 0;

  // The whole file of an instance into `target`. Gives its size.
  virtual loop::Task<std::uint64_t> backup(std::string name, std::string domain, UniqueFd target) = 0;
  // One backup out of a set into `target`; without name and domain the manager's own. Gives its size.
  virtual loop::Task<std::uint64_t> fetch_backup(std::string set, std::string name, std::string domain,
                                                 UniqueFd target) = 0;
  // The answer to a request whose file goes into `target`, with its size in `bytes`, however long it takes.
  virtual loop::Task<api::JsonObject> write_to(api::JsonObject message, UniqueFd target) = 0;
  // The job that brings a file back, as name@domain if they are not empty. `onto_external`: also onto a server that is
  // not the platform's own.
  virtual loop::Task<api::Job> restore(std::string name, std::string domain, bool onto_external,
                                       UniqueFd source) = 0;
  // The job that installs a package file; `id` empty: of the only app in it.
  virtual loop::Task<api::Job> install_package(std::string id, UniqueFd source) = 0;

  // Secrets as they go through this conversation.
  virtual api::Password seal(std::string secret) const = 0;
  virtual std::string open(const api::Password& password) const = 0;
};

// Connects to what the options name. Throws Failure(kUnavailable) with what to do if nothing runs
// there, kDenied.
loop::Task<std::unique_ptr<Session>> connect(loop::Loop& loop, GlobalOptions options);

// How long an answer may take; work that takes longer is a job.
inline constexpr std::chrono::seconds kAnswerLimit{60};

// Sends a request, gives its answer; a failure that it tells is thrown.
template <api::Request T>
loop::Task<typename T::Answer> ask(Session& session, T request) {
  auto answer = co_await session.request(api::format_message(request), kAnswerLimit);
  co_return or_throw(api::parse_answer<typename T::Answer>(answer));
}

}  // namespace berth::cli
