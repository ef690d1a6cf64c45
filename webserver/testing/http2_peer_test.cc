#include "webserver/testing/http2_peer.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>

#include <stdexcept>

namespace berth::webserver::testing {
namespace {

[[noreturn]] void give_up(std::string_view what) { throw std::runtime_error("http2: " + std::string(what)); }

}  // namespace

struct Http2Client::Calls {
  static Http2Client& self(void* user) { return *static_cast<Http2Client*>(user); }

  static int on_header(nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                       std::size_t name_size, const std::uint8_t* value, std::size_t value_size, std::uint8_t,
                       void* user) {
    const std::string key(reinterpret_cast<const char*>(name), name_size);
    self(user).answers_[frame->hd.stream_id].headers[key] =
        std::string(reinterpret_cast<const char*>(value), value_size);
    return 0;
  }
  static int on_frame(nghttp2_session*, const nghttp2_frame* frame, void* user) {
    auto& me = self(user);
    auto& answer = me.answers_[frame->hd.stream_id];
    switch (frame->hd.type) {
      case NGHTTP2_HEADERS:
        if (answer.status() < 200) {
          answer.informational.push_back(answer.status());
          answer.headers.clear();
          break;
        }
        answer.has_head = true;
        [[fallthrough]];
      case NGHTTP2_DATA:
        if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) answer.has_ended = true;
        break;
      case NGHTTP2_GOAWAY:
        me.goaway_ = frame->goaway.error_code;
        me.goaway_stream_ = frame->goaway.last_stream_id;
        break;
      case NGHTTP2_PING:
        if (frame->hd.flags & NGHTTP2_FLAG_ACK) ++me.pongs_;
        break;
      default: break;
    }
    return 0;
  }
  static int on_data(nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* data,
                     std::size_t size, void* user) {
    self(user).answers_[id].body.append(reinterpret_cast<const char*>(data), size);
    return 0;
  }
  static int on_close(nghttp2_session*, std::int32_t id, std::uint32_t code, void* user) {
    auto& answer = self(user).answers_[id];
    answer.is_closed = true;
    answer.error = code;
    return 0;
  }
  static ssize_t on_offer(nghttp2_session*, std::int32_t id, std::uint8_t* out, std::size_t most,
                          std::uint32_t* flags, nghttp2_data_source*, void* user) {
    auto& outgoing = self(user).outgoing_[id];
    const auto count = std::min(most, outgoing.bytes.size() - outgoing.sent);
    std::copy_n(outgoing.bytes.data() + outgoing.sent, count, out);
    outgoing.sent += count;
    if (outgoing.sent == outgoing.bytes.size() && outgoing.is_end) *flags |= NGHTTP2_DATA_FLAG_EOF;
    else if (count == 0) return NGHTTP2_ERR_DEFERRED;
    return static_cast<ssize_t>(count);
  }
};

Http2Client::Http2Client(std::uint16_t port, Options options) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
  const int on = 1;
  ::setsockopt(fd_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) give_up("connect");
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  ssl_.reset(SSL_new(context));
  SSL_CTX_free(context);
  SSL_set_fd(ssl_.get(), fd_.get());
  static constexpr unsigned char kProtocols[] = "\x02h2\x08http/1.1";
  SSL_set_alpn_protos(ssl_.get(), kProtocols, sizeof kProtocols - 1);
  if (SSL_connect(ssl_.get()) != 1) give_up("handshake");
  if (protocol() != "h2") return;

  nghttp2_session_callbacks* calls = nullptr;
  nghttp2_session_callbacks_new(&calls);
  nghttp2_session_callbacks_set_on_header_callback(calls, Calls::on_header);
  nghttp2_session_callbacks_set_on_frame_recv_callback(calls, Calls::on_frame);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(calls, Calls::on_data);
  nghttp2_session_callbacks_set_on_stream_close_callback(calls, Calls::on_close);
  nghttp2_option* option = nullptr;
  nghttp2_option_new(&option);
  nghttp2_option_set_peer_max_concurrent_streams(option, options.streams);
  if (!options.gives_window_back) nghttp2_option_set_no_auto_window_update(option, 1);
  nghttp2_session_client_new2(&session_, calls, this, option);
  nghttp2_option_del(option);
  nghttp2_session_callbacks_del(calls);
  const nghttp2_settings_entry entry{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE,
                                     static_cast<std::uint32_t>(options.window)};
  nghttp2_submit_settings(session_, 0, &entry, 1);
  flush();
}

