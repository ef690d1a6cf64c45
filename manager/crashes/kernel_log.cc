#include "manager/crashes/kernel_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include <fmt/format.h>

#include "base/text.h"
#include "base/unique_fd.h"

namespace berth::manager {

// "Out of memory: Killed process 4711 (notes) total-vm:…", "Memory cgroup out of memory: Killed process 4711 (notes) …"
std::string find_oom_kill(std::string_view log, pid_t pid) {
  const std::string words = fmt::format("ut of memory: Killed process {} ", pid);
  std::string found;
  for (auto line : split(log, '\n')) {
    if (line.find(words) == std::string_view::npos) continue;
    // "6,1234,5678,-;text": priority, number, time, flags.
    if (const auto semicolon = line.find(';'); semicolon != std::string_view::npos && semicolon < 60)
      line.remove_prefix(semicolon + 1);
    found = line;
  }
  return found;
}

std::string read_kernel_log() {
  constexpr std::size_t kMost = 256 << 10;
  const UniqueFd fd(::open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  std::string text;
  if (!fd) return text;
  char record[8192];
  for (;;) {
    const auto got = ::read(fd.get(), record, sizeof record);
    if (got < 0 && errno == EPIPE) continue;  // overwritten meanwhile: the next one
    if (got <= 0) return text;
    text.append(record, static_cast<std::size_t>(got));
    if (text.size() > 2 * kMost) text.erase(0, text.size() - kMost);
  }
}

}  // namespace berth::manager
