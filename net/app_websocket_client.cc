#include "net/app_websocket_client.h"

namespace berth::net {
namespace {

constexpr std::size_t kMaxIndications = 10000;
constexpr std::chrono::seconds kLoginLimit{15};

// The next message with this `mt`; others before a login do not concern us.
loop::Task<json::Object> receive_mt(WebsocketClient& socket, std::string mt) {
  for (;;) {
    auto receiving = socket.receive();
    const auto message = co_await receiving;
    if (!message) {
      const std::string reason = socket.close_reason();
      throw_failure(Errc::kUnavailable, "connection ended during login ({}{}{})", socket.close_code(),
                    reason.empty() ? "" : ": ", reason);
    }
    auto object = or_throw(json::parse_object(message->data));
    if (json::get_string(object, "mt") == mt) co_return std::move(object);
  }
}

}  // namespace

struct AppWebsocketClient::Pending {
  explicit Pending(loop::Loop& loop) : done(loop) {}
  loop::Event done;
  std::optional<json::Object> answer;
};

AppWebsocketClient::AppWebsocketClient(loop::Loop& loop, std::unique_ptr<WebsocketClient> socket)
    : loop_(loop), socket_(std::move(socket)), indications_(loop, kMaxIndications) {}

AppWebsocketClient::~AppWebsocketClient() { reading_.reset(); }

loop::Task<std::unique_ptr<AppWebsocketClient>> AppWebsocketClient::connect(loop::Loop& loop,
                                                                            Resolver& resolver,
                                                                            std::string url,
                                                                            AppCredentials credentials,
                                                                            WebsocketOptions options) {
  auto connecting = WebsocketClient::connect(loop, resolver, url, options);
  auto socket = co_await connecting;
  std::unique_ptr<AppWebsocketClient> client(new AppWebsocketClient(loop, std::move(socket)));
  auto login = client->log_in(std::move(credentials));
  co_await loop::with_timeout(loop, kLoginLimit, std::move(login), "login at " + url);
  client->reading_.emplace(loop, client->read_all());
  co_return std::move(client);
}

loop::Task<void> AppWebsocketClient::log_in(AppCredentials credentials) {
  socket_->send(R"({"mt":"AppChallenge"})");
  auto asking = receive_mt(*socket_, "AppChallengeResult");
  const auto challenge_result = co_await asking;
  // Very old servers send a number; get_string takes both.
  const std::string challenge = json::get_string(challenge_result, "challenge");
  if (credentials.sip.empty()) credentials.sip = credentials.app;
  const appwebsocket::Login login{credentials.app,  credentials.domain, credentials.sip,
                                  credentials.guid, credentials.dn,     credentials.info};
  json::Object message{{"mt", "AppLogin"},
                       {"app", login.app},
                       {"domain", login.domain},
                       {"sip", login.sip},
                       {"guid", login.guid},
                       {"dn", login.dn},
                       {"pbxObj", login.app},
                       {"digest", appwebsocket::make_digest(login, challenge, credentials.password)}};
  std::string text = json::serialize(message);
  if (login.info) {
    // As it is, not parsed and written again: the digest is over these bytes.
    text.pop_back();
    text += ",\"info\":" + *login.info + "}";
  }
  session_key_.emplace(challenge, credentials.password);
  erase_secret(credentials.password);
  socket_->send(text);
  auto answering = receive_mt(*socket_, "AppLoginResult");
  login_result_ = co_await answering;
  if (!json::get_bool(login_result_, "ok"))
    throw_failure(Errc::kDenied, "login refused: {}",
                  json::get_string(login_result_, "errorText",
                                   json::get_string(login_result_, "error", "no reason told")));
}

loop::Task<void> AppWebsocketClient::read_all() {
  for (;;) {
    auto receiving = socket_->receive();
    auto message = co_await receiving;
    if (!message) break;
    auto object = json::parse_object(message->data);
    if (!object) {
      socket_->close(1007, "not a JSON object");
      break;
    }
    const auto src = json::find_string(*object, "src");
    const auto pending = src ? pending_.find(std::string(*src)) : pending_.end();
    if (pending != pending_.end()) {
      pending->second->answer = std::move(*object);
      pending->second->done.set();
      pending_.erase(pending);
      continue;
    }
    if (!indications_.try_send(*object)) {
      socket_->close(1008, "too many unread messages");
      break;
    }
  }
  ended_ = true;
  indications_.close();
  for (const auto& [src, pending] : pending_) pending->done.set();
  pending_.clear();
}

loop::Task<json::Object> AppWebsocketClient::request(json::Object message, loop::Duration limit) {
  if (ended_) throw_failure(Errc::kUnavailable, "connection ended");
  const std::string mt = json::get_string(message, "mt");
  const std::string src = fmt::format("berth{}", next_src_++);
  message["src"] = src;
  Pending pending(loop_);
  struct Registered {  // a cancelled or late request takes itself out
    std::map<std::string, Pending*>& map;
    const std::string& src;
    ~Registered() { map.erase(src); }
  } registered{pending_, src};
  pending_[src] = &pending;
  if (!socket_->send(json::serialize(message))) throw_failure(Errc::kUnavailable, "connection ended");
  loop::Timer timer(loop_);
  bool is_late = false;
  timer.start(limit, [&] {
    is_late = true;
    pending.done.set();
  });
  co_await pending.done.wait();
  if (pending.answer) co_return std::move(*pending.answer);
  if (is_late)
    throw_failure(Errc::kTimeout, "no answer to {} within {} ms", mt,
                  std::chrono::duration_cast<std::chrono::milliseconds>(limit).count());
  throw_failure(Errc::kUnavailable, "connection ended before the answer to {}", mt);
}

loop::Task<std::optional<json::Object>> AppWebsocketClient::indication() { return indications_.receive(); }

bool AppWebsocketClient::send(const json::Object& message) {
  return !ended_ && socket_->send(json::serialize(message));
}

void AppWebsocketClient::close() { socket_->close(); }

}  // namespace berth::net
