// A manager of a test's own: a control socket and a script.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "loop/sync.h"
#include "net/listener.h"
#include "net/message_socket.h"
#include "wire/json/json.h"

namespace berth::sdk {

class FakeManager {
 public:
  FakeManager(loop::Loop& loop, std::string path);
  ~FakeManager();

  void send(const json::Object& message);
  // The next message from the service with that `mt`; others before it are dropped.
  json::Object await(std::string_view mt);
  void disconnect();
  int connections = 0;
  std::vector<UniqueFd> descriptors;  // all that came, in order

 private:
  loop::Task<void> accept_all();
  loop::Task<void> serve(std::unique_ptr<net::MessageSocket> socket);
  loop::Loop& loop_;
  std::unique_ptr<net::Listener> listener_;
  net::MessageSocket* socket_ = nullptr;
  std::deque<json::Object> messages_;
  loop::TaskGroup tasks_;
};

}  // namespace berth::sdk
