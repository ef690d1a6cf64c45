// What a reactor needs for permessage-deflate: one compressor, and decompressors for the messages that are being read.
#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "wire/websocket/deflate.h"
#include "wire/websocket/utf8.h"

namespace berth::webserver {

// Made when the first connection agrees on it; an idle one has nothing here.
class Compression {
 public:
  struct GiveBack {
    Compression* compression;
    void operator()(websocket::Inflater* inflater) const { compression->take_back(inflater); }
  };
  using Lease = std::unique_ptr<websocket::Inflater, GiveBack>;

  // For one message; null when `most` are lent.
  Lease lend(std::int64_t most);
  websocket::Deflater& deflater();
  // Scratch for the output of one step.
  std::span<std::uint8_t> buffer() { return buffer_; }
  std::int64_t lent() const { return lent_; }

 private:
  void take_back(websocket::Inflater* inflater);
  std::int64_t lent_ = 0;
  std::unique_ptr<websocket::Inflater> spare_;  // messages mostly come whole: one is enough
  std::unique_ptr<websocket::Deflater> deflater_;
  std::array<std::uint8_t, 16384> buffer_;
};

// A compressed message of a client, while it is being read.
struct Inflation {
  explicit Inflation(Compression::Lease lease) : inflater(std::move(lease)) {}
  Compression::Lease inflater;
  websocket::Utf8Checker utf8;
  std::uint64_t size = 0;  // decompressed so far
  bool is_text = false;
  bool is_blocked = false;  // the service gives no credit for what comes next
  bool is_last = false;     // `waiting` ends the message
  Bytes waiting;            // compressed
};

}  // namespace berth::webserver
