#include "sdk/session/session_handler.h"

#include "base/log.h"
#include "sdk/websocket/websocket_stream.h"
#include "wire/appwebsocket/check_build.h"
#include "wire/appwebsocket/raw_json.h"
#include "wire/json/json.h"

namespace berth::sdk {

SessionState::SessionState(Websocket& socket) : socket_(socket) {}
SessionState::~SessionState() = default;

SessionHandler& SessionState::handler() const {
  return static_cast<SessionHandler&>(WebsocketStream::of(socket_).handler());
}

loop::Task<void> SessionHandler::opened(Websocket& socket) {
  auto state = std::make_unique<SessionState>(socket);
  auto& greeting = greetings_.try_emplace(state.get(), instance_.loop()).first->second;
  greeting.timer.start(kLoginLimit, [this, &socket] {
    instance_.log(kAppWebsocket, "no login in time", {{"peer", socket.peer()}});
    socket.close(1008, "no login");
  });
  socket.data = std::move(state);
  socket.limit_messages(kStrangersMessage);  // many strangers together must not fill our memory
  co_return;
}

loop::Task<void> SessionHandler::received(Websocket& socket, Bytes bytes, bool is_text) {
  SessionState& state = state_of(socket);
  if (!is_text) {
    socket.close(1003, "JSON text expected");
    co_return;
  }
  std::string text(as_text(bytes));
  auto parsed = json::parse_object(text);
  if (!parsed) {
    instance_.log(kAppWebsocket, "no JSON object",
                  {{"peer", socket.peer()}, {"fault", parsed.error().detail}});
    socket.close(1007, "JSON object expected");
    co_return;
  }
  Message message(std::move(*parsed));
  const std::string mt(message.mt());
  // Each message is traffic, for which there is a flag that is off by default.
  if (instance_.traces(kWebserverPlugin))
    instance_.log(kWebserverPlugin, "received",
                  {{"peer", socket.peer()}, {"mt", mt}, {"bytes", text.size()}});

  if (mt == "KeepAlive") {
    socket.send_text(text);
  } else if (mt == "CheckBuild") {
    check_build(state, message);
  } else if (mt == "AppCheckLogin") {
    co_await check_login(state, std::move(message));
  } else if (state.is_logged_in()) {
    if (mt == "AppInfo") app_info(state, message);
    else co_await dispatch(state, std::move(message));
  } else if (mt == "AppChallenge") {
    challenge(state, message);
  } else if (mt == "AppLogin") {
    co_await log_in(state, std::move(message), std::move(text));
  } else {
    instance_.log(kAppWebsocket, "ignored before login", {{"peer", socket.peer()}, {"mt", mt}});
  }
}

void SessionHandler::challenge(SessionState& state, const Message& request) {
  auto& greeting = greetings_.at(&state);
  greeting.challenge = challenges_();
  state.reply(request, {{"challenge", greeting.challenge}});
}

void SessionHandler::check_build(SessionState& state, const Message& request) {
  json::Object answer;
  if (const auto url = appwebsocket::check_build(request.text("url"), build_)) answer["url"] = *url;
  state.reply(request, std::move(answer));
}

loop::Task<std::optional<std::string>> SessionHandler::find_password(Login login, std::string challenge,
                                                                     std::string digest) {
  appwebsocket::Login parts{std::string(login.app()),  std::string(login.domain()), std::string(login.sip()),
                            std::string(login.guid()), std::string(login.dn()),     std::nullopt};
  if (login.has_info()) parts.info = std::string(login.info());
  const auto passwords = co_await endpoint_.passwords(instance_, std::move(login));
  for (const auto& password : passwords) {
    // Nobody gets in without a password because none was set.
    if (!password.empty() && appwebsocket::verify_digest(parts, challenge, password, digest))
      co_return password;
  }
  co_return std::nullopt;
}

loop::Task<void> SessionHandler::log_in(SessionState& state, Message request, std::string text) {
  const std::string challenge = std::exchange(greetings_.at(&state).challenge, {});
  if (challenge.empty()) {
    co_await refuse(state, std::move(request), "AppChallenge first");
    co_return;
  }
  const auto info = appwebsocket::find_raw_member(text, "info");
  Login login({.app = request.text("app"),
               .domain = request.text("domain"),
               .sip = request.text("sip"),
               .guid = request.text("guid"),
               .dn = request.text("dn"),
               .info = info.value_or(std::string_view{}),
               .pbx_object = request.text("pbxObj"),
               .has_info = info.has_value(),
               .has_pbx_object = request.body().contains("pbxObj")});
  std::string digest(request.text("digest"));
  std::optional<std::string> password;
  std::string why = "wrong password";
  try {
    password = co_await find_password(login, challenge, std::move(digest));
  } catch (...) {
    instance_.log(kAppWebsocket, "password lookup failed", {{"error", current_error().detail}});
    why = "the password cannot be checked now, try again";
  }
  if (password) {
    if (const auto admitted = endpoint_.admit(instance_, login); !admitted) {
      why = admitted.error().detail;
      password.reset();
    }
  }
  if (!password) {
    co_await refuse(state, std::move(request), std::move(why));
    co_return;
  }
  if (!state.socket_.is_open()) co_return;  // gone while the password was looked up

  const appwebsocket::SessionKey key(challenge, *password);
  erase_secret(*password);
  const auto raw = parse_hex(key.text());
  BERTH_CHECK(raw && raw->size() == state.key_.size());
  std::copy(raw->begin(), raw->end(), state.key_.begin());
  throttle_.succeeded(state.socket_.peer());
  state.login_ = std::move(login);
  greetings_.erase(&state);
  state.socket_.limit_messages(WebsocketLimits{}.message_bytes);
  auto& sessions = endpoint_.sessions_;
  // Grows by an eighth: doubling would leave as much room unused as is used.
  if (sessions.size() == sessions.capacity()) sessions.reserve(sessions.size() + sessions.size() / 8 + 8);
  state.position_ = static_cast<std::uint32_t>(sessions.size());
  sessions.push_back(&state);
  ++counters_.sessions;
  instance_.log(kAppWebsocket, "logged in",
                {{"peer", state.socket_.peer()}, {"app", state.login_.app()}, {"sip", state.login_.sip()}});
  state.reply(request, {{"app", state.login_.app()}, {"domain", instance_.domain()}, {"ok", true}});
  co_await endpoint_.opened(state);
}

loop::Task<void> SessionHandler::refuse(SessionState& state, Message request, std::string why) {
  const auto delays = throttle_.failed(state.socket_.peer(), loop::Clock::now());
  instance_.log(kAppWebsocket, "login refused",
                {{"peer", state.socket_.peer()},
                 {"app", request.text("app")},
                 {"sip", request.text("sip")},
                 {"why", why}});
  if (delays.answer.count() > 0) co_await loop::sleep_for(instance_.loop(), delays.answer);
  state.reply(request,
              {{"app", request.text("app")}, {"domain", instance_.domain()}, {"ok", false}, {"error", why}});
  co_await loop::sleep_for(instance_.loop(), delays.close);
  state.socket_.close(1008, "login refused");
}

loop::Task<void> SessionHandler::check_login(SessionState& state, Message request) {
  const std::string app(request.text("app")), domain(request.text("domain"));
  const std::string challenge(request.text("challenge")), digest(request.text("digest"));
  const auto passwords = co_await endpoint_.passwords(instance_, Login({.app = app, .domain = domain}));
  bool is_right = false;
  for (const auto& password : passwords)
    is_right = is_right || (!password.empty() &&
                            appwebsocket::verify_check_login(app, domain, challenge, password, digest));
  if (!is_right) {  // as slow as a login: it can be used to guess as well
    const auto delays = throttle_.failed(state.socket_.peer(), loop::Clock::now());
    if (delays.answer.count() > 0) co_await loop::sleep_for(instance_.loop(), delays.answer);
  }
  state.reply(request, {{"ok", is_right}});
}

void SessionHandler::app_info(SessionState& state, const Message& request) {
  const AppInfo given = endpoint_.app_info(state, request.text("app"));
  json::Object info;
  if (given.hidden) info["hidden"] = true;
  info["apis"] = given.apis;
  if (!given.presence.is_null()) info["presence"] = given.presence;
  json::Object answer{{"app", request.text("app")},
                      {"info", std::move(info)},
                      {"serviceInfo", json::Object{{"apis", given.service_apis}}}};
  if (!given.device_app.empty()) answer["deviceapp"] = given.device_app;
  state.reply(request, std::move(answer));
}

loop::Task<void> SessionHandler::dispatch(SessionState& state, Message message) {
  json::Object head;
  for (const char* name : {"mt", "api", "src"})
    if (const json::Value* value = message.body().if_contains(name)) head[name] = *value;
  const Message request(std::move(head));
  Error error;
  try {
    Api* api = request.api().empty() ? nullptr : endpoint_.find_api(request.api());
    if (api) co_await api->received(state, std::move(message));
    else co_await endpoint_.received(state, std::move(message));
    co_return;
  } catch (...) {
    error = current_error();
  }
  instance_.log("message failed",
                {{"mt", request.mt()}, {"sip", state.login_.sip()}, {"error", error.detail}});
  state.reply_error(request, error);
}

void SessionHandler::closed(Websocket& socket, std::uint16_t code) {
  if (!socket.data) return;
  SessionState& state = state_of(socket);
  greetings_.erase(&state);
  if (!state.is_logged_in()) return;
  --counters_.sessions;
  auto& sessions = endpoint_.sessions_;
  const auto position = std::exchange(state.position_, SessionState::kStranger);
  sessions[position] = sessions.back();
  static_cast<SessionState*>(sessions[position])->position_ = position;
  sessions.pop_back();
  for (Api* api : endpoint_.apis_) api->closed(state);
  endpoint_.closed(state);
  instance_.log(kAppWebsocket, "session closed", {{"sip", state.login_.sip()}, {"code", code}});
}

}  // namespace berth::sdk
