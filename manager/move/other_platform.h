// The platform an instance goes to, as the one it leaves sees it.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "api/move.h"
#include "loop/loop.h"
#include "manager/move/line.h"
#include "net/resolver.h"

namespace berth::manager {

using loop::Task;

// Where it is and how to get in. A value; the password is a secret.
struct MoveTarget {
  std::string url;  // wss://other.example.com/manager
  std::string password;
  std::string fingerprint;
  bool verify = true;
};
// For the data of a job, sealed by its owner. kMalformed.
std::string format_target(const MoveTarget& target);
Result<MoveTarget> parse_target(std::string_view text);
// kMalformed: no ws or wss URL.
Result<void> check_target(const MoveTarget& target);

// Owns one logged-in connection. Any number of tasks at once. All throw Failure with what the other side says, kUnavailable
// when the connection is lost.
class OtherPlatform {
 public:
  virtual ~OtherPlatform() = default;
  // The passwords in clear text.
  virtual Task<api::PrepareArrivalResult> prepare(api::PrepareArrival request, std::string password,
                                                  std::string database_password) = 0;
  virtual Task<void> start(api::StartArrival request) = 0;
  virtual Task<void> confirm(api::ConfirmArrival request) = 0;
  virtual Task<void> abandon(api::AbandonArrival request) = 0;
  // A session with the new database (Arrivals::open_line()).
  virtual Task<std::unique_ptr<ByteLine>> open_line(std::string token) = 0;
};

using FindPlatform = std::function<Task<std::unique_ptr<OtherPlatform>>(MoveTarget)>;

// By the AppWebsocket of its manager; lines are WebSockets beside it.
Task<std::unique_ptr<OtherPlatform>> connect_platform(loop::Loop& loop, net::Resolver& resolver,
                                                      MoveTarget target);

}  // namespace berth::manager
