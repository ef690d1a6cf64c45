// Clients of an instance that leaves or has left: held until it is decided where it lives, then passed on.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>

#include "berth/http.h"
#include "berth/websocket.h"
#include "loop/sync.h"
#include "manager/instances/instances.h"
#include "manager/settings/settings.h"
#include "net/resolver.h"

namespace berth::manager {

// Owned by the manager's main. Stands at "/", where the webserver brings what nobody has attached: nothing is in the way of
// the instance itself, neither before nor after.
//  kLeaving: requests and messages of WebSockets wait, at most `moveHoldSeconds`. If it stays, requests are sent to the same
//  place again (307) and WebSockets closed with 1012, which makes clients come back.
//  kMoved, forwards: requests and WebSockets are passed on to the same path of the other platform. What the app there sees
//  of a client is what it would see here, but for the client's address. Without: requests are told where it is (410).
class Forwards final : public sdk::WebsocketHandler {
 public:
  // At once; more are refused with 503. Each WebSocket takes a connection to the other platform.
  static constexpr std::size_t kMostWebsockets = 2000;

  Forwards(loop::Loop& loop, const Instances& instances, const Settings& settings, net::Resolver& resolver);
  ~Forwards() override;

  // An instance has changed: who waits for it looks again, and its path takes WebSockets or does so no more.
  void changed();
  // How WebSockets at a path come to us ("/example.com/team"), and do so no more; null: there is nobody who could.
  // (HTTP at such a path comes to "/" by itself. WebSockets everywhere below "/" would change what an upgrade means at
  // paths that know HTTP only.)
  using ByPath = std::function<void(const std::string& path)>;
  void set_attaching(ByPath attach, ByPath detach);
  // False: the path belongs to no instance that leaves or has left, and nothing is answered.
  Task<bool> serve(sdk::HttpRequest& request, sdk::HttpResponse& response);

  std::uint16_t admit(const sdk::Upgrade& upgrade) override;
  Task<void> opened(sdk::Websocket& socket) override;
  Task<void> received(sdk::Websocket& socket, Bytes message, bool is_text) override;
  void closed(sdk::Websocket& socket, std::uint16_t code) override;

 private:
  class Relay;
  const InstanceRow* find(std::string_view target) const;
  // Until it is decided where the instance of this path lives; then where it is, or nullopt: it is (again) here, or nobody
  // said so in time.
  Task<std::optional<Moved>> settle(std::string target);
  Task<void> pass_on(Moved to, sdk::HttpRequest& request, sdk::HttpResponse& response);

  loop::Loop& loop_;
  const Instances& instances_;
  const Settings& settings_;
  net::Resolver& resolver_;
  loop::Event changed_;
  std::size_t websockets_ = 0;
  ByPath attach_, detach_;
  std::set<std::string> attached_;
  sdk::Upgrade admitted_;  // between admit() and opened() of the same socket, which follow at once
  loop::TaskGroup farewells_;
};

}  // namespace berth::manager
