#include "manager/endpoints/manager_instance.h"

#include "base/bytes.h"
#include "base/log.h"
#include "manager/endpoints/domain_api_endpoint.h"
#include "manager/endpoints/domain_endpoint.h"
#include "manager/endpoints/line_handler.h"
#include "manager/endpoints/pages.h"
#include "manager/move/forwards.h"
#include "manager/platform/version.h"
#include "net/address.h"

namespace berth::manager {

using loop::Task;

namespace {

// To the login page in the running build's folder; what was asked for (?lang=de) goes along.
Task<void> redirect_to_page(sdk::HttpRequest& request, sdk::HttpResponse& response) {
  const auto query = request.target().find('?');
  response.status(302)
      .header("location", fmt::format("/manager/{}/manager.htm{}", platform_build(),
                                      query == std::string::npos ? "" : request.target().substr(query)))
      .header("cache-control", "no-cache");
  co_await response.send("");
}

}  // namespace

// An admin's WebSocket.
class ManagerInstance::SessionPeer : public AdminPeer, public sdk::AppSession::Data {
 public:
  explicit SessionPeer(sdk::AppSession& session) : session_(session) {}

  void send(api::JsonObject message) override { session_.send(message); }
  Task<void> drained() override { return session_.drained(); }
  bool is_open() const override { return session_.is_open(); }
  std::string who() const override {
    return fmt::format("{} from {}", session_.dn().empty() ? "Admin" : session_.dn(),
                       net::without_port(session_.peer()));
  }
  Result<std::string> open_secret(const api::Password& password) const override {
    if (!password.is_encrypted()) return password.value;
    auto text = session_.decrypt(password.key, password.value);
    if (!text) return fail(Errc::kMalformed, "password cannot be decrypted");
    return std::move(*text);
  }
  api::Password seal_secret(std::string secret) const override {
    const std::string seed = random_hex(8);
    return {session_.encrypt(seed, secret), seed};
  }
  std::string http_key() override {
    if (key_.empty()) key_ = random_hex(24);
    return key_;
  }
  void end(std::string reason) override { session_.close(1000, std::move(reason)); }
  const std::string& key() const { return key_; }

