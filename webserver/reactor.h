// One thread's share of the webserver: its listeners, clients, links and routes. Nothing of it is
// shared with another reactor but the Census (docs/webserver.md).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "loop/loop.h"
#include "webserver/census.h"
#include "webserver/config/config.h"
#include "webserver/connection.h"
#include "webserver/connection_table.h"
#include "webserver/heap_relief.h"
#include "webserver/http/served_files.h"
#include "webserver/http/static_heads.h"
#include "webserver/http/static_pack.h"
#include "webserver/relay/compression.h"
#include "webserver/relay/grants.h"
#include "webserver/relay/link.h"
#include "webserver/relay/refusals.h"
#include "webserver/relay/routes.h"
#include "webserver/tls/layer.h"
#include "webserver/wheel.h"

namespace berth::webserver {

struct Counters {
  std::uint64_t accepted = 0;
  std::uint64_t refused = 0;                      // by a limit on connections
  std::uint64_t connections = 0, websockets = 0;  // now
  std::uint64_t http2_streams = 0;                // now
  std::uint64_t requests = 0;
  std::uint64_t bytes_in = 0, bytes_out = 0;
  std::uint64_t accept_pauses = 0;  // no descriptors left
};

// Accepts clients on one listening socket; stops while no descriptors are left.
class ClientListener final : public loop::IoHandler {
 public:
  ClientListener(Reactor& reactor, UniqueFd fd, bool is_tls)
      : reactor_(reactor), fd_(std::move(fd)), is_tls_(is_tls) {}
  ~ClientListener();
  void start();
  void stop();
  int fd() const { return fd_.get(); }
  void on_io(std::uint32_t events) override;

 private:
  Reactor& reactor_;
  UniqueFd fd_;
  bool is_tls_;
  bool watching_ = false;
};

class LinkListener final : public loop::IoHandler {
 public:
  LinkListener(Reactor& reactor, UniqueFd fd);
  ~LinkListener();
  void start();
  void stop();
  int fd() const { return fd_.get(); }
  void on_io(std::uint32_t events) override;

 private:
  Reactor& reactor_;
  UniqueFd fd_;
  bool watching_ = false;
  loop::Timer again_;  // while no descriptors are left
};

// Lives in one thread: constructed, used and destroyed there. Others reach it by loop().post().
class Reactor final : private loop::IoPool {
 public:
  struct Setup {
    int number = 0;
    UniqueFd http, https;          // listening, non-blocking; may be none
    std::uint16_t https_port = 0;  // for the redirect
    // Called in the reactor's thread when descriptors run out, and when they have been enough again for a while.
    std::function<void(bool are_short)> on_descriptors;
  };
  Reactor(loop::Loop& loop, Census& census, Setup setup);
  ~Reactor();
  Reactor(const Reactor&) = delete;

  // --- configuration (from the daemon) ---
  // All of it. kMalformed: the certificate cannot be used; the old state stays.
  Result<void> configure(const Config& config, const TicketKeys& keys);
  Result<void> set_certificates(std::span<const std::string> chains);  // connections stay
  void set_ticket_keys(const TicketKeys& keys) { ticket_keys_ = keys; }
  void set_limits(const Limits& limits);
  // A path's new secret is good at once, and what is attached with its old one is taken away.
  void set_grant(const Grant& grant);
  void remove_grant(const link::Grant& secret);
  void listen_for_links(UniqueFd fd);
  // Until this nobody is accepted: clients wait in the kernel's queue.
  void start_accepting();
  // Its listening sockets once more, for a successor that accepts from the same queues. Throws Failure.
  struct Listeners {
    UniqueFd http, https, links;
  };
  Listeners duplicate_listeners() const;
  // Links that understand it are told that a successor takes over: their services attach there, too. No new link is
  // accepted; clients are, until drain().
  void leave();
  // There is no successor after all: links are accepted again. A path that a link which was told to leave has attached
  // goes to the next that attaches it.
  void stay();
  bool is_leaving() const { return leaving_; }
  // Accepts nobody and listens no more. Requests are served, each as the last of its connection, and WebSockets until they end.
  void drain();
  void end_clients();  // that are left: WebSockets are closed with 1012
  bool is_draining() const { return draining_; }

