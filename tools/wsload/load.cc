#include "tools/wsload/load.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "base/file.h"
#include "base/text.h"

namespace berth::wsload {
namespace {

constexpr std::size_t kUnderWay = 64;  // connects at a time

double seconds_between(loop::TimePoint from, loop::TimePoint to) {
  return std::chrono::duration<double>(to - from).count();
}

void print(const json::Object& event) {
  std::puts(json::serialize(event).c_str());
  std::fflush(stdout);
}

// A message comes back; the next one goes out at once.
class EchoLoad final : public Load {
 public:
  using Load::Load;

 private:
  void start() override {
    for (auto& client : clients_)
      if (client.is_open()) client.send(make_message(client));
    warm_up_.start(options_.warm_up, [this] {
      begin_measuring();
      end_.start(options_.run, [this] { end(); });
    });
  }
  void on_message(Client& client, ByteView message) override {
    if (!is_message(client, message)) count_error("wrong echo");
    note_latency(client);
    if (is_measuring()) ++measured_;
    if (options_.most > 0 && measured_ >= options_.most) return end();
    client.send(make_message(client));
  }
  void end() {
    end_measuring();
    finish();
  }
  loop::Timer warm_up_{loop_}, end_{loop_};
};

// Many messages are under way on each connection: no echo is waited for.
class FloodLoad final : public Load {
 public:
  using Load::Load;

 private:
  void start() override {
    const auto message = make_message(clients_.front());
    for (auto& client : clients_)
      for (std::size_t i = 0; i < options_.ahead && client.is_open(); ++i) client.send(message);
    warm_up_.start(options_.warm_up, [this] {
      begin_measuring();
      end_.start(options_.run, [this] {
        end_measuring();
        finish();
      });
    });
  }
  void on_message(Client& client, ByteView message) override {
    if (message.size() != options_.size) count_error("wrong echo");
    if (is_measuring()) ++measured_;
    client.send(make_message(client));
  }
  loop::Timer warm_up_{loop_}, end_{loop_};
};

// Nearly all of them are silent until our input ends. The talkers lie evenly among them and talk evenly over the
// second: all at once would measure how long the last of a burst waits for the others.
class IdleLoad final : public Load, private loop::IoHandler {
 public:
  using Load::Load;
  ~IdleLoad() override {
    if (watching_) loop_.unwatch(0);
  }

 private:
  void start() override {
    loop_.watch(0, EPOLLIN, *this);
    watching_ = true;
    const auto talkers = std::min(options_.talkers, clients_.size());
    for (std::size_t i = 0; i < talkers; ++i) talkers_.push_back(&clients_[i * clients_.size() / talkers]);
    warm_up_.start(options_.warm_up, [this] {
      begin_measuring();
      end_.start(options_.run, [this] { end(); });
    });
    talking_since_ = loop::Clock::now();
    if (!talkers_.empty()) talk();
  }
  void talk() {
    Client& client = *talkers_[turns_ % talkers_.size()];
    if (client.is_open()) {
      if (client.sequence != 0) {
        count_error("an echo took more than a second");
      } else {
        client.send(make_message(client));
        ++unanswered_;
      }
    }
    ++turns_;
    const auto next =
        talking_since_ + std::chrono::duration_cast<loop::Duration>(std::chrono::duration<double>(
                             static_cast<double>(turns_) / static_cast<double>(talkers_.size())));
    talk_.start(std::max(next - loop::Clock::now(), loop::Duration::zero()), [this] { talk(); });
  }
  void on_message(Client& client, ByteView message) override {
    if (!is_message(client, message)) count_error("wrong echo");
    note_latency(client);
    client.sequence = 0;
    --unanswered_;
    if (is_measuring()) ++measured_;
    if (is_ending_ && unanswered_ == 0) finish();
  }
  void on_io(std::uint32_t) override { end(); }
  void end() {
    if (std::exchange(is_ending_, true)) return;
    loop_.unwatch(0);
    watching_ = false;
    talk_.cancel();
    end_measuring();
    if (unanswered_ == 0) return finish();
    end_.start(std::chrono::seconds(1), [this] {
      for (std::size_t i = 0; i < unanswered_; ++i) count_error("echo lost");
      finish();
    });
  }
  bool watching_ = false, is_ending_ = false;
  std::vector<Client*> talkers_;
  std::size_t turns_ = 0, unanswered_ = 0;
  loop::TimePoint talking_since_;
  loop::Timer warm_up_{loop_}, talk_{loop_}, end_{loop_};
};

// Each connection: connect, upgrade, one echo, close; then the next one.
class BurstLoad final : public Load {
 public:
  BurstLoad(loop::Loop& loop, const Options& options) : Load(loop, options) {
    if (options.resume) target_.keep_sessions();
  }

