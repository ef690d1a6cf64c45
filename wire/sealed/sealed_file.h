// Files that whoever has the public key can write, and only the private one opens (docs/sealed-file.md).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace berth::sealed {

inline constexpr std::size_t kChunk = 64 << 10;    // bytes of content in each chunk but the last
inline constexpr std::size_t kHead = 8 + 80 + 24;  // bytes before the first chunk
inline constexpr std::size_t kExtra = 17;          // bytes that a chunk has more than its content

struct Keys {
  std::string public_key;   // 64 hex digits (X25519)
  std::string private_key;  // 128: private and public half. A secret
};
Keys make_keys();
// kMalformed with what is expected.
Result<void> check_public_key(std::string_view public_key);

// Content in, sealed bytes out, in any pieces.
class Sealer {
 public:
  // `public_key`: checked before.
  explicit Sealer(std::string_view public_key);
  ~Sealer();
  std::string add(std::string_view content);
  std::string finish();  // once

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The other way. Gives nothing of a chunk before it is proven.
class Unsealer {
 public:
  // kMalformed: no private key.
  static Result<Unsealer> make(std::string_view private_key);
  Unsealer(Unsealer&&) noexcept;
  ~Unsealer();
  // kMalformed: not such a file, or damaged; kDenied: sealed to another key; kUnsupported: of a newer format.
  Result<std::string> add(std::string_view sealed);
  // The last of it. kMalformed: cut off.
  Result<std::string> finish();

 private:
  struct State;
  explicit Unsealer(std::unique_ptr<State> state);
  Result<std::string> open_chunk(std::string_view chunk, bool is_last);
  std::unique_ptr<State> state_;
};

}  // namespace berth::sealed
