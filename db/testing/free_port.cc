#include "db/testing/free_port.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>

#include "base/result.h"
#include "base/unique_fd.h"

namespace berth::db {

int find_free_port() {
  const UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0)
    throw Failure(errno_error(errno, "find a port"));
  return ntohs(address.sin_port);
}

}  // namespace berth::db
