// One capture tool at a time gets the packets of this machine.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "capture/packets.h"
#include "loop/sync.h"
#include "net/listener.h"
#include "net/stream.h"

namespace berth::capture {

struct ServerOptions {
  net::Address address;              // where it listens; data connections get a port of their own beside it
  std::vector<std::string> allowed;  // addresses of clients, "192.0.2.7"; nobody else is let in
  std::vector<std::string> interfaces;  // that may be captured; empty: all
  std::string user, password;           // an empty password lets nobody in
};

// Owned by main. Ends its client when it is destroyed.
class Server {
 public:
  static constexpr std::chrono::seconds kLoginLimit{30}, kDataLimit{10}, kSendLimit{30}, kWrongLogin{1};
  static constexpr std::chrono::seconds kFormerLimit{2};  // until the connection before is known to be over
  static constexpr int kLogins = 3;
  static constexpr std::uint32_t kLoginBytes = 1024;  // of a message before the login
  static constexpr std::chrono::minutes kRefusalsTold{1};

  // Throws Failure: kExists if the port is taken.
  Server(loop::Loop& loop, ServerOptions options);
  net::Address address() const { return listener_->address(); }
  loop::Task<void> serve();

 private:
  struct Session;
  loop::Task<void> await_former();
  loop::Task<void> serve_client(UniqueFd fd);
  // False: the session is over.
  loop::Task<bool> answer(Session& session, rpcap::Header header, Bytes payload);
  loop::Task<bool> log_in(Session& session, ByteView payload);
  loop::Task<void> start(Session& session, ByteView payload);
  loop::Task<void> pump(Session& session);
  void tell_refusal(std::string_view what, const std::string& peer);

  loop::Loop& loop_;
  ServerOptions options_;
  std::unique_ptr<net::Listener> listener_;
  std::unique_ptr<loop::Spawned<void>> client_;
  std::optional<loop::TimePoint> refusal_told_;
  std::uint64_t refusals_untold_ = 0;
};

}  // namespace berth::capture
