// One stream of a link: what a WebSocket, an HTTP exchange and a passthrough have in common.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "loop/loop.h"
#include "wire/link/frame.h"

namespace berth::sdk {

class Attachment;
class Link;
class LinkClient;

// Bytes that each new stream may send us before we give more (our HELLO).
inline constexpr std::uint32_t kReceiveWindow = 65536;
// Consumed bytes are given back in one CREDIT once they are this many.
inline constexpr std::uint32_t kGiveBack = kReceiveWindow / 2;
static_assert(kGiveBack <= 65536);

// Life: made by an attachment for an OPEN, owned by its Link while either side may still send, then
// by the LinkClient until finish() has been called, from the loop and never from below its own task.
class Stream {
 public:
  struct Seed {
    Link& link;
    Attachment& attachment;
    std::uint32_t id;
    std::uint32_t send_credit;
  };
  explicit Stream(const Seed& seed);
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;
  virtual ~Stream();

  // --- from the link ---
  virtual void start() = 0;
  virtual void on_data(ByteView data, bool is_last);
  virtual void on_message(ByteView part, bool is_end, bool is_text);
  virtual void on_credit() = 0;
  // The peer closed the stream or the link was lost (1006). Nothing more can be sent.
  virtual void on_gone(std::uint16_t code) = 0;
  // True while a task works on what came whole before the stream went.
  virtual bool is_busy() const = 0;
  // Cancels what runs and tells the application. The stream is destroyed right after.
  virtual void finish() = 0;
  // The instance goes: say so to the peer as this kind does, whatever waits.
  virtual void abandon() = 0;

  std::uint32_t id() const { return id_; }
  Link* link() const { return link_; }
  Attachment& attachment() const { return attachment_; }
  std::uint32_t send_credit() const { return send_credit_; }
  // Bytes sent on our behalf by a BROADCAST.
  void charge(std::size_t bytes);

 protected:
  friend class Link;
  // Sends as much of `data` as credit and the frame size allow, and returns how much. The last
  // part carries `last_flags` beside `flags`; empty data is one empty last frame.
  std::size_t send_part(link::Type type, std::uint8_t flags, std::uint8_t last_flags, ByteView data);
  void send_accept(const link::Accept& accept);
  // Our CLOSE, once. The stream stays until the peer's comes.
  void send_close(std::uint16_t code, std::string reason = {});
  bool has_sent_close() const { return sent_close_; }
  // The other direction has ended as well: the stream is over without CLOSE.
  void end_both();
  // Bytes that came in DATA or MESSAGE are done with.
  void give_credit(std::size_t bytes);
  // The application is done with the stream: see is_busy().
  void became_idle();

  LinkClient& client() const;

 private:
  Link* link_;
  Attachment& attachment_;
  std::uint32_t id_;
  std::uint32_t send_credit_;
  std::uint32_t receive_allowance_ = kReceiveWindow;  // what the peer may still send
  std::uint16_t unreturned_ = 0;                      // consumed, less than kGiveBack
  bool sent_close_ = false;

 protected:
  std::uint8_t kind_bits_ = 0;  // of the derived class: here they cost an idle stream nothing
};
static_assert(sizeof(Stream) == 40, "there is one for each session");

}  // namespace berth::sdk
