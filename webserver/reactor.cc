#include "webserver/reactor.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <ctime>

#include "base/log.h"
#include "webserver/http/exchange.h"
#include "wire/http1/head.h"

namespace berth::webserver {
namespace {

constexpr std::chrono::seconds kCalm{2};           // without a shortage, and it counts as over
constexpr std::uint64_t kDescriptorReserve = 128;  // for links, control, files

std::uint64_t descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
  return limit.rlim_cur;
}

}  // namespace

Reactor::Reactor(loop::Loop& loop, Census& census, Setup setup)
    : loop::IoPool(loop),
      loop_(loop),
      census_(census),
      number_(setup.number),
      https_port_(setup.https_port),
      descriptor_limit_(descriptor_limit()),
      wheel_(loop, [](Deadline& deadline) { static_cast<Connection*>(deadline.owner)->on_deadline(); }),
      read_buffer_(std::make_unique_for_overwrite<std::uint8_t[]>(kReadBuffer)),
      connections_(*this),
      heap_relief_(loop),
      end_of_turn_(loop),
      accept_again_(loop),
      enough_again_(loop),
      on_descriptors_(std::move(setup.on_descriptors)) {
  if (setup.http) http_ = std::make_unique<ClientListener>(*this, std::move(setup.http), false);
  if (setup.https) https_ = std::make_unique<ClientListener>(*this, std::move(setup.https), true);
}

Reactor::~Reactor() {
  http_.reset();
  https_.reset();
  link_listener_.reset();
  for (auto& link : links_) link->fail("the webserver ends");
  for_each_connection([](Connection& connection) { connection.go_away(); });
  end_turn();
}

// --- configuration ---

Result<void> Reactor::configure(const Config& config, const TicketKeys& keys) {
  ticket_keys_ = keys;
  if (!config.certificates.empty()) BERTH_TRY_VOID(set_certificates(config.certificates));
  compact_tls_ = config.compact_tls;
  set_limits(config.limits);
  redirect_https_ = config.redirect_https;
  access_log_ = config.access_log;
  std::vector<link::Grant> gone;
  for_each_attach([&](Attach& attach) {
    const auto is_same = [&](const Grant& grant) { return grant.secret == attach.grant; };
    if (std::ranges::none_of(config.grants, is_same)) gone.push_back(attach.grant);
  });
  for (const auto& secret : gone) remove_grant(secret);
  grants_.replace(config.grants);
  configured_ = true;
  return {};
}

Result<void> Reactor::set_certificates(std::span<const std::string> chains) {
  BERTH_TRY(auto tls, TlsServer::make(chains, ticket_keys_));
  tls->offer_http2(limits_.http2_streams > 0);
  tls_ = std::move(tls);  // open connections hold on to the old one
  if (accepting_ && https_) https_->start();
  return {};
}

void Reactor::set_limits(const Limits& limits) {
  limits_ = limits;
  if (tls_) tls_->offer_http2(limits.http2_streams > 0);
}

void Reactor::set_grant(const Grant& grant) {
  for (const auto& secret : grants_.set(grant)) remove_grant(secret);
}

void Reactor::remove_grant(const link::Grant& secret) {
  grants_.remove(secret);
  for_each_connection([&](Connection& connection) {
    if (connection.has_stream() && connection.attach().grant == secret) connection.on_grant_removed();
  });
  std::vector<Attach*> gone;
  for_each_attach([&](Attach& attach) {
    if (attach.grant == secret && attach.is_routed) gone.push_back(&attach);
  });
  for (Attach* attach : gone) {
    attach->link->append_detached(attach->id, link::AttachResult::kNoGrant, "the grant was taken back");
    attach->link->detach(*attach);
  }
}

void Reactor::listen_for_links(UniqueFd fd) {
  link_listener_ = std::make_unique<LinkListener>(*this, std::move(fd));
  if (leaving_) link_listener_->stop();
}

void Reactor::start_accepting() {
  if (draining_) return;
  accepting_ = true;
  if (http_) http_->start();
  if (https_ && tls_) https_->start();
}

void Reactor::pause_accepting() {
  if (http_) http_->stop();
  if (https_) https_->stop();
  ++counters_.accept_pauses;
  if (!enough_again_.is_running()) {
    log_warning("no descriptors left: new clients wait",
                {{"reactor", number_}, {"limit", descriptor_limit_}});
    if (on_descriptors_) on_descriptors_(true);
  }
  enough_again_.start(kCalm, [this] {
    log_info("descriptors are enough again", {{"reactor", number_}});
    if (on_descriptors_) on_descriptors_(false);
  });
  // Descriptors of other reactors and of links may become free unseen: look again.
  accept_again_.start(std::chrono::milliseconds(100), [this] { start_accepting(); });
}

