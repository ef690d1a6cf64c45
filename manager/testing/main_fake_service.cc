// An app service for the manager's own tests: says hello, starts and stops instances in name only. Its build and
// behaviour stand behind its ELF image: "\nBERTH-FAKE build=1a behaviour=good". Behaviours: good, mute (no hello), crash (ends at once),
// refuse (no instance starts), mysql (good, and written for MySQL), content and picky (good, and finds nothing or something in restored
// data).
#include <csignal>
#include <cstdio>
#include <cstdlib>

#include "base/file.h"
#include "loop/sync.h"
#include "net/message_socket.h"

namespace {

using namespace berth;

std::string value_of(const std::string& text, const std::string& name) {
  const auto mark = text.rfind("BERTH-FAKE ");
  if (mark == std::string::npos) return {};
  const auto at = text.find(name + "=", mark);
  if (at == std::string::npos) return {};
  const auto begin = at + name.size() + 1;
  return text.substr(begin, text.find_first_of(" \n", begin) - begin);
}

loop::Task<void> serve(loop::Loop& loop, std::string service, std::string manager, std::string build,
                       std::string behaviour) {
  json::Array running;
  for (;;) {
    auto socket = net::MessageSocket::connect(loop, manager);
    if (!socket) {
      co_await loop::sleep_for(loop, std::chrono::milliseconds(20));
      continue;
    }
    (*socket)->send(json::Object{
        {"mt", "ServiceHello"},
        {"version", 1},
        {"service", service},
        {"build", build},
        {"label", build},
        {"databaseType", behaviour == "mysql" ? "mysql" : "postgresql"},
        {"selfCheck", behaviour == "content" || behaviour == "picky"},
        {"apps", json::Array{json::Object{{"name", service}, {"title", service}, {"websocketOnly", false}}}},
        {"instances", running}});
    try {
      while (auto message = co_await (*socket)->receive()) {
        const std::string mt = json::get_string(message->body, "mt");
        json::Object about{{"name", json::get_string(message->body, "name")},
                           {"domain", json::get_string(message->body, "domain")}};
        if (mt == "AppStart" && behaviour == "refuse") {
          about["mt"] = "AppStartFailed";
          about["error"] = "does not want to";
          (*socket)->send(about);
        } else if (mt == "AppStart") {
          running.push_back(about);
          about["mt"] = "AppStarted";
          (*socket)->send(about);
        } else if (mt == "AppStop") {
          json::Array rest;
          for (const auto& one : running)
            if (!(one.get_object() == about)) rest.push_back(one);
          running = rest;
          about["mt"] = "AppStopped";
          (*socket)->send(about);
        } else if (mt == "AppSelfCheck") {
          about["mt"] = "AppSelfChecked";
          about["src"] = json::get_string(message->body, "src");
          about["checked"] = true;
          if (behaviour == "picky")
            about["problems"] = json::Array{"it wanted " + json::get_string(message->body, "dbName")};
          (*socket)->send(about);
        } else if (mt == "AppServiceShutdown") {
          std::_Exit(0);
        }
      }
    } catch (const Failure&) {
      // The manager died in mid-frame: connect to the next one.
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  ::signal(SIGPIPE, SIG_IGN);
  std::string service, manager;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (std::string(argv[i]) == "--service") service = argv[i + 1];
    if (std::string(argv[i]) == "--manager") manager = argv[i + 1];
  }
  const auto self = read_file("/proc/self/exe", std::size_t{1} << 30);
  const std::string behaviour = self ? value_of(*self, "behaviour") : "";
  if (behaviour == "crash") std::abort();
  loop::Loop loop;
  if (behaviour == "mute") loop.run();
  loop::run_task(loop, serve(loop, service, manager, self ? value_of(*self, "build") : "", behaviour));
}
