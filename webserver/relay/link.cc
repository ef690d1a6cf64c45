#include "webserver/relay/link.h"

#include <sys/uio.h>

#include <cerrno>

#include "base/log.h"
#include "base/passed_descriptors.h"
#include "webserver/http/static_pack.h"
#include "webserver/reactor.h"
#include "webserver/relay/paths.h"
#include "wire/json/json.h"
#include "wire/websocket/frame.h"

namespace berth::webserver {
namespace {

constexpr std::chrono::seconds kGreetingTime{10};
constexpr std::size_t kMaxDescriptors = 64;   // that wait for their STATIC frame
constexpr std::size_t kFlushEarly = 1 << 18;  // bytes; above, a turn does not wait for its end

// {"deflate":false} turns permessage-deflate off for a websocket attach.
Result<bool> wants_deflate(const link::Attach& request) {
  if (request.kind != link::Kind::kWebsocket || request.options.empty()) return true;
  const auto options = json::parse_object(request.options);
  if (!options)
    return berth::fail(Errc::kMalformed, "options of attach {}: {}", request.id, options.error().detail);
  const auto* value = options->if_contains("deflate");
  return !value || !value->is_bool() || value->get_bool();
}

}  // namespace

Link::Link(Reactor& reactor, UniqueFd fd, const ucred& peer)
    : reactor_(reactor),
      fd_(std::move(fd)),
      peer_(peer),
      go_on_soon_(reactor.loop()),
      flush_soon_(reactor.loop()),
      greeting_(reactor.loop()) {
  our_credit_ = static_cast<std::uint32_t>(reactor_.limits().stream_buffer_bytes);
  reactor_.loop().watch(fd_.get(), EPOLLIN, *this);
  greeting_.start(kGreetingTime, [this] { fail("no HELLO in time"); });
  link::append(out_, link::Hello{.version = link::kVersion,
                                 .reactor = static_cast<std::uint16_t>(reactor_.number()),
                                 .credit = our_credit_,
                                 .name = "webserver"});
  schedule_flush();
}

Link::~Link() { reactor_.loop().unwatch(fd_.get()); }

void Link::fail(std::string_view reason) {
  if (dead_) return;
  dead_ = true;
  log_info("link lost", {{"service", name_}, {"reactor", reactor_.number()}, {"reason", reason}});
  reactor_.loop().change_interest(fd_.get(), 0);
  reactor_.lose(*this);
}

void Link::on_io(std::uint32_t events) {
  if (dead_) return;
  if (events & EPOLLOUT) flush();
  if (!dead_ && !go_on_soon_.is_scheduled() && (events & (EPOLLIN | EPOLLHUP | EPOLLERR))) read_and_serve();
}

void Link::read_and_serve() {
  const auto buffer = reactor_.read_buffer();
  std::copy(carry_.begin(), carry_.end(), buffer.begin());
  const auto kept = carry_.size();

  iovec part{buffer.data() + kept, buffer.size() - kept};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  DescriptorRoom<16> room;
  room.receive_with(message);
  const auto got = ::recvmsg(fd_.get(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (got < 0) {
    if (errno != EAGAIN && errno != EINTR) fail(errno_error(errno, "receive").detail);
    return;
  }
  for (auto& descriptor : take_descriptors(message)) descriptors_.push_back(std::move(descriptor));
  if (got == 0) return fail("closed by the service");
  if (message.msg_flags & MSG_CTRUNC) return fail("descriptors cut off");
  if (descriptors_.size() > kMaxDescriptors) return fail("too many descriptors");

  const auto bytes = buffer.first(kept + static_cast<std::size_t>(got));
  const auto used = serve(bytes);
  if (!dead_) keep(bytes.subspan(used));
}

void Link::go_on() {
  if (dead_) return;
  const auto bytes = reactor_.read_buffer().first(carry_.size());
  std::copy(carry_.begin(), carry_.end(), bytes.begin());
  const auto used = serve(bytes);
  if (!dead_) keep(bytes.subspan(used));
}

void Link::keep(ByteView rest) {
  carry_.assign(rest.begin(), rest.end());
  if (carry_.empty()) carry_.shrink_to_fit();
  if (share_ == 0) go_on_soon_.schedule([this] { go_on(); });
}

std::size_t Link::serve(std::span<std::uint8_t> bytes) {
  std::size_t used = 0;
  share_ = kShare;
  while (!dead_ && share_ > 0) {
    const auto rest = bytes.subspan(used);
    const auto header = link::parse_header(rest);
    if (!header) {
      fail(header.error().detail);
      break;
    }
    if (!*header || rest.size() < link::kHeaderSize + (*header)->length) break;
    on_frame(**header, rest.subspan(link::kHeaderSize, (*header)->length));
    if (broadcast_done_ > 0) break;  // goes on with this frame
    used += link::kHeaderSize + (*header)->length;
  }
  return used;
}

void Link::on_frame(const link::FrameHeader& header, std::span<std::uint8_t> payload) {
  if (!greeted_ && header.type != link::Type::kHello) return fail("HELLO expected first");
  const auto result = header.stream == 0 ? on_link_frame(header, payload) : on_stream_frame(header, payload);
  if (!result) fail(result.error().detail);
}

Result<void> Link::on_link_frame(const link::FrameHeader& header, std::span<std::uint8_t> payload) {
  // All of these may have an answer.
  if (pending() > 16U * static_cast<std::size_t>(reactor_.limits().link_buffer_bytes))
    return berth::fail(Errc::kTooLarge, "asks without reading the answers");
  switch (header.type) {
    case link::Type::kHello: return on_hello(payload);
    case link::Type::kAttach: {
      BERTH_TRY(auto request, link::parse_attach(payload));
      return on_attach(std::move(request));
    }
    case link::Type::kStatic: {
      BERTH_TRY(const auto id, link::parse_u32(payload));
      return on_static(id);
    }
    case link::Type::kDetach: {
      BERTH_TRY(const auto id, link::parse_u32(payload));
      awaiting_pack_.erase(id);
      const auto found = attaches_.find(id);
      if (found != attaches_.end()) detach(reactor_.attach_at(found->second));
      return {};
    }
    case link::Type::kBroadcast: return on_broadcast(header.flags, payload);
    case link::Type::kPing:
      link::append_ping(out_, link::Type::kPong, payload);
      schedule_flush();
      return {};
    case link::Type::kPong: return {};
    default:
      if (static_cast<std::uint8_t>(header.type) >= 0x80) return {};
      return berth::fail(Errc::kMalformed, "frame of type {:#x} on stream 0", static_cast<int>(header.type));
  }
}

Result<void> Link::on_stream_frame(const link::FrameHeader& header, std::span<std::uint8_t> payload) {
  auto* connection = reactor_.find_stream(header.stream);
  if (!connection || connection->attach().link != this) {
    // Crossed with our CLOSE, or is the answer to it.
    if (header.type == link::Type::kClose) closing_.erase(header.stream);
    return {};
  }
  switch (header.type) {
    case link::Type::kAccept: {
      BERTH_TRY(const auto accept, link::parse_accept(payload));
      connection->on_link_accept(accept);
      return {};
    }
    case link::Type::kData:
      if (payload.size() > link::kMaxData)
        return berth::fail(Errc::kTooLarge, "DATA of {} bytes", payload.size());
      if (!connection->take_credit(payload.size()))
        return berth::fail(Errc::kConflict, "DATA without credit");
      --share_;
      connection->on_link_data(payload, header.flags & link::kFlagEnd);
      return {};
    case link::Type::kMessage:
      if (payload.size() > link::kMaxData)
        return berth::fail(Errc::kTooLarge, "MESSAGE of {} bytes", payload.size());
      if (!connection->take_credit(payload.size()))
        return berth::fail(Errc::kConflict, "MESSAGE without credit");
      --share_;
      connection->on_link_message(header.flags, payload);
      return {};
    case link::Type::kClose: {
      BERTH_TRY(const auto close, link::parse_close(payload));
      connection->on_link_close(close);
      return {};
    }
    case link::Type::kCredit: {
      BERTH_TRY(const auto bytes, link::parse_u32(payload));
      connection->on_link_credit(bytes);
      return {};
    }
    default:
      if (static_cast<std::uint8_t>(header.type) >= 0x80) return {};
      return berth::fail(Errc::kMalformed, "frame of type {:#x} on a stream", static_cast<int>(header.type));
  }
}

Result<void> Link::on_hello(ByteView payload) {
  if (greeted_) return berth::fail(Errc::kMalformed, "second HELLO");
  BERTH_TRY(const auto hello, link::parse_hello(payload));
  if (hello.version != link::kVersion)
    return berth::fail(Errc::kUnsupported, "version {} of the link protocol; this webserver speaks {}",
                       hello.version, link::kVersion);
  greeted_ = true;
  greeting_.cancel();
  name_ = hello.name;
  service_credit_ = hello.credit;
  follows_ = hello.reactor & link::kHelloFollows;
  if (reactor_.is_leaving()) leave();
  BERTH_LOG(kWebserver, "link", {"service", name_}, {"reactor", reactor_.number()}, {"uid", peer_.uid});
  return {};
}

link::Attached Link::judge(const link::Attach& request) {
  using enum link::AttachResult;
  if (!is_attach_path(request.path))
    return {request.id, kPathInvalid, fmt::format("'{}' is no path", request.path)};
  switch (reactor_.grants().check(request.grant, peer_.uid, request.path)) {
    case Grants::Verdict::kGranted: break;
    case Grants::Verdict::kUnknown: return {request.id, kNoGrant, "the grant is not known"};
    case Grants::Verdict::kWrongUser:
      return {request.id, kNoGrant, fmt::format("the grant is not for user {}", peer_.uid)};
    case Grants::Verdict::kWrongPath:
      return {request.id, kNoGrant, fmt::format("the grant does not cover '{}'", request.path)};
  }
  if (static_cast<std::int64_t>(attaches_.size()) >= reactor_.limits().attaches_per_link)
    return {request.id, kTooMany, fmt::format("more than {} attaches", reactor_.limits().attaches_per_link)};
  const auto* node = reactor_.routes().find_exact(request.path);
  const auto* taken = node ? node->of(request.kind) : nullptr;
  if (taken && taken->link && taken->link != this && taken->link->was_told_to_leave())
    return {request.id, kOk, ""};
  if (taken)
    return {request.id, kPathTaken,
            fmt::format("'{}' is taken by {}", request.path,
                        taken->link ? taken->link->name() : "another service")};
  return {request.id, kOk, ""};
}

Result<void> Link::on_attach(link::Attach request) {
  if (attaches_.contains(request.id) || awaiting_pack_.contains(request.id))
    return berth::fail(Errc::kMalformed, "attach id {} is in use", request.id);
  if (request.kind == link::Kind::kStatic) {  // answered when its pack has come
    if (awaiting_pack_.size() >= kMaxDescriptors)
      return berth::fail(Errc::kTooLarge, "too many attaches without pack");
    const auto id = request.id;
    awaiting_pack_.emplace(id, std::move(request));
    return {};
  }
  const auto verdict = judge(request);
  if (verdict.result == link::AttachResult::kOk) {
    auto attach = std::make_unique<Attach>();
    attach->id = request.id;
    attach->kind = request.kind;
    attach->path = request.path;
    attach->grant = request.grant;
    attach->link = this;
    BERTH_TRY(attach->deflates, wants_deflate(request));
    take_over(request);
    attaches_[request.id] = reactor_.add_attach(std::move(attach)).slot;
  }
  answer(verdict, request.path);
  return {};
}

Result<void> Link::on_static(std::uint32_t id) {
  if (descriptors_.empty()) return berth::fail(Errc::kMalformed, "STATIC without descriptor");
  const auto fd = std::move(descriptors_.front());
  descriptors_.pop_front();

  const auto known = attaches_.find(id);
  const bool replaces = known != attaches_.end();
  if (replaces && reactor_.attach_at(known->second).kind != link::Kind::kStatic)
    return berth::fail(Errc::kMalformed, "STATIC for attach {}, which is not static", id);
  const auto awaited = awaiting_pack_.find(id);
  if (!replaces && awaited == awaiting_pack_.end())
    return berth::fail(Errc::kMalformed, "STATIC for attach {}, which is not known", id);

  auto pack = reactor_.packs().open(fd.get());
  if (replaces) {
    reactor_.static_heads().clear();
    if (pack) reactor_.attach_at(known->second).pack = std::move(*pack);
    answer(
        {id, pack ? link::AttachResult::kOk : link::AttachResult::kBadPack, pack ? "" : pack.error().detail},
        reactor_.attach_at(known->second).path);
    return {};
  }
  const auto request = std::move(awaited->second);
  awaiting_pack_.erase(awaited);
  auto verdict = judge(request);
  auto options = parse_static_options(request.options);
  if (!options) return berth::fail(Errc::kMalformed, "options of attach {}: {}", id, options.error().detail);
  if (verdict.result == link::AttachResult::kOk && !pack)
    verdict = {id, link::AttachResult::kBadPack, pack.error().detail};
  if (verdict.result == link::AttachResult::kOk) {
    auto attach = std::make_unique<Attach>();
    attach->id = id;
    attach->kind = link::Kind::kStatic;
    attach->path = request.path;
    attach->grant = request.grant;
    attach->files = std::move(*options);
    attach->link = this;
    attach->pack = std::move(*pack);
    const auto* grant = reactor_.grants().find(request.grant);
    BERTH_CHECK(grant);  // judge() has found it
    attach->served = reactor_.served_files().at(grant->path);
    take_over(request);
    attaches_[id] = reactor_.add_attach(std::move(attach)).slot;
  }
  answer(verdict, request.path);
  return {};
}

Result<void> Link::on_broadcast(std::uint8_t flags, ByteView payload) {
  BERTH_TRY(const auto broadcast, link::parse_broadcast(payload));
  const auto size = broadcast.message.size();
  // Its frame, plain and compressed, is made once for all who get it.
  Bytes plain, deflated;
  websocket::FrameHeader fields;
  fields.opcode = flags & link::kFlagText ? websocket::Opcode::kText : websocket::Opcode::kBinary;
  const auto make_frame = [&fields](Bytes& out, ByteView message) {
    std::array<std::uint8_t, 14> header{};
    fields.payload_length = message.size();
    const auto header_size = websocket::format_frame_header(fields, header);
    out.assign(header.begin(), header.begin() + static_cast<std::ptrdiff_t>(header_size));
    out.insert(out.end(), message.begin(), message.end());
  };
  make_frame(plain, broadcast.message);
  const auto frame_for = [&](const Connection& connection) -> const Bytes& {
    if (!connection.deflates() || size < static_cast<std::size_t>(reactor_.limits().deflate_bytes))
      return plain;
    if (deflated.empty()) {
      fields.compressed = true;
      make_frame(deflated, reactor_.compression().deflater().compress(broadcast.message, true));
      if (deflated.size() > plain.size()) deflated = plain;
    }
    return deflated;
  };
  auto& next = broadcast_done_;
  for (; next < broadcast.streams.size() && share_ > 0 && !dead_; ++next) {
    auto* connection = reactor_.find_stream(broadcast.streams[next]);
    if (!connection || connection->attach().link != this || !connection->take_credit(size)) continue;
    --share_;
    connection->on_link_broadcast(frame_for(*connection));
  }
  if (next == broadcast.streams.size()) next = 0;
  return {};
}

bool Link::leave() {
  if (!follows_ || dead_) return false;
  if (std::exchange(left_, true)) return true;
  link::append_leave(out_);
  schedule_flush();
  return true;
}

// What a link that was told to leave has attached there: its streams stay, new ones are for who attaches now.
void Link::take_over(const link::Attach& request) {
  const auto* node = reactor_.routes().find_exact(request.path);
  auto* taken = node ? node->of(request.kind) : nullptr;
  if (taken && taken->link) taken->link->detach(*taken);
}

void Link::detach(Attach& attach) {
  attaches_.erase(attach.id);
  reactor_.routes().remove(attach);
  attach.pack.reset();
  reactor_.release_if_unused(attach.slot);
}

void Link::answer(const link::Attached& attached, std::string_view path) {
  const auto refusals = attached.result == link::AttachResult::kOk
                            ? std::nullopt
                            : reactor_.refusals().note(peer_.uid, reactor_.loop().now());
  if (refusals)
    // The name is what the peer says of itself; user and process are what the kernel says.
    log_warning("attach refused", {{"service", name_},
                                   {"uid", peer_.uid},
                                   {"pid", peer_.pid},
                                   {"path", path},
                                   {"reason", attached.reason},
                                   {"refused", *refusals}});
  link::append(out_, attached);
  schedule_flush();
}

Result<void> Link::append_open(std::uint32_t stream, const link::Open& open) {
  BERTH_TRY_VOID(link::append(out_, stream, open));
  schedule_flush();
  return {};
}

void Link::append_data(link::Type type, std::uint32_t stream, std::uint8_t flags, ByteView bytes) {
  if (dead_) return;
  link::append_data(out_, type, stream, flags, bytes);
  schedule_flush();
}

void Link::append_close(std::uint32_t stream, std::uint16_t code, std::string_view reason) {
  if (dead_) return;
  link::append(out_, stream, link::Close{code, std::string(reason)});
  schedule_flush();
}

void Link::append_credit(std::uint32_t stream, std::uint32_t bytes) {
  if (dead_) return;
  link::append_credit(out_, stream, bytes);
  schedule_flush();
}

void Link::append_detached(std::uint32_t attach_id, link::AttachResult result, std::string reason) {
  if (dead_) return;
  link::append(out_, link::Attached{attach_id, result, std::move(reason)}, link::Type::kDetached);
  schedule_flush();
}

bool Link::is_congested() const {
  return dead_ || pending() >= static_cast<std::size_t>(reactor_.limits().link_buffer_bytes);
}

bool Link::takes_streams() const {
  const auto& limits = reactor_.limits();
  return !dead_ && pending() < 4 * static_cast<std::size_t>(limits.link_buffer_bytes) &&
         static_cast<std::int64_t>(streams_ + closing_.size()) < limits.streams_per_link;
}

void Link::wait_for_room(Connection& connection) { waiters_.push_back(connection.stream_id()); }

void Link::schedule_flush() {
  if (pending() >= kFlushEarly && !watching_out_) return flush();
  if (!flush_soon_.is_scheduled() && !watching_out_) flush_soon_.schedule([this] { flush(); });
}

void Link::flush() {
  if (dead_) return;
  while (pending() > 0) {
    const auto put = ::send(fd_.get(), out_.data() + out_begin_, pending(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0 && errno != EAGAIN) return fail(errno_error(errno, "send").detail);
    if (put < 0) break;
    out_begin_ += static_cast<std::size_t>(put);
  }
  if (pending() == 0) {
    out_begin_ = 0;
    out_.clear();
    if (out_.capacity() > kFlushEarly) out_.shrink_to_fit();
  } else if (out_begin_ >= out_.size() / 2) {
    out_.erase(out_.begin(), out_.begin() + static_cast<std::ptrdiff_t>(out_begin_));
    out_begin_ = 0;
  }
  const bool wants_out = pending() > 0;
  if (wants_out != watching_out_) {
    watching_out_ = wants_out;
    reactor_.loop().change_interest(fd_.get(), wants_out ? EPOLLIN | EPOLLOUT : EPOLLIN);
  }
  if (waiters_.empty() || pending() > static_cast<std::size_t>(reactor_.limits().link_buffer_bytes) / 2)
    return;
  for (const auto id : std::exchange(waiters_, {}))
    if (auto* connection = reactor_.find_stream(id)) reactor_.run_soon(*connection);
}

}  // namespace berth::webserver
