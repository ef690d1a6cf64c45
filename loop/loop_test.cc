#include "loop/loop.h"

#include <fcntl.h>

#include <chrono>
#include <thread>

namespace berth::loop {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

struct Recorder : IoHandler {
  std::vector<std::uint32_t> seen;
  std::function<void()> then;
  void on_io(std::uint32_t events) override {
    seen.push_back(events);
    if (then) then();
  }
};

struct Pipe {
  UniqueFd read_end, write_end;
  Pipe() {
    int fds[2];
    EXPECT_EQ(::pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
    read_end = UniqueFd(fds[0]);
    write_end = UniqueFd(fds[1]);
  }
  void put() { ASSERT_EQ(::write(write_end.get(), "x", 1), 1); }
};

TEST(Loop, TellsTheHandlerAboutReadableDescriptorsUntilUnwatched) {
  Loop loop;
  Pipe pipe;
  Recorder recorder;
  loop.watch(pipe.read_end.get(), EPOLLIN, recorder);
  loop.run_once(seconds(0));
  EXPECT_TRUE(recorder.seen.empty());
  pipe.put();
  loop.run_once(seconds(1));
  ASSERT_EQ(recorder.seen.size(), 1u);
  EXPECT_TRUE(recorder.seen[0] & EPOLLIN);
  loop.unwatch(pipe.read_end.get());
  loop.run_once(seconds(0));
  EXPECT_EQ(recorder.seen.size(), 1u);
}

TEST(Loop, DropsEventsAlreadyFetchedForADescriptorThatIsUnwatchedInTheSameTurn) {
  Loop loop;
  Pipe one, other;
  Recorder first, second;
  loop.watch(one.read_end.get(), EPOLLIN, first);
  loop.watch(other.read_end.get(), EPOLLIN, second);
  // Whoever is served first takes the other away.
  first.then = [&] { loop.unwatch(other.read_end.get()); };
  second.then = [&] { loop.unwatch(one.read_end.get()); };
  one.put();
  other.put();
  loop.run_once(seconds(1));
  EXPECT_EQ(first.seen.size() + second.seen.size(), 1u);
  loop.unwatch(first.seen.empty() ? other.read_end.get() : one.read_end.get());
}

TEST(Loop, AReusedDescriptorNumberDoesNotGetItsPredecessorsEvents) {
  Loop loop;
  Pipe pipe;
  Recorder old_handler, new_handler;
  const int fd = pipe.read_end.get();
  loop.watch(fd, EPOLLIN, old_handler);
  loop.unwatch(fd);
  loop.watch(fd, EPOLLIN, new_handler);
  pipe.put();
  loop.run_once(seconds(1));
  EXPECT_TRUE(old_handler.seen.empty());
  EXPECT_EQ(new_handler.seen.size(), 1u);
  loop.unwatch(fd);
}

TEST(Timer, FiresInOrderOfDueTimeAndNotBefore) {
  Loop loop(Loop::Time::kManual);
  std::string order;
  Timer late(loop), soon(loop);
  late.start(seconds(2), [&] { order += "late "; });
  soon.start(seconds(1), [&] { order += "soon "; });
  loop.advance(milliseconds(999));
  EXPECT_EQ(order, "");
  loop.advance(milliseconds(1));
  EXPECT_EQ(order, "soon ");
  loop.advance(seconds(5));
  EXPECT_EQ(order, "soon late ");
}

TEST(Timer, RestartReplacesAndDestructionTakesBack) {
  Loop loop(Loop::Time::kManual);
  int fired = 0;
  Timer timer(loop);
  timer.start(seconds(1), [&] { fired += 1; });
  timer.start(seconds(3), [&] { fired += 10; });
  {
    Timer gone(loop);
    gone.start(seconds(1), [&] { fired += 100; });
  }
  loop.advance(seconds(2));
  EXPECT_EQ(fired, 0);
  loop.advance(seconds(2));
  EXPECT_EQ(fired, 10);
}

TEST(Timer, MayRestartItselfFromItsOwnCall) {
  Loop loop(Loop::Time::kManual);
  int fired = 0;
  Timer timer(loop);
  std::function<void()> again = [&] {
    if (++fired < 3) timer.start(seconds(1), again);
  };
  timer.start(seconds(1), again);
  loop.advance(seconds(10));
  EXPECT_EQ(fired, 3);
  EXPECT_FALSE(timer.is_running());
}

TEST(Deferred, RunsAtTheEndOfTheTurnAndWhatItDefersInTheNext) {
  Loop loop(Loop::Time::kManual);
  std::string order;
  Deferred first(loop), second(loop);
  first.schedule([&] {
    order += "1";
    second.schedule([&] { order += "2"; });
  });
  loop.run_once(seconds(0));
  EXPECT_EQ(order, "1");
  loop.run_once(seconds(0));
  EXPECT_EQ(order, "12");
}

TEST(Deferred, CanBeTakenBackByAnEarlierCallOfTheSameRound) {
  Loop loop(Loop::Time::kManual);
  std::string order;
  auto victim = std::make_unique<Deferred>(loop);
  Deferred first(loop), last(loop);
  first.schedule([&] {
    order += "first ";
    victim.reset();
  });
  victim->schedule([&] { order += "victim "; });
  last.schedule([&] { order += "last "; });
  loop.run_once(seconds(0));
  EXPECT_EQ(order, "first last ");
}

TEST(Deferred, CancelledAndScheduledAgainRunsOnce) {
  Loop loop(Loop::Time::kManual);
  int runs = 0;
  Deferred deferred(loop);
  deferred.schedule([&] { runs += 100; });
  deferred.cancel();
  deferred.schedule([&] { runs += 1; });
  loop.run_once(seconds(0));
  loop.run_once(seconds(0));
  EXPECT_EQ(runs, 1);
}

// What follows from somebody's work is that somebody's, too: timers, deferred calls, descriptors.
TEST(Account, GetsTheTimeOfWhatItsWorkHasSetInMotion) {
  Loop loop(Loop::Time::kManual);
  const Account first(loop), second(loop);
  std::vector<AccountId> seen;
  const auto note = [&] { seen.push_back(loop.working_for()); };
  loop.work_for(first.id());
  Timer timer(loop);
  loop.work_for(second.id());
  Deferred deferred(loop);
  loop.work_for(0);
  Deferred nobodys(loop);
  timer.start(seconds(1), note);
  deferred.schedule(note);
  nobodys.schedule(note);
  loop.run_once(seconds(0));
  loop.advance(seconds(1));
  EXPECT_EQ(seen, (std::vector<AccountId>{second.id(), 0, first.id()}));
  EXPECT_EQ(loop.working_for(), 0u);
}

TEST(Account, CountsTheTimeUntilTheNextOneBegins) {
  Loop loop(Loop::Time::kManual);
  const Account busy(loop), idle(loop);
  loop.work_for(busy.id());
  const auto until = Clock::now() + milliseconds(5);
  while (Clock::now() < until) {}
  EXPECT_GE(busy.spent(), milliseconds(5));
  loop.work_for(0);
  const auto then = busy.spent();
  while (Clock::now() < until + milliseconds(5)) {}
  EXPECT_EQ(busy.spent(), then);
  EXPECT_EQ(idle.spent(), Duration::zero());
}

TEST(Account, GivesItsNumberBackEmpty) {
  Loop loop(Loop::Time::kManual);
  AccountId number = 0;
  {
    const Account gone(loop);
    number = gone.id();
    loop.work_for(number);
    const auto until = Clock::now() + milliseconds(1);
    while (Clock::now() < until) {}
  }
  EXPECT_EQ(loop.working_for(), 0u);
  const Account next(loop);
  EXPECT_EQ(next.id(), number);
  EXPECT_EQ(next.spent(), Duration::zero());
}

TEST(Loop, RunsPostedCallsOfOtherThreadsInItsOwn) {
  Loop loop;
  const auto self = std::this_thread::get_id();
  std::thread::id ran_in;
  std::thread other([&] { loop.post([&] { ran_in = std::this_thread::get_id(); }); });
  EXPECT_TRUE(loop.run_until([&] { return ran_in == self; }));
  other.join();
}

}  // namespace
}  // namespace berth::loop
