#include "capture/server.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "loop/readiness.h"

namespace berth::capture {
namespace {

using loop::Task;
using rpcap::ErrorCode;
using rpcap::Type;

constexpr std::uint32_t kEthernet = 1;       // DLT_EN10MB
constexpr std::size_t kAtOnce = 256 * 1024;  // bytes of packets in one write
constexpr int kPacketsATurn = 1'000;         // then everybody else has a turn

// A client that vanished must not keep the only place until the end.
void notice_dead_peer(int fd) {
  const int on = 1, idle = 30, every = 10, count = 3;
  ::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &every, sizeof every);
  ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
}

// False: the other side ended before all of it came. Throws at `deadline`, however slowly it comes.
Task<bool> read_whole(loop::Loop& loop, net::Stream& stream, Bytes& bytes,
                      std::optional<loop::TimePoint> deadline) {
  for (std::size_t had = 0; had < bytes.size();) {
    std::optional<loop::Duration> limit;
    if (deadline) limit = std::max(*deadline - loop.now(), loop::Duration(0));
    const std::size_t got = co_await stream.read(std::span(bytes).subspan(had), limit);
    if (got == 0) co_return false;
    had += got;
  }
  co_return true;
}

}  // namespace

struct Server::Session {
  Session(loop::Loop& loop, UniqueFd fd)
      : peer(net::peer_address(fd.get()).ip()), stream(loop, std::move(fd)) {}
  std::string peer;
  net::Stream stream;
  bool is_in = false;
  int wrong_logins = 0;
  std::string interface;
  std::uint32_t snap_bytes = 0, sent = 0;
  std::unique_ptr<Packets> packets;
  std::unique_ptr<net::Listener> data;
  std::unique_ptr<loop::Spawned<void>> pumping;

  Task<void> fail_with(ErrorCode code, std::string text) {
    Bytes message = rpcap::format_error(code, text);
    co_await stream.write(std::move(message), kSendLimit);
  }
  Task<void> say(Bytes message) { co_await stream.write(std::move(message), kSendLimit); }
  void end_capture() {
    pumping.reset();
    data.reset();
    packets.reset();
  }
};

Server::Server(loop::Loop& loop, ServerOptions options) : loop_(loop), options_(std::move(options)) {
  listener_ = or_throw(net::Listener::tcp(loop_, options_.address, {.v6_only = false}));
}

