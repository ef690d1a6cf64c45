#include "webserver/daemon.h"

#include <sys/socket.h>

#include <algorithm>
#include <map>

#include "base/log.h"

namespace berth::webserver {
namespace {

using namespace std::chrono_literals;

constexpr auto kFirstRetry = 100ms;
constexpr auto kLongestRetry = 1s;
constexpr auto kTicketLife = std::chrono::hours(12);
constexpr std::int64_t kLongestDrain = 7 * 24 * 3600;  // seconds
constexpr auto kPatience = 3s;  // how long clients wait in the kernel's queue for the first configuration

json::Object answer_to(const json::Object& message, std::string_view mt) {
  json::Object answer{{"mt", mt}};
  if (const auto* src = message.if_contains("src")) answer["src"] = *src;
  return answer;
}

json::Object error_to(const json::Object& message, std::string_view text) {
  auto answer = answer_to(message, "Error");
  answer["error"] = text;
  return answer;
}

std::string_view name_of(link::Kind kind) {
  switch (kind) {
    case link::Kind::kStatic: return "static";
    case link::Kind::kHttp: return "http";
    case link::Kind::kWebsocket: return "websocket";
    case link::Kind::kPassthrough: return "passthrough";
  }
  return "";
}

}  // namespace

Daemon::Daemon(loop::Loop& loop, Options options, Bound bound)
    : loop_(loop),
      options_(std::move(options)),
      http_port_(bound.http),
      https_port_(bound.https),
      link_sockets_(std::move(bound.link_sockets)),
      follows_(bound.follows),
      drained_(loop),
      patience_(loop),
      drain_limit_(loop),
      reactors_(loop, census_, std::move(bound.reactors),
                [this](bool are_short) { on_descriptors(are_short); }),
      background_(loop, "webserver") {
  ticket_keys_.rotate();
  ticket_keys_.rotate();
}

loop::Task<void> Daemon::run() {
  background_.spawn(rotate_ticket_keys());
  if (!follows_) patience_.start(kPatience, [this] { background_.spawn(accept_without_config()); });
  std::chrono::milliseconds pause = kFirstRetry;
  bool told = false;
  for (;;) {
    auto socket = net::MessageSocket::connect(loop_, options_.control_path());
    if (socket) {
      manager_ = std::move(*socket);
      pause = kFirstRetry;
      told = false;
      log_info("manager connected");
      try {
        co_await converse();
        log_info("manager disconnected; serving goes on");
      } catch (const Failure& failure) {
        log_warning("manager lost", {{"error", failure.error().detail}});
      }
      manager_.reset();
    } else if (!std::exchange(told, true)) {
      log_info("waiting for the manager", {{"error", socket.error().detail}});
    }
    co_await loop::sleep_for(loop_, pause);
    pause = std::min<std::chrono::milliseconds>(2 * pause, kLongestRetry);
  }
}

json::Object Daemon::hello() const {
  json::Array links;
  for (std::size_t i = 0; i < reactors_.size(); ++i)
    links.emplace_back(options_.link_path(static_cast<unsigned>(i)));
  return {{"mt", "WebserverHello"}, {"version", control::kVersion},    {"pid", ::getpid()},
          {"build", BERTH_VERSION}, {"reactors", reactors_.size()},    {"http", http_port_},
          {"https", https_port_},   {"linkSockets", std::move(links)}, {"draining", draining_},
          {"handsOver", true}};
}

void Daemon::on_descriptors(bool are_short) {
  if (are_short) ++reactors_short_;
  else --reactors_short_;
  const bool has_changed = reactors_short_ == (are_short ? 1U : 0U);
  if (has_changed && manager_) manager_->send(descriptors_alarm());
}

json::Object Daemon::descriptors_alarm() const {
  return {{"mt", "WebserverAlarm"}, {"alarm", "descriptors"}, {"active", reactors_short_ > 0}};
}

loop::Task<void> Daemon::converse() {
  manager_->send(hello());
  if (reactors_short_ > 0) manager_->send(descriptors_alarm());
  for (;;) {
    auto message = co_await manager_->receive();
    if (!message) co_return;
    if (json::get_string(message->body, "mt") == "GetListeners") {
      co_await give_listeners(std::move(message->body));
      continue;
    }
    auto answer = co_await handle(std::move(message->body));
    if (!answer.empty()) manager_->send(answer);
  }
}

loop::Task<json::Object> Daemon::handle(json::Object message) {
  const auto mt = json::get_string(message, "mt");
  if (mt == "WebserverConfig") {
    auto config = parse_config(message);
    if (!config) co_return error_to(message, config.error().detail);
    if (!config->certificates.empty()) {
      const auto trial = TlsServer::make(config->certificates, ticket_keys_);
      if (!trial) {
        // Everything else of it still counts; TLS goes on with the certificate there was.
        log_error("certificate refused", {{"error", trial.error().detail}});
        manager_->send(error_to(message, trial.error().detail));
        config->certificates.clear();
      }
    }
    co_await apply_config(std::move(*config));
    co_return answer_to(message, "WebserverReady");
  }
  if (mt == "SetCertificate") {
    const auto chains = parse_certificates(message);
    if (!chains) co_return error_to(message, chains.error().detail);
    const auto trial = TlsServer::make(*chains, ticket_keys_);
    if (!trial) co_return error_to(message, trial.error().detail);
    std::function<void(Reactor&)> set = [chains = *chains](Reactor& reactor) {
      BERTH_CHECK(reactor.set_certificates(chains));
    };
    co_await reactors_.on_all(std::move(set));
    log_info("certificate changed");
    co_return answer_to(message, "Ok");
  }
  if (mt == "SetGrant" || mt == "RemoveGrant") {
    const bool removes = mt == "RemoveGrant";
    if (removes) {  // only the secret matters
      if (!message.contains("path")) message["path"] = "/";
      if (!message.contains("uid")) message["uid"] = 0;
    }
    const auto grant = parse_grant(message);
    if (!grant) co_return error_to(message, grant.error().detail);
    std::function<void(Reactor&)> change = [grant = *grant, removes](Reactor& reactor) {
      if (removes) reactor.remove_grant(grant.secret);
      else reactor.set_grant(grant);
    };
    co_await reactors_.on_all(std::move(change));
    co_return answer_to(message, "Ok");
  }
  if (mt == "SetLimits") {
    const auto* changes = json::find_object(message, "limits");
    if (!changes) co_return error_to(message, "'limits': object expected");
    const auto limits = apply_limits(limits_, *changes);
    if (!limits) co_return error_to(message, limits.error().detail);
    limits_ = *limits;
    std::function<void(Reactor&)> set = [limits = *limits](Reactor& reactor) { reactor.set_limits(limits); };
    co_await reactors_.on_all(std::move(set));
    co_return answer_to(message, "Ok");
  }
  if (mt == "GetCounters") {
    auto answer = answer_to(message, "Counters");
    auto values =
        co_await counters(json::get_bool(message, "attaches", true), json::get_bool(message, "files"));
    for (auto& [name, value] : values) answer[name] = std::move(value);
    co_return answer;
  }
  if (mt == "Ping") {
    // Each of them has to take its turn: one that hangs must be found.
    std::function<void(Reactor&)> turn = [](Reactor&) {};
    co_await reactors_.on_all(std::move(turn));
    co_return answer_to(message, "Pong");
  }
  if (mt == "SetRole") co_return co_await set_role(std::move(message));
  if (mt == "Drain") {
    auto answer = answer_to(message, "Ok");
    co_await drain(std::move(message));
    if (drain_limit_.is_running())
      answer["leftSeconds"] =
          std::chrono::duration_cast<std::chrono::seconds>(drain_end_ - loop_.now()).count();
    co_return answer;
  }
  if (message.contains("src")) co_return error_to(message, fmt::format("unknown message {}", mt));
  co_return json::Object();
}

loop::Task<void> Daemon::give_listeners(json::Object message) {
  const auto wanted = json::get_integer(message, "reactor");
  if (wanted < 0 || wanted >= static_cast<std::int64_t>(reactors_.size()) || draining_ || !configured_) {
    manager_->send(
        error_to(message, draining_ ? "it has handed over already" : "no such reactor, or not ready"));
    co_return;
  }
  struct Given {
    std::mutex mutex;
    Reactor::Listeners listeners;
    std::string error;
  };
  const auto given = std::make_shared<Given>();
  std::function<void(Reactor&)> give = [given, wanted](Reactor& reactor) {
    if (reactor.number() != wanted) return;
    const std::scoped_lock lock(given->mutex);
    try {
      given->listeners = reactor.duplicate_listeners();
    } catch (const Failure& failure) {
      given->error = failure.error().detail;
    }
  };
  co_await reactors_.on_all(std::move(give));
  if (!given->error.empty()) {
    manager_->send(error_to(message, given->error));
    co_return;
  }
  std::vector<UniqueFd> descriptors;
  for (auto* one : {&given->listeners.http, &given->listeners.https, &given->listeners.links})
    if (*one) descriptors.push_back(std::move(*one));
  auto answer = answer_to(message, "Listeners");
  answer["reactors"] = reactors_.size();
  answer["http"] = http_port_;
  answer["https"] = https_port_;
  manager_->send(answer, std::move(descriptors));
}

loop::Task<json::Object> Daemon::set_role(json::Object message) {
  const auto role = json::get_string(message, "role");
  if (role != "serving" && role != "leaving")
    co_return error_to(message, "'role': serving or leaving expected");
  if (!configured_) co_return error_to(message, "there is no configuration yet");
  const bool serves = role == "serving";
  std::function<void(Reactor&)> change = [serves](Reactor& reactor) {
    if (!serves) return reactor.leave();
    reactor.stay();
    reactor.start_accepting();
  };
  co_await reactors_.on_all(std::move(change));
  log_info("role changed", {{"role", role}});
  co_return answer_to(message, "Ok");
}

loop::Task<void> Daemon::drain(json::Object message) {
  if (!std::exchange(draining_, true)) {
    drain_began_ = loop_.now();
    std::function<void(Reactor&)> begin = [](Reactor& reactor) { reactor.drain(); };
    co_await reactors_.on_all(std::move(begin));
    log_info("drains", {{"connections", census_.connections()}});
    background_.spawn(watch_drain());
  }
  if (!message.contains("limitSeconds")) co_return;
  const std::chrono::seconds limit(
      std::clamp<std::int64_t>(json::get_integer(message, "limitSeconds"), 0, kLongestDrain));
  drain_end_ = std::max(drain_began_ + limit, loop_.now());
  drain_limit_.start(drain_end_ - loop_.now(), [this] { background_.spawn(end_drain()); });
}

loop::Task<void> Daemon::end_drain() {
  log_warning("the time to drain is over", {{"connections", census_.connections()}});
  std::function<void(Reactor&)> end = [](Reactor& reactor) { reactor.end_clients(); };
  co_await reactors_.on_all(std::move(end));
  drained_.set();
}

loop::Task<void> Daemon::apply_config(Config config) {
  limits_ = config.limits;
  const bool waits = config.waits;
  std::function<void(Reactor&)> apply = [config = std::move(config), keys = ticket_keys_](Reactor& reactor) {
    BERTH_CHECK(reactor.configure(config, keys));
  };
  co_await reactors_.on_all(std::move(apply));
  if (configured_ && !waits) {
    // A manager that came back: whatever the last one was about to change, this webserver serves.
    std::function<void(Reactor&)> serve = [](Reactor& reactor) {
      reactor.stay();
      reactor.start_accepting();
    };
    co_await reactors_.on_all(std::move(serve));
  }
  if (configured_) co_return;
  configured_ = true;
  patience_.cancel();
  for (std::size_t i = 0; i < link_sockets_.size(); ++i) {
    if (::listen(link_sockets_[i].get(), 1024) != 0)
      throw Failure(errno_error(errno, "listen on a link socket"));
  }
  // A std::function is copied, a descriptor is not: each reactor takes its own out of this.
  const auto sockets = std::make_shared<std::vector<UniqueFd>>(std::move(link_sockets_));
  std::function<void(Reactor&)> open = [sockets, waits](Reactor& reactor) {
    reactor.listen_for_links(std::move((*sockets)[static_cast<std::size_t>(reactor.number())]));
    if (!waits) reactor.start_accepting();
  };
  co_await reactors_.on_all(std::move(open));
}

loop::Task<void> Daemon::accept_without_config() {
  log_warning("no configuration yet: clients are told to wait");
  std::function<void(Reactor&)> start = [](Reactor& reactor) { reactor.start_accepting(); };
  co_await reactors_.on_all(std::move(start));
}

loop::Task<void> Daemon::watch_drain() {
  while (census_.connections() > 0) co_await loop::sleep_for(loop_, 50ms);
  drained_.set();
}

loop::Task<void> Daemon::rotate_ticket_keys() {
  for (;;) {
    co_await loop::sleep_for(loop_, kTicketLife);
    ticket_keys_.rotate();
    std::function<void(Reactor&)> set = [keys = ticket_keys_](Reactor& reactor) {
      reactor.set_ticket_keys(keys);
    };
    co_await reactors_.on_all(std::move(set));
  }
}

loop::Task<json::Object> Daemon::counters(bool with_attaches, bool with_files) {
  struct Gathered {
    std::mutex mutex;
    Counters sum;
    json::Array attaches;  // of the first reactor: a service attaches at all of them
    Reactor::Routed routed;
    std::map<std::string, ServedFiles> files;
  };
  const auto gathered = std::make_shared<Gathered>();
  std::function<void(Reactor&)> gather = [gathered, with_attaches, with_files](Reactor& reactor) {
    const std::scoped_lock lock(gathered->mutex);
    const auto& one = reactor.counters();
    auto& sum = gathered->sum;
    sum.accepted += one.accepted;
    sum.refused += one.refused;
    sum.connections += one.connections;
    sum.websockets += one.websockets;
    sum.http2_streams += one.http2_streams;
    sum.requests += one.requests;
    sum.bytes_in += one.bytes_in;
    sum.bytes_out += one.bytes_out;
    sum.accept_pauses += one.accept_pauses;
    const auto routed = reactor.routed();
    gathered->routed.all += routed.all;
    gathered->routed.following += routed.following;
    if (with_files)
      reactor.served_files().for_each([&](const std::string& path, const ServedFiles& served) {
        auto& file_sum = gathered->files[path];
        file_sum.requests += served.requests;
        file_sum.bytes += served.bytes;
      });
    if (reactor.number() != 0 || !with_attaches) return;
    reactor.for_each_attach([&](Attach& attach) {
      if (!attach.is_routed) return;
      gathered->attaches.push_back(json::Object{{"path", attach.path},
                                                {"kind", name_of(attach.kind)},
                                                {"service", attach.link->name()},
                                                {"streams", attach.streams}});
    });
  };
  co_await reactors_.on_all(std::move(gather));
  const auto& sum = gathered->sum;
  json::Object told{{"connections", sum.connections},    {"websockets", sum.websockets},
                    {"http2Streams", sum.http2_streams}, {"requests", sum.requests},
                    {"bytesIn", sum.bytes_in},           {"bytesOut", sum.bytes_out},
                    {"accepted", sum.accepted},          {"refused", sum.refused},
                    {"acceptPauses", sum.accept_pauses}, {"attaches", std::move(gathered->attaches)},
                    {"routed", gathered->routed.all},    {"following", gathered->routed.following}};
  if (!with_files) co_return told;
  json::Array files;
  for (const auto& [path, served] : gathered->files)
    files.push_back(json::Object{{"path", path}, {"requests", served.requests}, {"bytesOut", served.bytes}});
  told["run"] = run_;
  told["files"] = std::move(files);
  co_return told;
}

}  // namespace berth::webserver
