// Our end of one link socket: one reactor of the webserver (docs/protocols/link.md).
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "loop/loop.h"
#include "sdk/link/attachment.h"
#include "sdk/link/stream_table.h"
#include "wire/link/frame.h"

namespace berth::sdk {

class LinkClient;

// Connects by itself, again after each loss: at once, then every 50 ms. What is to be sent is
// gathered and leaves at the end of the turn in one write.
class Link final : private loop::IoHandler {
 public:
  enum class State { kDown, kGreeting, kUp };

  Link(LinkClient& client, std::string path);
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  const std::string& path() const { return path_; }
  State state() const { return state_; }

  // Sends ATTACH (and STATIC) if the link is up; else it goes out after the greeting.
  void attach(Attachment& attachment);
  void detach(std::uint32_t attach_id);
  // Sends the ATTACH of one that was refused or taken away once more.
  void attach_again(Attachment& attachment);
  // nullptr: not answered yet, or the link is not up.
  const link::Attached* attach_result(std::uint32_t attach_id) const;
  // Whether any of what is attached was refused here.
  bool has_refused() const { return !refused_.empty(); }
  // The webserver has a successor: this link lives on for the streams it has, and is gone for good when it is lost.
  bool is_leaving() const { return is_leaving_; }

  // Frames are appended here; schedule_flush() afterwards. Only while kUp.
  Bytes& out() { return out_; }
  void schedule_flush();
  // At once what would go out at the end of the turn.
  void flush_early() {
    if (flushing_.is_scheduled()) flush();
  }

  // Takes the stream out. `sent_close`: the webserver's CLOSE is still to come and needs no answer.
  void remove(std::uint32_t id, bool sent_close);
  void for_each_stream(const std::function<void(Stream&)>& call);
  std::size_t stream_count() const { return streams_.size(); }

 private:
  void connect();
  void on_io(std::uint32_t events) override;
  void read();
  // Returns how much of `input` was whole frames. Errors end the link.
  Result<std::size_t> take(ByteView input);
  Result<void> take_frame(const link::FrameHeader& header, ByteView payload);
  Result<void> take_link_frame(const link::FrameHeader& header, ByteView payload);
  Result<void> open_stream(std::uint32_t id, ByteView payload);
  void refuse(std::uint32_t id, link::Kind kind, std::uint16_t code);
  void answer_close(std::uint32_t id);
  void send_attach(Attachment& attachment);
  void flush();
  // One sendmsg. True if something left.
  bool write_some(std::size_t until, int descriptor);
  void lose(std::string_view why);

  LinkClient& client_;
  const std::string path_;
  State state_ = State::kDown;
  UniqueFd socket_;
  bool wants_write_ = false;
  bool is_leaving_ = false;
  std::uint32_t peer_credit_ = 0;  // what each new stream may send
  Bytes in_;                       // a frame that came in part
  Bytes out_;
  std::size_t out_sent_ = 0;
  struct Descriptor {
    std::uint64_t position;  // in out_: of the first byte of its frame
    int fd;
  };
  std::deque<Descriptor> descriptors_;
  std::map<std::uint32_t, link::Attached> results_;
  std::unordered_set<std::uint32_t> refused_;  // of results_
  std::unordered_set<std::uint32_t> again_;    // sent once more and not answered yet
  StreamTable streams_;
  std::unordered_set<std::uint32_t> closing_;  // our CLOSE is sent, the webserver's is awaited
  loop::Deferred flushing_;
  loop::Timer retry_;
  loop::TimePoint lost_since_;
};

}  // namespace berth::sdk
