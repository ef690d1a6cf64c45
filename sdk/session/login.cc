#include "berth/login.h"

#include <algorithm>

#include "base/bytes.h"
#include "wire/json/json.h"

namespace berth::sdk {

Login::Login(const Parts& parts) {
  const std::string_view all[kParts] = {parts.app, parts.domain, parts.sip,       parts.guid,
                                        parts.dn,  parts.info,   parts.pbx_object};
  const auto size_of_length = [](std::size_t length) {
    std::size_t size = 1;
    while (length >>= 7) ++size;
    return size;
  };
  std::size_t total = 1;
  for (const auto part : all) total += size_of_length(part.size()) + part.size();
  block_ = std::make_unique_for_overwrite<std::uint8_t[]>(total);
  auto* at = block_.get();
  *at++ = static_cast<std::uint8_t>((parts.has_info ? kInfo : 0) | (parts.has_pbx_object ? kPbxObject : 0));
  for (const auto part : all) {
    auto length = part.size();
    for (; length >= 0x80; length >>= 7) *at++ = static_cast<std::uint8_t>(length | 0x80);
    *at++ = static_cast<std::uint8_t>(length);
  }
  for (const auto part : all) at = std::copy(part.begin(), part.end(), at);
}

Login::Login(const Login& other) {
  if (!other.block_) return;
  const auto last = other.find(kParts - 1);
  block_ = std::make_unique_for_overwrite<std::uint8_t[]>(last.begin + last.size);
  std::copy_n(other.block_.get(), last.begin + last.size, block_.get());
}

Login::Place Login::find(std::size_t index) const {
  const auto* at = block_.get() + 1;
  Place place{0, 0};
  for (std::size_t i = 0; i < kParts; ++i) {
    std::size_t length = 0;
    for (unsigned shift = 0;; shift += 7) {
      length |= std::size_t{*at & 0x7fU} << shift;
      if (!(*at++ & 0x80)) break;
    }
    if (i < index) place.begin += length;
    if (i == index) place.size = length;
  }
  place.begin += static_cast<std::size_t>(at - block_.get());
  return place;
}

std::string_view Login::part(std::size_t index) const {
  if (!block_) return {};
  const auto place = find(index);
  return as_text(ByteView(block_.get() + place.begin, place.size));
}

bool Login::is_pbx_object() const {
  if (has_pbx_object() || !has_info()) return false;
  const auto parsed = json::parse_object(info());
  if (!parsed) return false;
  const auto object = json::find_string(*parsed, "appobj");
  return object && !object->empty() && *object == sip();
}

}  // namespace berth::sdk