 private:
  void start() override {  // those that were opened are the warm-up
    begin_measuring();
    running_ = true;
    for (auto& client : clients_) client.close();
    end_.start(options_.run, [this] { end(); });
  }
  void on_open(Client& client) override {
    if (!running_) return Load::on_open(client);
    client.send(make_message(client));
  }
  void on_message(Client& client, ByteView message) override {
    if (!is_message(client, message)) count_error("wrong echo");
    if (client.was_resumed()) ++resumed_;
    client.close();
  }
  void on_closed(Client& client, std::string_view error) override {
    if (!running_) return Load::on_closed(client, error);
    if (!error.empty()) {
      count_error(error);
    } else if (since_.size() > client.number && since_[client.number] != loop::TimePoint()) {
      client.sent_at = since_[client.number];
      note_latency(client);
      if (is_measuring()) ++measured_;
    }
    if (!is_measuring() || (options_.most > 0 && measured_ >= options_.most)) return end();
    if (since_.size() <= client.number) since_.resize(clients_.size());
    since_[client.number] = loop::Clock::now();
    client.connect(next_source_++);
  }
  void add_to(json::Object& report) const override { report["resumed"] = resumed_; }
  void end() {
    if (!is_measuring()) return;
    end_measuring();
    finish();
  }
  bool running_ = false;
  std::uint64_t resumed_ = 0;
  std::uint32_t next_source_ = 1000;
  std::vector<loop::TimePoint> since_;  // by client: its connect
  loop::Timer end_{loop_};
};

// One sends, all receive; when all have it the next one goes out.
class ReceiveLoad final : public Load {
 public:
  using Load::Load;

