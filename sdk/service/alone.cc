#include "sdk/service/alone.h"

#include <signal.h>
#include <unistd.h>

#include <climits>
#include <cstdio>
#include <cstdlib>

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "loop/process.h"
#include "net/listener.h"
#include "net/message_socket.h"
#include "wire/control/frame.h"
#include "wire/json/json.h"

namespace berth::sdk {
namespace {

constexpr auto kStartLimit = std::chrono::seconds(20);

struct TemporaryFolder {
  std::string path;
  TemporaryFolder() {
    char name[] = "/tmp/berth-alone-XXXXXX";
    if (!::mkdtemp(name)) throw Failure(errno_error(errno, "make a folder in /tmp"));
    path = name;
  }
  ~TemporaryFolder() {
    if (const auto removed = remove_tree(path); !removed) log_warning(removed.error().detail);
  }
};

// The child; ended with us.
struct Child {
  std::unique_ptr<loop::ProcessWatch> watch;
  ~Child() {
    if (watch) watch->send_signal(SIGTERM);
  }
};

std::string find_webserver(const std::string& wanted) {
  if (!wanted.empty()) return wanted;
  char path[PATH_MAX];
  const auto size = ::readlink("/proc/self/exe", path, sizeof path);
  if (size <= 0) throw Failure(errno_error(errno, "find our own binary"));
  const std::string self(path, static_cast<std::size_t>(size));
  const std::string beside = self.substr(0, self.rfind('/')) + "/berth-webserver";
  if (!path_exists(beside)) throw_failure(Errc::kNotFound, "no {} (name it with --webserver PATH)", beside);
  return beside;
}

std::string read_password(const ServiceArguments& arguments) {
  if (arguments.password_file.empty()) return random_password(12);
  auto text = read_file(arguments.password_file, 4096);
  if (!text) throw Failure(std::move(text.error()).within("password file"));
  const std::string password(trim(*text));
  if (password.empty()) throw_failure(Errc::kMalformed, "{} is empty", arguments.password_file);
  return password;
}

// What the manager would do for the webserver: one grant for one path.
class WebserverPeer {
 public:
  WebserverPeer(loop::Loop& loop, std::string grant, std::string path)
      : ready_(loop), grant_(std::move(grant)), path_(std::move(path)) {}

  loop::Task<void> serve(loop::Loop& loop, net::Listener& listener) {
    for (;;) {
      auto fd = co_await listener.accept();
      net::MessageSocket socket(loop, std::move(fd));
      for (;;) {
        const auto message = co_await socket.receive();
        if (!message) break;
        take(socket, message->body);
      }
    }
  }

  loop::Event& ready() { return ready_; }
  const json::Object& hello() const { return hello_; }

 private:
  void take(net::MessageSocket& socket, const json::Object& message) {
    const auto mt = json::get_string(message, "mt");
    if (mt == "WebserverHello") {
      hello_ = message;
      const json::Object grant{
          {"grant", grant_}, {"path", path_}, {"uid", static_cast<std::int64_t>(::getuid())}};
      socket.send({{"mt", "WebserverConfig"},
                   {"redirectHttps", false},
                   {"accessLog", false},
                   {"limits", json::Object{}},
                   {"grants", json::Array{grant}}});
    } else if (mt == "WebserverReady") {
      ready_.set();
    } else if (mt == "Error") {
      log_error("webserver", {{"error", json::get_string(message, "error")}});
    }
  }

  loop::Event ready_;
  std::string grant_, path_;
  json::Object hello_;
};

std::vector<std::string> link_sockets_of(const json::Object& hello) {
  std::vector<std::string> paths;
  if (const auto* sockets = json::find_array(hello, "linkSockets"))
    for (const auto& socket : *sockets)
      if (const auto* path = socket.if_string()) paths.emplace_back(path->data(), path->size());
  return paths;
}

}  // namespace

loop::Task<void> run_alone(AppService& service) {
  loop::Loop& loop = service.loop();
  const ServiceArguments& arguments = service.arguments();
  const std::string webserver = find_webserver(arguments.webserver);
  const std::string password = read_password(arguments);
  const std::string path = "/" + arguments.domain + "/" + arguments.name;
  const std::string grant = random_hex(32);

  TemporaryFolder root;
  or_throw(make_directories(root.path + "/run/berth/apps"));
  const auto listener =
      or_throw(net::Listener::unix_socket(loop, root.path + "/run/berth/apps/control.sock"));
  WebserverPeer peer(loop, grant, path);
  loop::Spawned<void> serving(loop, peer.serve(loop, *listener));

  loop::SpawnOptions spawn;
  spawn.program = webserver;
  spawn.arguments = {"--root",  root.path, "--http", std::to_string(arguments.port),
                     "--https", "off",     "--bind", "127.0.0.1"};
  Child child;
  child.watch = or_throw(loop::ProcessWatch::make(loop, or_throw(loop::spawn(spawn))));
  co_await loop::with_timeout(
      loop, kStartLimit, [](loop::Event& ready) -> loop::Task<void> { co_await ready.wait(); }(peer.ready()),
      "start of " + webserver);

  InstanceArguments instance;
  instance.name = arguments.name;
  instance.domain = arguments.domain;
  instance.password = password;
  instance.webserver_path = path;
  instance.grant = grant;
  instance.link_sockets = link_sockets_of(peer.hello());
  instance.database.type = service.description().database_type;
  instance.database.conninfo = arguments.db;
  instance.log_flags = arguments.log_flags;
  or_throw(co_await service.start_instance(std::move(instance)));

  const auto port = json::get_integer(peer.hello(), "http", arguments.port);
  std::string pages;
  for (const auto& app : service.description().apps)
    if (!app.websocket_only) pages += fmt::format("  http://127.0.0.1:{}{}/{}.htm\n", port, path, app.name);
  if (pages.empty()) pages = fmt::format("  http://127.0.0.1:{}{}/\n", port, path);
  std::printf("%s runs alone:\n%s", arguments.service.c_str(), pages.c_str());
  if (arguments.password_file.empty()) std::printf("  password: %s\n", password.c_str());
  std::fflush(stdout);
  co_await service.run();
}

}  // namespace berth::sdk
