#include "manager/move/other_platform.h"

#include "api/message.h"
#include "api/original.h"
#include "base/bytes.h"
#include "base/text.h"
#include "net/app_websocket_client.h"
#include "net/url.h"
#include "wire/json/json.h"

namespace berth::manager {
namespace {

using namespace std::chrono_literals;

constexpr auto kRequestLimit = 60s;
constexpr auto kPrepareLimit = 180s;  // a database is made
constexpr std::size_t kMessageBytes = 1 << 20;

class WebsocketLine final : public ByteLine {
 public:
  explicit WebsocketLine(std::unique_ptr<net::WebsocketClient> client) : client_(std::move(client)) {}
  Task<Bytes> read() override {
    for (;;) {
      auto message = co_await client_->receive();
      if (!message) co_return Bytes();
      if (!message->data.empty()) co_return Bytes(message->data.begin(), message->data.end());
    }
  }
  Task<void> write(Bytes bytes) override {
    for (std::size_t at = 0; at < bytes.size(); at += kMessageBytes) {
      const auto piece = as_text(bytes).substr(at, kMessageBytes);
      if (!client_->send(piece, false)) throw_failure(Errc::kUnavailable, "the connection has ended");
      co_await client_->flush();
    }
  }

 private:
  std::unique_ptr<net::WebsocketClient> client_;
};

class WebsocketPlatform final : public OtherPlatform {
 public:
  WebsocketPlatform(loop::Loop& loop, net::Resolver& resolver, MoveTarget target,
                    std::unique_ptr<net::AppWebsocketClient> client, net::WebsocketOptions options)
      : loop_(loop),
        resolver_(resolver),
        target_(std::move(target)),
        client_(std::move(client)),
        options_(std::move(options)) {}

  Task<api::PrepareArrivalResult> prepare(api::PrepareArrival request, std::string password,
                                          std::string database_password) override {
    if (!request.check_only) {
      request.password = seal(password);
      request.database_password = seal(database_password);
    }
    co_return co_await ask(std::move(request), kPrepareLimit);
  }
  Task<void> start(api::StartArrival request) override { co_await ask(std::move(request), kRequestLimit); }
  Task<void> confirm(api::ConfirmArrival request) override {
    co_await ask(std::move(request), kRequestLimit);
  }
  Task<void> abandon(api::AbandonArrival request) override {
    co_await ask(std::move(request), kRequestLimit);
  }

  Task<std::unique_ptr<ByteLine>> open_line(std::string token) override {
    const auto key = co_await ask(api::RequestHttpKey{}, kRequestLimit);
    const auto url = or_throw(net::parse_url(target_.url));
    const std::string path = url.target.substr(0, url.target.find('?'));
    std::string line = fmt::format("{}://{}{}/line?key={}&token={}", url.scheme, url.authority(), path,
                                   percent_encode(key.key), percent_encode(token));
    auto connecting = net::WebsocketClient::connect(loop_, resolver_, std::move(line), options_);
    auto client = co_await std::move(connecting);
    co_return std::make_unique<WebsocketLine>(std::move(client));
  }

 private:
  template <class T>
  Task<typename T::Answer> ask(T request, loop::Duration limit) {
    const auto answer = co_await client_->request(api::format_message(request), limit);
    if (json::get_string(answer, "mt") == "Error")
      throw_failure(Errc::kUnsupported, "the platform there is too old to take in instances: {}",
                    json::get_string(answer, "error"));
    auto parsed = api::parse_answer<typename T::Answer>(answer);
    if (!parsed) throw Failure(std::move(parsed.error()).within("the other platform"));
    co_return std::move(*parsed);
  }
  api::Password seal(const std::string& secret) const {
    const std::string seed = random_hex(8);
    return {client_->session_key().encrypt(seed, secret), seed};
  }

  loop::Loop& loop_;
  net::Resolver& resolver_;
  MoveTarget target_;
  std::unique_ptr<net::AppWebsocketClient> client_;
  net::WebsocketOptions options_;
};

}  // namespace

std::string format_target(const MoveTarget& target) {
  return json::serialize(json::Object{{"url", target.url},
                                      {"password", target.password},
                                      {"fingerprint", target.fingerprint},
                                      {"verify", target.verify}});
}

Result<MoveTarget> parse_target(std::string_view text) {
  BERTH_TRY(const auto object, json::parse_object(text));
  MoveTarget target{json::get_string(object, "url"), json::get_string(object, "password"),
                    json::get_string(object, "fingerprint"), json::get_bool(object, "verify")};
  BERTH_TRY_VOID(check_target(target));
  return target;
}

Result<void> check_target(const MoveTarget& target) {
  BERTH_TRY(const auto url, net::parse_url(target.url));
  if (url.scheme != "ws" && url.scheme != "wss")
    return fail(Errc::kMalformed,
                "{}: must begin with wss:// or ws://, as in wss://other.example.com/manager", target.url);
  return {};
}

Task<std::unique_ptr<OtherPlatform>> connect_platform(loop::Loop& loop, net::Resolver& resolver,
                                                      MoveTarget target) {
  const auto url = or_throw(net::parse_url(target.url));
  net::AppCredentials credentials;
  credentials.app = "manager";
  credentials.dn = "Another platform";
  credentials.password = target.password;
  net::WebsocketOptions options;
  options.tls.verify = target.verify;
  options.tls.pinned_fingerprint = target.fingerprint;
  std::optional<Error> error;
  std::unique_ptr<net::AppWebsocketClient> client;
  try {
    auto connecting =
        net::AppWebsocketClient::connect(loop, resolver, target.url, std::move(credentials), options);
    client = co_await std::move(connecting);
  } catch (const Failure& failure) {
    error = failure.error();
  }
  if (error) {
    if (error->code == Errc::kNotFound || error->code == Errc::kTimeout) error->code = Errc::kUnavailable;
    if (error->code == Errc::kDenied && target.fingerprint.empty() && target.verify && url.is_secure())
      error->detail += " (a self-signed certificate is trusted by its fingerprint)";
    throw Failure(std::move(*error).within(target.url));
  }
  co_return std::make_unique<WebsocketPlatform>(loop, resolver, std::move(target), std::move(client),
                                                std::move(options));
}

}  // namespace berth::manager
