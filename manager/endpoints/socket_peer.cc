#include "manager/endpoints/socket_peer.h"

#include <unistd.h>

#include "base/log.h"

namespace berth::manager {
namespace {

constexpr std::size_t kRequestsAtOnce = 32;  // of one connection

class SocketPeer : public AdminPeer {
 public:
  explicit SocketPeer(ControlPeer& connection) : connection_(connection) {}
  void send(api::JsonObject message) override { connection_.send(message); }
  Task<void> drained() override { co_await connection_.flush(); }
  bool is_open() const override { return connection_.is_open(); }
  std::string who() const override {
    const auto uid = connection_.credentials().uid;
    return uid == 0 ? "root by manager.sock" : fmt::format("user {} by manager.sock", uid);
  }
  Result<std::string> open_secret(const api::Password& password) const override {
    if (password.is_encrypted())
      return fail(Errc::kMalformed, "there is no session key on this socket: send the password plain");
    return password.value;
  }
  api::Password seal_secret(std::string secret) const override { return {std::move(secret), ""}; }
  std::string http_key() override { return {}; }
  bool is_local() const override { return true; }
  void end(std::string) override {}  // does not rest on the admin password

 private:
  ControlPeer& connection_;
};

}  // namespace

Task<void> serve_admin_socket(Admin& admin, ControlPeer& connection, uid_t owner) {
  const uid_t uid = connection.credentials().uid;
  if (uid != 0 && uid != ::geteuid() && uid != owner) {
    log_warning("refused on manager.sock", {{"uid", uid}});
    const Error error{Errc::kDenied, "only root and the owner of the platform's folder may use this socket"};
    connection.send(api::format_failure("Error", error, std::nullopt));
    co_await connection.flush();
    co_return;
  }
  SocketPeer peer(connection);
  struct Leave {
    Admin& admin;
    AdminPeer& peer;
    ~Leave() { admin.closed(peer); }
  } leave{admin, peer};
  // Destroyed first: what still runs for a client that has gone is given up. Jobs go on.
  loop::TaskGroup requests(admin.parts().loop, "manager.sock");
  while (auto message = co_await connection.receive()) {
    if (requests.size() >= kRequestsAtOnce) co_await requests.empty().wait();
    requests.spawn(admin.received(peer, std::move(message->body), std::move(message->descriptors)));
  }
}

}  // namespace berth::manager
