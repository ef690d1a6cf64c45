#include "wire/http1/body.h"

namespace berth::http1 {
namespace {

constexpr std::uint32_t kMaxOverhead = 4096;

int hex_value(std::uint8_t byte) {
  if (byte >= '0' && byte <= '9') return byte - '0';
  if (byte >= 'a' && byte <= 'f') return byte - 'a' + 10;
  if (byte >= 'A' && byte <= 'F') return byte - 'A' + 10;
  return -1;
}

bool is_token(std::uint8_t byte) {  // RFC 9110 section 5.6.2
  const bool is_alphanumeric =
      (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
  return is_alphanumeric || (byte != 0 && std::strchr("!#$%&'*+-.^_`|~", byte) != nullptr);
}

bool is_text(std::uint8_t byte) { return (byte >= 0x20 && byte != 0x7f) || byte == '\t'; }

}  // namespace

BodyDecoder::BodyDecoder(Framing framing, std::uint64_t content_length) {
  switch (framing) {
    case Framing::kNone: state_ = State::kDone; break;
    case Framing::kLength:
      state_ = content_length > 0 ? State::kLength : State::kDone;
      remaining_ = content_length;
      break;
    case Framing::kChunked: state_ = State::kSizeFirst; break;
    case Framing::kUntilClose: state_ = State::kUntilClose; break;
  }
}

Result<BodyDecoder::Piece> BodyDecoder::decode(ByteView input) {
  Piece piece;
  while (piece.consumed < input.size()) {
    const auto rest = input.subspan(piece.consumed);
    switch (state_) {
      case State::kDone: return piece;
      case State::kUntilClose: return Piece{piece.consumed + rest.size(), rest};
      case State::kLength:
      case State::kData: {
        const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(remaining_, rest.size()));
        remaining_ -= size;
        if (remaining_ == 0) state_ = state_ == State::kLength ? State::kDone : State::kDataCr;
        return Piece{piece.consumed + size, rest.first(size)};
      }
      default: BERTH_TRY_VOID(step(rest[0])); ++piece.consumed;
    }
  }
  return piece;
}

// One byte of the chunked coding's frame (RFC 9112 section 7.1). Bare LF and bare CR are refused
// everywhere: parsers that differ about them can be played against each other.
Result<void> BodyDecoder::step(std::uint8_t byte) {
  const auto count_overhead = [&]() -> Result<void> {
    if (++overhead_ > kMaxOverhead)
      return fail(Errc::kTooLarge, "chunk extensions and trailers above {} bytes", kMaxOverhead);
    return {};
  };
  const auto size_line_ends = [&] { state_ = State::kSizeLf; };
  switch (state_) {
    case State::kSizeFirst:
    case State::kSize: {
      const int digit = hex_value(byte);
      if (digit >= 0) {
        if (++digits_ > 15) return fail(Errc::kMalformed, "chunk size with more than 15 digits");
        remaining_ = remaining_ << 4 | static_cast<std::uint64_t>(digit);
        state_ = State::kSize;
        return {};
      }
      if (state_ == State::kSizeFirst) return fail(Errc::kMalformed, "chunk without size");
      if (byte == '\r') size_line_ends();
      else if (byte == ';') state_ = State::kExtensionName;
      else if (byte == ' ' || byte == '\t') state_ = State::kSizeBlank;
      else return fail(Errc::kMalformed, "bad chunk size");
      return {};
    }
    case State::kSizeBlank:
      BERTH_TRY_VOID(count_overhead());
      if (byte == ';') state_ = State::kExtensionName;
      else if (byte != ' ' && byte != '\t') return fail(Errc::kMalformed, "bad chunk size");
      return {};
    case State::kExtensionName:
      BERTH_TRY_VOID(count_overhead());
      if (is_token(byte)) state_ = State::kExtension;
      else if (byte != ' ' && byte != '\t') return fail(Errc::kMalformed, "chunk extension without name");
      return {};
    case State::kExtension:
      BERTH_TRY_VOID(count_overhead());
      if (byte == '\r') size_line_ends();
      else if (byte == ';') state_ = State::kExtensionName;
      else if (byte == '"') state_ = State::kQuoted;
      else if (!is_text(byte)) return fail(Errc::kMalformed, "bad chunk extension");
      return {};
    case State::kQuoted:
      BERTH_TRY_VOID(count_overhead());
      if (byte == '"') state_ = State::kExtension;
      else if (byte == '\\') state_ = State::kQuotedEscape;
      else if (!is_text(byte)) return fail(Errc::kMalformed, "bad chunk extension");
      return {};
    case State::kQuotedEscape:
      BERTH_TRY_VOID(count_overhead());
      if (!is_text(byte)) return fail(Errc::kMalformed, "bad chunk extension");
      state_ = State::kQuoted;
      return {};
    case State::kSizeLf:
      if (byte != '\n') return fail(Errc::kMalformed, "chunk size ends with a bare CR");
      digits_ = 0;
      state_ = remaining_ > 0 ? State::kData : State::kTrailerStart;
      return {};
    case State::kDataCr:
      if (byte != '\r') return fail(Errc::kMalformed, "chunk longer than its size");
      state_ = State::kDataLf;
      return {};
    case State::kDataLf:
      if (byte != '\n') return fail(Errc::kMalformed, "chunk ends with a bare CR");
      state_ = State::kSizeFirst;
      return {};
    case State::kTrailerStart:
      if (byte == '\r') {
        state_ = State::kEndLf;
        return {};
      }
      if (byte == ' ' || byte == '\t') return fail(Errc::kMalformed, "folded trailer");
      if (!is_token(byte)) return fail(Errc::kMalformed, "bad trailer");
      state_ = State::kTrailerName;
      [[fallthrough]];
    case State::kTrailerName:  // a request line that somebody hides here has no name before its colon
      BERTH_TRY_VOID(count_overhead());
      if (byte == ':') state_ = State::kTrailer;
      else if (!is_token(byte)) return fail(Errc::kMalformed, "bad trailer");
      return {};
    case State::kTrailer:
      BERTH_TRY_VOID(count_overhead());
      if (byte == '\r') state_ = State::kTrailerLf;
      else if (!is_text(byte)) return fail(Errc::kMalformed, "bad trailer");
      return {};
    case State::kTrailerLf:
      if (byte != '\n') return fail(Errc::kMalformed, "trailer ends with a bare CR");
      state_ = State::kTrailerStart;
      return {};
    case State::kEndLf:
      if (byte != '\n') return fail(Errc::kMalformed, "body ends with a bare CR");
      state_ = State::kDone;
      return {};
    case State::kDone:
    case State::kLength:
    case State::kUntilClose:
    case State::kData: break;
  }
  BERTH_CHECK(false);
  return {};
}

Result<void> BodyDecoder::finish() {
  if (state_ == State::kUntilClose) state_ = State::kDone;
  if (state_ != State::kDone) return fail(Errc::kMalformed, "body cut off");
  return {};
}

}  // namespace berth::http1
