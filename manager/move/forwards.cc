#include "manager/move/forwards.h"

#include "base/bytes.h"
#include "base/log.h"
#include "base/text.h"
#include "net/stream.h"
#include "net/url.h"
#include "net/websocket_client.h"
#include "wire/http1/body.h"
#include "wire/http1/head.h"

namespace berth::manager {

using namespace std::chrono_literals;

namespace {

constexpr auto kConnectLimit = 10s;
constexpr auto kStallLimit = 120s;
constexpr std::size_t kPieceBytes = 64 << 10;
constexpr std::size_t kMessageBytes = 16 << 20;

std::string path_of(std::string_view target) {
  return percent_decode(target.substr(0, target.find('?'))).value_or("");
}

bool is_of_connection(const std::string& name) {
  constexpr std::string_view kNames[] = {"connection", "keep-alive", "transfer-encoding", "upgrade",
                                         "te",         "trailer",    "proxy-connection",  "content-length",
                                         "expect",     "date"};
  return std::find(std::begin(kNames), std::end(kNames), name) != std::end(kNames);
}

net::TlsContext::ClientOptions tls_of(const Moved& to) {
  net::TlsContext::ClientOptions options;
  options.verify = to.verify;
  options.pinned_fingerprint = to.fingerprint;
  return options;
}

// Request body in chunks, as it comes.
Task<void> send_body(sdk::HttpRequest& request, net::Stream& stream) {
  for (;;) {
    const auto piece = co_await request.read();
    if (piece.empty()) break;
    std::string chunk;
    http1::append_chunk(chunk, as_text(piece));
    co_await stream.write(std::move(chunk), kStallLimit);
  }
  co_await stream.write(std::string(http1::kLastChunk), kStallLimit);
}

}  // namespace

// One WebSocket that is held or passed on. Lives as the socket's data.
class Forwards::Relay final : public sdk::Websocket::Data {
 public:
  Relay(Forwards& owner, sdk::Websocket& socket, sdk::Upgrade upgrade)
      : owner_(owner), socket_(socket), upgrade_(std::move(upgrade)), ready_(owner.loop_) {
    ++owner_.websockets_;
    reading_ = std::make_unique<loop::Spawned<void>>(owner_.loop_, run());
  }
  ~Relay() override {
    reading_.reset();
    --owner_.websockets_;
  }
  Task<void> send(Bytes message, bool is_text) {
    co_await ready_.wait();
    if (!client_) co_return;  // it is being closed
    client_->send(as_text(message), is_text);
    co_await client_->flush();
  }
  std::unique_ptr<net::WebsocketClient> take_client() {
    reading_.reset();
    return std::move(client_);
  }

 private:
  Task<void> run() {
    std::optional<Error> error;
    try {
      const auto to = co_await owner_.settle(upgrade_.target);
      if (!to) {
        ready_.set();
        socket_.close(1012, "come back");
        co_return;
      }
      const auto url = or_throw(net::parse_url(to->url));
      net::WebsocketOptions options;
      options.tls = tls_of(*to);
      options.max_message = kMessageBytes;
      options.connect_limit = kConnectLimit;
      if (!upgrade_.protocols.empty())
        options.headers.emplace_back("sec-websocket-protocol", upgrade_.protocols);
      auto connecting = net::WebsocketClient::connect(
          owner_.loop_, owner_.resolver_,
          fmt::format("{}://{}{}", url.scheme, url.authority(), upgrade_.target), std::move(options));
      client_ = co_await std::move(connecting);
      ready_.set();
      while (auto message = co_await client_->receive()) {
        if (message->is_text) socket_.send_text(message->data);
        else socket_.send_binary(as_bytes(message->data));
        co_await socket_.drained();
      }
      // 1005 and 1006 say that there was no code; they may not be sent (RFC 6455 section 7.4.1).
      const auto code = client_->close_code();
      socket_.close(code == 1005 || code == 1006 ? std::uint16_t{1012} : code, client_->close_reason());
    } catch (const Failure& failure) {
      error = failure.error();
    }
    if (!error) co_return;
    BERTH_LOG(kApp, "a WebSocket was not passed on", {"path", upgrade_.target}, {"error", error->detail});
    ready_.set();
    socket_.close(1013, "the other platform is not reached");
  }

