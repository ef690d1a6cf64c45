#include "berth/app_instance.h"

#include <fmt/format.h>

#include "base/text.h"
#include "sdk/service/instance_runtime.h"
#include "sdk/service/service_impl.h"

namespace berth::sdk {

std::vector<std::pair<std::string, std::string>> strict_page_headers(std::string_view frame_ancestors) {
  return {
      {"content-security-policy",
       fmt::format(
           "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; "
           "media-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors {}",
           frame_ancestors)},
      {"x-content-type-options", "nosniff"},
      {"referrer-policy", "no-referrer"},
      {"permissions-policy", "camera=(), microphone=(), geolocation=()"}};
}

AppInstance::AppInstance(AppService& service, InstanceArguments arguments)
    : service_(service), runtime_(service.impl().make_runtime(*this, std::move(arguments))) {}

AppInstance::~AppInstance() = default;

void AppInstance::attach_static(ByteView pack, std::string path, StaticSettings settings) {
  runtime_->attach_static(pack, std::move(path), std::move(settings));
}
void AppInstance::attach_app_websocket(std::string path) {
  runtime_->attach_sessions(std::move(path), *this);
}
void AppInstance::attach_app_websocket(std::string path, AppEndpoint& endpoint) {
  runtime_->attach_sessions(std::move(path), endpoint);
}
void AppInstance::attach_websocket(std::string path, WebsocketHandler& handler, WebsocketLimits limits) {
  runtime_->attach_websocket(std::move(path), handler, limits);
}
void AppInstance::attach_http(std::string path, HttpHandler handler) {
  runtime_->attach_http(std::move(path), std::move(handler));
}
void AppInstance::attach_passthrough(std::string path, PassthroughHandler handler) {
  runtime_->attach_passthrough(std::move(path), std::move(handler));
}
void AppInstance::detach(const std::string& path) { runtime_->detach(path); }

loop::Loop& AppInstance::loop() const { return runtime_->loop(); }
const std::string& AppInstance::name() const { return runtime_->arguments().name; }
const std::string& AppInstance::domain() const { return runtime_->arguments().domain; }
std::string AppInstance::key() const { return runtime_->key(); }
const std::string& AppInstance::password() const { return runtime_->arguments().password; }
const std::string& AppInstance::webserver_path() const { return runtime_->arguments().webserver_path; }
const std::string& AppInstance::working_path() const { return runtime_->arguments().working_path; }

const std::string* AppInstance::domain_password(std::string_view domain) const {
  const auto& domains = runtime_->arguments().domains;
  const auto found = domains.find(std::string(domain));
  return found == domains.end() ? nullptr : &found->second;
}

db::Database& AppInstance::database() {
  auto* database = runtime_->database().postgresql();
  BERTH_CHECK(database);
  return *database;
}
db::MysqlDatabase& AppInstance::mysql() {
  auto* database = runtime_->database().mysql();
  BERTH_CHECK(database);
  return *database;
}
bool AppInstance::has_database() const { return runtime_->database().exists(); }
loop::TaskGroup& AppInstance::tasks() { return runtime_->tasks(); }
const InstanceCounters& AppInstance::counters() const { return runtime_->counters(); }

bool AppInstance::traces(std::uint64_t flag) const {
  return (runtime_->arguments().log_flags & flag) || has_flight_recorder();
}

void AppInstance::log(std::string_view text, std::initializer_list<LogField> fields) const {
  log(kApp, text, fields);
}

void AppInstance::log(std::uint64_t flag, std::string_view text,
                      std::initializer_list<LogField> fields) const {
  const bool is_logged = runtime_->arguments().log_flags & flag;
  if (is_logged || has_flight_recorder()) trace_event_of(runtime_->key(), is_logged, flag, text, fields);
}

void AppInstance::log_hexdump(std::uint64_t flag, std::string_view text, ByteView bytes) const {
  log(flag, text, {{"bytes", bytes.size()}});
  if (!(runtime_->arguments().log_flags & flag) || !service_.impl().has_hexdumps()) return;
  const std::string dump = format_hexdump(as_text(bytes));
  for (const auto line : split(dump, '\n'))
    log_line(LogLevel::kTrace, fmt::format("{} {}", runtime_->key(), line));
}

std::vector<std::string> AppInstance::default_passwords(const Login& login) const {
  std::vector<std::string> all{password()};
  if (const auto* registered = domain_password(login.domain())) all.push_back(*registered);
  return all;
}

}  // namespace berth::sdk
