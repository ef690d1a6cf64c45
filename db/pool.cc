#include "db/pool.h"

#include <arpa/inet.h>
#include <netdb.h>

#include "base/log.h"

namespace berth::db {
namespace {

constexpr std::chrono::seconds kSettleLimit{1};
constexpr int kAttempts = 3;  // of a statement that may be sent again

bool is_address(const std::string& host) {
  in6_addr buffer;
  return ::inet_pton(AF_INET, host.c_str(), &buffer) == 1 ||
         ::inet_pton(AF_INET6, host.c_str(), &buffer) == 1;
}

// Would trying again soon help? Not with a wrong password or name.
bool is_final(const Error& error) {
  return error.code == Errc::kDenied || error.code == Errc::kNotFound || error.code == Errc::kMalformed ||
         error.code == Errc::kUnsupported;
}

}  // namespace

Task<ConnectionOptions> HostLookup::resolve(ConnectionOptions options) {
  const std::string host = options.host;
  if (host.empty() || host.front() == '/' || host.front() == '@' || is_address(host))
    co_return std::move(options);
  for (const auto& [keyword, value] : options.other)
    if (keyword == "hostaddr") co_return std::move(options);
  if (!worker_) worker_ = std::make_unique<loop::Worker>(loop_);
  auto look_up = [host]() -> std::string {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    if (const int problem = ::getaddrinfo(host.c_str(), nullptr, &hints, &found); problem != 0)
      throw ConnectionLost(
          Error{Errc::kUnavailable, fmt::format("look up {}: {}", host, ::gai_strerror(problem))});
    // All addresses, tried in order: libpq takes lists of the same length for host and hostaddr.
    std::string addresses;
    for (const auto* entry = found; entry; entry = entry->ai_next) {
      char text[NI_MAXHOST];
      if (::getnameinfo(entry->ai_addr, entry->ai_addrlen, text, sizeof text, nullptr, 0, NI_NUMERICHOST) !=
          0)
        continue;
      addresses += (addresses.empty() ? "" : ",") + std::string(text);
    }
    ::freeaddrinfo(found);
    return addresses;
  };
  auto looking = worker_->run(std::move(look_up));
  const std::string addresses = co_await looking;
  for (const char c : addresses)
    if (c == ',') options.host += ',' + host;
  options.other.emplace_back("hostaddr", addresses);
  co_return std::move(options);
}

// A task's place in the queue. Leaves it when it goes, whether it got a connection or was cancelled.
struct Pool::Ticket {
  explicit Ticket(Pool& owner) : pool(owner), ready(owner.loop_), late_timer(owner.loop_) {
    place = pool.waiting_.insert(pool.waiting_.end(), this);
  }
  ~Ticket() {
    pool.waiting_.erase(place);
    pool.wake_first();
  }
  Ticket(const Ticket&) = delete;
  bool is_first() const { return pool.waiting_.front() == this; }

