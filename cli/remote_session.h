#pragma once

#include "cli/session.h"
#include "net/app_websocket_client.h"
#include "net/http_client.h"
#include "net/resolver.h"

namespace berth::cli {

// By the AppWebsocket `/manager` of any machine; files by HTTP with the key that the session gives.
class RemoteSession : public Session {
 public:
  static loop::Task<std::unique_ptr<Session>> connect(loop::Loop& loop, GlobalOptions options);
  RemoteSession(loop::Loop& loop, GlobalOptions options)
      : options_(std::move(options)), resolver_(loop), http_(loop) {}

  loop::Task<api::JsonObject> request(api::JsonObject message, loop::Duration limit) override;
  loop::Task<api::JsonObject> indication() override;
  loop::Task<std::uint64_t> backup(std::string name, std::string domain, UniqueFd target) override;
  loop::Task<api::JsonObject> write_to(api::JsonObject message, UniqueFd target) override;
  loop::Task<std::uint64_t> fetch_backup(std::string set, std::string name, std::string domain,
                                         UniqueFd target) override;
  loop::Task<api::Job> restore(std::string name, std::string domain, bool onto_external,
                               UniqueFd source) override;
  loop::Task<api::Job> install_package(std::string id, UniqueFd source) override;
  api::Password seal(std::string secret) const override;
  std::string open(const api::Password& password) const override;

 private:
  // "https://host:8443/manager/backup?key=…" and what else the request needs.
  net::HttpRequest request_to(std::string method, std::string address) const;
  loop::Task<net::HttpRequest> make_request(std::string method, std::string resource, std::string query);
  loop::Task<std::uint64_t> download_backup(std::string query, UniqueFd target);
  loop::Task<std::uint64_t> download(net::HttpRequest request, UniqueFd target);
  loop::Task<api::Job> upload(std::string method, std::string resource, std::string query, UniqueFd source);

  GlobalOptions options_;
  net::Resolver resolver_;
  net::HttpClient http_;
  std::unique_ptr<net::AppWebsocketClient> client_;
};

}  // namespace berth::cli
