// The last 48 bytes of a backup file: proof that it is whole. pg_restore never reads them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace berth::manager {

inline constexpr std::size_t kEndMarkBytes = 48;

struct EndMark {
  std::uint64_t length;  // of all bytes before the mark
  Sha256 sha256;         // of all bytes before the mark
};

// "BERTHEND", the length as 8 bytes little-endian, the hash.
std::string format_end_mark(const EndMark& mark);
// nullopt if these are not 48 bytes that begin with the magic.
std::optional<EndMark> parse_end_mark(std::string_view bytes);

// SHA-256 in pieces.
class RunningSha256 {
 public:
  RunningSha256();
  ~RunningSha256();
  RunningSha256(const RunningSha256&) = delete;
  RunningSha256& operator=(const RunningSha256&) = delete;
  void add(std::string_view bytes);
  Sha256 finish();  // once

 private:
  void* context_;
};

}  // namespace berth::manager
