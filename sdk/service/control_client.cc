#include "sdk/service/control_client.h"

#include <algorithm>

#include "base/log.h"

namespace berth::sdk {

ControlClient::ControlClient(loop::Loop& loop, std::string path, Hello hello, Descriptors descriptors,
                             Receiver receive)
    : loop_(loop),
      path_(std::move(path)),
      hello_(std::move(hello)),
      descriptors_(std::move(descriptors)),
      receive_(std::move(receive)),
      task_(loop, run()) {}

bool ControlClient::send(const json::Object& message) { return socket_ && socket_->send(message); }

loop::Task<void> ControlClient::flush(loop::Duration limit) {
  if (!socket_) co_return;
  try {
    co_await loop::with_timeout(loop_, limit, socket_->flush(), "last words to the manager");
  } catch (...) {
    log_warning("manager not told", {{"error", current_error().detail}});
  }
}

loop::Task<void> ControlClient::run() {
  auto pause = kFirstPause;
  for (;;) {
    auto socket = net::MessageSocket::connect(loop_, path_);
    if (socket) {
      pause = kFirstPause;
      co_await serve(std::move(*socket));
      log_info("manager lost", {{"socket", path_}});
    }
    co_await loop::sleep_for(loop_, pause);
    pause = std::min(pause * 2, kLongestPause);
  }
}

loop::Task<void> ControlClient::serve(std::unique_ptr<net::MessageSocket> socket) {
  struct Forget {
    net::MessageSocket*& place;
    ~Forget() { place = nullptr; }
  } forget{socket_};
  socket_ = socket.get();
  try {
    socket->send(hello_(), descriptors_());
    for (;;) {
      auto message = co_await socket->receive();
      if (!message) co_return;
      receive_(std::move(message->body));
    }
  } catch (...) {
    log_error("control connection", {{"error", current_error().detail}});
  }
}

}  // namespace berth::sdk