  // --- for connections and links ---
  loop::Loop& loop() { return loop_; }
  int number() const { return number_; }
  const Limits& limits() const { return limits_; }
  Counters& counters() { return counters_; }
  Wheel& wheel() { return wheel_; }
  RouteTable& routes() { return routes_; }
  StaticPacks& packs() { return packs_; }
  const Grants& grants() const { return grants_; }
  bool is_configured() const { return configured_; }
  bool redirects_https() const { return redirect_https_; }
  bool writes_access_log() const { return access_log_; }
  std::uint16_t https_port() const { return https_port_; }
  std::unique_ptr<TlsLayer> make_tls() const { return std::make_unique<TlsLayer>(tls_, compact_tls_); }
  const std::string& date();       // value of the Date header now
  const std::string& date_line();  // the whole line, and the blank one that ends a head
  StaticHeads& static_heads() { return static_heads_; }
  ServedBook& served_files() { return served_files_; }
  Refusals& refusals() { return refusals_; }

  Compression& compression() { return compression_; }
  // Scratch for the one read or write that is under way.
  std::span<std::uint8_t> read_buffer() { return {read_buffer_.get(), kReadBuffer}; }
  tls::Ciphers& ciphers() { return ciphers_; }
  Bytes& sealed() { return sealed_; }

  void accepted(UniqueFd fd, const sockaddr_storage& address, bool is_tls);
  void accepted_link(UniqueFd fd);
  void pause_accepting();
  void bury(Connection& connection);  // recycled at the end of the turn
  // A record for a stream of HTTP/2 on `carrier`; null if there are too many.
  Connection* carry(Connection& carrier, std::int32_t stream);
  void run_soon(Connection& connection);      // resume() at the end of the turn
  void lose(Link& link);                      // torn down at the end of the turn
  Connection* find_stream(std::uint32_t id);  // by id, whoever's it is; null if there is none

  // Attaches. A slot is free again when it is detached and its last stream has ended.
  Attach& add_attach(std::unique_ptr<Attach> attach);
  Attach& attach_at(std::uint32_t slot) { return *attaches_[slot]; }
  void release_if_unused(std::uint32_t slot);
  template <class Call>
  void for_each_attach(Call call) {
    for (auto& attach : attaches_)
      if (attach) call(*attach);
  }
  template <class Call>
  void for_each_connection(Call call) {
    connections_.for_each([&](Connection& connection) {
      if (connection.is_open()) call(connection);
    });
  }
  std::size_t connection_pages() const { return connections_.pages(); }  // of 4 KiB, for records
  std::size_t link_count() const { return links_.size(); }
  // Attaches that are in force, and of those the ones that a successor will have, too.
  struct Routed {
    std::uint64_t all = 0, following = 0;
  };
  Routed routed() const;
  Census& census() { return census_; }
  loop::IoPool& clients() { return *this; }  // watches their descriptors

 private:
  // A link's largest frame fits, and twice (for TLS) a client's share of a turn with a record behind it.
  static constexpr std::size_t kReadBuffer = 1 << 18;

  void on_pool_io(std::uint32_t key, std::uint32_t events) override;
  void end_turn();
  void schedule_end();
  std::int64_t left_links() const;  // that were told to leave: each is followed by another

  loop::Loop& loop_;
  Census& census_;
  const int number_;
  const std::uint16_t https_port_;
  bool configured_ = false, accepting_ = false, leaving_ = false, draining_ = false;
  bool redirect_https_ = false, access_log_ = false, compact_tls_ = true;
  Limits limits_;
  std::uint64_t descriptor_limit_ = 0;
  Counters counters_;
  Grants grants_;
  RouteTable routes_;
  StaticPacks packs_;
  StaticHeads static_heads_;
  ServedBook served_files_;
  Refusals refusals_;
  TicketKeys ticket_keys_;
  std::shared_ptr<const TlsServer> tls_;  // TlsLayers hold on to it, too
  tls::Ciphers ciphers_;
  Wheel wheel_;
  std::unique_ptr<std::uint8_t[]> read_buffer_;  // not written to before it is used: no pages
  Bytes sealed_;
  std::string date_, date_line_;
  std::int64_t date_second_ = 0;

  std::vector<std::unique_ptr<Attach>> attaches_;
  std::vector<std::uint32_t> free_attaches_;
  Compression compression_;  // outlives the messages being read
  ConnectionTable connections_;
  HeapRelief heap_relief_;
  std::vector<Connection*> graves_;
  std::vector<Connection*> soon_;
  std::vector<std::unique_ptr<Link>> links_;
  std::vector<Link*> lost_links_;
  loop::Deferred end_of_turn_;
  loop::Timer accept_again_;
  loop::Timer enough_again_;  // runs while they were short of late
  std::function<void(bool)> on_descriptors_;
  std::unique_ptr<ClientListener> http_, https_;
  std::unique_ptr<LinkListener> link_listener_;
};

}  // namespace berth::webserver