Http2Client::~Http2Client() { nghttp2_session_del(session_); }

std::string Http2Client::protocol() const {
  const unsigned char* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl_.get(), &name, &size);
  return {reinterpret_cast<const char*>(name), size};
}

std::uint32_t Http2Client::setting(nghttp2_settings_id id) const {
  return nghttp2_session_get_remote_settings(session_, id);
}

std::int32_t Http2Client::request(const std::string& path, Fields more, bool has_body,
                                  const std::string& method) {
  Fields fields = {{":method", method}, {":scheme", "https"}, {":authority", "localhost"}, {":path", path}};
  fields.insert(fields.end(), more.begin(), more.end());
  return request_of(fields, has_body);
}

std::int32_t Http2Client::request_of(const Fields& fields, bool has_body) {
  std::vector<nghttp2_nv> list;
  const auto bytes = [](const std::string& text) {
    return reinterpret_cast<std::uint8_t*>(const_cast<char*>(text.data()));
  };
  for (const auto& [name, value] : fields)
    list.push_back({bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE});
  nghttp2_data_provider source{};
  source.read_callback = Calls::on_offer;
  const auto id = nghttp2_submit_request(session_, nullptr, list.data(), list.size(),
                                         has_body ? &source : nullptr, nullptr);
  if (id < 0) give_up("submit_request");
  flush();
  return id;
}

void Http2Client::send(std::int32_t stream, std::string_view bytes, bool is_end) {
  outgoing_[stream].bytes += bytes;
  outgoing_[stream].is_end = is_end;
  nghttp2_session_resume_data(session_, stream);
  flush();
}

void Http2Client::reset(std::int32_t stream, std::uint32_t code) {
  nghttp2_submit_rst_stream(session_, 0, stream, code);
  flush();
}

void Http2Client::ping() {
  nghttp2_submit_ping(session_, 0, nullptr);
  flush();
}

void Http2Client::send_raw(std::string_view bytes) {
  if (SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size())) <= 0) at_end_ = true;
}

void Http2Client::flush() {
  const std::uint8_t* bytes = nullptr;
  for (;;) {
    const auto size = nghttp2_session_mem_send(session_, &bytes);
    if (size < 0) give_up("mem_send");
    if (size == 0) return;
    send_raw({reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size)});
  }
}

bool Http2Client::read_once(int milliseconds) {
  if (!SSL_has_pending(ssl_.get())) {
    pollfd poll{fd_.get(), POLLIN, 0};
    if (::poll(&poll, 1, milliseconds) <= 0) return false;
  }
  std::uint8_t buffer[65536];
  const auto got = SSL_read(ssl_.get(), buffer, sizeof buffer);
  if (got <= 0) {
    at_end_ = true;
    return true;
  }
  if (nghttp2_session_mem_recv(session_, buffer, static_cast<std::size_t>(got)) < 0) give_up("mem_recv");
  flush();
  return true;
}

void Http2Client::wait_until(const std::function<bool()>& done, std::string_view what) {
  while (!done()) {
    if (at_end_) give_up("the connection has ended while waiting for " + std::string(what));
    if (!read_once(20'000)) give_up("no " + std::string(what) + " in time");
  }
}

void Http2Client::wait_for_head(std::int32_t stream) {
  wait_until([&] { return answer(stream).has_head || answer(stream).is_closed; }, "head");
}

void Http2Client::wait_for_end(std::int32_t stream) {
  wait_until([&] { return answer(stream).is_closed; }, "end of the stream");
}

Http2Client::Answer Http2Client::fetch(const std::string& path, Fields more, const std::string& method) {
  const auto stream = request(path, std::move(more), false, method);
  wait_for_end(stream);
  return answer(stream);
}

}  // namespace berth::webserver::testing
