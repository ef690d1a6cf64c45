// One service's socket in one reactor (docs/protocols/link.md): all streams of all its users.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <deque>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "base/bytes.h"
#include "base/unique_fd.h"
#include "loop/loop.h"
#include "wire/link/frame.h"

namespace berth::webserver {

class Connection;
class Reactor;
struct Attach;

// Owned by its reactor. What is appended during a turn leaves in one write at its end.
class Link final : public loop::IoHandler {
 public:
  // Messages to clients in one turn: a sixth of a millisecond or so. The rest waits for the next.
  static constexpr std::size_t kShare = 32;

  Link(Reactor& reactor, UniqueFd fd, const ucred& peer);
  ~Link();

  void on_io(std::uint32_t events) override;

  // --- towards the service ---
  Result<void> append_open(std::uint32_t stream, const link::Open& open);
  void append_data(link::Type type, std::uint32_t stream, std::uint8_t flags, ByteView bytes);
  void append_close(std::uint32_t stream, std::uint16_t code, std::string_view reason);
  void append_credit(std::uint32_t stream, std::uint32_t bytes);
  void append_detached(std::uint32_t attach_id, link::AttachResult result, std::string reason);

  // The service does not read: clients with data for it have to wait.
  bool is_congested() const;
  // Calls `connection`'s resume() once there is room.
  void wait_for_room(Connection& connection);
  // Room for a further stream?
  bool takes_streams() const;

  std::uint32_t service_credit() const {
    return service_credit_;
  }  // that each new stream starts with towards it
  std::uint32_t our_credit() const { return our_credit_; }  // that we told it
  bool is_closing(std::uint32_t stream) const { return closing_.contains(stream); }
  void stream_opened() { ++streams_; }
  void stream_ended() { --streams_; }
  // We sent CLOSE; the id is not free before the service's CLOSE came.
  void stream_closing(std::uint32_t stream) { closing_.insert(stream); }

  void detach(Attach& attach);
  // Tells the service to attach at our successor, too. Once; false if it does not understand that.
  bool leave();
  bool understands_leave() const { return follows_; }
  bool was_told_to_leave() const { return left_; }
  const std::string& name() const { return name_; }
  bool is_dead() const { return dead_; }
  // Ends the link at the end of the turn; for a service that breaks the protocol, and for one that left.
  void fail(std::string_view reason);
  void flush();

 private:
  void read_and_serve();
  std::size_t serve(std::span<std::uint8_t> bytes);
  void on_frame(const link::FrameHeader& header, std::span<std::uint8_t> payload);
  Result<void> on_link_frame(const link::FrameHeader& header, std::span<std::uint8_t> payload);
  Result<void> on_stream_frame(const link::FrameHeader& header, std::span<std::uint8_t> payload);
  Result<void> on_hello(ByteView payload);
  Result<void> on_attach(link::Attach request);
  Result<void> on_static(std::uint32_t id);
  Result<void> on_broadcast(std::uint8_t flags, ByteView payload);
  void keep(ByteView rest);
  void go_on();
  link::Attached judge(const link::Attach& request);
  void take_over(const link::Attach& request);
  void answer(const link::Attached& attached, std::string_view path);
  void schedule_flush();
  std::size_t pending() const { return out_.size() - out_begin_; }

  Reactor& reactor_;
  UniqueFd fd_;
  const ucred peer_;
  std::string name_;
  bool greeted_ = false;
  bool dead_ = false;
  bool watching_out_ = false;
  bool follows_ = false;  // the service understands LEAVE
  bool left_ = false;     // and was sent it
  std::uint32_t service_credit_ = link::kDefaultCredit;
  std::uint32_t our_credit_ = link::kDefaultCredit;
  std::uint32_t streams_ = 0;

  Bytes carry_;            // read and not served: the beginning of a frame, or what is above a turn's share
  std::size_t share_ = 0;  // messages that may still go to clients in this turn
  std::size_t broadcast_done_ = 0;  // streams of the BROADCAST at hand that have it already
  loop::Deferred go_on_soon_;
  std::deque<UniqueFd> descriptors_;
  Bytes out_;
  std::size_t out_begin_ = 0;
  loop::Deferred flush_soon_;
  loop::Timer greeting_;
  std::unordered_map<std::uint32_t, std::uint32_t> attaches_;  // the service's id → slot
  std::unordered_map<std::uint32_t, link::Attach> awaiting_pack_;
  std::unordered_set<std::uint32_t> closing_;
  std::vector<std::uint32_t> waiters_;  // streams whose clients wait for room
};

}  // namespace berth::webserver
