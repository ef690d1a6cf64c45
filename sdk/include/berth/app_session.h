// One logged-in AppWebsocket.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "berth/login.h"
#include "berth/message.h"
#include "loop/task.h"

namespace berth::sdk {

class AppEndpoint;
class AppInstance;
class SessionHandler;
class SessionState;

// Lives from AppEndpoint::opened() until AppEndpoint::closed() has returned.
class AppSession {
 public:
  AppInstance& instance() const;
  AppEndpoint& endpoint() const;
  const Login& login() const;
  std::string_view app() const { return login().app(); }
  std::string_view domain() const { return login().domain(); }
  std::string_view sip() const { return login().sip(); }
  std::string_view guid() const { return login().guid(); }
  std::string_view dn() const { return login().dn(); }
  std::string peer() const;  // "127.0.0.1:51234"

  // Queues one message (JSON text, made small). Above 4 MiB waiting for a slow client the session is closed
  // with 1013.
  void send(const json::Object& message);
  void send_text(std::string_view json_text);
  // Answers a request: see make_answer().
  void reply(const Message& request, json::Object answer);
  // {"mt":"…Result","error":detail,"errorCode":"not_found"}
  void reply_error(const Message& request, const Error& error);
  // Waits until everything sent so far is on its way; at once if closed.
  loop::Task<void> drained();
  void close(std::uint16_t code = 1000, std::string reason = {});
  bool is_open() const;

  // Secrets inside messages (reference/appwebsocket.md section 4). `seed` is made by the sender.
  std::string encrypt(std::string_view seed, std::string_view text) const;  // hex
  std::optional<std::string> decrypt(std::string_view seed, std::string_view hex) const;
  std::string hash(std::string_view seed, std::string_view text) const;  // hex
  std::string session_key() const;                                       // hex; a secret
  // {"value": …, "key": seed} → text; a plain string as it is; nullopt for anything else.
  std::optional<std::string> open_secret(const json::Value& value) const;
  json::Object seal_secret(std::string_view text) const;

  // State of the application for this session; goes with it.
  struct Data {
    virtual ~Data() = default;
  };
  std::unique_ptr<Data> data;

 private:
  friend class SessionState;
  friend void broadcast_text(std::span<AppSession* const> sessions, std::string_view text);
  AppSession() = default;
  ~AppSession() = default;
  const SessionState& state() const;
  AppSession(const AppSession&) = delete;
};

// Sends one message to many sessions with one copy on the link. Sessions that are closed are skipped.
void broadcast(std::span<AppSession* const> sessions, const json::Object& message);

}  // namespace berth::sdk
