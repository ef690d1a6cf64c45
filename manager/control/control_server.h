// The manager's Unix sockets: who connects, and what they say (docs/protocols/control.md).
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "loop/sync.h"
#include "net/listener.h"
#include "net/message_socket.h"

namespace berth::manager {

using loop::Task;

// One connection. Lives as long as the handler that serves it.
class ControlPeer {
 public:
  ControlPeer(loop::Loop& loop, std::unique_ptr<net::MessageSocket> socket)
      : loop_(loop), socket_(std::move(socket)) {}
  ~ControlPeer();
  ControlPeer(const ControlPeer&) = delete;

  const net::PeerCredentials& credentials() const { return socket_->peer(); }
  // Queues a message; false if the connection is gone.
  bool send(const json::Object& message, std::vector<UniqueFd> descriptors = {});
  // Sends with a `src` of its own and waits for the answer. Throws Failure: kUnavailable if the connection
  // ends, kTimeout, or what an `Error` answer tells. Needs somebody to receive().
  Task<json::Object> ask(json::Object request, loop::Duration limit = std::chrono::seconds(10));
  // The same, for an answer that comes with descriptors.
  Task<net::Message> ask_whole(json::Object request, loop::Duration limit = std::chrono::seconds(10));
  // Messages that are no answers; nullopt at the end. Throws Failure for broken frames.
  Task<std::optional<net::Message>> receive();
  Task<bool> flush() { return socket_->flush(); }
  void close() { socket_->close(); }
  bool is_open() const { return socket_->is_open(); }

 private:
  struct Waiting {
    explicit Waiting(loop::Loop& loop) : answered(loop) {}
    loop::Event answered;
    std::optional<net::Message> answer;
  };
  loop::Loop& loop_;
  std::unique_ptr<net::MessageSocket> socket_;
  // Shared with each ask(): one that waits when the connection ends goes on after us, to tell its caller.
  using WaitingBySource = std::map<std::string, Waiting*>;
  std::shared_ptr<WaitingBySource> waiting_ = std::make_shared<WaitingBySource>();
  std::uint64_t next_src_ = 1;
};

// Listens on one path and runs a handler for each connection. Owned by main; its end closes all.
class ControlServer {
 public:
  // Serves one connection until it returns. What it throws is logged and ends the connection.
  using Handler = std::function<Task<void>(ControlPeer&)>;
  static constexpr std::size_t kMaxConnections = 512;  // above it new ones are closed at once

  // Throws Failure if the socket cannot be made. `mode`: who may connect at all.
  // `inherited`: a socket that listens there already, of an earlier manager (release()); may be none.
  ControlServer(loop::Loop& loop, std::string path, mode_t mode, std::string name, Handler handler,
                UniqueFd inherited = UniqueFd());

  // Ends all connections and gives the listening socket for a successor: who connects meanwhile waits in its queue.
  UniqueFd release();

 private:
  Task<void> accept_all();
  Task<void> serve(UniqueFd fd);
  loop::Loop& loop_;
  std::string name_;
  Handler handler_;
  std::unique_ptr<net::Listener> listener_;
  loop::TaskGroup connections_;
  std::unique_ptr<loop::Spawned<void>> accepting_;
};

}  // namespace berth::manager
