#include "webserver/inherited.h"

#include <sys/socket.h>

#include <cerrno>

#include "base/passed_descriptors.h"
#include "wire/json/json.h"

namespace berth::webserver {
namespace {

constexpr std::size_t kMostReactors = 64;
constexpr std::size_t kMessageBytes = 1024;
constexpr std::size_t kMostDescriptors = 3;

struct Piece {
  json::Object body;
  std::vector<UniqueFd> descriptors;
};

// nullopt at the end.
Result<std::optional<Piece>> read_piece(int fd) {
  char text[kMessageBytes];
  iovec part{text, sizeof text};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  DescriptorRoom<kMostDescriptors> room;
  room.receive_with(message);
  ssize_t got;
  while ((got = ::recvmsg(fd, &message, MSG_CMSG_CLOEXEC)) < 0 && errno == EINTR) {}
  if (got < 0) return fail_errno(errno, "receive listeners");
  if (got == 0) return std::nullopt;
  Piece piece;
  piece.descriptors = take_descriptors(message);
  if (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) return fail(Errc::kMalformed, "listeners cut off");
  BERTH_TRY(piece.body, json::parse_object({text, static_cast<std::size_t>(got)}));
  return std::optional<Piece>(std::move(piece));
}

}  // namespace

Result<Daemon::Bound> take_listeners(int fd) {
  const UniqueFd socket(fd);
  Daemon::Bound bound;
  bound.follows = true;
  for (;;) {
    BERTH_TRY(auto piece, read_piece(fd));
    if (!piece) break;
    if (bound.reactors.size() == kMostReactors)
      return fail(Errc::kTooLarge, "listeners of too many reactors");
    bound.http = static_cast<std::uint16_t>(json::get_integer(piece->body, "http"));
    bound.https = static_cast<std::uint16_t>(json::get_integer(piece->body, "https"));
    const std::size_t expected = 1U + (bound.http ? 1U : 0U) + (bound.https ? 1U : 0U);
    if (piece->descriptors.size() != expected)
      return fail(Errc::kMalformed, "{} listeners of a reactor, {} expected", piece->descriptors.size(),
                  expected);
    Reactor::Setup setup;
    setup.number = static_cast<int>(bound.reactors.size());
    setup.https_port = bound.https;
    auto next = piece->descriptors.begin();
    if (bound.http) setup.http = std::move(*next++);
    if (bound.https) setup.https = std::move(*next++);
    bound.link_sockets.push_back(std::move(*next));
    bound.reactors.push_back(std::move(setup));
  }
  if (bound.reactors.empty()) return fail(Errc::kMalformed, "no listeners came");
  return bound;
}

}  // namespace berth::webserver
