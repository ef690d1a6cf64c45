#include "manager/backup/child.h"

#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "base/text.h"

namespace berth::manager {
namespace {

constexpr std::size_t kPiece = 128 * 1024;
constexpr std::size_t kKeptErrors = 8192;
constexpr uid_t kNobody = 65534;

std::pair<UniqueFd, UniqueFd> make_pipe() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw Failure(errno_error(errno, "pipe"));
  UniqueFd read_end(ends[0]), write_end(ends[1]);
  ::fcntl(read_end.get(), F_SETFL, O_NONBLOCK);
  return {std::move(read_end), std::move(write_end)};
}

// nullopt: nothing there now.
std::optional<std::string> read_piece(int fd, std::size_t size) {
  std::string piece(size, '\0');
  for (;;) {
    const auto got = ::read(fd, piece.data(), piece.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno == EAGAIN) return std::nullopt;
    if (got < 0) throw Failure(errno_error(errno, "read from a program"));
    piece.resize(static_cast<std::size_t>(got));
    return piece;
  }
}

}  // namespace

Child::Child(loop::Loop& loop, UniqueFd output, UniqueFd errors, std::unique_ptr<loop::ProcessWatch> watch)
    : output_fd_(std::move(output)),
      errors_fd_(std::move(errors)),
      watch_(std::move(watch)),
      output_ready_(loop, output_fd_.get()),
      errors_ready_(loop, errors_fd_.get()),
      collecting_(loop, collect_errors()) {}

Child::~Child() {
  if (ended_) return;
  watch_->send_signal(SIGKILL);
  ::waitpid(watch_->pid(), nullptr, 0);
}

std::unique_ptr<Child> Child::start(loop::Loop& loop, loop::SpawnOptions options) {
  auto [output, output_end] = make_pipe();
  auto [errors, errors_end] = make_pipe();
  options.descriptors.emplace_back(output_end.get(), 1);
  options.descriptors.emplace_back(errors_end.get(), 2);
  const pid_t pid = or_throw(loop::spawn(options));
  auto watch = or_throw(loop::ProcessWatch::make(loop, pid));
  return std::unique_ptr<Child>(new Child(loop, std::move(output), std::move(errors), std::move(watch)));
}

Task<std::string> Child::read() {
  for (;;) {
    if (auto piece = read_piece(output_fd_.get(), kPiece)) co_return std::move(*piece);
    co_await output_ready_.readable();
  }
}

Task<void> Child::collect_errors() {
  for (;;) {
    auto piece = read_piece(errors_fd_.get(), 4096);
    if (!piece) {
      co_await errors_ready_.readable();
      continue;
    }
    if (piece->empty()) co_return;
    errors_ += *piece;
    if (errors_.size() > kKeptErrors) errors_.erase(0, errors_.size() - kKeptErrors);
  }
}

Task<loop::ExitStatus> Child::wait() {
  co_await collecting_.done().wait();
  const auto status = co_await watch_->wait();
  ended_ = true;
  co_return status;
}

Error error_of_child(const Child& child, const loop::ExitStatus& status, std::string_view what) {
  // "pg_restore: error: could not execute query: ERROR:  …": the first error is the cause.
  std::string text;
  for (auto line : split(child.errors(), '\n')) {
    line = trim(line);
    const auto colon = line.find(": error: ");
    if (colon != std::string_view::npos) line.remove_prefix(colon + 9);
    if (line.empty() || line.starts_with("pg_dump: detail: Query was")) continue;
    if (!text.empty()) text += "; ";
    text += line;
    if (text.size() > 600) break;
  }
  const auto tells = [&text](std::string_view words) { return text.find(words) != std::string::npos; };
  Errc code = Errc::kFailed;
  if (tells("No space left on device") || tells("disk full")) code = Errc::kNoSpace;
  else if (tells("password authentication failed") || tells("permission denied")) code = Errc::kDenied;
  else if (tells("server closed the connection") || tells("terminating connection") ||
           tells("could not connect") || tells("connection to server") || tells("the database system is"))
    code = Errc::kUnavailable;
  if (code == Errc::kUnavailable && tells("does not exist") && tells("database \"")) code = Errc::kNotFound;
  if (text.empty()) text = status.describe();
  return Error{code, fmt::format("{}: {}", what, text)};
}

loop::SpawnOptions without_rights(loop::SpawnOptions options) {
  const bool drop = ::geteuid() == 0;
  options.in_child = [drop]() -> int {
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return errno;
    if (!drop) return 0;
    const gid_t group = kNobody;
    return ::setgroups(1, &group) == 0 && ::setgid(group) == 0 && ::setuid(kNobody) == 0 ? 0 : errno;
  };
  return options;
}

}  // namespace berth::manager
