// An instance of echo: answers of any size, and bad days on demand.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "berth/app_service.h"

namespace berth::echo {

// Sends each message back as it came. The next one waits until the client has taken the answer.
class EchoHandler : public sdk::WebsocketHandler {
 public:
  loop::Task<void> received(sdk::Websocket& socket, Bytes message, bool is_text) override;
};

// Sends each message to all that are there, the sender included.
class RoomHandler : public sdk::WebsocketHandler {
 public:
  loop::Task<void> opened(sdk::Websocket& socket) override;
  loop::Task<void> received(sdk::Websocket& socket, Bytes message, bool is_text) override;
  void closed(sdk::Websocket& socket, std::uint16_t code) override;

 private:
  std::vector<sdk::Websocket*> members_;
};

class EchoInstance : public sdk::AppInstance {
 public:
  static constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 40;  // of GET bytes/N
  static constexpr std::int64_t kMostMebibytes = 65536;                // of POST hog
  static constexpr std::int64_t kMostMilliseconds = 3'600'000;         // of slow and spin
  static constexpr std::size_t kMostMessage = 16 << 20;                // bytes of a WebSocket message
  static constexpr std::size_t kMostMirrored = 64 * 1024;              // bytes of a body that mirror shows

  // `files`: the static pack; lives as long as the process.
  EchoInstance(sdk::AppService& service, sdk::InstanceArguments arguments, ByteView files);
  loop::Task<void> started() override;

 private:
  loop::Task<void> bytes(sdk::HttpRequest& request, sdk::HttpResponse& response);
  loop::Task<void> sink(sdk::HttpRequest& request, sdk::HttpResponse& response);
  loop::Task<void> mirror(sdk::HttpRequest& request, sdk::HttpResponse& response);
  loop::Task<void> slow(sdk::HttpRequest& request, sdk::HttpResponse& response);
  loop::Task<void> crash(sdk::HttpRequest& request, sdk::HttpResponse& response);
  loop::Task<void> hog(sdk::HttpRequest& request, sdk::HttpResponse& response);
  loop::Task<void> spin(sdk::HttpRequest& request, sdk::HttpResponse& response);

  ByteView files_;
  Bytes blocks_;  // a static pack, too
  EchoHandler echo_;
  RoomHandler room_;
  std::vector<std::string> hogged_;
};

// `size` bytes of the endless body from `offset` on: byte i is the same in every answer.
std::string make_block(std::uint64_t offset, std::size_t size);

}  // namespace berth::echo
