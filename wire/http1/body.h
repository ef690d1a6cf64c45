// Bodies of HTTP/1 messages: takes the framing away (RFC 9112 sections 6 and 7).
#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "wire/http1/head.h"

namespace berth::http1 {

// Decodes one body; a value of 32 bytes.
class BodyDecoder {
 public:
  BodyDecoder() = default;  // no body: done at once
  BodyDecoder(Framing framing, std::uint64_t content_length);
  template <class Head>
  explicit BodyDecoder(const Head& head) : BodyDecoder(head.framing, head.content_length) {}

  struct Piece {
    std::size_t consumed = 0;  // bytes of the input that are dealt with
    ByteView data;             // body bytes, a part of the input; may be empty
  };
  // Takes the next piece. Call again with what is left until it consumes nothing or is_done().
  // Bytes after the body (the next request) are not touched. Trailers are read and dropped.
  // Errors: kMalformed (400) for a chunk that breaks RFC 9112, kTooLarge (431) for extensions or
  // trailers beyond 4096 bytes.
  Result<Piece> decode(ByteView input);
  bool is_done() const { return state_ == State::kDone; }
  // At the end of the stream: kMalformed if the body is cut off.
  Result<void> finish();
  // Body bytes still to come, for Framing::kLength.
  std::uint64_t remaining() const { return remaining_; }

 private:
  enum class State : std::uint8_t {
    kDone,
    kLength,
    kUntilClose,
    kSizeFirst,
    kSize,
    kSizeBlank,  // white space before an extension
    kExtensionName,
    kExtension,
    kQuoted,
    kQuotedEscape,
    kSizeLf,
    kData,
    kDataCr,
    kDataLf,
    kTrailerStart,
    kTrailerName,
    kTrailer,
    kTrailerLf,
    kEndLf,
  };
  Result<void> step(std::uint8_t byte);
  State state_ = State::kDone;
  std::uint64_t remaining_ = 0;  // of the body or the chunk
  std::uint32_t overhead_ = 0;   // bytes of extensions and trailers so far
  std::uint8_t digits_ = 0;
};

// Appends one chunk; `data` must not be empty (an empty chunk ends the body).
void append_chunk(std::string& out, std::string_view data);
inline constexpr std::string_view kLastChunk = "0\r\n\r\n";

}  // namespace berth::http1
