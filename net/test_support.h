// For the tests of net: a folder that goes, and small servers on loopback.
#pragma once

#include <cstdlib>
#include <functional>
#include <memory>
#include <string>

#include "base/file.h"
#include "loop/sync.h"
#include "net/listener.h"
#include "net/stream.h"
#include "wire/http1/body.h"
#include "wire/http1/head.h"

namespace berth::net::test {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    char name[] = "/tmp/berth_net_XXXXXX";
    BERTH_CHECK(::mkdtemp(name) != nullptr);
    path_ = name;
  }
  ~TemporaryFolder() { (void)remove_tree(path_); }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

// Accepts connections on loopback (or a Unix socket) and serves each with `serve`.
class Server {
 public:
  using Serve = std::function<loop::Task<void>(std::unique_ptr<Stream>)>;
  Server(loop::Loop& loop, Serve serve, TlsContext tls = {}, std::string unix_path = {})
      : loop_(loop), serve_(std::move(serve)), tls_(std::move(tls)), group_(loop, "test server") {
    listener_ = or_throw(unix_path.empty() ? Listener::tcp(loop, Address::loopback(0))
                                           : Listener::unix_socket(loop, unix_path));
    group_.spawn(accept_all());
  }
  std::uint16_t port() const { return listener_->address().port(); }
  std::string url(std::string scheme, std::string path = "/") const {
    return fmt::format("{}://127.0.0.1:{}{}", scheme, port(), path);
  }
  int connections() const { return connections_; }

 private:
  loop::Task<void> accept_all() {
    for (;;) {
      auto accepting = listener_->accept();
      auto fd = co_await accepting;
      ++connections_;
      group_.spawn(serve_one(std::make_unique<Stream>(loop_, std::move(fd))));
    }
  }
  loop::Task<void> serve_one(std::unique_ptr<Stream> stream) {
    try {
      if (tls_) {
        auto securing = stream->accept_tls(tls_, std::chrono::seconds(30));
        co_await securing;
      }
      auto serving = serve_(std::move(stream));
      co_await serving;
    } catch (const Failure&) {
      // Clients that go away in the middle are what these tests are about.
    }
  }
  loop::Loop& loop_;
  Serve serve_;
  TlsContext tls_;
  std::unique_ptr<Listener> listener_;
  int connections_ = 0;
  loop::TaskGroup group_;
};

struct Request {
  http1::RequestHead head;
  std::string body;
};

// Reads one request; throws at the end of the stream.
inline loop::Task<Request> read_request(Stream& stream) {
  http1::RequestParser parser;
  Bytes buffer(4096), rest;
  while (!parser.is_done()) {
    auto reading = stream.read(buffer);
    const std::size_t got = co_await reading;
    if (got == 0) throw_failure(Errc::kUnavailable, "end");
    const auto used = or_throw(parser.feed(ByteView(buffer).first(got)));
    rest.assign(buffer.begin() + static_cast<std::ptrdiff_t>(used),
                buffer.begin() + static_cast<std::ptrdiff_t>(got));
  }
  Request request{.head = parser.head()};
  http1::BodyDecoder decoder(request.head);
  for (;;) {
    ByteView view = rest;
    while (!decoder.is_done() && !view.empty()) {
      const auto piece = or_throw(decoder.decode(view));
      request.body += as_text(piece.data);
      view = view.subspan(piece.consumed);
    }
    if (decoder.is_done()) co_return std::move(request);
    auto reading = stream.read(buffer);
    const std::size_t got = co_await reading;
    if (got == 0) throw_failure(Errc::kUnavailable, "end");
    rest.assign(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(got));
  }
}

inline std::string answer(int status, std::string body, http1::Headers headers = {}) {
  headers.emplace_back("content-length", std::to_string(body.size()));
  return or_throw(http1::format_response_head(status, headers)) + body;
}

}  // namespace berth::net::test
