#pragma once

#include <functional>
#include <memory>
#include <string>

#include "berth/websocket.h"
#include "loop/loop.h"
#include "manager/move/arrivals.h"

namespace berth::manager {

// /manager/line?key=…&token=…: the sessions of another platform with the database of an instance that is arriving, one a
// WebSocket, in binary messages. `key` as for HTTP.
class LineHandler final : public sdk::WebsocketHandler {
 public:
  LineHandler(loop::Loop& loop, Arrivals& arrivals, std::function<bool(const std::string&)> is_key);
  static sdk::WebsocketLimits limits();

  std::uint16_t admit(const sdk::Upgrade& upgrade) override;
  loop::Task<void> opened(sdk::Websocket& socket) override;
  loop::Task<void> received(sdk::Websocket& socket, Bytes message, bool is_text) override;

 private:
  struct Line;
  loop::Loop& loop_;
  Arrivals& arrivals_;
  std::function<bool(const std::string&)> is_key_;
  std::string token_;  // between admit() and opened() of the same socket, which follow at once
};

}  // namespace berth::manager
