// AppWebsocket client: logs in with a password, matches answers to requests by `src`.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "net/websocket_client.h"
#include "wire/appwebsocket/login.h"
#include "wire/json/json.h"

namespace berth::net {

struct AppCredentials {
  std::string app;  // "manager"
  std::string domain;
  std::string sip;  // empty: as `app`
  std::string guid = "00000000000000000000000000000000";
  std::string dn = "Admin";
  std::optional<std::string> info;  // JSON text
  std::string password;             // secret
};

// Owns one logged-in connection. Any number of tasks may ask; one takes indications.
class AppWebsocketClient {
 public:
  ~AppWebsocketClient();
  // Throws Failure as WebsocketClient::connect(), kDenied with the server's `error` if the login is
  // refused, kTimeout.
  static loop::Task<std::unique_ptr<AppWebsocketClient>> connect(loop::Loop& loop, Resolver& resolver,
                                                                 std::string url, AppCredentials credentials,
                                                                 WebsocketOptions options = {});
  // Sends with a `src` of its own and gives the answer (the first message with that `src`). Throws
  // Failure: kUnavailable if the connection ends, kTimeout after `limit`. Later messages with the same
  // `src` (subscriptions) come by indication().
  loop::Task<json::Object> request(json::Object message, loop::Duration limit = std::chrono::seconds(60));
  // Messages nobody asked for; nullopt at the end. At most 10,000 wait; above it the connection is
  // closed with 1008.
  loop::Task<std::optional<json::Object>> indication();
  bool send(const json::Object& message);

  const json::Object& login_result() const { return login_result_; }
  const appwebsocket::SessionKey& session_key() const { return *session_key_; }
  bool is_open() const { return !ended_; }
  void close();

 private:
  AppWebsocketClient(loop::Loop& loop, std::unique_ptr<WebsocketClient> socket);
  loop::Task<void> log_in(AppCredentials credentials);
  loop::Task<void> read_all();

  loop::Loop& loop_;
  std::unique_ptr<WebsocketClient> socket_;
  std::optional<appwebsocket::SessionKey> session_key_;
  json::Object login_result_;
  std::uint64_t next_src_ = 1;
  struct Pending;
  std::map<std::string, Pending*> pending_;
  loop::Channel<json::Object> indications_;
  bool ended_ = false;
  std::optional<loop::Spawned<void>> reading_;
};

}  // namespace berth::net
