#include "wire/websocket/deflate.h"

#include <zlib.h>

#include <array>

#include "base/text.h"

namespace berth::websocket {
namespace {

constexpr int kLevel = 1, kMemoryLevel = 6;
// An empty stored block without its first bits, cut off each message and put back to read it (section 7.2.1).
constexpr std::array<std::uint8_t, 4> kTail = {0x00, 0x00, 0xff, 0xff};

// Values may be quoted (RFC 6455 section 9.1); none of ours has anything to escape.
std::string_view unquote(std::string_view value) {
  if (value.size() >= 2 && value.front() == '"' && value.back() == '"')
    return value.substr(1, value.size() - 2);
  return value;
}

// 8..15 without leading zeros (section 7.1.2).
std::optional<int> parse_bits(std::string_view text) {
  const auto number = parse_integer(text);
  if (!number || *number < 8 || *number > 15 || text.front() == '0' || text.size() > 2) return std::nullopt;
  return static_cast<int>(*number);
}

std::optional<std::string> accept_offer(std::string_view offer) {
  const auto parts = split(offer, ';');
  if (trim(parts.front()) != "permessage-deflate") return std::nullopt;
  enum { kServerTakeover = 1, kClientTakeover = 2, kServerBits = 4, kClientBits = 8 };
  int seen = 0;
  for (std::size_t i = 1; i < parts.size(); ++i) {
    const auto part = trim(parts[i]);
    const auto equals = part.find('=');
    const auto name = trim(part.substr(0, equals));
    const bool has_value = equals != part.npos;
    const auto value = has_value ? unquote(trim(part.substr(equals + 1))) : std::string_view();
    int bit = 0;
    if (name == "server_no_context_takeover" && !has_value) bit = kServerTakeover;
    if (name == "client_no_context_takeover" && !has_value) bit = kClientTakeover;
    if (name == "client_max_window_bits" && (!has_value || parse_bits(value))) bit = kClientBits;
    if (name == "server_max_window_bits" && has_value && parse_bits(value).value_or(0) >= kWindowBits)
      bit = kServerBits;
    if (bit == 0 || seen & bit) return std::nullopt;
    seen |= bit;
  }
  std::string answer = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
  if (seen & kServerBits) answer += fmt::format("; server_max_window_bits={}", kWindowBits);
  return answer;
}

}  // namespace

std::optional<std::string> accept_deflate(std::string_view offers) {
  for (const auto offer : split(offers, ','))
    if (auto answer = accept_offer(offer)) return answer;
  return std::nullopt;
}

struct Inflater::State {
  z_stream stream{};
};

Inflater::Inflater() : state_(std::make_unique<State>()) {
  BERTH_CHECK(::inflateInit2(&state_->stream, -15) == Z_OK);
}

Inflater::~Inflater() { ::inflateEnd(&state_->stream); }

void Inflater::begin() {
  ::inflateReset(&state_->stream);
  tail_ = 0;
}

Result<Inflater::Step> Inflater::next(ByteView input, bool is_last, std::span<std::uint8_t> out) {
  auto& stream = state_->stream;
  stream.next_out = out.data();
  stream.avail_out = static_cast<uInt>(out.size());
  Step step;
  for (;;) {
    const bool feeds_tail = step.consumed == input.size() && is_last;
    const auto rest = feeds_tail ? ByteView(kTail).subspan(tail_) : input.subspan(step.consumed);
    stream.next_in = const_cast<std::uint8_t*>(rest.data());
    stream.avail_in = static_cast<uInt>(std::min<std::size_t>(rest.size(), 1U << 30));
    const auto given = stream.avail_in;
    const auto result = ::inflate(&stream, Z_NO_FLUSH);
    const auto taken = given - stream.avail_in;
    if (feeds_tail) tail_ += taken;
    else step.consumed += taken;
    step.produced = out.size() - stream.avail_out;
    // A block that says it is the last may stand anywhere in a message (section 7.2.3.4).
    if (result == Z_STREAM_END) ::inflateReset(&stream);
    else if (result != Z_OK && result != Z_BUF_ERROR)
      return fail(Errc::kMalformed, "compressed message: {}", stream.msg ? stream.msg : "malformed");
    if (stream.avail_out == 0) return step;
    if (step.consumed < input.size()) {
      if (taken == 0 && result == Z_BUF_ERROR) return fail(Errc::kMalformed, "compressed message: malformed");
      continue;
    }
    if (!is_last) return step;
    if (tail_ < kTail.size()) {
      if (feeds_tail && taken == 0) return fail(Errc::kMalformed, "compressed message: cut off");
      continue;
    }
    // Between two blocks (zlib.h: 128 in data_type), or else the tail was eaten as a part of one.
    if (result != Z_STREAM_END && !(stream.data_type & 128))
      return fail(Errc::kMalformed, "compressed message: cut off");
    step.is_done = true;
    return step;
  }
}

struct Deflater::State {
  z_stream stream{};
};

Deflater::Deflater() : state_(std::make_unique<State>()) {
  BERTH_CHECK(::deflateInit2(&state_->stream, kLevel, Z_DEFLATED, -kWindowBits, kMemoryLevel,
                             Z_DEFAULT_STRATEGY) == Z_OK);
}

Deflater::~Deflater() { ::deflateEnd(&state_->stream); }

std::span<std::uint8_t> Deflater::compress(ByteView part, bool is_last) {
  auto& stream = state_->stream;
  ::deflateReset(&stream);
  // Bound of a whole stream, and the flush behind it.
  const auto most = ::deflateBound(&stream, static_cast<uLong>(part.size())) + 16;
  if (out_.size() < kRoom + most) out_.resize(kRoom + most);
  stream.next_in = const_cast<std::uint8_t*>(part.data());
  stream.avail_in = static_cast<uInt>(part.size());
  stream.next_out = out_.data() + kRoom;
  stream.avail_out = static_cast<uInt>(out_.size() - kRoom);
  BERTH_CHECK(::deflate(&stream, Z_SYNC_FLUSH) == Z_OK && stream.avail_in == 0 && stream.avail_out > 0);
  auto size = out_.size() - kRoom - stream.avail_out;
  if (is_last) size -= kTail.size();
  return std::span(out_).subspan(kRoom, size);
}

}  // namespace berth::websocket
