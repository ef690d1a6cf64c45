// What stands behind one AppWebsocket path: who may log in, what sessions can ask.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "berth/app_session.h"
#include "berth/websocket.h"

namespace berth::sdk {

class Api;
class SessionHandler;

// Content of AppInfoResult for one app.
struct AppInfo {
  bool hidden = false;
  json::Object apis;          // info.apis: name → properties; offered to others through the PBX
  json::Object service_apis;  // serviceInfo.apis
  json::Value presence;       // true or text if the app answers presence subscriptions; null: left out
  std::string device_app;     // "phone", "softphone", "rcc" or ""
};

// An AppInstance is one (for its own path); an instance may have more (attach_app_websocket()).
// Must outlive its attach. Calls for one session come one after another, those of different
// sessions side by side. An exception that leaves a call is logged; in received() it also becomes an
// answer with `error`, and the session lives on. Messages that came whole before the client went
// are still worked off (see WebsocketHandler).
class AppEndpoint {
 public:
  AppEndpoint() = default;
  AppEndpoint(const AppEndpoint&) = delete;
  AppEndpoint& operator=(const AppEndpoint&) = delete;
  virtual ~AppEndpoint();

  // The passwords this login may have been made with, tried in order. May take its time (database). An instance gives
  // its password, then that of the registered domain `login.domain()`. For AppCheckLogin only app and
  // domain are set. Nothing is sent to the client that tells which one it was.
  virtual loop::Task<std::vector<std::string>> passwords(AppInstance& instance, Login login);
  // Asked after the digest was right; an error refuses with its detail. Default: everybody.
  virtual Result<void> admit(AppInstance& instance, const Login& login);

  // After AppLoginResult has been sent.
  virtual loop::Task<void> opened(AppSession& session);
  // A message without `api`, or with one that nobody registered. Unknown `mt`: ignore, do not close.
  virtual loop::Task<void> received(AppSession& session, Message message);
  // The last call for this session.
  virtual void closed(AppSession& session);

  // Default: the announced APIs of add_api().
  virtual AppInfo app_info(AppSession& session, std::string_view app);

  // Messages with `api` of that name go there. Must outlive the endpoint's sessions.
  void add_api(Api& api);
  Api* find_api(std::string_view name) const;

  // Logged-in sessions, in no order. Valid until control goes back to the loop.
  std::span<AppSession* const> sessions() const { return sessions_; }
  // To all sessions, with one copy.
  void broadcast(const json::Object& message);

 private:
  friend class SessionHandler;
  std::vector<Api*> apis_;
  std::vector<AppSession*> sessions_;
};

// A named API: handles messages with `api` = name().
class Api {
 public:
  virtual ~Api() = default;
  virtual std::string_view name() const = 0;
  // Properties for AppInfoResult's info.apis; nullopt: not announced.
  virtual std::optional<json::Object> announced() const { return std::nullopt; }
  virtual loop::Task<void> received(AppSession& session, Message message) = 0;
  virtual void closed(AppSession& session) {}
};

// Sessions that asked to be told of changes, each with the `src` and `api` of its request
// (every later indication carries them). Sessions must be removed in closed().
class Subscribers {
 public:
  void add(AppSession& session, const Message& request);
  void remove(AppSession& session);
  bool contains(AppSession& session) const { return heads_.contains(&session); }
  bool empty() const { return heads_.empty(); }
  std::size_t size() const { return heads_.size(); }
  // One copy for each different src/api; clients of one page usually use the same.
  void publish(const json::Object& indication) const;
  // As publish(), but only to those that `wants` says.
  void publish_if(const std::function<bool(AppSession&)>& wants, const json::Object& indication) const;

 private:
  std::unordered_map<AppSession*, std::string> heads_;  // serialised api and src members
};

}  // namespace berth::sdk
