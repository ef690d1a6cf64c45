// The admin messages (docs/protocols/manager.md), whichever way they come: AppWebsocket /manager or manager.sock.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "api/message.h"
#include "api/password.h"
#include "api/subscribe.h"
#include "base/unique_fd.h"
#include "manager/endpoints/downloads.h"
#include "manager/platform/parts.h"

namespace berth::manager {

// Somebody who may ask everything. Lives until closed() of the Admin.
class AdminPeer {
 public:
  virtual ~AdminPeer() = default;
  virtual void send(api::JsonObject message) = 0;
  virtual Task<void> drained() = 0;
  virtual bool is_open() const = 0;
  // For journals: the person and where the session comes from, "Admin from 127.0.0.1", "root by manager.sock".
  virtual std::string who() const = 0;
  // By manager.sock: whoever asks is on this machine.
  virtual bool is_local() const { return false; }
  // kMalformed if it cannot be decrypted.
  virtual Result<std::string> open_secret(const api::Password& password) const = 0;
  virtual api::Password seal_secret(std::string secret) const = 0;
  // Authorises HTTP requests while the peer lives; empty where there is no HTTP.
  virtual std::string http_key() = 0;
  // Ends the session (the admin password has changed).
  virtual void end(std::string reason) = 0;
};

// One request. Lives while its handler runs.
struct AdminRequest {
  AdminPeer& peer;
  api::JsonObject body;
  std::vector<UniqueFd> descriptors;
  std::string mt() const;
  // Sends `message` with the request's src and api.
  void reply(api::JsonObject message) const;
  void reply_failure(const Error& error) const;
};

// Owned by the manager's main.
class Admin {
 public:
  explicit Admin(Parts parts);
  ~Admin();

  // Answers one message; unknown ones are answered with an Error if they have a src. Never throws.
  Task<void> received(AdminPeer& peer, api::JsonObject body, std::vector<UniqueFd> descriptors = {});
  void closed(AdminPeer& peer);

  // What the parts report; goes to those who subscribed.
  void service_changed(const Service& service);
  void service_removed(const std::string& id);
  void instance_changed(const InstanceRow& row);
  void instance_removed(const std::string& name, const std::string& domain);
  void job_changed(const api::Job& job);
  void status_changed();
  void store_changed();

  // Done when no request is being answered, at most after `limit`.
  Task<void> finish_requests(loop::Duration limit);

  Parts& parts() { return parts_; }
  Downloads& downloads() { return downloads_; }

  // Registers a handler for requests of type T: `Task<T::Answer>(T, AdminRequest&)`. What it throws becomes the answer's error.
  template <class T>
  void on(std::function<Task<typename T::Answer>(T, AdminRequest&)> handler) {
    handlers_[std::string(T::kMt)] = [handler = std::move(handler)](AdminRequest& request) -> Task<void> {
      auto message = or_throw(api::parse_message<T>(request.body));
      const typename T::Answer answer = co_await handler(std::move(message), request);
      request.reply(api::format_message(answer));
    };
  }
  // A handler that answers by itself.
  void on_raw(std::string mt, std::function<Task<void>(AdminRequest&)> handler) {
    handlers_[std::move(mt)] = std::move(handler);
  }

 private:
  struct Subscription {
    AdminPeer* peer;
    api::Json src;
    std::set<api::Topic> topics;
  };
  struct Follow;
  void add_status();
  void add_replace();
  void add_services();
  void add_instances();
  void add_databases();
  void add_alarms();
  void add_monitor();
  void add_usage();
  void add_capture();
  void add_crashes();
  void add_external();
  void add_move();
  void add_jobs();
  void add_store();
  void add_settings();
  void add_logs();
  void add_original();
  void add_backups();
  void add_backup_places();
  void add_time_machine();
  void publish(api::Topic topic, const api::JsonObject& message);
  bool has_subscribers(api::Topic topic) const;
  bool is_watched() const;  // by somebody who sees numbers that change without an event
  Task<void> tick();
  Task<void> refresh();

  Parts parts_;
  std::map<std::string, std::function<Task<void>(AdminRequest&)>> handlers_;
  std::vector<Subscription> subscriptions_;
  std::vector<std::unique_ptr<Follow>> follows_;
  std::map<std::string, std::string> last_instance_;  // as published, to send changes only
  Downloads downloads_;
  loop::Timer status_timer_, tick_timer_;
  std::size_t busy_ = 0;  // requests that are being answered
  loop::Event idle_;      // none is
  loop::TaskGroup tasks_;
};

}  // namespace berth::manager
