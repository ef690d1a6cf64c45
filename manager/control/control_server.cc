#include "manager/control/control_server.h"

#include "api/message.h"
#include "base/log.h"
#include "manager/supervise/supervised_process.h"
#include "wire/json/json.h"

namespace berth::manager {

ControlPeer::~ControlPeer() {
  for (auto& [src, waiting] : *waiting_) waiting->answered.set();
}

bool ControlPeer::send(const json::Object& message, std::vector<UniqueFd> descriptors) {
  return socket_->send(message, std::move(descriptors));
}

Task<json::Object> ControlPeer::ask(json::Object request, loop::Duration limit) {
  auto answer = co_await ask_whole(std::move(request), limit);
  co_return std::move(answer.body);
}

Task<net::Message> ControlPeer::ask_whole(json::Object request, loop::Duration limit) {
  const std::string src = fmt::format("m{}", next_src_++);
  const std::string mt = json::get_string(request, "mt");
  request["src"] = src;
  struct Registered {
    std::shared_ptr<WaitingBySource> map;
    const std::string& src;
    ~Registered() { map->erase(src); }
  };
  Waiting waiting(loop_);
  (*waiting_)[src] = &waiting;
  Registered registered{waiting_, src};
  if (!send(request)) throw_failure(Errc::kUnavailable, "{}: connection is gone", mt);
  const bool answered = co_await wait_at_most(loop_, waiting.answered, limit);
  if (!answered) throw_failure(Errc::kTimeout, "{}: no answer", mt);
  if (!waiting.answer) throw_failure(Errc::kUnavailable, "{}: connection ended", mt);
  const json::Object& body = waiting.answer->body;
  if (json::get_string(body, "mt") == "Error")
    throw Failure(Error{api::parse_error_code(json::get_string(body, "errorCode", "failed")),
                        json::get_string(body, "error", mt + " failed")});
  co_return std::move(*waiting.answer);
}

Task<std::optional<net::Message>> ControlPeer::receive() {
  for (;;) {
    auto message = co_await socket_->receive();
    if (!message) {
      for (auto& [src, waiting] : *waiting_) waiting->answered.set();
      co_return std::nullopt;
    }
    const std::string src = json::get_string(message->body, "src");
    const auto found = waiting_->find(src);
    if (src.empty() || found == waiting_->end()) co_return std::move(message);
    found->second->answer = std::move(*message);
    found->second->answered.set();
  }
}

ControlServer::ControlServer(loop::Loop& loop, std::string path, mode_t mode, std::string name,
                             Handler handler, UniqueFd inherited)
    : loop_(loop), name_(std::move(name)), handler_(std::move(handler)), connections_(loop, name_) {
  listener_ = inherited ? std::make_unique<net::Listener>(loop_, std::move(inherited), std::move(path))
                        : or_throw(net::Listener::unix_socket(loop_, std::move(path), mode));
  accepting_ = std::make_unique<loop::Spawned<void>>(loop_, accept_all());
}

Task<void> ControlServer::accept_all() {
  for (;;) {
    UniqueFd fd = co_await listener_->accept();
    if (connections_.size() >= kMaxConnections) {
      log_warning("too many connections", {{"socket", name_}, {"limit", kMaxConnections}});
      continue;
    }
    connections_.spawn(serve(std::move(fd)));
  }
}

UniqueFd ControlServer::release() {
  accepting_.reset();
  connections_.cancel_all();
  UniqueFd socket = listener_->release();
  listener_.reset();
  return socket;
}

Task<void> ControlServer::serve(UniqueFd fd) {
  ControlPeer peer(loop_, std::make_unique<net::MessageSocket>(loop_, std::move(fd)));
  co_await handler_(peer);
}

}  // namespace berth::manager
