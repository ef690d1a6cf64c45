#include "sdk/service/instance_runtime.h"

#include "base/bytes.h"
#include "base/text.h"
#include "sdk/http/http_stream.h"
#include "sdk/http/passthrough_stream.h"
#include "sdk/websocket/websocket_stream.h"
#include "wire/json/json.h"

namespace berth::sdk {
namespace {

constexpr auto kAttachLimit = std::chrono::seconds(10);
// What the database does is done for the instance.
InstanceDatabase make_database(loop::Loop& loop, loop::AccountId account, const InstanceArguments& arguments,
                               const std::string& key) {
  loop.work_for(account);
  return InstanceDatabase(loop, arguments, key);
}

link::Grant parse_grant(const std::string& hex) {
  link::Grant grant{};
  if (hex.empty()) return grant;
  const auto bytes = parse_hex(hex);
  if (!bytes || bytes->size() != grant.size())
    throw_failure(Errc::kMalformed, "grant of {} characters", hex.size());
  std::copy(bytes->begin(), bytes->end(), grant.begin());
  return grant;
}

std::string join(const std::string& base, const std::string& path) {
  if (path.empty()) return base;
  return base == "/" ? "/" + path : base + "/" + path;
}

}  // namespace

InstanceRuntime::InstanceRuntime(AppInstance& instance, InstanceEnvironment& environment,
                                 InstanceArguments arguments)
    : instance_(instance),
      environment_(environment),
      links_(environment.links),
      arguments_(std::move(arguments)),
      key_(arguments_.name + "@" + arguments_.domain),
      share_(environment.turns),
      run_(random_hex(8)),
      database_(make_database(environment.loop, share_.account(), arguments_, key_)),
      tasks_(environment.loop, key_) {
  share_.set_limits(arguments_.limits);
}

InstanceRuntime::~InstanceRuntime() = default;

const InstanceCounters& InstanceRuntime::counters() {
  share_.counters().database_ms = static_cast<std::uint64_t>(database_.busy().count());
  return share_.counted();
}

void InstanceRuntime::set_limits(const InstanceLimits& limits) {
  if (arguments_.limits == limits) return;
  const bool reads_only = limits.is_database_read_only;
  if (std::exchange(arguments_.limits.is_database_read_only, reads_only) != reads_only) {
    instance_.log(reads_only ? "the database is above its size: it can only be read"
                             : "the database can be written");
    database_.release();  // new connections know it
  }
  arguments_.limits = limits;
  share_.set_limits(limits);
  database_.set_limits(limits);
}

loop::Task<void> InstanceRuntime::bring_up_schema() {
  std::vector<db::Migration> migrations;
  for (const auto& file : instance_.schema()) {
    const auto number = parse_integer(file.name.substr(0, file.name.find('_')));
    BERTH_CHECK(number);  // "001_notes.sql"
    migrations.push_back({static_cast<int>(*number), std::string(file.name), std::string(file.sql)});
  }
  if (migrations.empty()) co_return;
  const int ran = co_await database_.migrate(std::move(migrations));
  if (ran > 0) instance_.log(kDatabase, "schema brought up to date", {{"migrations", ran}});
}

loop::Task<void> InstanceRuntime::start() {
  for (const auto& path : arguments_.link_sockets) links_.add_socket(path);
  co_await bring_up_schema();
  co_await instance_.started();
  is_started_ = true;
  std::vector<std::uint32_t> ids;
  for (auto& [path, attachment] : waiting_) {
    attached_.push_back({path, links_.attach(std::move(attachment))});
    ids.push_back(attached_.back().id);
  }
  waiting_.clear();
  or_throw(co_await links_.settled(std::move(ids), kAttachLimit));
  // Connections made for the start would otherwise stay for minutes, of each of a thousand instances.
  database_.release();
}

loop::Task<void> InstanceRuntime::stop(loop::Duration limit) {
  const auto until = loop::Clock::now() + limit;
  for (const auto& attached : attached_) links_.detach(attached.id);
  attached_.clear();
  waiting_.clear();
  share_.set_limits({});  // what waits because of its rate is worked off, or the end would wait for it
  try {
    co_await loop::with_timeout(loop(), limit, instance_.stopping(), "stopping");
  } catch (...) {
    instance_.log("stopping failed", {{"error", current_error().detail}});
  }
  const auto left = std::max<loop::Duration>(until - loop::Clock::now(), loop::Duration::zero());
  co_await links_.close_streams(this, left);
  tasks_.cancel_all();
}

std::unique_ptr<Attachment> InstanceRuntime::make_attachment(link::Kind kind, const std::string& path,
                                                             Attachment::Opener opener) {
  return std::make_unique<Attachment>(this, share_, kind, parse_grant(arguments_.grant),
                                      join(arguments_.webserver_path, path), std::move(opener));
}

void InstanceRuntime::add(const std::string& path, std::unique_ptr<Attachment> attachment) {
  if (is_started_) attached_.push_back({path, links_.attach(std::move(attachment))});
  else waiting_.emplace_back(path, std::move(attachment));
}

void InstanceRuntime::attach_static(ByteView pack, std::string path, StaticSettings settings) {
  auto attachment = make_attachment(link::Kind::kStatic, path,
                                    [](const Stream::Seed&, link::Open) -> std::unique_ptr<Stream> {
                                      BERTH_CHECK(!"the webserver serves static files alone");
                                      return nullptr;
                                    });
  json::Object options{{"build", environment_.build}};
  if (settings.redirect_pages) options["redirectPages"] = true;
  if (!settings.headers.empty()) {
    auto& headers = options["headers"].emplace_object();
    for (const auto& [name, value] : settings.headers) headers[name] = value;
  }
  attachment->set_pack(environment_.static_memory.share(pack), json::serialize(options));
  add(path, std::move(attachment));
}

void InstanceRuntime::attach_sessions(std::string path, AppEndpoint& endpoint) {
  handlers_.push_back(std::make_unique<SessionHandler>(instance_, endpoint, environment_.throttle,
                                                       environment_.challenges, share_.counters(),
                                                       environment_.build));
  attach_websocket(std::move(path), *handlers_.back(), {});
}

// The openers share their settings because std::function wants to be copied.
void InstanceRuntime::attach_websocket(std::string path, WebsocketHandler& handler, WebsocketLimits limits) {
  add(path, std::make_unique<WebsocketAttachment>(this, share_, parse_grant(arguments_.grant),
                                                  join(arguments_.webserver_path, path),
                                                  WebsocketAttach{handler, limits, share_.counters(), key_}));
}

void InstanceRuntime::attach_http(std::string path, HttpHandler handler) {
  auto shared = std::make_shared<HttpAttach>(
      HttpAttach{std::move(handler), share_.counters(), key_, {key_, &arguments_.log_flags}});
  add(path, make_attachment(link::Kind::kHttp, path, [shared](const Stream::Seed& seed, link::Open open) {
        return std::make_unique<HttpStream>(seed, *shared, std::move(open));
      }));
}

void InstanceRuntime::attach_passthrough(std::string path, PassthroughHandler handler) {
  auto shared =
      std::make_shared<PassthroughAttach>(PassthroughAttach{std::move(handler), share_.counters(), key_});
  add(path,
      make_attachment(link::Kind::kPassthrough, path, [shared](const Stream::Seed& seed, link::Open open) {
        return std::make_unique<PassthroughStream>(seed, *shared, open);
      }));
}

void InstanceRuntime::detach(const std::string& path) {
  std::erase_if(waiting_, [&](const auto& entry) { return entry.first == path; });
  std::erase_if(attached_, [&](const Attached& attached) {
    if (attached.path != path) return false;
    links_.detach(attached.id);
    return true;
  });
}

void InstanceRuntime::set_grant(std::string grant) {
  arguments_.grant = std::move(grant);
  links_.set_grant(this, parse_grant(arguments_.grant));
}

void InstanceRuntime::set_database_password(std::string password) {
  arguments_.database.password = std::move(password);
  database_.set_password(arguments_.database.password);
}

}  // namespace berth::sdk
