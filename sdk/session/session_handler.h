// The AppWebsocket protocol on the sockets of one path (reference/appwebsocket.md).
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/bytes.h"
#include "berth/app_endpoint.h"
#include "berth/app_instance.h"
#include "berth/app_session.h"
#include "berth/websocket.h"
#include "sdk/session/login_throttle.h"
#include "wire/appwebsocket/login.h"

namespace berth::sdk {

// Makes challenges; tests put in known ones.
using ChallengeSource = std::function<std::string()>;

class SessionHandler;

// State of one socket; its Websocket::Data.
class SessionState final : public Websocket::Data, public AppSession {
 public:
  explicit SessionState(Websocket& socket);
  ~SessionState() override;

 private:
  friend class AppSession;
  friend class SessionHandler;
  friend void broadcast(std::span<AppSession* const> sessions, const json::Object& message);
  friend void broadcast_text(std::span<AppSession* const> sessions, std::string_view text);
  static constexpr std::uint32_t kStranger = ~std::uint32_t{0};
  bool is_logged_in() const { return position_ != kStranger; }
  SessionHandler& handler() const;

  Websocket& socket_;
  Login login_;
  Sha256 key_{};                        // session key; all zero before the login
  std::uint32_t position_ = kStranger;  // in AppEndpoint::sessions_
};
static_assert(sizeof(SessionState) == 72, "there is one for each session");

class SessionHandler : public WebsocketHandler {
 public:
  static constexpr std::chrono::seconds kLoginLimit{30};
  // What the protocol allows at most; afterwards what was attached.
  static constexpr std::size_t kStrangersMessage = 65535;

  SessionHandler(AppInstance& instance, AppEndpoint& endpoint, LoginThrottle& throttle,
                 ChallengeSource& challenges, InstanceCounters& counters, std::string build)
      : instance_(instance),
        endpoint_(endpoint),
        throttle_(throttle),
        challenges_(challenges),
        counters_(counters),
        build_(std::move(build)) {}

  loop::Task<void> opened(Websocket& socket) override;
  loop::Task<void> received(Websocket& socket, Bytes message, bool is_text) override;
  void closed(Websocket& socket, std::uint16_t code) override;

  AppInstance& instance() const { return instance_; }
  AppEndpoint& endpoint() const { return endpoint_; }

 private:
  friend class AppSession;
  struct Greeting {  // what a session has until its login
    explicit Greeting(loop::Loop& loop) : timer(loop) {}
    std::string challenge;  // of the last AppChallenge; empty: none, or used
    loop::Timer timer;
  };
  static SessionState& state_of(Websocket& socket) { return static_cast<SessionState&>(*socket.data); }
  void challenge(SessionState& state, const Message& request);
  void check_build(SessionState& state, const Message& request);
  loop::Task<void> log_in(SessionState& state, Message request, std::string text);
  loop::Task<void> refuse(SessionState& state, Message request, std::string why);
  loop::Task<void> check_login(SessionState& state, Message request);
  // Which of the endpoint's passwords the digest was made with.
  loop::Task<std::optional<std::string>> find_password(Login login, std::string challenge,
                                                       std::string digest);
  void app_info(SessionState& state, const Message& request);
  loop::Task<void> dispatch(SessionState& state, Message message);

  AppInstance& instance_;
  AppEndpoint& endpoint_;
  LoginThrottle& throttle_;
  ChallengeSource& challenges_;
  InstanceCounters& counters_;
  const std::string build_;
  std::unordered_map<const SessionState*, Greeting> greetings_;
};

// The same text to many sessions with one copy a link.
void broadcast_text(std::span<AppSession* const> sessions, std::string_view text);

}  // namespace berth::sdk
