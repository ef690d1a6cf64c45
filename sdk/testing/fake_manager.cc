#include "sdk/testing/fake_manager.h"

namespace berth::sdk {

FakeManager::FakeManager(loop::Loop& loop, std::string path) : loop_(loop), tasks_(loop, "fake manager") {
  listener_ = or_throw(net::Listener::unix_socket(loop, std::move(path)));
  tasks_.spawn(accept_all());
}

FakeManager::~FakeManager() { tasks_.cancel_all(); }

loop::Task<void> FakeManager::accept_all() {
  for (;;) {
    auto fd = co_await listener_->accept();
    ++connections;
    tasks_.spawn(serve(std::make_unique<net::MessageSocket>(loop_, std::move(fd))));
  }
}

loop::Task<void> FakeManager::serve(std::unique_ptr<net::MessageSocket> socket) {
  socket_ = socket.get();
  while (auto message = co_await socket->receive()) {
    for (auto& descriptor : message->descriptors) descriptors.push_back(std::move(descriptor));
    messages_.push_back(std::move(message->body));
  }
  if (socket_ == socket.get()) socket_ = nullptr;
}

void FakeManager::send(const json::Object& message) {
  BERTH_CHECK(socket_);
  socket_->send(message);
}

json::Object FakeManager::await(std::string_view mt) {
  json::Object found;
  const bool came = loop_.run_until([&] {
    while (!messages_.empty()) {
      json::Object message = std::move(messages_.front());
      messages_.pop_front();
      if (json::get_string(message, "mt") != mt) continue;
      found = std::move(message);
      return true;
    }
    return false;
  });
  if (!came) throw_failure(Errc::kTimeout, "no {} came", mt);
  return found;
}

void FakeManager::disconnect() {
  BERTH_CHECK(socket_);
  socket_->close();
}

}  // namespace berth::sdk
