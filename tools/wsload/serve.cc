#include "tools/wsload/serve.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <unordered_set>

#include "base/text.h"
#include "wire/websocket/frame.h"
#include "wire/websocket/handshake.h"

namespace berth::wsload {

namespace ws = websocket;

namespace {

constexpr std::size_t kMessage = 64 << 20;

// Value of a header line, found without regard to case; empty if there is none.
std::string_view find_line(std::string_view head, std::string_view name) {
  for (std::size_t at = head.find("\r\n"); at + 2 < head.size(); at = head.find("\r\n", at + 2)) {
    const auto line = head.substr(at + 2, head.find("\r\n", at + 2) - at - 2);
    if (line.size() > name.size() && line[name.size()] == ':' &&
        equal_ignoring_case(line.substr(0, name.size()), name))
      return trim(line.substr(name.size() + 1));
  }
  return {};
}

}  // namespace

struct EchoServer::Shared {
  loop::Loop& loop;
  std::unordered_set<Peer*> peers, room;
  std::unique_ptr<std::uint8_t[]> buffer = std::make_unique_for_overwrite<std::uint8_t[]>(kBuffer);
  std::string answer =
      "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 1024\r\n\r\n" + std::string(1024, 'x');
  static constexpr std::size_t kBuffer = 1 << 18;
};

class EchoServer::Peer final : public loop::IoHandler {
 public:
  Peer(Shared& shared, int fd) : shared_(shared), fd_(fd) { shared_.loop.watch(fd, EPOLLIN, *this); }
  ~Peer() {
    shared_.loop.unwatch(fd_);
    ::close(fd_);
  }

 private:
  void on_io(std::uint32_t events) override {
    if (events & EPOLLOUT) write({});
    if (!gone_ && (events & (EPOLLIN | EPOLLHUP | EPOLLERR))) read();
    if (!gone_) return;
    shared_.room.erase(this);
    shared_.peers.erase(this);
    delete this;
  }

  void read() {
    std::uint8_t* buffer = shared_.buffer.get();
    const auto had = unread_.size();
    std::copy(unread_.begin(), unread_.end(), buffer);
    const auto got = ::recv(fd_, buffer + had, std::max(Shared::kBuffer, had) - had, MSG_DONTWAIT);
    if (got <= 0) {
      gone_ = got == 0 || (errno != EAGAIN && errno != EINTR);
      return;
    }
    const std::span<std::uint8_t> bytes(buffer, had + static_cast<std::size_t>(got));
    const auto used = upgraded_ ? serve_frames(bytes) : serve_head(bytes);
    unread_.assign(bytes.begin() + static_cast<std::ptrdiff_t>(used), bytes.end());
    if (unread_.empty() && unread_.capacity() > 0) unread_.shrink_to_fit();
  }

  std::size_t serve_head(std::span<std::uint8_t> bytes) {
    std::size_t used = 0;
    while (used < bytes.size()) {
      const auto text = as_text(bytes.subspan(used));
      const auto end = text.find("\r\n\r\n");
      if (end == text.npos) break;
      const auto head = text.substr(0, end + 2);
      used += end + 4;
      const auto key = find_line(head, "sec-websocket-key");
      if (key.empty()) {
        write(as_bytes(shared_.answer));
        continue;
      }
      const auto target = head.substr(0, head.find(" HTTP/"));
      if (target.ends_with("/room")) shared_.room.insert(this);
      is_room_ = target.ends_with("/room");
      upgraded_ = true;
      write(as_bytes(
          fmt::format("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                      "Sec-WebSocket-Accept: {}\r\n\r\n",
                      ws::accept_key(key))));
      return used + serve_frames(bytes.subspan(used));
    }
    return used;
  }

  std::size_t serve_frames(std::span<std::uint8_t> bytes) {
    std::size_t used = 0;
    while (used < bytes.size() && !gone_) {
      const auto rest = bytes.subspan(used);
      const auto header = ws::parse_frame_header(rest, kMessage);
      if (!header) {
        gone_ = true;
        break;
      }
      if (!*header || rest.size() < (*header)->size + (*header)->payload_length) break;
      const auto length = static_cast<std::size_t>((*header)->payload_length);
      auto payload = rest.subspan((*header)->size, length);
      ws::apply_mask(payload, (*header)->mask);
      used += (*header)->size + length;
      answer(**header, payload);
    }
    return used;
  }

  // The answer's header is written over the end of the request's, which is at least as long.
  void answer(ws::FrameHeader header, std::span<std::uint8_t> payload) {
    if (header.opcode == ws::Opcode::kPing) header.opcode = ws::Opcode::kPong;
    std::array<std::uint8_t, 14> out{};
    header.masked = false;
    const auto size = ws::format_frame_header(header, out);
    auto* begin = payload.data() - size;
    std::copy_n(out.begin(), size, begin);
    const ByteView frame(begin, size + payload.size());
    if (is_room_ && !ws::is_control(header.opcode)) {
      for (Peer* peer : shared_.room) peer->write(frame);
    } else {
      write(frame);
    }
    if (header.opcode != ws::Opcode::kClose) return;
    ::shutdown(fd_, SHUT_WR);
  }

  void write(ByteView bytes) {
    if (unsent_.empty() && !bytes.empty()) {
      const auto put = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (put == static_cast<ssize_t>(bytes.size())) return;
      if (put > 0) bytes = bytes.subspan(static_cast<std::size_t>(put));
      unsent_.assign(bytes.begin(), bytes.end());
    } else {
      unsent_.insert(unsent_.end(), bytes.begin(), bytes.end());
      const auto put = ::send(fd_, unsent_.data(), unsent_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      if (put > 0) unsent_.erase(unsent_.begin(), unsent_.begin() + put);
    }
    if (unsent_.empty()) unsent_.shrink_to_fit();
    shared_.loop.change_interest(fd_, unsent_.empty() ? EPOLLIN : EPOLLIN | EPOLLOUT);
  }

  Shared& shared_;
  int fd_;
  bool upgraded_ = false, is_room_ = false, gone_ = false;
  Bytes unread_, unsent_;
};

EchoServer::EchoServer(loop::Loop& loop, UniqueFd listener)
    : loop_(loop), listener_(std::move(listener)), shared_(new Shared{loop}) {
  loop_.watch(listener_.get(), EPOLLIN, *this);
}

EchoServer::~EchoServer() {
  loop_.unwatch(listener_.get());
  for (Peer* peer : shared_->peers) delete peer;
}

void EchoServer::on_io(std::uint32_t) {
  for (int i = 0; i < 64; ++i) {
    const int fd = ::accept4(listener_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return;
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);  // not for Unix sockets: no matter
    shared_->peers.insert(new Peer(*shared_, fd));
  }
}

}  // namespace berth::wsload
