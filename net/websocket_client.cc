#include "net/websocket_client.h"

#include <sys/socket.h>

#include "base/log.h"
#include "base/text.h"
#include "wire/websocket/handshake.h"

namespace berth::net {
namespace {

constexpr std::chrono::seconds kCloseLimit{5};
constexpr std::size_t kReadSize = 16384;

std::array<std::uint8_t, 4> make_mask() {
  const auto bytes = random_bytes(4);
  return {bytes[0], bytes[1], bytes[2], bytes[3]};
}

// What came behind the head of the answer belongs to the first frames.
loop::Task<Bytes> shake_hands(Stream& stream, Url url, http1::Headers extra) {
  const std::string key = websocket::make_key();
  http1::Headers headers{{"host", url.authority()},
                         {"upgrade", "websocket"},
                         {"connection", "Upgrade"},
                         {"sec-websocket-key", key},
                         {"sec-websocket-version", "13"}};
  for (auto& header : extra) headers.push_back(std::move(header));
  auto head = or_throw(http1::format_request_head("GET", url.target, headers));
  auto writing = stream.write(std::move(head));
  co_await writing;
  http1::ResponseParser parser;
  Bytes buffer(kReadSize);
  for (;;) {
    auto reading = stream.read(buffer);
    const std::size_t got = co_await reading;
    if (got == 0) throw_failure(Errc::kUnavailable, "connection closed during the WebSocket handshake");
    const ByteView bytes = ByteView(buffer).first(got);
    const std::size_t used = or_throw(parser.feed(bytes));
    if (!parser.is_done()) continue;
    or_throw(websocket::check_response(parser.head(), key));
    co_return Bytes(bytes.begin() + static_cast<std::ptrdiff_t>(used), bytes.end());
  }
}

struct Opened {
  std::unique_ptr<Stream> stream;
  Bytes rest;
};

loop::Task<Opened> open_connection(loop::Loop& loop, Resolver& resolver, Url url, WebsocketOptions options) {
  Opened opened;
  if (!options.unix_socket.empty()) {
    opened.stream = or_throw(Stream::connect_unix(loop, options.unix_socket));
  } else {
    auto connecting = Stream::connect(loop, resolver, url.host, url.port, options.connect_limit);
    opened.stream = co_await connecting;
  }
  if (url.is_secure()) {
    auto context = or_throw(TlsContext::make_client(options.tls));
    auto securing = opened.stream->start_tls(std::move(context), url.host, options.connect_limit);
    co_await securing;
  }
  auto shaking = shake_hands(*opened.stream, url, options.headers);
  opened.rest = co_await shaking;
  co_return std::move(opened);
}

}  // namespace

WebsocketClient::WebsocketClient(loop::Loop& loop, std::unique_ptr<Stream> stream, std::size_t max_message,
                                 std::size_t max_queue)
    : loop_(loop),
      stream_(std::move(stream)),
      max_queue_(max_queue),
      reader_(websocket::MessageReader::Role::kClient, max_message),
      queue_filled_(loop),
      queue_empty_(loop),
      close_timer_(loop) {
  queue_empty_.set();
  writer_.emplace(loop_, write_queue());
}

WebsocketClient::~WebsocketClient() { writer_.reset(); }

loop::Task<std::unique_ptr<WebsocketClient>> WebsocketClient::connect(loop::Loop& loop, Resolver& resolver,
                                                                      std::string url,
                                                                      WebsocketOptions options) {
  const auto parsed = or_throw(parse_url(url));
  auto opening = open_connection(loop, resolver, parsed, options);
  auto opened =
      co_await loop::with_timeout(loop, options.connect_limit, std::move(opening), "connecting to " + url);
  std::unique_ptr<WebsocketClient> client(
      new WebsocketClient(loop, std::move(opened.stream), options.max_message, options.max_queue_bytes));
  client->input_ = std::move(opened.rest);
  // Without its path, which may hold a key.
  BERTH_LOG(kWebsocketClient, "opened", {"host", parsed.host}, {"port", parsed.port});
  co_return std::move(client);
}

loop::Task<std::optional<WebsocketMessage>> WebsocketClient::receive() {
  Bytes buffer;
  while (!ended_) {
    auto step = reader_.next(std::span(input_).subspan(input_used_));
    if (!step) {
      const auto error = step.error();
      queue_frame(websocket::Opcode::kClose,
                  websocket::make_close_payload(reader_.error_close_code(), error.detail));
      close_sent_ = true;
      end(reader_.error_close_code(), error.detail);
      break;
    }
    input_used_ += step->consumed;
    if (step->event) {
      const auto& event = *step->event;
      switch (event.kind) {
        case websocket::MessageReader::Kind::kData: {
          partial_.data.append(as_text(event.data));
          partial_.is_text = event.is_text;
          if (!event.is_final) continue;
          WebsocketMessage message = std::exchange(partial_, WebsocketMessage{});
          co_return std::move(message);
        }
        case websocket::MessageReader::Kind::kPing:
          queue_frame(websocket::Opcode::kPong, event.data);
          continue;
        case websocket::MessageReader::Kind::kPong: ++pongs_; continue;
        case websocket::MessageReader::Kind::kClose:
          if (!close_sent_) {
            queue_frame(websocket::Opcode::kClose, websocket::make_close_payload(event.close_code));
            close_sent_ = true;
          }
          end(event.close_code, std::string(as_text(event.data)));
          continue;
      }
    }
    if (step->consumed > 0) continue;
    input_.erase(input_.begin(), input_.begin() + static_cast<std::ptrdiff_t>(input_used_));
    input_used_ = 0;
    buffer.resize(kReadSize);
    std::size_t got = 0;
    try {
      const std::optional<loop::Duration> limit =
          close_sent_ ? std::optional<loop::Duration>(kCloseLimit) : std::nullopt;
      auto reading = stream_->read(buffer, limit);
      got = co_await reading;
    } catch (const Failure& failure) {
      end(1006, failure.error().detail);  // told by close_code(): how a connection ends is a value here
      break;
    }
    if (got == 0) end(1006, "connection closed");
    input_.insert(input_.end(), buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(got));
  }
  co_return std::nullopt;
}

void WebsocketClient::end(std::uint16_t code, std::string reason) {
  if (ended_) return;
  ended_ = true;
  close_code_ = code;
  close_reason_ = std::move(reason);
  BERTH_LOG(kWebsocketClient, "closed", {"code", close_code_}, {"reason", close_reason_});
}

bool WebsocketClient::send(std::string_view data, bool is_text) {
  if (ended_ || close_sent_) return false;
  if (queue_.size() + data.size() > max_queue_) {
    close(1008, "send queue full");
    return false;
  }
  queue_frame(is_text ? websocket::Opcode::kText : websocket::Opcode::kBinary, as_bytes(data));
  return true;
}

bool WebsocketClient::send_ping(std::string_view data) {
  if (ended_ || close_sent_) return false;
  queue_frame(websocket::Opcode::kPing, as_bytes(data.substr(0, 125)));
  return true;
}

void WebsocketClient::close(std::uint16_t code, std::string_view reason) {
  if (ended_ || close_sent_) return;
  queue_frame(websocket::Opcode::kClose, websocket::make_close_payload(code, reason));
  close_sent_ = true;
  // A task that waits in receive() has no deadline; give it one by ending the stream then.
  close_timer_.start(kCloseLimit, [this] { ::shutdown(stream_->fd(), SHUT_RDWR); });
}

void WebsocketClient::queue_frame(websocket::Opcode opcode, ByteView payload) {
  websocket::append_masked_frame(queue_, opcode, payload, make_mask());
  queue_empty_.reset();
  queue_filled_.set();
}

loop::Task<void> WebsocketClient::write_queue() {
  for (;;) {
    co_await queue_filled_.wait();
    queue_filled_.reset();
    Bytes batch = std::exchange(queue_, Bytes{});
    try {
      auto writing = stream_->write(std::move(batch));
      co_await writing;
    } catch (const Failure& failure) {
      end(1006, failure.error().detail);
      ::shutdown(stream_->fd(), SHUT_RDWR);  // wakes the task that receives
      queue_empty_.set();
      co_return;
    }
    if (queue_.empty()) queue_empty_.set();
  }
}

loop::Task<void> WebsocketClient::flush() { co_await queue_empty_.wait(); }

}  // namespace berth::net
