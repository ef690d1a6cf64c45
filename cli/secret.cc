#include "cli/secret.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "base/unique_fd.h"

namespace berth::cli {

Result<std::string> read_secret(const std::string& path) {
  constexpr std::size_t kLongest = 4096;
  const bool is_stdin = path == "-";
  UniqueFd file(is_stdin ? ::dup(STDIN_FILENO) : ::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file) return fail_errno(errno, fmt::format("open {}", path));

  std::string text;
  char buffer[512];
  while (text.find('\n') == std::string::npos && text.size() <= kLongest) {
    const auto count = ::read(file.get(), buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return fail_errno(errno, fmt::format("read {}", path));
    if (count == 0) break;
    text.append(buffer, static_cast<std::size_t>(count));
  }
  text.resize(std::min(text.find('\n'), text.size()));
  if (text.ends_with('\r')) text.pop_back();
  const std::string name = is_stdin ? "stdin" : path;
  if (text.empty())
    return fail(Errc::kMalformed, "{}: the first line is empty, a password was expected", name);
  if (text.size() > kLongest)
    return fail(Errc::kMalformed, "{}: the password is longer than {} bytes", name, kLongest);
  return text;
}

}  // namespace berth::cli