 private:
  void start() override {
    broadcast();
    warm_up_.start(options_.warm_up, [this] {
      begin_measuring();
      end_.start(options_.run, [this] { end(); });
    });
  }
  void broadcast() {
    missing_ = open_count();
    auto& sender = clients_.front();
    sender.send(make_message(sender));
  }
  void on_message(Client&, ByteView message) override {
    if (!is_message(clients_.front(), message)) return count_error("wrong or late broadcast");
    if (is_measuring()) ++measured_;
    if (--missing_ > 0) return;
    note_latency(clients_.front());
    if (is_measuring() && ++broadcasts_ == options_.most) return end();
    broadcast();
  }
  void add_to(json::Object& report) const override { report["broadcasts"] = broadcasts_; }
  void end() {
    end_measuring();
    finish();
  }
  std::size_t missing_ = 0;
  std::uint64_t broadcasts_ = 0;
  loop::Timer warm_up_{loop_}, end_{loop_};
};

}  // namespace

std::uint64_t cpu_time(pid_t pid) {
  std::uint64_t nanoseconds = 0;
  std::error_code gone;
  for (const auto& thread : std::filesystem::directory_iterator(fmt::format("/proc/{}/task", pid), gone)) {
    const auto text = read_file(thread.path().string() + "/schedstat", 4096);
    if (text) nanoseconds += static_cast<std::uint64_t>(parse_integer(split(*text, ' ')[0]).value_or(0));
  }
  return nanoseconds / 1000;
}

Load::Load(loop::Loop& loop, const Options& options)
    : loop_(loop),
      options_(options),
      target_(loop, options.url, options.tls12),
      message_(random_bytes(options.size)) {}

json::Object Load::run() {
  began_ = loop::Clock::now();
  const auto until = began_ + options_.limit;
  for (std::uint32_t i = 0; i < options_.connections; ++i) clients_.emplace_back(target_, *this).number = i;
  open_more();
  while (!done_ && loop::Clock::now() < until) loop_.run_once(std::chrono::milliseconds(100));
  if (!done_) count_error("not done in time");
  if (measuring_) end_measuring();

  json::Object errors, cpu;
  for (const auto& [what, count] : errors_) errors[what] = count;
  for (std::size_t i = 0; i < cpu_spent_.size(); ++i) cpu[std::to_string(options_.pids[i])] = cpu_spent_[i];
  const auto seconds = seconds_between(measured_since_, measured_until_);
  json::Object report{{"event", "end"},
                      {"connections", options_.connections},
                      {"open", open_},
                      {"seconds", seconds},
                      {"count", measured_},
                      {"perSecond", seconds > 0 ? static_cast<double>(measured_) / seconds : 0},
                      {"p50us", latency_.percentile(0.5)},
                      {"p99us", latency_.percentile(0.99)},
                      {"p999us", latency_.percentile(0.999)},
                      {"maxus", latency_.largest()},
                      {"cpuus", std::move(cpu)},
                      {"errors", std::move(errors)}};
  add_to(report);
  return report;
}

void Load::open_more() {
  while (under_way_ < kUnderWay && begun_ < clients_.size()) {
    ++under_way_;
    auto& client = clients_[begun_];
    client.connect(static_cast<std::uint32_t>(begun_++));
  }
  if (started_ || begun_ < clients_.size() || under_way_ > 0) return;
  started_ = true;
  print_open();
  if (open_ == 0) return finish();
  start();
}

void Load::print_open() {
  const auto seconds = seconds_between(began_, loop::Clock::now());
  json::Object cpu;
  for (const auto pid : options_.pids) cpu[std::to_string(pid)] = cpu_time(pid);
  print({{"event", "open"}, {"open", open_}, {"seconds", seconds}, {"cpuTotalus", std::move(cpu)}});
}

void Load::on_open(Client&) {
  ++open_;
  --under_way_;
  open_more();
}

void Load::on_closed(Client&, std::string_view error) {
  count_error(error.empty() ? "closed" : error);
  if (!started_) {
    --under_way_;
    return open_more();
  }
  --open_;
  if (open_ == 0) finish();
}

void Load::begin_measuring() {
  measuring_ = true;
  measured_since_ = loop::Clock::now();
  for (const auto pid : options_.pids) cpu_before_.push_back(cpu_time(pid));
}

void Load::end_measuring() {
  if (!std::exchange(measuring_, false)) return;
  measured_until_ = loop::Clock::now();
  for (std::size_t i = 0; i < options_.pids.size(); ++i)
    cpu_spent_.push_back(cpu_time(options_.pids[i]) - cpu_before_[i]);
}

ByteView Load::make_message(Client& client) {
  client.sequence = ++next_sequence_;
  client.sent_at = loop::Clock::now();
  std::memcpy(message_.data(), &client.sequence, std::min(message_.size(), sizeof client.sequence));
  return message_;
}

bool Load::is_message(const Client& client, ByteView message) {
  std::memcpy(message_.data(), &client.sequence, std::min(message_.size(), sizeof client.sequence));
  return message.size() == message_.size() &&
         (message.empty() || std::memcmp(message.data(), message_.data(), message.size()) == 0);
}

void Load::note_latency(const Client& client) {
  if (!measuring_) return;
  const auto took =
      std::chrono::duration_cast<std::chrono::microseconds>(loop::Clock::now() - client.sent_at);
  latency_.add(static_cast<std::uint64_t>(std::max<std::int64_t>(took.count(), 0)));
}

json::Object run_load(loop::Loop& loop, const Options& options) {
  std::unique_ptr<Load> load;
  switch (options.mode) {
    case Options::Mode::kIdle: load = std::make_unique<IdleLoad>(loop, options); break;
    case Options::Mode::kEcho: load = std::make_unique<EchoLoad>(loop, options); break;
    case Options::Mode::kFlood: load = std::make_unique<FloodLoad>(loop, options); break;
    case Options::Mode::kBurst: load = std::make_unique<BurstLoad>(loop, options); break;
    case Options::Mode::kReceive: load = std::make_unique<ReceiveLoad>(loop, options); break;
    case Options::Mode::kServe: BERTH_CHECK(false);
  }
  return load->run();
}

}  // namespace berth::wsload
