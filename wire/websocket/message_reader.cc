#include "wire/websocket/message_reader.h"

namespace berth::websocket {
namespace {

constexpr std::uint16_t kProtocolError = 1002, kNoStatus = 1005, kInvalidData = 1007, kTooBig = 1009;

}  // namespace

tl::unexpected<Error> MessageReader::refuse(std::uint16_t code, Errc errc, std::string_view why) {
  error_close_code_ = code;
  return tl::unexpected(Error{errc, std::string(why)});
}

Result<MessageReader::Step> MessageReader::next(std::span<std::uint8_t> input) {
  if (closed_) return Step{.consumed = input.size()};
  if (frame_open_) return next_data(input, 0);

  auto parsed = parse_frame_header(input, max_message_);
  if (!parsed) {
    error_close_code_ = parsed.error().code == Errc::kTooLarge ? kTooBig : kProtocolError;
    return tl::unexpected(std::move(parsed.error()));
  }
  if (!*parsed) return Step{};
  const FrameHeader& header = **parsed;
  if (header.masked != (role_ == Role::kServer))
    return refuse(kProtocolError, Errc::kMalformed,
                  role_ == Role::kServer ? "frame without mask" : "masked frame");
  // The first frame of a message says it for all (RFC 7692 section 6.1).
  if (header.compressed &&
      (!may_compress_ || is_control(header.opcode) || header.opcode == Opcode::kContinuation))
    return refuse(kProtocolError, Errc::kMalformed, "RSV1 where no extension allows it");
  if (is_control(header.opcode)) return next_control(input, header);

  if (header.opcode == Opcode::kContinuation) {
    if (!in_message_) return refuse(kProtocolError, Errc::kMalformed, "continuation of nothing");
  } else {
    if (in_message_) return refuse(kProtocolError, Errc::kMalformed, "new message within another");
    in_message_ = true;
    is_text_ = header.opcode == Opcode::kText;
    is_compressed_ = header.compressed;
    message_size_ = 0;
    utf8_.reset();
  }
  if (header.payload_length > max_message_ - message_size_)
    return refuse(kTooBig, Errc::kTooLarge, "message above limit");
  message_size_ += header.payload_length;
  frame_left_ = header.payload_length;
  frame_offset_ = 0;
  frame_fin_ = header.fin;
  frame_open_ = true;
  mask_ = header.mask;
  return next_data(input, header.size);
}

Result<MessageReader::Step> MessageReader::next_control(std::span<std::uint8_t> input,
                                                        const FrameHeader& header) {
  const auto size = header.size + static_cast<std::size_t>(header.payload_length);
  if (input.size() < size) return Step{};
  auto payload = input.subspan(header.size, size - header.size);
  if (header.masked) apply_mask(payload, header.mask);
  Event event{.kind = header.opcode == Opcode::kPing ? Kind::kPing : Kind::kPong, .data = payload};
  if (header.opcode == Opcode::kClose) {
    event.kind = Kind::kClose;
    event.close_code = kNoStatus;
    if (payload.size() == 1) return refuse(kProtocolError, Errc::kMalformed, "close frame with one byte");
    if (payload.size() >= 2) {
      event.close_code = static_cast<std::uint16_t>(payload[0] << 8 | payload[1]);
      event.data = payload.subspan(2);
      if (!is_valid_close_code(event.close_code))
        return refuse(kProtocolError, Errc::kMalformed, "close code that may not be sent");
      Utf8Checker checker;
      if (!checker.feed(event.data) || !checker.is_at_boundary())
        return refuse(kInvalidData, Errc::kMalformed, "close reason is not UTF-8");
    }
    closed_ = true;
  }
  return Step{size, event};
}

Result<MessageReader::Step> MessageReader::next_data(std::span<std::uint8_t> input, std::size_t header_size) {
  const auto rest = input.subspan(header_size);
  const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(rest.size(), frame_left_));
  if (size == 0 && frame_left_ > 0) return Step{.consumed = header_size};
  const auto part = rest.first(size);
  if (role_ == Role::kServer) apply_mask(part, mask_, frame_offset_);
  frame_offset_ += size;
  frame_left_ -= size;
  const bool frame_ends = frame_left_ == 0;
  const bool message_ends = frame_ends && frame_fin_;
  if (is_text_ && !is_compressed_ && (!utf8_.feed(part) || (message_ends && !utf8_.is_at_boundary())))
    return refuse(kInvalidData, Errc::kMalformed, "text is not UTF-8");
  if (frame_ends) frame_open_ = false;
  if (message_ends) in_message_ = false;
  Step step{.consumed = header_size + size};
  if (size > 0 || message_ends)
    step.event = Event{.kind = Kind::kData,
                       .data = part,
                       .is_text = is_text_,
                       .is_final = message_ends,
                       .is_compressed = is_compressed_};
  return step;
}

}  // namespace berth::websocket
