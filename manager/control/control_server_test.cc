#include "manager/control/control_server.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

namespace berth::manager {
namespace {

TEST(ControlPeer, TellsWhoStillAsksThatTheConnectionEnded) {
  loop::Loop loop;
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
  const UniqueFd other(ends[1]);
  auto peer =
      std::make_unique<ControlPeer>(loop, std::make_unique<net::MessageSocket>(loop, UniqueFd(ends[0])));
  std::optional<Errc> failed;
  // The asker is somebody else's task: it goes on after the peer is gone.
  const auto ask = [](ControlPeer& asked, std::optional<Errc>& out) -> Task<void> {
    try {
      co_await asked.ask({{"mt", "Ping"}});
    } catch (const Failure& failure) {
      out = failure.error().code;
    }
  };
  loop::Spawned<void> asking(loop, ask(*peer, failed));
  peer.reset();
  while (!failed) loop.run_once(std::chrono::seconds(5));
  EXPECT_EQ(*failed, Errc::kUnavailable);
}

}  // namespace
}  // namespace berth::manager
