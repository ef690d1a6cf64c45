#include "loop/sync.h"

#include <chrono>

namespace berth::loop {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Says when a frame that holds it is destroyed.
struct Tracer {
  int* gone;
  explicit Tracer(int* counter) : gone(counter) {}
  Tracer(const Tracer&) = delete;
  ~Tracer() { ++*gone; }
};

void turn(Loop& loop, int times = 5) {
  for (int i = 0; i < times; ++i) loop.run_once(seconds(0));
}

Task<int> add(int a, int b) { co_return a + b; }
Task<int> add_three(int a, int b, int c) {
  const int first = co_await add(a, b);
  co_return co_await add(first, c);
}
Task<std::unique_ptr<int>> make_box(int value) { co_return std::make_unique<int>(value); }
Task<void> refuse() {
  throw_failure(Errc::kDenied, "no");
  co_return;
}

TEST(Task, GivesTheValuesOfNestedTasks) {
  Loop loop(Loop::Time::kManual);
  EXPECT_EQ(run_task(loop, add_three(1, 2, 3)), 6);
  EXPECT_EQ(*run_task(loop, make_box(7)), 7);
}

TEST(Task, CarriesExceptionsToTheAwaiter) {
  Loop loop(Loop::Time::kManual);
  try {
    run_task(loop, refuse());
    FAIL();
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.error().code, Errc::kDenied);
  }
}

Task<void> hold(Loop& loop, int* gone) {
  Tracer tracer(gone);
  co_await sleep_for(loop, seconds(10));
}
Task<void> hold_nested(Loop& loop, int* gone) {
  Tracer tracer(gone);
  co_await hold(loop, gone);
}

TEST(Task, CancelledByDestructionTakesBackNestedTasksAndTimers) {
  Loop loop(Loop::Time::kManual);
  int gone = 0;
  {
    Spawned<void> spawned(loop, hold_nested(loop, &gone));
    loop.advance(seconds(5));
    EXPECT_EQ(gone, 0);
  }
  EXPECT_EQ(gone, 2);
  loop.advance(seconds(20));  // the timer is gone: nothing may be touched
}

TEST(Task, NeverAwaitedDestroysItsParametersOnly) {
  Loop loop(Loop::Time::kManual);
  int gone = 0;
  { auto task = hold(loop, &gone); }
  EXPECT_EQ(gone, 0);  // the body never began
}

Task<void> wait_and_note(Event& event, std::string* order, char name) {
  co_await event.wait();
  *order += name;
}

TEST(Event, WakesAllWaitersInOrderAndNotOnTheWakersStack) {
  Loop loop(Loop::Time::kManual);
  Event event(loop);
  std::string order;
  Spawned<void> a(loop, wait_and_note(event, &order, 'a'));
  Spawned<void> b(loop, wait_and_note(event, &order, 'b'));
  event.set();
  EXPECT_EQ(order, "");
  turn(loop);
  EXPECT_EQ(order, "ab");
}

TEST(Event, AWaiterDestroyedBetweenSetAndItsTurnIsNotResumed) {
  Loop loop(Loop::Time::kManual);
  Event event(loop);
  std::string order;
  auto a = std::make_unique<Spawned<void>>(loop, wait_and_note(event, &order, 'a'));
  event.set();
  a.reset();
  turn(loop);
  EXPECT_EQ(order, "");
}

Task<void> produce(Channel<int>& channel, int count, int* sent) {
  for (int i = 0; i < count; ++i) {
    const bool taken = co_await channel.send(i);
    if (!taken) co_return;
    ++*sent;
  }
}
Task<void> consume(Channel<int>& channel, std::vector<int>* got) {
  for (;;) {
    const auto value = co_await channel.receive();
    if (!value) co_return;
    got->push_back(*value);
  }
}

