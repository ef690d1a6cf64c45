// The webserver as the manager sees it: reactors, and the conversation over the control socket.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "loop/sync.h"
#include "net/message_socket.h"
#include "webserver/options.h"
#include "webserver/reactor_thread.h"

namespace berth::webserver {

// Lives in the main thread. Serves clients with or without a manager.
class Daemon {
 public:
  struct Bound {
    std::uint16_t http = 0, https = 0;  // 0: off
    std::vector<Reactor::Setup> reactors;
    std::vector<UniqueFd> link_sockets;  // bound, not listening yet
    bool follows = false;                // all of them are another webserver's, too, which serves until we do
  };
  Daemon(loop::Loop& loop, Options options, Bound bound);

  // Speaks with the manager, connecting again and again. Ends only by being cancelled.
  loop::Task<void> run();
  // Set after Drain, when the last client has gone or its limit has passed.
  loop::Event& drained() { return drained_; }

 private:
  loop::Task<void> converse();
  loop::Task<json::Object> handle(json::Object message);
  loop::Task<void> apply_config(Config config);
  // `with_attaches`: also what is attached, which is long where there are many instances. `with_files`: what was served of files
  // alone, by instance.
  loop::Task<json::Object> counters(bool with_attaches, bool with_files);
  loop::Task<void> rotate_ticket_keys();
  loop::Task<void> accept_without_config();
  // The listening sockets of one reactor, for a successor.
  loop::Task<void> give_listeners(json::Object message);
  loop::Task<json::Object> set_role(json::Object message);
  loop::Task<void> drain(json::Object message);
  loop::Task<void> end_drain();
  loop::Task<void> watch_drain();
  json::Object hello() const;
  void on_descriptors(bool are_short);
  json::Object descriptors_alarm() const;

  loop::Loop& loop_;
  const std::string run_ = random_hex(8);  // whose counters begin at 0
  const Options options_;
  const std::uint16_t http_port_, https_port_;
  std::vector<UniqueFd> link_sockets_;
  TicketKeys ticket_keys_;
  Limits limits_;
  const bool follows_;
  bool configured_ = false;
  bool draining_ = false;
  loop::TimePoint drain_began_{}, drain_end_{};
  std::size_t reactors_short_ = 0;  // of descriptors
  loop::Event drained_;
  loop::Timer patience_;  // until the first configuration
  loop::Timer drain_limit_;
  Census census_;
  std::unique_ptr<net::MessageSocket> manager_;
  ReactorThreads reactors_;
  loop::TaskGroup background_;
};

}  // namespace berth::webserver
