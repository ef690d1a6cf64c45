// A manager for the tests of the command: answers by script.
#pragma once

#include <stdlib.h>

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>

#include "api/message.h"
#include "base/file.h"
#include "net/listener.h"
#include "net/message_socket.h"

namespace berth::cli {

// A temporary folder, removed with all in it.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = "/tmp/berth_cli_test.XXXXXX";
    BERTH_CHECK(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  ~TemporaryFolder() { (void)remove_tree(path_); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// One request as it came, and the way to answer it.
class FakeRequest {
 public:
  FakeRequest(net::MessageSocket& socket, net::Message message)
      : socket_(socket), message_(std::move(message)) {}
  const api::JsonObject& body() const { return message_.body; }
  std::vector<UniqueFd>& descriptors() { return message_.descriptors; }
  template <api::Message T>
  T as() const {
    return or_throw(api::parse_message<T>(message_.body));
  }
  template <api::Message T>
  void reply(const T& answer) {
    socket_.send(api::format_message(answer, api::parse_envelope(message_.body)->src));
  }
  void fail(Errc code, std::string text) {
    const auto envelope = *api::parse_envelope(message_.body);
    socket_.send(api::format_failure(envelope.mt + "Result", Error{code, std::move(text)}, envelope.src));
  }
  void hang_up() { socket_.close(); }

 private:
  net::MessageSocket& socket_;
  net::Message message_;
};

// Listens on <root>/run/berth/manager.sock in a thread of its own, until it goes.
class FakeManager {
 public:
  using Handler = std::function<void(FakeRequest&)>;

  // `handlers` by `mt`; what has none is answered with `unsupported`.
  FakeManager(const std::string& root, std::map<std::string, Handler> handlers)
      : handlers_(std::move(handlers)) {
    or_throw(make_directories(root + "/run/berth"));
    const std::string path = root + "/run/berth/manager.sock";
    std::atomic<bool> listens = false;
    thread_ = std::thread([this, path, &listens] { serve(path, listens); });
    listens.wait(false);
  }
  ~FakeManager() {
    loop_->post([this] { loop_->stop(); });
    thread_.join();
  }

  // `mt` of all requests so far.
  std::vector<std::string> seen() {
    const std::lock_guard lock(mutex_);
    return seen_;
  }

 private:
  void serve(const std::string& path, std::atomic<bool>& listens) {
    loop::Loop loop;
    loop_ = &loop;
    auto listener = or_throw(net::Listener::unix_socket(loop, path));
    loop::TaskGroup clients(loop, "clients");
    clients.spawn(accept_all(loop, *listener, clients));
    listens = true;
    listens.notify_one();
    loop.run();
  }
  loop::Task<void> accept_all(loop::Loop& loop, net::Listener& listener, loop::TaskGroup& clients) {
    while (true) {
      auto fd = co_await listener.accept();
      clients.spawn(serve_client(std::make_unique<net::MessageSocket>(loop, std::move(fd))));
    }
  }
  loop::Task<void> serve_client(std::unique_ptr<net::MessageSocket> socket) {
    while (auto message = co_await socket->receive()) {
      FakeRequest request(*socket, std::move(*message));
      const std::string mt = api::parse_envelope(request.body())->mt;
      {
        const std::lock_guard lock(mutex_);
        seen_.push_back(mt);
      }
      const auto found = handlers_.find(mt);
      if (found == handlers_.end()) request.fail(Errc::kUnsupported, "not in this test's script: " + mt);
      else found->second(request);
    }
  }

  std::map<std::string, Handler> handlers_;
  loop::Loop* loop_ = nullptr;
  std::mutex mutex_;
  std::vector<std::string> seen_;
  std::thread thread_;
};

}  // namespace berth::cli