Reactor::Listeners Reactor::duplicate_listeners() const {
  const auto duplicate = [](int fd) {
    UniqueFd copy(::fcntl(fd, F_DUPFD_CLOEXEC, 3));
    if (!copy) throw Failure(errno_error(errno, "duplicate a listening socket"));
    return copy;
  };
  Listeners all;
  if (http_) all.http = duplicate(http_->fd());
  if (https_) all.https = duplicate(https_->fd());
  if (link_listener_) all.links = duplicate(link_listener_->fd());
  return all;
}

void Reactor::leave() {
  leaving_ = true;
  if (link_listener_) link_listener_->stop();
  for (auto& link : links_) link->leave();
}

void Reactor::stay() {
  if (draining_) return;
  leaving_ = false;
  if (link_listener_) link_listener_->start();
}

void Reactor::drain() {
  draining_ = true;
  accept_again_.cancel();
  // Closed: whoever binds the ports after our successor must not share them with queues that nobody serves.
  http_.reset();
  https_.reset();
  link_listener_.reset();
  // A service that does not understand LEAVE comes to the successor when it loses its link here.
  if (leaving_)
    for (auto& link : links_)
      if (!link->leave()) link->fail("a successor serves its paths");
  for_each_connection([](Connection& connection) { connection.on_drain(); });
}

void Reactor::end_clients() {
  for_each_connection([](Connection& connection) { connection.go_away(); });
}

const std::string& Reactor::date() {
  const auto now = static_cast<std::int64_t>(std::time(nullptr));
  if (now != date_second_) {
    date_second_ = now;
    date_ = http1::format_date(now);
    date_line_ = "Date: " + date_ + "\r\n\r\n";
  }
  return date_;
}

const std::string& Reactor::date_line() {
  date();
  return date_line_;
}

// --- clients ---

ClientListener::~ClientListener() { stop(); }

void ClientListener::start() {
  if (!watching_) reactor_.loop().watch(fd_.get(), EPOLLIN, *this);
  watching_ = true;
}

void ClientListener::stop() {
  if (watching_) reactor_.loop().unwatch(fd_.get());
  watching_ = false;
}

