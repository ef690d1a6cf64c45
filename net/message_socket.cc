#include "net/message_socket.h"

#include <sys/socket.h>

#include <cerrno>

#include "base/passed_descriptors.h"

namespace berth::net {
namespace {

constexpr std::size_t kReadSize = 65536;
constexpr std::size_t kMostDescriptors = 253;  // SCM_MAX_FD, unix(7)

}  // namespace

MessageSocket::MessageSocket(loop::Loop& loop, UniqueFd socket, MessageSocketLimits limits)
    : loop_(loop),
      limits_(limits),
      fd_(std::move(socket)),
      peer_(peer_credentials(fd_.get()).value_or(PeerCredentials{})),
      decoder_(limits.max_frame),
      readiness_(loop, fd_.get()),
      queue_filled_(loop),
      queue_empty_(loop) {
  queue_empty_.set();
  writer_.emplace(loop_, write_queue());
}

MessageSocket::~MessageSocket() { writer_.reset(); }

Result<std::unique_ptr<MessageSocket>> MessageSocket::connect(loop::Loop& loop, const std::string& path,
                                                              MessageSocketLimits limits) {
  BERTH_TRY(auto fd, connect_unix(path));
  return std::make_unique<MessageSocket>(loop, std::move(fd), limits);
}

loop::Task<std::optional<Message>> MessageSocket::receive() {
  for (;;) {
    if (auto message = take()) co_return std::move(message);
    if (!open_) co_return std::nullopt;
    if (ended_) {
      const bool is_clean = decoder_.is_at_boundary();
      close();
      if (!is_clean) throw_failure(Errc::kMalformed, "connection ended within a control frame");
      co_return std::nullopt;
    }
    const auto before = decoder_.fed();
    read_some();
    if (decoder_.fed() == before && open_ && !ended_) co_await readiness_.readable();
  }
}

std::optional<Message> MessageSocket::take() {
  auto next = decoder_.next();
  if (!next) {
    close();
    throw Failure(std::move(next.error()));
  }
  if (!*next) return std::nullopt;
  Message message{.body = std::move(**next)};
  match_descriptors(message);
  return message;
}

// Descriptors come with the first byte of a frame that its sender put into a sendmsg(2) of its own.
// The kernel may glue earlier bytes in front of that one when we read, but ends the read after it: so
// they belong to the last frame that begins within the bytes they came with.
void MessageSocket::match_descriptors(Message& message) {
  const auto begin = decoder_.last_begin();
  const auto end = decoder_.last_end();
  while (!arrived_.empty() && arrived_.front().begin <= begin) {
    auto& first = arrived_.front();
    if (begin < first.end && end >= first.end)
      for (auto& fd : first.descriptors) message.descriptors.push_back(std::move(fd));
    else if (begin < first.end) return;  // a later frame of the same bytes
    arrived_.pop_front();
  }
}

void MessageSocket::read_some() {
  std::uint8_t buffer[kReadSize];
  iovec part{buffer, sizeof buffer};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  DescriptorRoom<kMostDescriptors> room;
  room.receive_with(header);
  const auto got = ::recvmsg(fd_.get(), &header, MSG_CMSG_CLOEXEC);
  if (got < 0) {
    if (errno == EAGAIN || errno == EINTR) return;
    ended_ = true;  // reset by peer: the same as closed, what is cut off is told by receive()
    return;
  }
  if (got == 0) {
    ended_ = true;
    return;
  }
  auto descriptors = take_descriptors(header);
  if (descriptors.size() > limits_.max_descriptors || (header.msg_flags & MSG_CTRUNC)) {
    close();
    throw_failure(Errc::kTooLarge, "more than {} descriptors with one message", limits_.max_descriptors);
  }
  const auto begin = decoder_.fed();
  decoder_.feed({buffer, static_cast<std::size_t>(got)});
  if (!descriptors.empty()) arrived_.push_back({begin, decoder_.fed(), std::move(descriptors)});
}

bool MessageSocket::send(const json::Object& body, std::vector<UniqueFd> descriptors) {
  if (!is_open()) return false;
  Outgoing out;
  if (!control::append(out.bytes, body) || queued_bytes_ + out.bytes.size() > limits_.max_queue_bytes ||
      descriptors.size() > limits_.max_descriptors) {
    log_warning("control message cannot be sent, closing",
                {{"bytes", out.bytes.size()}, {"queued", queued_bytes_}});
    close();
    return false;
  }
  out.descriptors = std::move(descriptors);
  queued_bytes_ += out.bytes.size();
  const bool was_empty = queue_.empty();
  queue_.push_back(std::move(out));
  if (was_empty)
    while (write_some()) {}
  if (!queue_.empty()) {
    queue_empty_.reset();
    queue_filled_.set();
  }
  return is_open();
}

bool MessageSocket::write_some() {
  if (queue_.empty() || !is_open()) return false;
  Outgoing& first = queue_.front();
  iovec part{first.bytes.data() + first.sent, first.bytes.size() - first.sent};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  DescriptorRoom<kMostDescriptors> room;
  if (!first.descriptors.empty()) {
    std::vector<int> numbers;
    for (const auto& fd : first.descriptors) numbers.push_back(fd.get());
    room.send_with(header, numbers);
  }
  const auto put = ::sendmsg(fd_.get(), &header, MSG_NOSIGNAL | MSG_DONTWAIT);
  if (put < 0) {
    if (errno == EINTR) return true;
    if (errno != EAGAIN && errno != ETOOMANYREFS) {
      // The peer is gone. What it sent before can still be received, up to the end of the stream.
      queue_.clear();
      queued_bytes_ = 0;
      broken_ = true;
      queue_empty_.set();
    }
    return false;
  }
  first.descriptors.clear();  // they go with the first byte
  first.sent += static_cast<std::size_t>(put);
  queued_bytes_ -= static_cast<std::size_t>(put);
  if (first.sent == first.bytes.size()) queue_.pop_front();
  if (queue_.empty()) queue_empty_.set();
  return true;
}

loop::Task<void> MessageSocket::write_queue() {
  for (;;) {
    co_await queue_filled_.wait();
    while (write_some()) {}
    if (queue_.empty()) {
      queue_filled_.reset();
      continue;
    }
    co_await readiness_.writable();
  }
}

loop::Task<bool> MessageSocket::flush() {
  co_await queue_empty_.wait();
  co_return is_open();
}

void MessageSocket::close() {
  if (!open_) return;
  open_ = false;
  queue_.clear();
  queued_bytes_ = 0;
  // The descriptor stays until we go; shutting it down wakes a task that receives.
  ::shutdown(fd_.get(), SHUT_RDWR);
  queue_empty_.set();
}

}  // namespace berth::net
