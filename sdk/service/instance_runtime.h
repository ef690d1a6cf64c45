// What the service keeps of one instance behind AppInstance.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "berth/app_instance.h"
#include "loop/sync.h"
#include "sdk/link/link_client.h"
#include "sdk/service/instance_database.h"
#include "sdk/service/static_memory.h"
#include "sdk/session/login_throttle.h"
#include "sdk/session/session_handler.h"
#include "sdk/share/instance_share.h"

namespace berth::sdk {

// What all instances of a service share; outlives them.
struct InstanceEnvironment {
  loop::Loop& loop;
  LinkClient& links;
  Turns& turns;
  LoginThrottle& throttle;
  StaticMemory& static_memory;
  ChallengeSource& challenges;
  std::string build;
};

class InstanceRuntime {
 public:
  InstanceRuntime(AppInstance& instance, InstanceEnvironment& environment, InstanceArguments arguments);
  ~InstanceRuntime();

  InstanceArguments& arguments() { return arguments_; }
  const InstanceArguments& arguments() const { return arguments_; }
  const std::string& key() const { return key_; }
  loop::Loop& loop() const { return environment_.loop; }
  loop::TaskGroup& tasks() { return tasks_; }
  InstanceDatabase& database() { return database_; }
  const InstanceCounters& counters();
  // Another one each time the instance is started: its counters began at 0 then.
  const std::string& run() const { return run_; }
  InstanceShare& share() { return share_; }
  void set_limits(const InstanceLimits& limits);

  // Schema, started(), attaches; throws Failure.
  loop::Task<void> start();
  loop::Task<void> bring_up_schema();
  // stopping(), then the streams; everything is cancelled after `limit`.
  loop::Task<void> stop(loop::Duration limit);

  void attach_static(ByteView pack, std::string path, StaticSettings settings);
  void attach_sessions(std::string path, AppEndpoint& endpoint);
  void attach_websocket(std::string path, WebsocketHandler& handler, WebsocketLimits limits);
  void attach_http(std::string path, HttpHandler handler);
  void attach_passthrough(std::string path, PassthroughHandler handler);
  void detach(const std::string& path);

  void set_grant(std::string grant);
  void set_database_password(std::string password);

 private:
  struct Attached {
    std::string path;
    std::uint32_t id;
  };
  std::unique_ptr<Attachment> make_attachment(link::Kind kind, const std::string& path,
                                              Attachment::Opener opener);
  void add(const std::string& path, std::unique_ptr<Attachment> attachment);

  AppInstance& instance_;
  InstanceEnvironment& environment_;
  LinkClient& links_;
  InstanceArguments arguments_;
  std::string key_;
  InstanceShare share_;
  const std::string run_;
  InstanceDatabase database_;
  std::vector<std::unique_ptr<WebsocketHandler>> handlers_;  // of sessions
  // Attached only once started() is done: nobody comes in before.
  std::vector<std::pair<std::string, std::unique_ptr<Attachment>>> waiting_;
  std::vector<Attached> attached_;
  bool is_started_ = false;
  loop::TaskGroup tasks_;
};

}  // namespace berth::sdk
