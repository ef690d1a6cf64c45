#pragma once

#include <cstddef>
#include <string>

namespace berth::manager {

// Leaves at most `bytes` of a text in UTF-8; cuts at a character, not in it.
inline void cut_text(std::string& text, std::size_t bytes) {
  if (text.size() <= bytes) return;
  while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xc0) == 0x80) --bytes;
  text.resize(bytes);
}

}  // namespace berth::manager
