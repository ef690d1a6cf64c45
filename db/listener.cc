#include "db/listener.h"

#include <deque>

#include "base/log.h"
#include "db/connection.h"
#include "db/connection_pool.h"
#include "db/host_lookup.h"
#include "loop/sync.h"

namespace berth::db {

class Listener::State {
 public:
  State(loop::Loop& loop, ConnectionOptions options, std::vector<std::string> channels,
        std::size_t max_queued)
      : loop_(loop),
        options_(std::move(options)),
        channels_(std::move(channels)),
        max_queued_(max_queued),
        lookup_(loop),
        filled_(loop),
        listening_(loop, listen()) {}

  Task<Notification> next() {
    while (queue_.empty()) {
      filled_.reset();
      co_await filled_.wait();
    }
    Notification first = std::move(queue_.front());
    queue_.pop_front();
    co_return std::move(first);
  }

  bool is_connected() const { return connected_; }

 private:
  void push(Notification notification) {
    if (queue_.size() >= max_queued_) {
      queue_.clear();
      notification = Notification{.after_gap = true};
    }
    queue_.push_back(std::move(notification));
    filled_.set();
  }

  Task<void> listen() {
    ReconnectPause pause;
    for (;;) {
      try {
        auto options = co_await lookup_.resolve(options_);
        auto connection = co_await Connection::open(loop_, std::move(options), std::chrono::milliseconds(0));
        std::string subscribe;
        for (const auto& channel : channels_) subscribe += "LISTEN " + quote_identifier(channel) + ";";
        co_await connection->run_script(subscribe);
        connected_ = true;
        pause.after_success();
        push(Notification{.after_gap = true});
        for (;;) {
          auto taken = co_await connection->notifications();
          for (auto& notification : taken) push(std::move(notification));
        }
      } catch (const Failure& failure) {
        BERTH_LOG(kDatabase, "listener lost its connection", {"error", failure.error().detail});
      }
      connected_ = false;
      const auto wait = pause.after_failure();
      co_await loop::sleep_for(loop_, wait);
    }
  }

  loop::Loop& loop_;
  const ConnectionOptions options_;
  const std::vector<std::string> channels_;
  const std::size_t max_queued_;
  HostLookup lookup_;
  std::deque<Notification> queue_;
  loop::Event filled_;
  bool connected_ = false;
  loop::Spawned<void> listening_;  // the last member: its task uses the others
};

Listener::Listener(loop::Loop& loop, ConnectionOptions options, std::vector<std::string> channels,
                   std::size_t max_queued)
    : state_(std::make_unique<State>(loop, std::move(options), std::move(channels), max_queued)) {}
Listener::~Listener() = default;
loop::Task<Notification> Listener::next() { return state_->next(); }
bool Listener::is_connected() const { return state_->is_connected(); }

}  // namespace berth::db
