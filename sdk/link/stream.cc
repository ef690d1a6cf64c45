#include "sdk/link/stream.h"

#include <algorithm>

#include "base/result.h"
#include "sdk/link/attachment.h"
#include "sdk/link/link.h"
#include "sdk/link/link_client.h"
#include "sdk/share/instance_share.h"

namespace berth::sdk {

Stream::Stream(const Seed& seed)
    : link_(&seed.link), attachment_(seed.attachment), id_(seed.id), send_credit_(seed.send_credit) {}

Stream::~Stream() = default;

LinkClient& Stream::client() const { return attachment_.client(); }

void Stream::on_data(ByteView, bool) {}
void Stream::on_message(ByteView, bool, bool) {}

void Stream::charge(std::size_t bytes) {
  send_credit_ -= static_cast<std::uint32_t>(bytes);
  attachment_.share().counters().bytes_out += bytes;
}

std::size_t Stream::send_part(link::Type type, std::uint8_t flags, std::uint8_t last_flags, ByteView data) {
  BERTH_CHECK(link_);
  if (data.empty()) {
    link::append_data(link_->out(), type, id_, flags | last_flags, {});
    link_->schedule_flush();
    return 0;
  }
  std::size_t sent = 0;
  while (sent < data.size() && send_credit_ > 0) {
    const auto size = std::min({data.size() - sent, std::size_t{send_credit_}, link::kMaxData});
    const bool is_last = sent + size == data.size();
    link::append_data(link_->out(), type, id_, is_last ? flags | last_flags : flags,
                      data.subspan(sent, size));
    send_credit_ -= static_cast<std::uint32_t>(size);
    sent += size;
  }
  attachment_.share().counters().bytes_out += sent;
  if (sent > 0) link_->schedule_flush();
  return sent;
}

void Stream::send_accept(const link::Accept& accept) {
  if (!link_) return;
  if (const auto done = link::append(link_->out(), id_, accept); !done) throw Failure(done.error());
  link_->schedule_flush();
}

void Stream::send_close(std::uint16_t code, std::string reason) {
  if (!link_ || sent_close_) return;
  sent_close_ = true;
  link::append(link_->out(), id_, link::Close{code, std::move(reason)});
  link_->schedule_flush();
  // What the peer still sends is for a stream we no longer know and is dropped.
  link_->remove(id_, true);
}

void Stream::end_both() {
  if (link_) link_->remove(id_, false);
}

void Stream::give_credit(std::size_t bytes) {
  if (!link_) return;
  const auto consumed = unreturned_ + static_cast<std::uint32_t>(bytes);
  if (consumed < kGiveBack) {
    unreturned_ = static_cast<std::uint16_t>(consumed);
    return;
  }
  unreturned_ = 0;
  link::append_credit(link_->out(), id_, consumed);
  link_->schedule_flush();
  receive_allowance_ += consumed;
}

void Stream::became_idle() {
  if (!link_) client().schedule_reap();
}

}  // namespace berth::sdk