  Forwards& owner_;
  sdk::Websocket& socket_;
  sdk::Upgrade upgrade_;
  loop::Event ready_;
  std::unique_ptr<net::WebsocketClient> client_;
  std::unique_ptr<loop::Spawned<void>> reading_;
};

Forwards::Forwards(loop::Loop& loop, const Instances& instances, const Settings& settings,
                   net::Resolver& resolver)
    : loop_(loop),
      instances_(instances),
      settings_(settings),
      resolver_(resolver),
      changed_(loop),
      farewells_(loop, "forwards") {}

Forwards::~Forwards() = default;

void Forwards::changed() {
  changed_.set();
  changed_.reset();
  if (!attach_) return;
  std::set<std::string> wanted;
  for (const auto& [key, row] : instances_.all()) {
    if (row.is_deleted() || !row.is_away()) continue;
    const bool is_ours = row.moved->state == Moved::State::kLeaving ||
                         (row.moved->state == Moved::State::kMoved && row.moved->forwards);
    // As long as the app is still there the path is its own.
    if (is_ours && instances_.view(row).state == api::InstanceState::kStopped) wanted.insert(row.path);
  }
  for (const auto& path : attached_)
    if (!wanted.contains(path)) detach_(path);
  for (const auto& path : wanted)
    if (!attached_.contains(path)) attach_(path);
  attached_ = std::move(wanted);
}

void Forwards::set_attaching(ByPath attach, ByPath detach) {
  attach_ = std::move(attach);
  detach_ = std::move(detach);
  attached_.clear();
  changed();
}

const InstanceRow* Forwards::find(std::string_view target) const {
  const auto path = path_of(target);
  for (const auto& [key, row] : instances_.all()) {
    if (row.is_deleted() || !row.is_away() || row.moved->state == Moved::State::kArriving) continue;
    if (path == row.path || path.starts_with(row.path + "/")) return &row;
  }
  return nullptr;
}

Task<std::optional<Moved>> Forwards::settle(std::string target) {
  const auto deadline = loop_.now() + std::chrono::seconds(settings_.number("moveHoldSeconds"));
  for (;;) {
    const auto* row = find(target);
    if (!row) co_return std::nullopt;
    if (row->moved->state == Moved::State::kMoved) {
      if (row->moved->forwards) co_return *row->moved;
      co_return std::nullopt;
    }
    const auto left = deadline - loop_.now();
    if (left <= loop::Duration::zero()) co_return std::nullopt;
    const auto wait = [](loop::Event& event) -> Task<void> { co_await event.wait(); };
    try {
      co_await loop::with_timeout(loop_, left, wait(changed_), "a move");
    } catch (const Failure&) {
      // The time is over, which the next round says.
    }
  }
}

Task<bool> Forwards::serve(sdk::HttpRequest& request, sdk::HttpResponse& response) {
  if (!find(request.target())) co_return false;
  const auto to = co_await settle(request.target());
  if (to) {
    co_await pass_on(*to, request, response);
    co_return true;
  }
  const auto* row = find(request.target());
  response.content_type("text/plain; charset=utf-8").header("cache-control", "no-store");
  if (!row) {
    // It is here again, or will be in a moment: the same request once more finds it.
    response.status(307).header("location", request.target());
    co_await response.send("");
  } else if (row->moved->state == Moved::State::kMoved) {
    const auto url = or_throw(net::parse_url(row->moved->url));
    response.status(410);
    co_await response.send(fmt::format("This app has moved to {}://{}{}\n",
                                       url.is_secure() ? "https" : "http", url.authority(), row->path));
  } else {
    response.status(503).header("retry-after", "5");
    co_await response.send("The app is moving.\n");
  }
  co_return true;
}

Task<void> Forwards::pass_on(Moved to, sdk::HttpRequest& request, sdk::HttpResponse& response) {
  const auto url = or_throw(net::parse_url(to.url));
  std::unique_ptr<net::Stream> stream;
  {
    auto connecting = net::Stream::connect(loop_, resolver_, url.host, url.port, kConnectLimit);
    stream = co_await std::move(connecting);
  }
  if (url.is_secure()) {
    auto context = or_throw(net::TlsContext::make_client(tls_of(to)));
    co_await stream->start_tls(std::move(context), url.host, kConnectLimit);
  }
  http1::Headers headers;
  for (const auto& [name, value] : request.headers())
    if (!is_of_connection(name)) headers.emplace_back(name, value);
  headers.emplace_back("connection", "close");
  if (request.has_body()) headers.emplace_back("transfer-encoding", "chunked");
  auto head = or_throw(http1::format_request_head(request.method(), request.target(), headers));
  co_await stream->write(std::move(head), kStallLimit);
  // An answer may come before the body has gone over: a refusal, above all.
  std::optional<loop::Spawned<void>> sending;
  if (request.has_body()) sending.emplace(loop_, send_body(request, *stream));

  http1::ResponseParser parser;
  Bytes buffer(kPieceBytes);
  ByteView rest;
  while (!parser.is_done() || parser.head().status < 200) {
    if (parser.is_done()) parser = http1::ResponseParser();  // 100, 103
    if (rest.empty()) {
      const auto size = co_await stream->read(buffer, kStallLimit);
      if (size == 0) throw_failure(Errc::kUnavailable, "the other platform hung up");
      rest = ByteView(buffer).first(size);
    }
    const auto used = or_throw(parser.feed(rest));
    rest = rest.subspan(used);
  }
  const auto& answer = parser.head();
  response.status(answer.status);
  for (const auto& [name, value] : answer.headers)
    if (!is_of_connection(name)) response.header(name, value);
  http1::BodyDecoder decoder(answer);
  if (decoder.is_done()) {
    co_await response.send("");
    co_return;
  }
  if (answer.framing == http1::Framing::kLength) response.content_length(answer.content_length);
  while (!decoder.is_done()) {
    const auto piece = or_throw(decoder.decode(rest));
    rest = rest.subspan(piece.consumed);
    if (!piece.data.empty()) co_await response.write(std::string(as_text(piece.data)));
    if (piece.consumed > 0 || decoder.is_done()) continue;
    const auto size = co_await stream->read(buffer, kStallLimit);
    if (size == 0) {
      or_throw(decoder.finish());
      break;
    }
    rest = ByteView(buffer).first(size);
  }
  co_await response.finish();
}

std::uint16_t Forwards::admit(const sdk::Upgrade& upgrade) {
  const auto* row = find(upgrade.target);
  if (!row) return 404;
  if (row->moved->state == Moved::State::kMoved && !row->moved->forwards) return 410;
  if (websockets_ >= kMostWebsockets) return 503;
  admitted_ = upgrade;
  return 0;
}

Task<void> Forwards::opened(sdk::Websocket& socket) {
  socket.data = std::make_unique<Relay>(*this, socket, std::move(admitted_));
  co_return;
}

Task<void> Forwards::received(sdk::Websocket& socket, Bytes message, bool is_text) {
  co_await static_cast<Relay&>(*socket.data).send(std::move(message), is_text);
}

void Forwards::closed(sdk::Websocket& socket, std::uint16_t code) {
  if (!socket.data) return;
  auto client = static_cast<Relay&>(*socket.data).take_client();
  if (!client) return;
  const auto say_so = [](std::unique_ptr<net::WebsocketClient> client, std::uint16_t code) -> Task<void> {
    client->close(code < 1000 || code == 1005 || code == 1006 ? std::uint16_t{1001} : code);
    co_await client->flush();
  };
  farewells_.spawn(say_so(std::move(client), code));
}

}  // namespace berth::manager
