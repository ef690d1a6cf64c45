#include "manager/move/gate.h"

#include <sys/stat.h>

#include <cerrno>

#include "base/file.h"
#include "base/log.h"
#include "net/stream.h"

namespace berth::manager {
namespace {

constexpr std::size_t kPieceBytes = 128 << 10;

Task<void> copy_out(net::Stream& from, ByteLine& to) {
  for (;;) {
    Bytes buffer(kPieceBytes);
    const auto size = co_await from.read(buffer);
    if (size == 0) co_return;
    buffer.resize(size);
    co_await to.write(std::move(buffer));
  }
}

Task<void> copy_in(ByteLine& from, net::Stream& to) {
  for (;;) {
    auto bytes = co_await from.read();
    if (bytes.empty()) co_return;
    co_await to.write(std::move(bytes));
  }
}

}  // namespace

MoveGate::MoveGate(loop::Loop& loop, OtherPlatform& platform, std::string folder, std::string token)
    : loop_(loop),
      platform_(platform),
      folder_(std::move(folder)),
      token_(std::move(token)),
      tasks_(loop, "move") {
  or_throw(remove_tree(folder_));
  // pg_restore runs as a user without rights; the password keeps strangers out.
  or_throw(make_directories(folder_, 0711));
  if (::chmod(folder_.c_str(), 0711) != 0) throw Failure(errno_error(errno, "chmod " + folder_));
  listener_ = or_throw(net::Listener::unix_socket(loop_, folder_ + "/.s.PGSQL.5432", 0666));
  tasks_.spawn(accept_all());
}

MoveGate::~MoveGate() {
  tasks_.cancel_all();
  listener_.reset();
  if (const auto removed = remove_tree(folder_); !removed)
    log_warning("the socket of a move stays", {{"error", removed.error().detail}});
}

db::ConnectionOptions MoveGate::place(std::string database, std::string user, std::string password) const {
  db::ConnectionOptions options;
  options.host = folder_;
  options.database = std::move(database);
  options.user = std::move(user);
  options.password = std::move(password);
  options.application_name = "berth move";
  options.connect_timeout = std::chrono::seconds(30);
  return options;
}

Task<void> MoveGate::accept_all() {
  for (;;) {
    auto fd = co_await listener_->accept();
    tasks_.spawn(carry(std::move(fd)));
  }
}

Task<void> MoveGate::carry(UniqueFd fd) {
  net::Stream here(loop_, std::move(fd));
  try {
    const auto there = co_await platform_.open_line(token_);
    // Whoever ends first ends it for both: PostgreSQL knows no half-closed sessions.
    loop::Spawned<void> out(loop_, copy_out(here, *there));
    loop::Spawned<void> in(loop_, copy_in(*there, here));
    loop::Event ended(loop_);
    const auto tell = [](loop::Event& one, loop::Event& ended) -> Task<void> {
      co_await one.wait();
      ended.set();
    };
    loop::Spawned<void> first(loop_, tell(out.done(), ended));
    loop::Spawned<void> second(loop_, tell(in.done(), ended));
    co_await ended.wait();
    if (out.is_done()) out.take();
    if (in.is_done()) in.take();
  } catch (const Failure& failure) {
    trouble_ = failure.error().detail;
    BERTH_LOG(kDatabase, "a line to the other platform ended", {"error", trouble_});
  }
}

}  // namespace berth::manager
