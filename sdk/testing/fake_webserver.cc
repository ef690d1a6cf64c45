#include "sdk/testing/fake_webserver.h"

#include <sys/socket.h>

#include <cerrno>

#include "base/passed_descriptors.h"
#include "loop/readiness.h"

namespace berth::sdk {

struct FakeWebserver::Connection {
  Connection(loop::Loop& loop, UniqueFd socket) : fd(std::move(socket)), readiness(loop, fd.get()) {}
  UniqueFd fd;
  loop::Readiness readiness;
  Bytes input;
  std::deque<UniqueFd> descriptors;
};

FakeWebserver::FakeWebserver(loop::Loop& loop, std::string path)
    : loop_(loop), path_(std::move(path)), tasks_(loop, "fake webserver") {
  listener_ = or_throw(net::Listener::unix_socket(loop_, path_));
  tasks_.spawn(accept_all());
}

FakeWebserver::~FakeWebserver() {
  tasks_.cancel_all();
  current_.reset();
  former_.reset();
}

loop::Task<void> FakeWebserver::accept_all() {
  for (;;) {
    auto fd = co_await listener_->accept();
    ++connections;
    former_ = std::exchange(current_, std::make_shared<Connection>(loop_, std::move(fd)));
    Bytes hello_frame;
    link::append(hello_frame, link::Hello{link::kVersion, 0, credit_for_service, "fake"});
    send(hello_frame);
    tasks_.spawn(serve(current_));
  }
}

loop::Task<void> FakeWebserver::serve(std::shared_ptr<Connection> connection) {
  for (;;) {
    std::uint8_t buffer[65536];
    iovec part{buffer, sizeof buffer};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    DescriptorRoom<16> room;
    room.receive_with(message);
    const auto got = ::recvmsg(connection->fd.get(), &message, MSG_CMSG_CLOEXEC);
    if (got < 0 && errno == EAGAIN) {
      co_await connection->readiness.readable();
      continue;
    }
    if (got <= 0) co_return;
    for (auto& fd : take_descriptors(message)) connection->descriptors.push_back(std::move(fd));
    connection->input.insert(connection->input.end(), buffer, buffer + got);
    for (;;) {
      const ByteView input(connection->input);
      const auto header = or_throw(link::parse_header(input));
      if (!header || input.size() < link::kHeaderSize + header->length) break;
      const auto payload = input.subspan(link::kHeaderSize, header->length);
      Frame frame{*header, Bytes(payload.begin(), payload.end())};
      connection->input.erase(
          connection->input.begin(),
          connection->input.begin() + static_cast<std::ptrdiff_t>(link::kHeaderSize + header->length));
      take(*connection, std::move(frame));
    }
  }
}

void FakeWebserver::take(Connection& connection, Frame frame) {
  const auto answer = [&](std::uint32_t id, std::string_view path) {
    const auto found = results.find(std::string(path));
    const auto result = found == results.end() ? link::AttachResult::kOk : found->second;
    Bytes out;
    link::append(out, link::Attached{id, result, result == link::AttachResult::kOk ? "" : "path taken"});
    send(out);
  };
  switch (frame.header.type) {
    case link::Type::kHello: hello = or_throw(link::parse_hello(frame.payload)); return;
    case link::Type::kAttach:
      attaches.push_back(or_throw(link::parse_attach(frame.payload)));
      if (attaches.back().kind != link::Kind::kStatic) answer(attaches.back().id, attaches.back().path);
      return;
    case link::Type::kStatic: {
      const auto id = or_throw(link::parse_u32(frame.payload));
      BERTH_CHECK(!connection.descriptors.empty());
      UniqueFd fd = std::move(connection.descriptors.front());
      connection.descriptors.pop_front();
      Bytes content(1 << 20);
      const auto size = ::pread(fd.get(), content.data(), content.size(), 0);
      content.resize(static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
      packs[id] = std::move(content);
      answer(id, attaches.back().path);
      return;
    }
    case link::Type::kDetach: detached.push_back(or_throw(link::parse_u32(frame.payload))); return;
    case link::Type::kCredit: credit[frame.header.stream] += or_throw(link::parse_u32(frame.payload)); return;
    case link::Type::kBroadcast: {
      ++broadcasts;
      const auto broadcast = or_throw(link::parse_broadcast(frame.payload));
      for (const auto stream : broadcast.streams) {
        Frame copy{frame.header, Bytes(broadcast.message.begin(), broadcast.message.end())};
        copy.header.type = link::Type::kMessage;
        copy.header.stream = stream;
        frames_[stream].push_back(std::move(copy));
      }
      return;
    }
    default: frames_[frame.header.stream].push_back(std::move(frame));
  }
}

void FakeWebserver::send(const Bytes& frames) { send_to(*current_, frames); }
void FakeWebserver::send_to_former(const Bytes& frames) { send_to(*former_, frames); }

void FakeWebserver::send_to(Connection& connection, const Bytes& frames) {
  std::size_t sent = 0;
  while (sent < frames.size()) {
    const auto put = ::send(connection.fd.get(), frames.data() + sent, frames.size() - sent, MSG_NOSIGNAL);
    if (put > 0) sent += static_cast<std::size_t>(put);
    else if (errno == EAGAIN)
      loop_.run_once(std::chrono::milliseconds(10));  // the service reads in this loop
    else throw Failure(errno_error(errno, "send to the service"));
  }
}

void FakeWebserver::open(std::uint32_t stream, const link::Open& open) {
  Bytes out;
  or_throw(link::append(out, stream, open));
  send(out);
}

void FakeWebserver::send_text(std::uint32_t stream, std::string_view message) {
  Bytes out;
  link::append_data(out, link::Type::kMessage, stream, link::kFlagEnd | link::kFlagText, as_bytes(message));
  send(out);
}

void FakeWebserver::send_detached(std::uint32_t attach_id, std::string reason) {
  Bytes out;
  link::append(out, link::Attached{attach_id, link::AttachResult::kNoGrant, std::move(reason)},
               link::Type::kDetached);
  send(out);
}

void FakeWebserver::close_link() {
  ::shutdown(current_->fd.get(), SHUT_RDWR);
  current_.reset();
}

void FakeWebserver::close_former() {
  ::shutdown(former_->fd.get(), SHUT_RDWR);
  former_.reset();
}

void FakeWebserver::stop_listening() {
  tasks_.cancel_all();
  listener_.reset();
  if (current_) close_link();
}

std::uint32_t FakeWebserver::await_attach(std::string_view path, link::Kind kind) {
  std::uint32_t id = 0;
  const bool came = loop_.run_until([&] {
    for (const auto& attach : attaches)
      if (attach.path == path && attach.kind == kind) id = attach.id;
    return id != 0;
  });
  if (!came) throw_failure(Errc::kTimeout, "no attach of {}", path);
  return id;
}

bool FakeWebserver::has_frame(std::uint32_t stream) const {
  const auto found = frames_.find(stream);
  return found != frames_.end() && !found->second.empty();
}

FakeWebserver::Frame FakeWebserver::next(std::uint32_t stream) {
  if (!loop_.run_until([&] { return has_frame(stream); }))
    throw_failure(Errc::kTimeout, "no frame on stream {}", stream);
  Frame frame = std::move(frames_[stream].front());
  frames_[stream].pop_front();
  return frame;
}

std::string FakeWebserver::next_text(std::uint32_t stream) {
  std::string text;
  for (;;) {
    const Frame frame = next(stream);
    if (frame.header.type != link::Type::kMessage)
      throw_failure(Errc::kMalformed, "frame of type {} instead of a message: {}",
                    static_cast<int>(frame.header.type), frame.text());
    text += frame.text();
    if (frame.header.flags & link::kFlagEnd) return text;
  }
}

void FakeWebserver::forget_streams() {
  frames_.clear();
  credit.clear();
}

void FakeWebserver::settle() {
  for (int turn = 0; turn < 20; ++turn) loop_.run_once(loop::Duration::zero());
}

}  // namespace berth::sdk