 private:
  sdk::AppSession& session_;
  std::string key_;
};

ManagerInstance::ManagerInstance(sdk::AppService& service, sdk::InstanceArguments arguments, Admin& admin)
    : AppInstance(service, std::move(arguments)), admin_(admin) {
  domain_ = std::make_unique<DomainEndpoint>(admin_.parts());
  domain_api_ = std::make_unique<DomainApiEndpoint>(admin_.parts());
  lines_ = std::make_unique<LineHandler>(loop(), admin_.parts().arrivals,
                                         [this](const std::string& key) { return is_key(key); });
}

ManagerInstance::~ManagerInstance() = default;

Task<void> ManagerInstance::started() {
  attach_app_websocket("manager-domain", *domain_);
  attach_app_websocket("manager-domain-api", *domain_api_);
  attach_websocket("line", *lines_, LineHandler::limits());
  attach_app_websocket();
  // A login page that is loaded anew because its build is not the running one would drop what was typed: so nobody
  // gets it anywhere but in the running build's folder.
  if (const auto pack = manager_pages(); !pack.empty())
    attach_static(pack, "", {.headers = manager_page_headers(), .redirect_pages = true});
  attach_http("", [this](sdk::HttpRequest& request, sdk::HttpResponse& response) {
    return serve_http(request, response);
  });
  co_return;
}

Task<std::vector<std::string>> ManagerInstance::passwords(sdk::AppInstance&, sdk::Login login) {
  std::vector<std::string> all;
  if (login.app() != "manager") co_return all;
  if (auto password = co_await admin_.parts().settings.secret(kAdminPasswordRow))
    all.push_back(std::move(*password));
  co_return all;
}

Result<void> ManagerInstance::admit(sdk::AppInstance&, const sdk::Login& login) {
  // Decided by app and digest only: the original's clients differ in all the other members.
  if (login.app() != "manager")
    return fail(Errc::kDenied, "this is the manager: app \"{}\" is not here", login.app());
  return {};
}

Task<void> ManagerInstance::opened(sdk::AppSession& session) {
  session.data = std::make_unique<SessionPeer>(session);
  co_return;
}

Task<void> ManagerInstance::received(sdk::AppSession& session, sdk::Message message) {
  auto& peer = static_cast<SessionPeer&>(*session.data);
  co_await admin_.received(peer, std::move(message.body()));
}

void ManagerInstance::closed(sdk::AppSession& session) {
  if (session.data) admin_.closed(static_cast<SessionPeer&>(*session.data));
}

void ManagerInstance::end_sessions(const AdminPeer& by) {
  const std::vector<sdk::AppSession*> all(sessions().begin(), sessions().end());  // closing changes the set
  for (auto* session : all) {
    auto* peer = static_cast<SessionPeer*>(session->data.get());
    if (peer && peer != &by) peer->end("the admin password was changed");
  }
}

bool ManagerInstance::is_key(const std::string& key) const {
  bool found = false;
  for (const auto* session : sessions()) {
    const auto* peer = static_cast<const SessionPeer*>(session->data.get());
    if (peer && !peer->key().empty() && equal_in_constant_time(peer->key(), key)) found = true;
  }
  return found;
}

std::string ManagerInstance::check_key(const std::optional<std::string>& key) const {
  const SessionPeer* found = nullptr;
  for (const auto* session : sessions()) {
    const auto* peer = static_cast<const SessionPeer*>(session->data.get());
    if (key && peer && !peer->key().empty() && equal_in_constant_time(peer->key(), *key)) found = peer;
  }
  if (!found) throw_failure(Errc::kDenied, "The key is wrong or its session has ended.");
  return found->who();
}

Task<void> ManagerInstance::serve_http(sdk::HttpRequest& request, sdk::HttpResponse& response) {
  const std::string path = request.path();
  response.header("x-content-type-options", "nosniff").header("referrer-policy", "no-referrer");
  if (path.empty()) {
    co_await redirect_to_page(request, response);
  } else if (is_monitor_path(path) && request.method() == "GET") {
    co_await serve_monitor(request, response);
  } else if (path == "backup" && request.method() == "GET") {
    co_await serve_backup(request, response);
  } else if (path == "download" && request.method() == "GET") {
    co_await serve_download(request, response);
  } else if (path == "restore" && request.method() == "POST") {
    co_await serve_restore(request, response);
  } else if (path == "dbdump" && request.method() == "GET") {
    co_await serve_dump(request, response);
  } else if (path == "package" && request.method() == "PUT") {
    co_await serve_package(request, response);
  } else if (path.ends_with(".png") && request.method() == "GET" &&
             (path.starts_with("icon/") || path.starts_with("store/"))) {
    co_await serve_icon(response, path);
  } else if (path.ends_with("fixcert.htm") && request.method() == "GET") {
    // Opened or framed by pages of other hosts, which is what it is for.
    response.content_type("text/html; charset=utf-8")
        .header("cache-control", "no-store")
        .header("content-security-policy", "default-src 'none'; script-src 'self'; base-uri 'none'");
    co_await response.send(std::string(fixcert_page()));
  } else if (path.ends_with("fixcert.js") && request.method() == "GET") {
    response.content_type("text/javascript; charset=utf-8").header("cache-control", "no-store");
    co_await response.send(std::string(fixcert_script()));
  } else {
    throw_failure(Errc::kNotFound, "There is nothing at /manager/{}.", path);
  }
}

Task<void> RootInstance::stopping() {
  forwards_.set_attaching({}, {});
  co_return;
}

Task<void> RootInstance::started() {
  attach_http("", [this](sdk::HttpRequest& request, sdk::HttpResponse& response) -> Task<void> {
    const std::string path = request.path();
    if (path.empty()) {
      co_await redirect_to_page(request, response);
      co_return;
    }
    // The original's admin client takes the directory of "/manager" for the base of these (reference/manager-api.md).
    if (manager_ && (path == "backup" || path == "restore" || path == "dbdump")) {
      co_await manager_->serve_http(request, response);
      co_return;
    }
    if (manager_ && ManagerInstance::is_monitor_path(path) && request.method() == "GET") {
      co_await manager_->serve_monitor(request, response);
      co_return;
    }
    const bool is_served = co_await forwards_.serve(request, response);
    if (is_served) co_return;
    // Our path catches what nobody else has attached, so it is here that a starting app's clients arrive.
    const std::string whole = "/" + path;
    for (const auto& [key, row] : instances_.all()) {
      if (row.is_deleted() || (whole != row.path && !whole.starts_with(row.path + "/"))) continue;
      const auto state = instances_.view(row).state;
      const bool starts = state == api::InstanceState::kStarting || state == api::InstanceState::kRunning;
      response.status(503)
          .content_type("text/plain; charset=utf-8")
          .header("retry-after", starts ? "1" : "30");
      co_await response.send(starts ? "The app is starting.\n" : "The app is stopped.\n");
      co_return;
    }
    throw_failure(Errc::kNotFound, "There is nothing here.");
  });
  forwards_.set_attaching(
      [this](const std::string& path) {
        attach_websocket(path.substr(1), forwards_, {.message_bytes = 16 << 20, .send_bytes = 32 << 20});
      },
      [this](const std::string& path) { detach(path.substr(1)); });
  co_return;
}

}  // namespace berth::manager
