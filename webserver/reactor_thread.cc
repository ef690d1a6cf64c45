#include "webserver/reactor_thread.h"

#include <pthread.h>

#include <future>

namespace berth::webserver {

ReactorThread::ReactorThread(Census& census, Reactor::Setup setup) {
  std::promise<void> started;
  auto ready = started.get_future();
  // Memory of the reactor is made in its thread, so that it is near its core.
  thread_ =
      std::thread([&census, &started, this, setup = std::make_unique<Reactor::Setup>(std::move(setup))] {
        ::pthread_setname_np(::pthread_self(), fmt::format("reactor {}", setup->number).c_str());
        loop_ = std::make_unique<loop::Loop>();
        Reactor reactor(*loop_, census, std::move(*setup));
        reactor_ = &reactor;
        started.set_value();
        loop_->run();
      });
  ready.wait();
}

ReactorThread::~ReactorThread() {
  loop_->stop();
  thread_.join();
}

void ReactorThread::post(std::function<void(Reactor&)> call) {
  loop_->post([reactor = reactor_, call = std::move(call)] { call(*reactor); });
}

ReactorThreads::ReactorThreads(loop::Loop& main_loop, Census& census, std::vector<Reactor::Setup> setups,
                               std::function<void(bool)> on_descriptors)
    : main_loop_(main_loop) {
  if (on_descriptors) {
    for (auto& setup : setups)
      setup.on_descriptors = [&main_loop, on_descriptors](bool are_short) {
        main_loop.post([on_descriptors, are_short] { on_descriptors(are_short); });
      };
  }
  for (auto& setup : setups) threads_.push_back(std::make_unique<ReactorThread>(census, std::move(setup)));
}

loop::Task<void> ReactorThreads::on_all(std::function<void(Reactor&)> call) {
  // Shared: reactors may still be at it when the task has been cancelled.
  struct State {
    State(loop::Loop& loop, std::size_t count) : done(loop), left(count) {}
    loop::Event done;
    std::size_t left;  // main thread only
  };
  const auto state = std::make_shared<State>(main_loop_, threads_.size());
  for (const auto& thread : threads_) {
    thread->post([call, state, &main_loop = main_loop_](Reactor& reactor) mutable {
      call(reactor);
      main_loop.post([state = std::move(state)] {
        if (--state->left == 0) state->done.set();
      });
    });
  }
  co_await state->done.wait();
}

}  // namespace berth::webserver
