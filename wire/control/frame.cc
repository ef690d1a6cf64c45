#include "wire/control/frame.h"

#include "wire/json/json.h"

namespace berth::control {

Result<void> append(Bytes& out, const json::Object& message) {
  const std::string text = json::serialize(message);
  if (text.size() > kMaxFrame)
    return fail(Errc::kTooLarge, "control message of {} bytes, at most {} allowed", text.size(), kMaxFrame);
  const auto length = static_cast<std::uint32_t>(text.size());
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<std::uint8_t>(length >> shift));
  out.insert(out.end(), text.begin(), text.end());
  return {};
}

void Decoder::feed(ByteView bytes) {
  // What is used up goes before more comes, so the buffer holds at most one frame and one read.
  if (used_ > 0) {
    buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(used_));
    used_ = 0;
  }
  buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
  fed_ += bytes.size();
}

Result<std::optional<json::Object>> Decoder::next() {
  const ByteView rest = ByteView(buffer_).subspan(used_);
  if (rest.size() < kHeaderSize) return std::nullopt;
  const std::size_t length = std::size_t{rest[0]} << 24 | rest[1] << 16 | rest[2] << 8 | rest[3];
  if (length > max_frame_)
    return fail(Errc::kTooLarge, "control frame of {} bytes, at most {} allowed", length, max_frame_);
  if (rest.size() < kHeaderSize + length) {
    return std::nullopt;
  }
  BERTH_TRY(auto message,
            json::parse_object(as_text(rest.subspan(kHeaderSize, length)), {.size_bytes = max_frame_}));
  last_begin_ = fed_ - rest.size();
  last_end_ = last_begin_ + kHeaderSize + length;
  used_ += kHeaderSize + length;
  if (used_ == buffer_.size()) {
    used_ = 0;
    Bytes().swap(buffer_);  // idle connections hold no memory
  }
  return message;
}

}  // namespace berth::control
