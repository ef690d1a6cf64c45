#include "loop/readiness.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <chrono>

#include "loop/sync.h"
#include "loop/worker.h"

namespace berth::loop {
namespace {

using std::chrono::seconds;

struct SocketPair {
  UniqueFd left, right;
  SocketPair() {
    int fds[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    left = UniqueFd(fds[0]);
    right = UniqueFd(fds[1]);
  }
};

Task<std::string> read_to_end(Readiness& readiness, int fd) {
  std::string all;
  char buffer[1000];
  for (;;) {
    const auto got = ::read(fd, buffer, sizeof buffer);
    if (got == 0) co_return all;
    if (got > 0) all.append(buffer, static_cast<std::size_t>(got));
    else co_await readiness.readable();
  }
}
Task<void> write_and_close(Readiness& readiness, UniqueFd& fd, std::string text) {
  std::size_t sent = 0;
  while (sent < text.size()) {
    const auto put = ::write(fd.get(), text.data() + sent, text.size() - sent);
    if (put > 0) sent += static_cast<std::size_t>(put);
    else co_await readiness.writable();
  }
  ::shutdown(fd.get(), SHUT_WR);
}

TEST(Readiness, CarriesMoreThanTheSocketBufferHolds) {
  Loop loop;
  SocketPair pair;
  Readiness left(loop, pair.left.get()), right(loop, pair.right.get());
  const std::string text(3000000, 'b');
  Spawned<void> writer(loop, write_and_close(left, pair.left, text));
  EXPECT_EQ(run_task(loop, read_to_end(right, pair.right.get())), text);
}

TEST(Readiness, WakesTheReaderWhenThePeerIsGone) {
  Loop loop;
  SocketPair pair;
  Readiness right(loop, pair.right.get());
  Spawned<std::string> reader(loop, read_to_end(right, pair.right.get()));
  pair.left.reset();
  EXPECT_TRUE(loop.run_until([&] { return reader.is_done(); }));
}

TEST(Readiness, DoesNotSpinOnAHangUpNobodyWaitsFor) {
  Loop loop;
  SocketPair pair;
  Readiness right(loop, pair.right.get());
  pair.left.reset();
  loop.run_once(seconds(1));  // takes the hang-up in
  Timer timer(loop);
  bool fired = false;
  timer.start(std::chrono::milliseconds(50), [&] { fired = true; });
  int turns = 0;
  while (!fired) {
    loop.run_once(seconds(1));
    ++turns;
  }
  EXPECT_LE(turns, 3);
  EXPECT_EQ(run_task(loop, read_to_end(right, pair.right.get())), "");
}

TEST(Readiness, ACancelledWaitLeavesNothingBehind) {
  Loop loop;
  SocketPair pair;
  Readiness right(loop, pair.right.get());
  { Spawned<std::string> reader(loop, read_to_end(right, pair.right.get())); }
  ASSERT_EQ(::write(pair.left.get(), "x", 1), 1);
  loop.run_once(seconds(1));
  pair.left.reset();
  EXPECT_EQ(run_task(loop, read_to_end(right, pair.right.get())), "x");
}

TEST(Worker, RunsCallsInItsThreadAndCarriesExceptions) {
  Loop loop;
  Worker worker(loop);
  const auto self = std::this_thread::get_id();
  const auto other = run_task(loop, worker.run([] { return std::this_thread::get_id(); }));
  EXPECT_NE(self, other);
  EXPECT_THROW(run_task(loop, worker.run([]() -> int { throw_failure(Errc::kNotFound, "no host"); })),
               Failure);
}

TEST(Worker, MayBeWaitedForByACancelledTask) {
  Loop loop;
  Worker worker(loop);
  {
    Spawned<int> cancelled(loop, worker.run([] { return 1; }));
  }
  EXPECT_EQ(run_task(loop, worker.run([] { return 2; })), 2);
}

}  // namespace
}  // namespace berth::loop
