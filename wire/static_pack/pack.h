// Static files of one attach as one block of memory. Format: docs/protocols/static-pack.md.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace berth::static_pack {

enum class Coding : std::uint8_t { kIdentity = 0, kGzip = 1, kBrotli = 2, kZstd = 3 };
std::string_view name_of(Coding coding);  // "identity", "gzip", "br", "zstd": the content-coding token

struct Variant {
  Coding coding{};
  ByteView bytes;
};

// Views into the pack's memory.
struct Entry {
  std::string_view path;                // "notes.js", no leading slash
  std::string_view type;                // "text/html; charset=utf-8", may be empty
  std::array<std::uint8_t, 16> etag{};  // MD5 of the plain content
  std::vector<Variant> variants;        // identity first
  ByteView content() const { return variants.front().bytes; }
  // The smallest variant among those that the bit set allows (1 << coding); identity always is.
  const Variant& smallest(std::uint8_t allowed_bits) const;
};

// An opened pack. Borrows its memory as long as it lives.
class Pack {
 public:
  // Checks the whole index: offsets, sizes, order, paths, identity first. kMalformed with the fault.
  static Result<Pack> open(ByteView bytes);
  // nullptr if there is none. Exact, case-sensitive.
  const Entry* find(std::string_view path) const;
  const std::vector<Entry>& entries() const { return entries_; }

 private:
  std::vector<Entry> entries_;
};

inline constexpr std::size_t kMaxFiles = 100000;
inline constexpr std::size_t kMaxPath = 8192;

// May it stand in a pack: relative, UTF-8, no empty, "." or ".." part, no control characters.
bool is_valid_path(std::string_view path);

}  // namespace berth::static_pack
