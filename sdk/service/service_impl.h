// Inside of AppService.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "base/flight_recorder.h"
#include "base/log_file.h"
#include "berth/app_service.h"
#include "loop/sync.h"
#include "sdk/link/link_client.h"
#include "sdk/service/control_client.h"
#include "sdk/service/instance_runtime.h"
#include "sdk/session/login_throttle.h"
#include "wire/appwebsocket/login.h"

namespace berth::sdk {

class ServiceImpl {
 public:
  ServiceImpl(AppService& service, loop::Loop& loop, ServiceDescription description,
              ServiceArguments arguments, InstanceFactory factory);
  ~ServiceImpl();

  loop::Task<Result<AppInstance*>> start_instance(InstanceArguments arguments);
  loop::Task<bool> stop_instance(std::string key, loop::Duration limit);
  // nullptr unless it runs (or starts).
  AppInstance* find(std::string_view name, std::string_view domain) const;
  std::unique_ptr<InstanceRuntime> make_runtime(AppInstance& instance, InstanceArguments arguments);
  static InstanceRuntime& runtime_of(AppInstance& instance);

  loop::Task<void> run();
  void shutdown(std::chrono::milliseconds limit);
  void send_to_manager(const json::Object& message);
  // The process-wide mask: what the service or any of its instances wants to see.
  void update_trace_flags();

  bool has_hexdumps() const { return has_hexdumps_; }
  loop::Loop& loop() const { return loop_; }

 private:
  friend class AppService;
  friend class ServiceTestAccess;
  enum class State { kStarting, kRunning, kStopping };
  struct Entry {
    std::unique_ptr<AppInstance> instance;
    State state = State::kStarting;
    std::string refusal;  // as told last
  };
  static constexpr int kStartsAtOnce = 8;

  void destroy(const std::string& key);
  // The webserver has answered about a path of an instance: tells whom it concerns if that changed anything.
  void attach_judged(const void* runtime);
  // control_messages.cc
  json::Object make_hello() const;
  // What goes with the hello: the flight recorder, so that the manager can read it when we are gone.
  std::vector<UniqueFd> hello_descriptors() const;
  void receive(json::Object message);
  void configure(const Message& message);
  loop::Task<void> start_for_manager(Message message);
  loop::Task<void> stop_for_manager(Message message);
  loop::Task<void> check_for_manager(Message message);
  loop::Task<std::optional<std::vector<std::string>>> self_check(InstanceArguments arguments);
  loop::Task<void> adopt(AppInstance& instance, InstanceArguments arguments);
  json::Object make_counters() const;
  loop::Semaphore& lock_of(const std::string& key);

  AppService& service_;
  loop::Loop& loop_;
  const ServiceDescription description_;
  const ServiceArguments arguments_;
  InstanceFactory factory_;
  PlatformInfo platform_;
  std::uint64_t log_flags_;
  bool has_hexdumps_;
  std::unique_ptr<FlightRecorder> flight_recorder_;
  std::unique_ptr<LogFile> log_file_;
  LoginThrottle throttle_;
  Turns turns_;
  LinkClient links_;
  StaticMemory static_memory_;
  ChallengeSource challenges_ = appwebsocket::make_challenge;
  InstanceEnvironment environment_;
  loop::Semaphore starts_;
  std::map<std::string, std::unique_ptr<loop::Semaphore>> locks_;  // one start or stop at a time each
  std::map<std::string, Entry> instances_;                         // by "name@domain"
  loop::Event ending_;
  std::chrono::milliseconds end_limit_{10'000};
  bool tell_end_ = false;  // the manager asked
  loop::TaskGroup tasks_;
  std::unique_ptr<ControlClient> control_;
};

}  // namespace berth::sdk
