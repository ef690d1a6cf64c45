// A webserver of a test's own: speaks the link protocol, knows no HTTP.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/unique_fd.h"
#include "loop/loop.h"
#include "loop/sync.h"
#include "net/listener.h"
#include "wire/link/frame.h"

namespace berth::sdk {

// Listens on one link socket and records what a service does there. All in the test's loop.
class FakeWebserver {
 public:
  struct Frame {
    link::FrameHeader header;
    Bytes payload;
    std::string text() const { return std::string(as_text(payload)); }
  };

  FakeWebserver(loop::Loop& loop, std::string path);
  ~FakeWebserver();

  // Of the newest connection.
  void send(const Bytes& frames);
  void open(std::uint32_t stream, const link::Open& open);
  void send_text(std::uint32_t stream, std::string_view message);
  void send_detached(std::uint32_t attach_id, std::string reason);
  void close_link();  // as if the process had died; listens on
  // The same, of the connection before the newest.
  void send_to_former(const Bytes& frames);
  void close_former();
  void stop_listening();

  // Turns of the loop until an ATTACH of that path and kind has come (and been answered, see `results`).
  std::uint32_t await_attach(std::string_view path, link::Kind kind);
  // Next frame of a stream, in order; waits for it. CREDIT frames are counted in `credit` instead.
  Frame next(std::uint32_t stream);
  // Next MESSAGE of a stream, put together from its parts or from a BROADCAST.
  std::string next_text(std::uint32_t stream);
  bool has_frame(std::uint32_t stream) const;
  // What was recorded of streams, for tests that count bytes.
  void forget_streams();
  // Lets the loop turn until nothing is left to be done right now.
  void settle();

  std::map<std::string, link::AttachResult> results;  // by path; else kOk
  std::uint32_t credit_for_service = link::kDefaultCredit;
  std::map<std::uint32_t, std::uint64_t> credit;  // given by the service, by stream
  std::vector<link::Attach> attaches;
  std::vector<std::uint32_t> detached;
  std::map<std::uint32_t, Bytes> packs;  // content of the memfd, by attach id
  int connections = 0;
  int broadcasts = 0;
  link::Hello hello;

 private:
  struct Connection;
  loop::Task<void> accept_all();
  loop::Task<void> serve(std::shared_ptr<Connection> connection);
  void take(Connection& connection, Frame frame);
  void send_to(Connection& connection, const Bytes& frames);

  loop::Loop& loop_;
  const std::string path_;
  std::unique_ptr<net::Listener> listener_;
  std::shared_ptr<Connection> current_, former_;
  std::map<std::uint32_t, std::deque<Frame>> frames_;
  loop::TaskGroup tasks_;
};

}  // namespace berth::sdk
