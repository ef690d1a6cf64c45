// A reactor in a thread of its own, and how the main thread speaks to all of them.
#pragma once

#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "loop/sync.h"
#include "webserver/reactor.h"

namespace berth::webserver {

class ReactorThread {
 public:
  ReactorThread(Census& census, Reactor::Setup setup);
  ~ReactorThread();  // ends the reactor and its connections
  ReactorThread(const ReactorThread&) = delete;

  // Runs `call` in the reactor's thread, soon.
  void post(std::function<void(Reactor&)> call);

 private:
  std::unique_ptr<loop::Loop>
      loop_;  // made in the thread, outlives it: stop() still touches it while the thread ends
  Reactor* reactor_ = nullptr;  // lives in the thread
  std::thread thread_;
};

class ReactorThreads {
 public:
  // `on_descriptors` is called in the main thread: see Reactor::Setup.
  ReactorThreads(loop::Loop& main_loop, Census& census, std::vector<Reactor::Setup> setups,
                 std::function<void(bool are_short)> on_descriptors = {});

  // Runs `call` in every reactor and waits until all have. If cancelled it still runs in all of them.
  loop::Task<void> on_all(std::function<void(Reactor&)> call);
  std::size_t size() const { return threads_.size(); }

 private:
  loop::Loop& main_loop_;
  std::vector<std::unique_ptr<ReactorThread>> threads_;
};

}  // namespace berth::webserver
