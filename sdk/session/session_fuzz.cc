// Messages of a client, before and after the login: whatever comes, the service and its other sessions live on.
#include <cstdlib>

#include "berth/app_service.h"
#include "sdk/service/service_impl.h"
#include "sdk/testing/fake_webserver.h"

namespace berth::sdk {
namespace {

class Echo : public AppInstance {
 public:
  using AppInstance::AppInstance;
  loop::Task<void> started() override {
    attach_app_websocket();
    co_return;
  }
  loop::Task<void> received(AppSession& session, Message message) override {
    if (message.flag("subscribe")) subscribers_.add(session, message);
    subscribers_.publish({{"mt", "Changed"}, {"number", message.number("number").value_or(0)}});
    session.reply(message, {{"text", message.text("text")}});
    co_return;
  }
  void closed(AppSession& session) override { subscribers_.remove(session); }

 private:
  Subscribers subscribers_;
};

// Made once: a service and a webserver with a clock that we turn.
class World {
 public:
  World()
      : folder_(make_folder()),
        webserver_(loop_, folder_ + "/link.sock"),
        service_(loop_, {.id = "fuzz"}, {}, instances_of<Echo>()) {
    set_log_sink([](LogLevel, std::string_view) {});
    InstanceArguments arguments;
    arguments.name = "a";
    arguments.domain = "b";
    arguments.password = "pwd";
    arguments.webserver_path = "/b/a";
    arguments.link_sockets = {folder_ + "/link.sock"};
    or_throw(loop::run_task(loop_, service_.start_instance(arguments)));
  }

  void run(ByteView input) {
    webserver_.forget_streams();
    open(2);
    while (!input.empty()) {  // messages end with a zero byte
      std::size_t size = 0;
      while (size < input.size() && input[size] != 0) ++size;
      Bytes frame;
      link::append_data(frame, link::Type::kMessage, 2, link::kFlagEnd | link::kFlagText, input.first(size));
      webserver_.send(frame);
      webserver_.settle();
      loop_.advance(std::chrono::seconds(1));
      input = input.subspan(std::min(size + 1, input.size()));
    }
    Bytes close;
    link::append(close, 2, link::Close{});
    webserver_.send(close);
    webserver_.settle();
    loop_.advance(std::chrono::seconds(31));
    // Somebody else is served as if nothing had been.
    webserver_.forget_streams();
    open(1);
    webserver_.send_text(1, R"({"mt":"KeepAlive"})");
    webserver_.settle();
    BERTH_CHECK(webserver_.has_frame(1));
    webserver_.send(close_of(1));
    webserver_.settle();
  }

 private:
  static std::string make_folder() {
    char name[] = "/tmp/berth-fuzz-XXXXXX";
    BERTH_CHECK(::mkdtemp(name));
    return name;
  }
  static Bytes close_of(std::uint32_t stream) {
    Bytes close;
    link::append(close, stream, link::Close{});
    return close;
  }
  void open(std::uint32_t stream) {
    link::Open open;
    open.attach = webserver_.await_attach("/b/a", link::Kind::kWebsocket);
    open.kind = link::Kind::kWebsocket;
    open.peer = "192.0.2.1:1";
    webserver_.open(stream, open);
    webserver_.settle();
  }

  std::string folder_;
  loop::Loop loop_{loop::Loop::Time::kManual};
  FakeWebserver webserver_;
  AppService service_;
};

}  // namespace
}  // namespace berth::sdk

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static auto* world = new berth::sdk::World;  // lives as long as the fuzzer
  if (size > 60000) return 0;
  world->run({data, size});
  return 0;
}