TEST(Channel, HoldsTheProducerAtItsBoundAndLosesNothing) {
  Loop loop(Loop::Time::kManual);
  Channel<int> channel(loop, 2);
  int sent = 0;
  std::vector<int> got;
  Spawned<void> producer(loop, produce(channel, 5, &sent));
  turn(loop);
  EXPECT_EQ(sent, 2);
  Spawned<void> consumer(loop, consume(channel, &got));
  turn(loop, 30);
  EXPECT_EQ(got, (std::vector<int>{0, 1, 2, 3, 4}));
  EXPECT_FALSE(consumer.is_done());
  channel.close();
  turn(loop);
  EXPECT_TRUE(consumer.is_done());
}

TEST(Channel, ClosedIsDrainedFirstAndRefusesMore) {
  Loop loop(Loop::Time::kManual);
  Channel<int> channel(loop, 4);
  int value = 7;
  EXPECT_TRUE(channel.try_send(value));
  channel.close();
  EXPECT_FALSE(channel.try_send(value));
  EXPECT_EQ(run_task(loop, channel.receive()), 7);
  EXPECT_EQ(run_task(loop, channel.receive()), std::nullopt);
}

Task<void> hold_permit(Loop& loop, Semaphore& semaphore, int* inside, int* most) {
  auto permit = co_await semaphore.acquire();
  ++*inside;
  *most = std::max(*most, *inside);
  co_await sleep_for(loop, seconds(1));
  --*inside;
}

TEST(Semaphore, LetsInNoMoreThanItsCountAndGivesPermitsBackOnCancel) {
  Loop loop(Loop::Time::kManual);
  Semaphore semaphore(loop, 2);
  int inside = 0, most = 0;
  auto cancelled = std::make_unique<Spawned<void>>(loop, hold_permit(loop, semaphore, &inside, &most));
  turn(loop);
  cancelled.reset();
  inside = 0;
  TaskGroup group(loop, "permits");
  for (int i = 0; i < 6; ++i) group.spawn(hold_permit(loop, semaphore, &inside, &most));
  for (int i = 0; i < 10; ++i) {
    loop.advance(seconds(1));
    turn(loop);
  }
  EXPECT_EQ(most, 2);
  EXPECT_EQ(group.size(), 0u);
}

TEST(TaskGroup, LogsAFailureAndGoesOnWithTheOthers) {
  Loop loop(Loop::Time::kManual);
  std::string logged;
  set_log_sink([&](LogLevel, std::string_view line) { logged += line; });
  int gone = 0;
  {
    TaskGroup group(loop, "session");
    group.spawn(refuse());
    group.spawn(hold(loop, &gone));
    turn(loop);
    EXPECT_EQ(group.size(), 1u);
    EXPECT_FALSE(group.empty().is_set());
  }
  set_log_sink(nullptr);
  EXPECT_EQ(gone, 1);
  EXPECT_EQ(logged, "error: session error=no");
}

Task<void> spawn_another(TaskGroup& group, int* runs) {
  if (++*runs < 5) group.spawn(spawn_another(group, runs));
  co_return;
}

TEST(TaskGroup, TasksMaySpawnIntoTheirOwnGroup) {
  Loop loop(Loop::Time::kManual);
  TaskGroup group(loop, "chain");
  int runs = 0;
  group.spawn(spawn_another(group, &runs));
  turn(loop);
  EXPECT_EQ(runs, 5);
  EXPECT_TRUE(group.empty().is_set());
}

Task<int> slow_answer(Loop& loop, Duration time) {
  co_await sleep_for(loop, time);
  co_return 42;
}

TEST(WithTimeout, GivesTheResultInTimeAndFailsWithATimeOutLater) {
  Loop loop(Loop::Time::kManual);
  Spawned<int> fast(loop, with_timeout(loop, seconds(2), slow_answer(loop, seconds(1))));
  Spawned<int> slow(loop, with_timeout(loop, seconds(2), slow_answer(loop, seconds(3)), "question"));
  for (int i = 0; i < 4; ++i) {
    loop.advance(seconds(1));
    turn(loop);
  }
  EXPECT_EQ(fast.take(), 42);
  try {
    slow.take();
    FAIL();
  } catch (const Failure& failure) {
    EXPECT_EQ(failure.error().code, Errc::kTimeout);
    EXPECT_EQ(failure.error().detail, "question took longer than 2000 ms");
  }
}

}  // namespace
}  // namespace berth::loop
