// The service's connection to the manager (docs/protocols/control.md).
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "loop/sync.h"
#include "net/message_socket.h"
#include "wire/json/json.h"

namespace berth::sdk {

// Keeps a connection: tries at once, then after 100 ms, doubling to 1 s, and begins each one with the hello of
// that moment.
class ControlClient {
 public:
  using Hello = std::function<json::Object()>;
  using Descriptors = std::function<std::vector<UniqueFd>()>;
  using Receiver = std::function<void(json::Object)>;
  static constexpr std::chrono::milliseconds kFirstPause{100}, kLongestPause{1000};

  // `descriptors` go with the hello. Borrows `path`'s socket file only while connecting. `receive` is called for each message, from the client's task.
  ControlClient(loop::Loop& loop, std::string path, Hello hello, Descriptors descriptors, Receiver receive);

  // False if there is no connection now; nothing is kept for later: the next hello tells the state.
  bool send(const json::Object& message);
  bool is_connected() const { return socket_ != nullptr; }
  // Waits, at most `limit`, until what was sent is out of our hands.
  loop::Task<void> flush(loop::Duration limit);

 private:
  loop::Task<void> run();
  loop::Task<void> serve(std::unique_ptr<net::MessageSocket> socket);

  loop::Loop& loop_;
  const std::string path_;
  Hello hello_;
  Descriptors descriptors_;
  Receiver receive_;
  net::MessageSocket* socket_ = nullptr;  // of the running task
  loop::Spawned<void> task_;
};

}  // namespace berth::sdk
