#include "manager/control/webserver_control.h"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "manager/control/webserver_succession.h"
#include "wire/json/json.h"

namespace berth::manager {

using namespace std::chrono_literals;

namespace {
json::Array json_list(const std::vector<std::string>& texts) {
  json::Array list;
  for (const auto& text : texts) list.emplace_back(text);
  return list;
}
// All of it is written and synced each time, 200 kB with a thousand instances: not for each of a thousand changes.
constexpr auto kKeepPause = 1s;
std::string port(int number) { return number < 0 ? "off" : std::to_string(number); }
}  // namespace

WebserverControl::WebserverControl(loop::Loop& loop, ProcessTable& table, const Layout& layout,
                                   const SecretBox& box, WebserverOptions options)
    : loop_(loop),
      layout_(layout),
      box_(box),
      options_(std::move(options)),
      table_(table),
      moved_(loop),
      ready_(loop),
      keeping_(loop),
      adopted_(loop),
      tasks_(loop, "webserver") {
  settled_.set();
  SupervisedOptions supervised;
  supervised.name = "webserver";
  supervised.program = options_.program;
  supervised.plan = [this] { return plan(); };
  // It died while its successor was being prepared: that one has all it needs.
  supervised.find_other = [this] { return find_successor(); };
  supervised.restart.first = 20ms;  // the whole platform is dark without it
  supervised.restart.longest = 5s;
  supervised.restart.at_once = 0ms;
  supervised.stop_steps = {{SIGTERM, 10s}};
  supervised.died = [this](const Death& death) {
    if (died) died(death);
  };
  supervised.changed = [this] {
    if (changed) changed();
  };
  process_ = std::make_unique<SupervisedProcess>(loop_, table, std::move(supervised));
}

WebserverControl::~WebserverControl() {
  if (keeping_.is_running()) keep();
  for (const auto& [pid, line] : lines_) line->peer.close();
  lines_.clear();
  primary_ = nullptr;
}

Task<ProcessPlan> WebserverControl::plan() {
  const std::string logs = layout_.log("webserver");
  or_throw(make_directories(logs, 0750));
  if (options_.uid != 0 && ::chown(logs.c_str(), options_.uid, options_.uid) != 0)
    throw Failure(errno_error(errno, "chown " + logs));
  ProcessPlan plan;
  plan.spawn.program = options_.program;
  plan.spawn.arguments = {"--root",  layout_.root,        "--http", port(options_.http),
                          "--https", port(options_.https)};
  if (!options_.bind.empty())
    plan.spawn.arguments.insert(plan.spawn.arguments.end(), {"--bind", options_.bind});
  if (options_.uid != 0)
    plan.spawn.arguments.insert(plan.spawn.arguments.end(), {"--uid", std::to_string(options_.uid), "--gid",
                                                             std::to_string(options_.uid)});
  plan.spawn.directory = "/";
  plan.output = logs + "/output.log";
  struct stat info{};
  output_start_ = ::stat(plan.output.c_str(), &info) == 0 ? static_cast<std::uint64_t>(info.st_size) : 0;
  co_return plan;
}

std::string WebserverControl::last_words() const {
  const auto output = read_file(layout_.log("webserver") + "/output.log", 8 << 20);
  if (!output) return {};
  const auto tail = std::string_view(*output).substr(std::min<std::size_t>(output_start_, output->size()));
  return std::string(trim(tail.substr(tail.size() > 2000 ? tail.size() - 2000 : 0)));
}

json::Object WebserverControl::configuration() const {
  json::Array grants;
  for (const auto& [path, grant] : grants_)
    grants.push_back(json::Object{{"grant", grant.secret}, {"path", path}, {"uid", grant.uid}});
  return json::Object{{"mt", "WebserverConfig"},
                      {"certificates", json_list(certificates_)},
                      {"compactTls", switches_.compact_tls},
                      {"redirectHttps", switches_.redirect_https},
                      {"accessLog", switches_.access_log},
                      {"limits", json::Value(limits_)},
                      {"grants", std::move(grants)}};
}

bool WebserverControl::recall() {
  const auto sealed = read_file(layout_.webserver_state());
  if (!sealed) return false;
  const auto text = box_.unseal(*sealed);
  const auto state = text ? json::parse_object(*text, {.size_bytes = std::size_t{64} << 20})
                          : Result<json::Object>(tl::unexpected(text.error()));
  if (!state) {
    log_warning("the webserver's state cannot be recalled", {{"error", state.error().detail}});
    return false;
  }
  if (const auto* chains = json::find_array(*state, "certificates"))
    for (const auto& chain : *chains)
      if (chain.is_string()) certificates_.emplace_back(chain.get_string());
  switches_.redirect_https = json::get_bool(*state, "redirectHttps");
  switches_.access_log = json::get_bool(*state, "accessLog");
  switches_.compact_tls = json::get_bool(*state, "compactTls", true);
  if (const auto* limits = json::find_object(*state, "limits")) limits_ = *limits;
  if (const auto* grants = json::find_array(*state, "grants"))
    for (const auto& value : *grants) {
      if (!value.is_object()) continue;
      const auto& grant = value.get_object();
      grants_[json::get_string(grant, "path")] = {json::get_string(grant, "grant"),
                                                  static_cast<uid_t>(json::get_integer(grant, "uid")), true};
    }
  kept_ = *text;
  return !certificates_.empty();
}

void WebserverControl::keep_soon() {
  if (!keeping_.is_running()) keeping_.start(kKeepPause, [this] { keep(); });
}

void WebserverControl::keep() {
  if (certificates_.empty()) return;  // too early: nothing could be served with it
  std::string text = json::serialize(configuration());
  if (text == kept_) return;
  const auto written = write_file_durably(layout_.webserver_state(), box_.seal(text), 0600);
  if (!written) log_warning("the webserver's state cannot be kept", {{"error", written.error().detail}});
  else kept_ = std::move(text);
}

Task<void> WebserverControl::forget_unconfirmed() {
  std::vector<std::string> stale;
  for (const auto& [path, grant] : grants_)
    if (grant.is_recalled) stale.push_back(path);
  for (const auto& path : stale) co_await remove_grant(path);
}

bool WebserverControl::is_successor(pid_t pid) const { return successor_ && successor_->pid() == pid; }

bool WebserverControl::knows(pid_t pid) const {
  return pid == process_->pid() || is_successor(pid) || draining_.contains(pid);
}

std::string_view WebserverControl::role_of(pid_t pid) const {
  if (is_successor(pid)) return "waiting";
  if (draining_.contains(pid)) return "leaving";
  return successor_ && successor_->is_announced ? "leaving" : "serving";
}

json::Object WebserverControl::configuration_for(pid_t pid) const {
  auto told = configuration();
  told["role"] = role_of(pid);
  return told;
}

void WebserverControl::set_primary(Line* line) {
  const bool was_short = is_short_of_descriptors();
  primary_ = line;
  if (line) {
    http_ = line->http;
    https_ = line->https;
    link_sockets_ = line->link_sockets;
  }
  if (line && line->is_ready) ready_.set();
  else ready_.reset();
  if (was_short != is_short_of_descriptors() && changed) changed();
}

void WebserverControl::begin_line(Line& line) {
  if (const auto earlier = lines_.find(line.pid); earlier != lines_.end()) {
    earlier->second->peer.close();
    end_line(*earlier->second);
  }
  lines_[line.pid] = &line;
  if (!is_successor(line.pid) && !draining_.contains(line.pid)) set_primary(&line);
}

void WebserverControl::end_line(Line& line) {
  const auto found = lines_.find(line.pid);
  if (found == lines_.end() || found->second != &line) return;
  lines_.erase(found);
  if (primary_ == &line) set_primary(nullptr);
  moved_.set();
}

void WebserverControl::end_hung(pid_t pid, std::string why) {
  if (pid == process_->pid()) return process_->end_hung(std::move(why));
  log_error("a webserver that does not serve hangs, ended", {{"pid", pid}, {"why", why}});
  if (const auto found = draining_.find(pid); found != draining_.end())
    found->second->watch->send_signal(SIGKILL);
  else if (is_successor(pid)) successor_->watch->send_signal(SIGKILL);
}

Task<void> WebserverControl::serve(ControlPeer& peer, json::Object hello) {
  Line line{peer,
            peer.credentials().pid,
            static_cast<int>(json::get_integer(hello, "http")),
            static_cast<int>(json::get_integer(hello, "https")),
            {},
            json::get_bool(hello, "handsOver")};
  if (const auto* sockets = json::find_array(hello, "linkSockets"))
    for (const auto& path : *sockets)
      if (path.is_string()) line.link_sockets.emplace_back(path.get_string());
  begin_line(line);
  struct Leave {
    WebserverControl& control;
    Line& line;
    ~Leave() { control.end_line(line); }
  } leave{*this, line};
  peer.send(configuration_for(line.pid));
  // The manager before us may have died before it said so.
  if (draining_.contains(line.pid)) peer.send({{"mt", "Drain"}, {"limitSeconds", drain_limit().count()}});
  loop::Spawned<void> watching(loop_, watch_health(loop_, peer, health, [this, &line](std::string why) {
                                 end_hung(line.pid, std::move(why));
                               }));
  loop::Spawned<void> looking(loop_, look_after(line));
  while (auto message = co_await peer.receive()) received(line, message->body);
}

void WebserverControl::received(Line& line, const json::Object& message) {
  const std::string mt = json::get_string(message, "mt");
  if (mt == "WebserverReady") {
    line.is_ready = true;
    moved_.set();
    if (primary_ != &line) return;
    process_->note_ready();
    ready_.set();
  } else if (mt == "WebserverAlarm") {
    const bool is_active = json::get_bool(message, "active");
    const std::string alarm = json::get_string(message, "alarm");
    log_warning(is_active ? "alarm of the webserver" : "alarm of the webserver is over", {{"alarm", alarm}});
    if (alarm == "descriptors") set_short_of_descriptors(line, is_active);
  } else if (mt == "Error") {
    log_error("webserver refuses its configuration", {{"error", json::get_string(message, "error")}});
  }
}

void WebserverControl::set_short_of_descriptors(Line& line, bool is_short) {
  if (std::exchange(line.is_short, is_short) != is_short && primary_ == &line && changed) changed();
}

Task<void> WebserverControl::tell(json::Object change) {
  // Those that do not serve take it as well; what they say to it changes nothing.
  for (const auto& [pid, line] : lines_)
    if (line != primary_) line->peer.send(change);
  if (!primary_) co_return;
  std::optional<Error> error;
  try {
    co_await primary_->peer.ask(std::move(change), 10s);
  } catch (const Failure& failure) {
    // Gone meanwhile: its successor is told everything.
    if (failure.error().code != Errc::kUnavailable) error = failure.error();
  }
  if (error) throw Failure(std::move(*error).within("webserver"));
}

Task<void> WebserverControl::set_grant(std::string path, std::string grant, uid_t uid) {
  const auto found = grants_.find(path);
  if (found != grants_.end() && found->second.secret == grant && found->second.uid == uid) {
    found->second.is_recalled = false;
    co_return;
  }
  grants_[path] = {grant, uid};
  keep_soon();
  json::Object change{{"mt", "SetGrant"}, {"grant", grant}, {"path", path}, {"uid", uid}};
  co_await tell(std::move(change));
}

Task<void> WebserverControl::remove_grant(std::string path) {
  const auto found = grants_.find(path);
  if (found == grants_.end()) co_return;
  json::Object change{{"mt", "RemoveGrant"}, {"grant", found->second.secret}, {"path", path}};
  grants_.erase(found);
  keep_soon();
  co_await tell(std::move(change));
}

Task<void> WebserverControl::set_certificates(std::vector<std::string> chains) {
  if (certificates_ == chains) co_return;
  certificates_ = std::move(chains);
  keep_soon();
  json::Object change{{"mt", "SetCertificate"}, {"certificates", json_list(certificates_)}};
  co_await tell(std::move(change));
}

void WebserverControl::set_options(Switches switches, json::Object limits) {
  switches_ = switches;
  limits_ = std::move(limits);
  keep_soon();
  for (const auto& [pid, line] : lines_) line->peer.send(configuration_for(pid));
}

void WebserverControl::note_files(json::Object& counted) {
  const auto* files = json::find_array(counted, "files");
  if (files && served_files) served_files(json::get_string(counted, "run"), *files);
  counted.erase("files");
}

Task<json::Object> WebserverControl::counters() {
  if (!primary_) co_return json::Object();
  json::Object request{{"mt", "GetCounters"}, {"attaches", false}, {"files", true}};
  auto counted = co_await primary_->peer.ask(std::move(request), 3s);
  note_files(counted);
  counted.erase("src");  // of this question only: the same counts are to be the same answer
  // What is there now is there wherever it is; what was counted starts anew with each.
  for (const auto& [pid, drain] : draining_) {
    counted["connections"] =
        json::get_integer(counted, "connections") + static_cast<std::int64_t>(drain->connections);
    counted["websockets"] =
        json::get_integer(counted, "websockets") + static_cast<std::int64_t>(drain->websockets);
  }
  co_return counted;
}

}  // namespace berth::manager
