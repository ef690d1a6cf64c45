// Large files to a client without TLS: by reference instead of by copy.
#include <sys/sendfile.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "webserver/reactor.h"

namespace berth::webserver {

std::size_t Connection::try_send_file(std::string_view head, int file, std::size_t offset,
                                      std::size_t count) {
  constexpr std::size_t kShare = 1 << 18;  // of one turn
  if (!is_open()) return 0;
  set(kWriteBlocked, true);
  if (has_unsent()) return 0;
  const auto all = head.size() + count;
  std::size_t total = 0;
  while (total < all && total < kShare) {
    auto begin = static_cast<off_t>(offset + total - std::min(total, head.size()));
    const auto put = total < head.size() ? ::send(fd_, head.data() + total, head.size() - total,
                                                  MSG_NOSIGNAL | MSG_DONTWAIT | (count > 0 ? MSG_MORE : 0))
                                         : ::sendfile(fd_, file, &begin, std::min(all - total, kShare));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0 && errno == EAGAIN) break;
    if (put <= 0) {
      drop();
      return total;
    }
    total += static_cast<std::size_t>(put);
  }
  reactor().counters().bytes_out += total;
  if (total == all) set(kWriteBlocked, false);
  else set_deadline(milliseconds(reactor().limits().stall_ms));
  return total;
}

}  // namespace berth::webserver
