// A service with one instance between a fake webserver and a test.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <string>

#include "base/file.h"
#include "berth/app_service.h"
#include "loop/sync.h"
#include "sdk/service/service_impl.h"
#include "sdk/testing/fake_webserver.h"
#include "wire/appwebsocket/login.h"
#include "wire/json/json.h"

namespace berth::sdk {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    char name[] = "/tmp/berth-sdk-XXXXXX";
    path_ = ::mkdtemp(name);
  }
  ~TemporaryFolder() { (void)remove_tree(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// What tests may do that programs may not.
class ServiceTestAccess {
 public:
  static void set_challenge(AppService& service, std::string challenge) {
    service.impl().challenges_ = [challenge] { return challenge; };
  }
};

// `Instance` is an AppInstance; made once start() is called.
template <class Instance, loop::Loop::Time kTime = loop::Loop::Time::kReal>
class ServiceFixture : public ::testing::Test {
 public:
  static constexpr const char* kPath = "/example.com/team";

  ServiceFixture() {
    webserver.emplace(loop, folder.path() + "/link.0.sock");
    service.emplace(loop, ServiceDescription{.id = "test", .build = "1a2b", .apps = {{.name = "test"}}},
                    ServiceArguments{}, instances_of<Instance>());
  }
  InstanceArguments arguments() {
    InstanceArguments out;
    out.name = "team";
    out.domain = "example.com";
    out.password = "pwd";
    out.webserver_path = kPath;
    out.grant = std::string(64, 'a');
    out.link_sockets = {folder.path() + "/link.0.sock"};
    return out;
  }
  Instance& start() { return start(arguments()); }
  Instance& start(InstanceArguments with) {
    instance =
        static_cast<Instance*>(or_throw(loop::run_task(loop, service->start_instance(std::move(with)))));
    return *instance;
  }
  void open(std::uint32_t stream, link::Kind kind, std::string path = kPath, std::string relative = "") {
    link::Open open;
    open.attach = webserver->await_attach(path, kind);
    open.kind = kind;
    open.peer = "192.0.2.1:51234";
    open.target = path + (relative.empty() ? "" : "/" + relative);
    open.relative = std::move(relative);
    open.method = link::kGet;
    webserver->open(stream, open);
  }
  json::Object ask(std::uint32_t stream, std::string_view text) {
    webserver->send_text(stream, text);
    return next_json(stream);
  }
  json::Object next_json(std::uint32_t stream) {
    return or_throw(json::parse_object(webserver->next_text(stream)));
  }
  // Opens an AppWebsocket and logs in; what the login was answered with.
  json::Object log_in(std::uint32_t stream, std::string password = "pwd", std::string path = kPath,
                      std::string sip = "user", std::string domain = "") {
    open(stream, link::Kind::kWebsocket, path);
    EXPECT_EQ(webserver->next(stream).header.type, link::Type::kAccept);
    const auto challenge = json::get_string(ask(stream, R"({"mt":"AppChallenge"})"), "challenge");
    const appwebsocket::Login login{"test", domain, sip, "", "", std::nullopt};
    const json::Object message{{"mt", "AppLogin"},
                               {"app", "test"},
                               {"domain", domain},
                               {"sip", sip},
                               {"guid", ""},
                               {"dn", ""},
                               {"digest", appwebsocket::make_digest(login, challenge, password)}};
    return ask(stream, json::serialize(message));
  }
  link::Close next_close(std::uint32_t stream) {
    const auto frame = webserver->next(stream);
    EXPECT_EQ(frame.header.type, link::Type::kClose);
    return or_throw(link::parse_close(frame.payload));
  }

  TemporaryFolder folder;
  loop::Loop loop{kTime};
  std::optional<FakeWebserver> webserver;
  std::optional<AppService> service;
  Instance* instance = nullptr;
};

}  // namespace berth::sdk
