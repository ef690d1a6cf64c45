// The bare server without any proxy: what one socket a client costs at least.
#pragma once

#include <memory>

#include "base/unique_fd.h"
#include "loop/loop.h"

namespace berth::wsload {

// Serves `listener` (listening, non-blocking) until the loop stops: WebSockets echo, those of a path that ends
// in "/room" hear what any of them says; a GET without upgrade is answered with 1,024 bytes. Trusts its peers: for
// measurements on loopback only.
class EchoServer final : public loop::IoHandler {
 public:
  EchoServer(loop::Loop& loop, UniqueFd listener);
  ~EchoServer();

 private:
  class Peer;
  void on_io(std::uint32_t events) override;
  loop::Loop& loop_;
  UniqueFd listener_;
  struct Shared;
  std::unique_ptr<Shared> shared_;
};

}  // namespace berth::wsload