  Pool& pool;
  loop::Event ready;
  loop::Timer late_timer;
  bool late = false;
  std::list<Ticket*>::iterator place;
};

Pool::Pool(loop::Loop& loop, DatabaseOptions options)
    : loop_(loop),
      options_(std::move(options)),
      lookup_(loop),
      idle_timer_(loop),
      settling_(loop, "database connection not settled") {
  BERTH_CHECK(options_.max_connections > 0);
}

Pool::~Pool() {
  settling_.cancel_all();
  BERTH_CHECK(waiting_.empty());
}

void Pool::wake_first() {
  if (!waiting_.empty() && may_take()) waiting_.front()->ready.set();
}

Task<Pool::Lease> Pool::acquire() {
  if (waiting_.size() >= options_.max_waiting)
    throw_failure(Errc::kUnavailable, "{} tasks wait for the database already", waiting_.size());
  const auto deadline = loop_.now() + options_.wait_limit;
  {
    Ticket ticket(*this);
    while (!ticket.is_first() || !may_take()) {
      if (ticket.late)
        throw_failure(Errc::kUnavailable, "no free connection to {} within {} ms",
                      options_.connection.describe(), options_.wait_limit.count());
      if (!ticket.late_timer.is_running())
        ticket.late_timer.start(options_.wait_limit, [&ticket] {
          ticket.late = true;
          ticket.ready.set();
        });
      ticket.ready.reset();
      co_await ticket.ready.wait();
    }
    if (auto connection = take_idle()) co_return Lease(*this, std::move(connection));
    ++open_;  // our slot; the next in the queue may take another
  }
  struct Slot {
    Pool* pool;
    ~Slot() {
      if (!pool) return;
      --pool->open_;
      pool->wake_first();
    }
  } slot{this};
  auto lease = co_await connect(deadline);
  slot.pool = nullptr;  // the connection holds it now
  co_return std::move(lease);
}

// The most recently used that still lives; nullptr if there is none.
std::unique_ptr<Connection> Pool::take_idle() {
  while (!idle_.empty()) {
    auto connection = std::move(idle_.back());
    idle_.pop_back();
    if (connection->is_alive()) return connection;
    ++counters_.lost;
    --open_;
  }
  return nullptr;
}

Task<Pool::Lease> Pool::connect(loop::TimePoint deadline) {
  std::string last_reason = "the time was over before the first attempt";
  for (;;) {
    if (const auto now = loop_.now(); not_before_ > now) {
      const auto pause = std::min(not_before_, deadline) - now;
      co_await loop::sleep_for(loop_, pause);
    }
    if (loop_.now() >= deadline)
      throw_failure(Errc::kUnavailable, "no connection to {} within {} ms: {}",
                    options_.connection.describe(), options_.wait_limit.count(), last_reason);
    try {
      const auto generation = generation_;
      auto options = co_await lookup_.resolve(options_.connection);
      auto connection = co_await Connection::open(loop_, std::move(options), options_.query_limit);
      connection->generation = generation;
      ++counters_.connects;
      pause_.after_success();
      not_before_ = {};
      BERTH_TRACE(options_.connection.tracer, kDatabase, "connected", {"to", options_.connection.describe()});
      co_return Lease(*this, std::move(connection));
    } catch (const Failure& failure) {
      ++counters_.failed_connects;
      BERTH_TRACE(options_.connection.tracer, kDatabase, "connect failed", {"error", failure.error().detail});
      if (is_final(failure.error())) throw;
      last_reason = failure.error().detail;
    }
    not_before_ = loop_.now() + pause_.after_failure();
  }
}

void Pool::give_back(std::unique_ptr<Connection> connection) {
  if (connection->generation != generation_ && connection->is_idle()) return discard(std::move(connection));
  if (connection->is_idle() && connection->is_alive()) return keep(std::move(connection));
  settling_.spawn(settle(std::move(connection)));
}

Task<void> Pool::settle(std::unique_ptr<Connection> connection) {
  const bool usable = co_await connection->settle(kSettleLimit);
  if (usable && connection->generation == generation_) keep(std::move(connection));
  else discard(std::move(connection));
}

void Pool::keep(std::unique_ptr<Connection> connection) {
  connection->idle_since = loop_.now();
  idle_.push_back(std::move(connection));
  if (options_.idle_release.count() > 0 && !idle_timer_.is_running())
    idle_timer_.start(options_.idle_release, [this] { close_unused(); });
  wake_first();
}

void Pool::discard(std::unique_ptr<Connection> connection) {
  if (!connection->is_alive()) ++counters_.lost;
  connection.reset();
  --open_;
  wake_first();
}

void Pool::close_unused() {
  const auto limit = loop_.now() - options_.idle_release;
  open_ -= std::erase_if(idle_, [limit](const auto& connection) { return connection->idle_since <= limit; });
  if (!idle_.empty()) idle_timer_.start(idle_.front()->idle_since - limit, [this] { close_unused(); });
}

void Pool::release_idle() {
  open_ -= idle_.size();
  idle_.clear();
  ++generation_;  // busy ones follow when they come back
}

void Pool::set_connection(ConnectionOptions options) {
  options_.connection = std::move(options);
  pause_.after_success();
  not_before_ = {};
  release_idle();
}

void Pool::set_limits(std::size_t max_connections, std::chrono::milliseconds query_limit) {
  BERTH_CHECK(max_connections > 0);
  if (options_.max_connections == max_connections && options_.query_limit == query_limit) return;
  options_.max_connections = max_connections;
  options_.query_limit = query_limit;
  release_idle();
  wake_first();
}

Task<Rows> Pool::run(Statement statement) {
  ++counters_.queries;
  for (int attempt = 1;; ++attempt) {
    auto lease = co_await acquire();
    const BusyTime busy(counters_);
    try {
      co_return co_await lease->run(statement);
    } catch (const ConnectionLost& lost) {
      const bool may_repeat = !lease->was_sent() || statement.safe_to_repeat;
      if (!may_repeat || attempt >= kAttempts) {
        if (!lease->was_sent()) throw;
        throw_failure(Errc::kUnavailable, "{}; whether the statement took effect is not known",
                      lost.error().detail);
      }
      BERTH_TRACE(options_.connection.tracer, kDatabase, "statement sent again",
                  {"error", lost.error().detail});
    }
  }
}

Task<void> Pool::run_script(std::string sql) {
  ++counters_.queries;
  for (int attempt = 1;; ++attempt) {
    auto lease = co_await acquire();
    const BusyTime busy(counters_);
    try {
      co_return co_await lease->run_script(sql);
    } catch (const ConnectionLost& lost) {
      if (lease->was_sent() || attempt >= kAttempts) throw;
    }
  }
}

}  // namespace berth::db