Task<void> Server::serve() {
  for (;;) {
    UniqueFd fd = co_await listener_->accept();
    const std::string peer = net::peer_address(fd.get()).ip();
    if (std::find(options_.allowed.begin(), options_.allowed.end(), peer) == options_.allowed.end()) {
      tell_refusal("not let in", peer);
      continue;
    }
    if (client_ && !client_->is_done()) co_await await_former();
    if (client_ && !client_->is_done()) {
      const Bytes busy = rpcap::format_error(ErrorCode::kNotAllowed, "somebody else captures already");
      (void)::send(fd.get(), busy.data(), busy.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
      continue;
    }
    client_ = std::make_unique<loop::Spawned<void>>(loop_, serve_client(std::move(fd)));
  }
}

// libpcap lists interfaces on one connection and opens the next as soon as it has closed that: its end may still be on its way.
Task<void> Server::await_former() {
  const auto done = [](loop::Event& event) -> Task<void> { co_await event.wait(); };
  loop::Spawned<void> ending(loop_, done(client_->done()));
  loop::Timer timer(loop_);
  timer.start(kFormerLimit, [&ending] { ending.done().set(); });
  co_await ending.done().wait();
}

Task<void> Server::serve_client(UniqueFd fd) {
  notice_dead_peer(fd.get());
  Session session(loop_, std::move(fd));
  log_info("client", {{"peer", session.peer}});
  try {
    // One for all that comes before the login, however slowly.
    const auto deadline = loop_.now() + kLoginLimit;
    for (bool goes_on = true; goes_on;) {
      const auto limit = session.is_in ? std::nullopt : std::optional(deadline);
      Bytes head(rpcap::kHeaderSize);
      const bool has_head = co_await read_whole(loop_, session.stream, head, limit);
      if (!has_head) break;
      const auto header = rpcap::parse_header(head);
      if (header.size > (session.is_in ? rpcap::kMaxPayload : kLoginBytes)) break;
      Bytes payload(header.size);
      const bool is_whole =
          co_await read_whole(loop_, session.stream, payload, limit.value_or(loop_.now() + kLoginLimit));
      if (!is_whole) break;
      goes_on = co_await answer(session, header, std::move(payload));
    }
  } catch (const Failure& failure) {
    log_info("client is lost", {{"peer", session.peer}, {"error", failure.error().detail}});
  }
  log_info("client has gone", {{"peer", session.peer}, {"packets", session.sent}});
}

Task<bool> Server::log_in(Session& session, ByteView payload) {
  const auto auth = rpcap::parse_auth(payload);
  bool is_right = false;
  if (auth) {
    const bool is_user = equal_in_constant_time(auth->user, options_.user);
    const bool is_password = equal_in_constant_time(auth->password, options_.password);
    is_right = !options_.password.empty() && !auth->is_null && is_user && is_password;
  }
  if (is_right) {
    session.is_in = true;
    co_await session.say(rpcap::format_reply(Type::kAuth));
    co_return true;
  }
  tell_refusal("login refused", session.peer);
  co_await loop::sleep_for(loop_, kWrongLogin);
  co_await session.fail_with(ErrorCode::kAuth, auth ? "wrong user or password" : auth.error().detail);
  co_return ++session.wrong_logins < kLogins;
}

// Whoever tries again and again shall not fill the log.
void Server::tell_refusal(std::string_view what, const std::string& peer) {
  if (refusal_told_ && loop_.now() - *refusal_told_ < kRefusalsTold) {
    ++refusals_untold_;
    return;
  }
  refusal_told_ = loop_.now();
  log_warning(what, {{"peer", peer}, {"more_since_the_last", std::exchange(refusals_untold_, 0)}});
}

Task<bool> Server::answer(Session& session, rpcap::Header header, Bytes payload) {
  if (header.version != rpcap::kVersion) {
    co_await session.fail_with(ErrorCode::kWrongVersion, "version 0 only");
    co_return false;
  }
  const auto type = static_cast<Type>(header.type);
  if (type == Type::kClose) co_return false;
  if (type == Type::kAuth) {
    const bool goes_on = co_await log_in(session, payload);
    co_return goes_on;
  }
  if (!session.is_in) {
    co_await session.fail_with(ErrorCode::kAuth, "log in first");
    co_return false;
  }
  switch (type) {
    case Type::kFindInterfaces: {
      Bytes message = rpcap::format_interfaces(find_interfaces(options_.interfaces));
      co_await session.say(std::move(message));
      break;
    }
    case Type::kOpen: {
      session.end_capture();
      const std::string name(as_text(payload));
      const auto there = find_interfaces(options_.interfaces);
      const bool is_there =
          std::any_of(there.begin(), there.end(), [&](const auto& one) { return one.name == name; });
      session.interface = is_there ? name : "";
      if (is_there) co_await session.say(rpcap::format_opened(kEthernet));
      else co_await session.fail_with(ErrorCode::kOpen, "no such interface, or it may not be captured");
      break;
    }
    case Type::kStart: co_await start(session, payload); break;
    case Type::kUpdateFilter: {
      const auto filter = rpcap::parse_filter(payload);
      const auto set = !filter           ? Result<void>(tl::unexpected(filter.error()))
                       : session.packets ? session.packets->set_filter(*filter)
                                         : Result<void>(fail(Errc::kConflict, "nothing is captured"));
      if (set) co_await session.say(rpcap::format_reply(type));
      else co_await session.fail_with(ErrorCode::kUpdateFilter, set.error().detail);
      break;
    }
    case Type::kStats: {
      const auto counts = session.packets ? session.packets->count() : Packets::Counts();
      Bytes message = rpcap::format_stats(counts.received, counts.dropped, session.sent);
      co_await session.say(std::move(message));
      break;
    }
    case Type::kEnd:
      session.end_capture();
      co_await session.say(rpcap::format_reply(type));
      break;
    case Type::kSampling:
      // Method 0: every packet.
      if (!payload.empty() && payload[0] == 0) co_await session.say(rpcap::format_reply(type));
      else co_await session.fail_with(ErrorCode::kSampling, "every packet is sent, there is no sampling");
      break;
    default: co_await session.fail_with(ErrorCode::kWrongMessage, "unknown message"); break;
  }
  co_return true;
}

Task<void> Server::start(Session& session, ByteView payload) {
  const auto start = rpcap::parse_start(payload);
  std::string problem;
  if (!start) problem = start.error().detail;
  else if (session.interface.empty()) problem = "open an interface first";
  else if (session.packets) problem = "it is captured already";
  else if (start->flags & (rpcap::Start::kDatagrams | rpcap::Start::kServerOpens))
    problem = "packets go over a TCP connection that the client opens";
  if (problem.empty()) {
    auto packets = Packets::open(session.interface, (start->flags & rpcap::Start::kPromiscuous) != 0);
    if (packets) session.packets = std::move(*packets);
    else problem = packets.error().detail;
  }
  if (problem.empty()) {
    if (const auto set = session.packets->set_filter(start->filter); !set) problem = set.error().detail;
  }
  if (problem.empty()) {
    const auto own = net::local_address(session.stream.fd());
    auto data = net::Listener::tcp(loop_, or_throw(net::Address::parse(own.ip(), 0)));
    if (data) session.data = std::move(*data);
    else problem = data.error().detail;
  }
  if (!problem.empty()) {
    session.end_capture();
    co_await session.fail_with(ErrorCode::kStart, problem);
    co_return;
  }
  session.snap_bytes = start->snap_bytes;
  session.sent = 0;
  log_info("captures", {{"peer", session.peer}, {"interface", session.interface}});
  Bytes message = rpcap::format_started(session.packets->buffer_bytes(), session.data->address().port());
  session.pumping = std::make_unique<loop::Spawned<void>>(loop_, pump(session));
  co_await session.say(std::move(message));
}

// Ends with the data connection; the client says then what it wants.
Task<void> Server::pump(Session& session) {
  try {
    const auto deadline = loop_.now() + kDataLimit;
    UniqueFd fd;
    do {
      fd = co_await loop::with_timeout(loop_, deadline - loop_.now(), session.data->accept(),
                                       "data connection");
    } while (net::peer_address(fd.get()).ip() != session.peer);
    notice_dead_peer(fd.get());
    const PortPair own[] = {
        {session.data->address().port(), net::peer_address(fd.get()).port()},
        {address().port(), net::peer_address(session.stream.fd()).port()},
    };
    const auto is_own = [&](ByteView frame) {
      return std::any_of(std::begin(own), std::end(own),
                         [&](PortPair ports) { return is_between(frame, ports); });
    };
    net::Stream stream(loop_, std::move(fd));
    loop::Readiness readiness(loop_, session.packets->fd());
    for (;;) {
      Bytes out;
      bool is_empty = false;
      for (int i = 0; i < kPacketsATurn && out.size() < kAtOnce; ++i) {
        const auto got = or_throw(session.packets->next(session.snap_bytes));
        is_empty = !got;
        if (is_empty) break;
        if (is_own(got->bytes)) continue;
        rpcap::append_packet(out,
                             {got->seconds, got->microseconds, got->wire_bytes, ++session.sent, got->bytes});
      }
      if (!out.empty()) co_await stream.write(std::move(out), kSendLimit);
      // However much comes, the client's words are heard in between.
      if (is_empty) co_await readiness.readable();
      else co_await loop::sleep_for(loop_, loop::Duration(0));
    }
  } catch (const Failure& failure) {
    log_info("no more packets", {{"peer", session.peer}, {"error", failure.error().detail}});
  }
}

}  // namespace berth::capture
