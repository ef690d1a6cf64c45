#include "berth/app_session.h"

#include "sdk/session/session_handler.h"
#include "sdk/websocket/broadcast.h"
#include "wire/json/json.h"

namespace berth::sdk {

// Every session is the base of a SessionState.
const SessionState& AppSession::state() const { return static_cast<const SessionState&>(*this); }

AppInstance& AppSession::instance() const { return state().handler().instance(); }
AppEndpoint& AppSession::endpoint() const { return state().handler().endpoint(); }
const Login& AppSession::login() const { return state().login_; }
std::string AppSession::peer() const { return state().socket_.peer(); }

void AppSession::send(const json::Object& message) { send_text(json::serialize(message)); }
void AppSession::send_text(std::string_view json_text) { state().socket_.send_text(json_text); }
void AppSession::reply(const Message& request, json::Object answer) {
  send(make_answer(request, std::move(answer)));
}
void AppSession::reply_error(const Message& request, const Error& error) {
  reply(request, {{"error", error.detail}, {"errorCode", name_of(error.code)}});
}
loop::Task<void> AppSession::drained() { return state().socket_.drained(); }
void AppSession::close(std::uint16_t code, std::string reason) {
  state().socket_.close(code, std::move(reason));
}
bool AppSession::is_open() const { return state().socket_.is_open(); }

std::string AppSession::session_key() const { return format_hex(state().key_); }

std::string AppSession::encrypt(std::string_view seed, std::string_view text) const {
  return appwebsocket::SessionKey::from_text(session_key()).encrypt(seed, text);
}

std::optional<std::string> AppSession::decrypt(std::string_view seed, std::string_view hex) const {
  auto text = appwebsocket::SessionKey::from_text(session_key()).decrypt(seed, hex);
  if (!text) return std::nullopt;
  return std::move(*text);
}

std::string AppSession::hash(std::string_view seed, std::string_view text) const {
  return appwebsocket::SessionKey::from_text(session_key()).hash(seed, text);
}

std::optional<std::string> AppSession::open_secret(const json::Value& value) const {
  if (const auto* plain = value.if_string()) return std::string(plain->data(), plain->size());
  const json::Object* sealed = value.if_object();
  if (!sealed) return std::nullopt;
  const auto hex = json::find_string(*sealed, "value");
  const auto seed = json::find_string(*sealed, "key");
  if (!hex || !seed) return std::nullopt;
  return decrypt(*seed, *hex);
}

json::Object AppSession::seal_secret(std::string_view text) const {
  const auto seed = random_hex(8);
  return {{"value", encrypt(seed, text)}, {"key", seed}};
}

void broadcast_text(std::span<AppSession* const> sessions, std::string_view text) {
  std::vector<WebsocketStream*> streams;
  streams.reserve(sessions.size());
  for (AppSession* session : sessions) streams.push_back(&WebsocketStream::of(session->state().socket_));
  broadcast(streams, as_bytes(text), true);
}

void broadcast(std::span<AppSession* const> sessions, const json::Object& message) {
  if (!sessions.empty()) broadcast_text(sessions, json::serialize(message));
}

}  // namespace berth::sdk
