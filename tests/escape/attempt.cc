#include "tests/escape/attempt.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstring>

namespace berth::escape {

std::string fact(const Facts& facts, const std::string& name) {
  const auto found = facts.find(name);
  return found == facts.end() ? std::string() : found->second;
}

Outcome of_call(long result) {
  if (result < 0) return {true, ::strerrorname_np(errno)};
  return {false, "it worked"};
}

Outcome open_file(const std::string& path, int flags) {
  const int fd = ::open(path.c_str(), flags | O_CLOEXEC, 0600);
  const auto outcome = of_call(fd);
  if (fd >= 0) ::close(fd);
  return outcome;
}

UniqueFd connect_unix(const std::string& path, bool is_abstract) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::size_t at = is_abstract ? 1 : 0;
  if (path.empty() || path.size() + at >= sizeof address.sun_path) {
    errno = ENOENT;
    return UniqueFd();
  }
  std::memcpy(address.sun_path + at, path.data(), path.size());
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const auto size =
      static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + at + path.size() + (is_abstract ? 0 : 1));
  if (fd && ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), size) == 0) return fd;
  const int number = errno;
  fd.reset();
  errno = number;
  return fd;
}

Outcome in_child(int (*attempt)(const Facts&), const Facts& facts) {
  const pid_t child = ::fork();
  if (child < 0) return {true, ::strerrorname_np(errno)};
  if (child == 0) ::_exit(attempt(facts));
  int status = 0;
  ::waitpid(child, &status, 0);
  if (WIFSIGNALED(status)) return {true, ::sigabbrev_np(WTERMSIG(status))};
  if (WEXITSTATUS(status) == 0) return {false, "it worked"};
  const char* name = ::strerrorname_np(WEXITSTATUS(status));
  return {true, name ? name : "refused"};
}

}  // namespace berth::escape
