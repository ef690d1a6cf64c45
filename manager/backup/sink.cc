#include "manager/backup/sink.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "base/bytes.h"
#include "base/file.h"
#include "loop/readiness.h"
#include "loop/worker.h"

namespace berth::manager {
namespace {

// Disks block whatever their descriptors say, and epoll(7) does not take them.
bool is_disk(int fd) {
  struct stat info{};
  if (::fstat(fd, &info) != 0) throw Failure(errno_error(errno, "descriptor of the backup"));
  return S_ISREG(info.st_mode) || S_ISBLK(info.st_mode) || (S_ISCHR(info.st_mode) && !::isatty(fd));
}

// A number, because Worker wants a value.
int write_to_disk(int fd, const std::string& bytes, const std::string& name) {
  if (auto put = write_all(fd, bytes); !put) throw Failure(std::move(put.error()).within(name));
  return 0;
}

}  // namespace

Task<void> TextSink::write(std::string bytes) {
  if (bytes.size() > most_ - text.size())
    throw_failure(Errc::kTooLarge, "more than the {} bytes that are expected", most_);
  text += bytes;
  co_return;
}

struct DescriptorSink::State {
  int fd;
  int old_flags = 0;
  std::optional<loop::Worker> worker;
  std::optional<loop::Readiness> ready;
};

DescriptorSink::DescriptorSink(loop::Loop& loop, int fd) : state_(std::make_unique<State>()) {
  state_->fd = fd;
  if (is_disk(fd)) {
    state_->worker.emplace(loop);
    return;
  }
  state_->old_flags = ::fcntl(fd, F_GETFL);
  ::fcntl(fd, F_SETFL, state_->old_flags | O_NONBLOCK);
  state_->ready.emplace(loop, fd);
}

DescriptorSink::~DescriptorSink() {
  if (!state_->ready) return;
  state_->ready.reset();
  ::fcntl(state_->fd, F_SETFL, state_->old_flags);
}

Task<void> DescriptorSink::write(std::string bytes) {
  if (state_->worker) {
    auto call = [fd = state_->fd, bytes = std::move(bytes)] { return write_to_disk(fd, bytes, "backup"); };
    auto writing = state_->worker->run(std::move(call));
    co_await writing;
    co_return;
  }
  std::string_view rest = bytes;
  while (!rest.empty()) {
    const auto put = ::write(state_->fd, rest.data(), rest.size());
    if (put >= 0) rest.remove_prefix(static_cast<std::size_t>(put));
    else if (errno == EAGAIN) co_await state_->ready->writable();
    else if (errno != EINTR) throw Failure(errno_error(errno, "write the backup"));
  }
}

struct FileSink::State {
  explicit State(loop::Loop& loop) : worker(loop) {}
  std::string path, temporary;
  UniqueFd fd;
  loop::Worker worker;  // last: ends its call before the descriptor goes
};

FileSink::FileSink(loop::Loop& loop, std::string path, unsigned mode)
    : state_(std::make_unique<State>(loop)) {
  state_->path = std::move(path);
  state_->temporary = fmt::format("{}.{}.tmp", state_->path, random_hex(6));
  state_->fd = UniqueFd(::open(state_->temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  if (!state_->fd) throw Failure(errno_error(errno, "create " + state_->temporary));
}

FileSink::~FileSink() {
  if (!state_->temporary.empty()) ::unlink(state_->temporary.c_str());
}

Task<void> FileSink::write(std::string bytes) {
  auto call = [fd = state_->fd.get(), name = state_->path, bytes = std::move(bytes)] {
    return write_to_disk(fd, bytes, name);
  };
  auto writing = state_->worker.run(std::move(call));
  co_await writing;
}

Task<void> FileSink::finish() {
  auto call = [state = state_.get()]() -> int {
    if (::fsync(state->fd.get()) != 0) throw Failure(errno_error(errno, "fsync " + state->path));
    if (::rename(state->temporary.c_str(), state->path.c_str()) != 0)
      throw Failure(errno_error(errno, "rename to " + state->path));
    const auto slash = state->path.rfind('/');
    or_throw(sync_directory(slash == std::string::npos ? "."
                            : slash == 0               ? "/"
                                                       : state->path.substr(0, slash)));
    return 0;
  };
  auto finishing = state_->worker.run(std::move(call));
  co_await finishing;
  state_->temporary.clear();
}

}  // namespace berth::manager
