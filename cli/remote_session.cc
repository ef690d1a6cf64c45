#include "cli/remote_session.h"

#include <sys/stat.h>
#include <unistd.h>

#include "api/crash.h"
#include "api/original.h"
#include "base/bytes.h"
#include "base/file.h"
#include "base/text.h"
#include "cli/exit_code.h"
#include "cli/secret.h"
#include "net/url.h"

namespace berth::cli {
namespace {

constexpr std::chrono::hours kMakingLimit{1};  // a support bundle with core dumps of a large platform

// The error of an HTTP answer: its JSON body's, or its status.
Error error_of(const net::HttpResponse& response) {
  if (auto body = json::parse_object(response.body))
    if (auto told = api::find_failure(*body)) return std::move(*told);
  const Errc code = response.status == 403   ? Errc::kDenied
                    : response.status == 404 ? Errc::kNotFound
                    : response.status == 409 ? Errc::kConflict
                    : response.status == 413 ? Errc::kTooLarge
                    : response.status == 503 ? Errc::kUnavailable
                    : response.status == 507 ? Errc::kNoSpace
                                             : Errc::kFailed;
  return Error{code, fmt::format("the manager answered HTTP {}: {}", response.status, trim(response.body))};
}

}  // namespace

loop::Task<std::unique_ptr<Session>> RemoteSession::connect(loop::Loop& loop, GlobalOptions options) {
  const auto url = net::parse_url(options.url);
  if (!url)
    throw_usage("--url {}: {}; a right one is wss://host:port/manager", options.url, url.error().detail);
  if (url->scheme != "ws" && url->scheme != "wss")
    throw_usage("--url {}: must begin with wss:// or ws://", options.url);
  if (options.password_file.empty())
    throw_usage("--url needs --password-file FILE with the manager's password (- reads it from stdin)");

  auto session = std::make_unique<RemoteSession>(loop, options);
  net::AppCredentials credentials;
  credentials.app = "manager";
  credentials.password = or_throw(read_secret(options.password_file));
  net::WebsocketOptions websocket;
  websocket.tls.verify = !options.insecure;
  websocket.tls.pinned_fingerprint = options.fingerprint;
  try {
    auto connecting =
        net::AppWebsocketClient::connect(loop, session->resolver_, options.url, credentials, websocket);
    session->client_ = co_await std::move(connecting);
  } catch (const Failure& failure) {
    Error error = failure.error();
    if (error.code == Errc::kNotFound || error.code == Errc::kTimeout) error.code = Errc::kUnavailable;
    if (error.code == Errc::kDenied && options.fingerprint.empty() && !options.insecure && url->is_secure())
      error.detail += " (a self-signed certificate is trusted by --fingerprint SHA256)";
    throw Failure(std::move(error).within(options.url));
  }
  co_return session;
}

loop::Task<api::JsonObject> RemoteSession::request(api::JsonObject message, loop::Duration limit) {
  co_return co_await client_->request(std::move(message), limit);
}

loop::Task<api::JsonObject> RemoteSession::indication() {
  auto message = co_await client_->indication();
  if (!message) throw_failure(Errc::kUnavailable, "the connection to the manager was lost");
  co_return std::move(*message);
}

net::HttpRequest RemoteSession::request_to(std::string method, std::string address) const {
  const auto url = or_throw(net::parse_url(options_.url));
  net::HttpRequest request;
  request.method = std::move(method);
  request.url =
      fmt::format("{}://{}/manager/{}", url.is_secure() ? "https" : "http", url.authority(), address);
  request.verify = !options_.insecure;
  request.pinned_fingerprint = options_.fingerprint;
  request.limit = std::chrono::milliseconds(0);
  request.stall_limit = std::chrono::seconds(120);
  return request;
}

loop::Task<net::HttpRequest> RemoteSession::make_request(std::string method, std::string resource,
                                                         std::string query) {
  const auto key = co_await ask(*this, api::RequestHttpKey{});
  co_return request_to(std::move(method),
                       fmt::format("{}?key={}{}", resource, percent_encode(key.key), query));
}

loop::Task<std::uint64_t> RemoteSession::backup(std::string name, std::string domain, UniqueFd target) {
  return download_backup(
      fmt::format("&appName={}&appDomain={}", percent_encode(name), percent_encode(domain)),
      std::move(target));
}

loop::Task<api::JsonObject> RemoteSession::write_to(api::JsonObject message, UniqueFd target) {
  const std::string what(api::parse_envelope(message)->mt);
  auto answer = co_await client_->request(std::move(message), kMakingLimit);
  const auto* told = json::find(answer, "download");
  if (!told || !told->is_object()) {
    // Either a failure, or a manager of a build that hands such files out by its own socket only.
    if (auto failure = api::find_failure(answer)) throw Failure(std::move(*failure));
    throw_failure(Errc::kUnsupported, "{} goes by that platform's own socket: run it there, without --url",
                  what);
  }
  const auto offer = or_throw(api::from_json<api::Download>(*told));
  auto request = request_to("GET", offer.address);
  answer["bytes"] = co_await download(std::move(request), std::move(target));
  co_return answer;
}

loop::Task<std::uint64_t> RemoteSession::fetch_backup(std::string set, std::string name, std::string domain,
                                                      UniqueFd target) {
  return download_backup(fmt::format("&set={}&appName={}&appDomain={}", percent_encode(set),
                                     percent_encode(name), percent_encode(domain)),
                         std::move(target));
}

loop::Task<std::uint64_t> RemoteSession::download_backup(std::string query, UniqueFd target) {
  auto request = co_await make_request("GET", "backup", std::move(query));
  co_return co_await download(std::move(request), std::move(target));
}

loop::Task<std::uint64_t> RemoteSession::download(net::HttpRequest request, UniqueFd target) {
  request.limit_bytes = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t bytes = 0;
  std::optional<Error> write_error;
  request.on_data = [&](std::string_view data) {
    if (auto written = write_all(target.get(), data); !written) {
      write_error = written.error();
      return false;
    }
    bytes += data.size();
    return true;
  };
  std::optional<net::HttpResponse> response;
  try {
    response = co_await http_.fetch(std::move(request));
  } catch (const Failure&) {
    if (write_error) throw Failure(*write_error);
    throw;
  }
  if (response->status != 200) throw Failure(error_of(*response));
  co_return bytes;
}

loop::Task<api::Job> RemoteSession::upload(std::string method, std::string resource, std::string query,
                                           UniqueFd source) {
  auto request = co_await make_request(std::move(method), std::move(resource), std::move(query));
  struct stat status{};
  if (::fstat(source.get(), &status) == 0 && S_ISREG(status.st_mode))
    request.body_size = static_cast<std::uint64_t>(status.st_size);
  const int fd = source.get();
  request.read_body = [fd](std::span<char> buffer) {
    const auto count = ::read(fd, buffer.data(), buffer.size());
    return count > 0 ? static_cast<std::size_t>(count) : 0;
  };
  const auto response = co_await http_.fetch(std::move(request));
  if (response.status < 200 || response.status > 299) throw Failure(error_of(response));
  // {"job": "17"}: by HTTP its number only.
  const auto body = or_throw(json::parse_object(response.body));
  const auto id = or_throw(json::require_string(body, "job"));
  co_return (co_await ask(*this, api::GetJob{id})).job;
}

loop::Task<api::Job> RemoteSession::restore(std::string name, std::string domain, bool onto_external,
                                            UniqueFd source) {
  std::string query;
  if (!name.empty())
    query = fmt::format("&appName={}&appDomain={}", percent_encode(name), percent_encode(domain));
  if (onto_external) query += "&onto=external";
  return upload("POST", "restore", std::move(query), std::move(source));
}

loop::Task<api::Job> RemoteSession::install_package(std::string id, UniqueFd source) {
  return upload("PUT", "package", id.empty() ? "" : "&name=" + percent_encode(id), std::move(source));
}

api::Password RemoteSession::seal(std::string secret) const {
  const std::string seed = random_hex(8);
  return {client_->session_key().encrypt(seed, secret), seed};
}

std::string RemoteSession::open(const api::Password& password) const {
  if (!password.is_encrypted()) return password.value;
  return or_throw(client_->session_key().decrypt(password.key, password.value));
}

}  // namespace berth::cli