void ClientListener::on_io(std::uint32_t) {
  constexpr int kShare = 64;  // of one turn
  for (int i = 0; i < kShare && watching_; ++i) {
    sockaddr_storage address{};
    socklen_t size = sizeof address;
    UniqueFd fd(
        ::accept4(fd_.get(), reinterpret_cast<sockaddr*>(&address), &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (fd) {
      reactor_.accepted(std::move(fd), address, is_tls_);
      continue;
    }
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
      return reactor_.pause_accepting();
    if (errno == EAGAIN) return;
    // Others belong to the one connection that went away before it was accepted.
  }
}

void Reactor::accepted(UniqueFd fd, const sockaddr_storage& address, bool is_tls) {
  const auto peer = PeerKey::of(address);
  const auto most = descriptor_limit_ > 2 * kDescriptorReserve ? descriptor_limit_ - kDescriptorReserve
                                                               : descriptor_limit_ / 2;
  auto limit = static_cast<std::uint64_t>(limits_.connections);
  if (limit == 0 || limit > most) limit = most;
  if (connections_.is_full()) limit = 0;
  const auto per_peer =
      limits_.connections_per_peer == 0 ? limit : static_cast<std::uint64_t>(limits_.connections_per_peer);
  const auto [verdict, mark] = census_.enter(peer, limit, per_peer);
  if (verdict != Census::Verdict::kWelcome) {
    ++counters_.refused;
    if (is_tls) return;
    const std::string_view text = verdict == Census::Verdict::kFull
                                      ? "503 Service Unavailable\nToo many connections.\n"
                                      : "503 Service Unavailable\nToo many connections from your address.\n";
    const auto answer = fmt::format(
        "HTTP/1.1 503 Service Unavailable\r\nDate: {}\r\nContent-Type: text/plain; charset=utf-8\r\n"
        "Content-Length: {}\r\nRetry-After: 5\r\nConnection: close\r\n\r\n{}",
        date(), text.size(), text);
    ::send(fd.get(), answer.data(), answer.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    ::shutdown(fd.get(), SHUT_WR);
    char unread[4096];  // what is left unread would turn the close into a reset
    while (::recv(fd.get(), unread, sizeof unread, MSG_DONTWAIT) > 0) {}
    return;
  }
  ++counters_.accepted;
  ++counters_.connections;
  heap_relief_.note();
  connections_.take().begin(fd.release(), mark, is_tls);
}

void Reactor::on_pool_io(std::uint32_t key, std::uint32_t events) {
  // One that has gone in this turn may still be told of.
  auto* connection = connections_.find(key);
  if (connection && connection->is_open()) connection->on_io(events);
}

void Reactor::bury(Connection& connection) {
  graves_.push_back(&connection);
  schedule_end();
}

Connection* Reactor::carry(Connection& carrier, std::int32_t stream) {
  if (connections_.is_full() ||
      counters_.http2_streams >= static_cast<std::uint64_t>(limits_.http2_streams_in_all))
    return nullptr;
  ++counters_.http2_streams;
  auto& record = connections_.take();
  record.begin_carried(carrier, stream);
  return &record;
}

void Reactor::run_soon(Connection& connection) {
  soon_.push_back(&connection);
  schedule_end();
}

void Reactor::lose(Link& link) {
  lost_links_.push_back(&link);
  schedule_end();
}

void Reactor::schedule_end() {
  if (!end_of_turn_.is_scheduled()) end_of_turn_.schedule([this] { end_turn(); });
}

void Reactor::end_turn() {
  for (Link* link : std::exchange(lost_links_, {})) {
    for_each_connection([&](Connection& connection) {
      if (connection.has_stream() && connection.attach().link == link) connection.on_link_lost();
    });
    for_each_attach([&](Attach& attach) {
      if (attach.link != link) return;
      routes_.remove(attach);
      attach.link = nullptr;
      release_if_unused(attach.slot);
    });
    std::erase_if(links_, [&](const auto& owned) { return owned.get() == link; });
  }
  // A record may have ended and begun again since: resuming the new life is harmless.
  for (Connection* connection : std::exchange(soon_, {})) connection->resume();
  for (Connection* connection : std::exchange(graves_, {})) {
    connection->recycle();
    connections_.give_back(*connection);
  }
}

Connection* Reactor::find_stream(std::uint32_t id) {
  auto* connection = connections_.find(id & ((1U << Connection::kIndexBits) - 1));
  if (!connection || !connection->is_open() || !connection->has_stream() || connection->stream_id() != id)
    return nullptr;
  return connection;
}

// --- attaches ---

Attach& Reactor::add_attach(std::unique_ptr<Attach> attach) {
  static_heads_.clear();
  if (free_attaches_.empty()) {
    attach->slot = static_cast<std::uint32_t>(attaches_.size());
    attaches_.emplace_back();
  } else {
    attach->slot = free_attaches_.back();
    free_attaches_.pop_back();
  }
  Attach& added = *attach;
  attaches_[added.slot] = std::move(attach);
  BERTH_CHECK(routes_.add(added));
  return added;
}

void Reactor::release_if_unused(std::uint32_t slot) {
  const auto& attach = attaches_[slot];
  if (attach->is_routed || attach->streams > 0) return;
  attaches_[slot].reset();
  free_attaches_.push_back(slot);
}

// --- links ---

LinkListener::LinkListener(Reactor& reactor, UniqueFd fd)
    : reactor_(reactor), fd_(std::move(fd)), again_(reactor.loop()) {
  start();
}

LinkListener::~LinkListener() { stop(); }

void LinkListener::start() {
  if (!watching_) reactor_.loop().watch(fd_.get(), EPOLLIN, *this);
  watching_ = true;
}

void LinkListener::stop() {
  again_.cancel();
  if (watching_) reactor_.loop().unwatch(fd_.get());
  watching_ = false;
}

void LinkListener::on_io(std::uint32_t) {
  UniqueFd fd(::accept4(fd_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (fd) return reactor_.accepted_link(std::move(fd));
  if (errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM) return;
  reactor_.loop().change_interest(fd_.get(), 0);
  again_.start(std::chrono::milliseconds(100),
               [this] { reactor_.loop().change_interest(fd_.get(), EPOLLIN); });
}

std::int64_t Reactor::left_links() const {
  return std::ranges::count_if(links_, [](const auto& link) { return link->was_told_to_leave(); });
}

Reactor::Routed Reactor::routed() const {
  Routed count;
  for (const auto& attach : attaches_) {
    if (!attach || !attach->is_routed) continue;
    ++count.all;
    if (attach->link && attach->link->understands_leave()) ++count.following;
  }
  return count;
}

void Reactor::accepted_link(UniqueFd fd) {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return;
  if (static_cast<std::int64_t>(links_.size()) >= limits_.links + left_links()) {
    if (const auto count = refusals_.note(peer.uid, loop_.now()))
      log_warning("link refused: too many",
                  {{"uid", peer.uid}, {"limit", limits_.links}, {"refused", *count}});
    return;
  }
  links_.push_back(std::make_unique<Link>(*this, std::move(fd), peer));
}

}  // namespace berth::webserver
