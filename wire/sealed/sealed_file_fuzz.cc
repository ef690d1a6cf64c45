// Any bytes as a sealed file, split anywhere: the same result as whole; what is sealed by us is opened.
#include "wire/sealed/sealed_file.h"

namespace {

using berth::Result;
using berth::sealed::Unsealer;

Result<std::string> open_in_pieces(const std::string& key, std::string_view bytes, std::size_t piece) {
  auto unsealer = Unsealer::make(key);
  BERTH_CHECK(unsealer);
  std::string out;
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    auto part = unsealer->add(bytes.substr(at, piece));
    if (!part) return part;
    out += *part;
  }
  auto last = unsealer->finish();
  if (!last) return last;
  return out + *last;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto kKeys = berth::sealed::make_keys();
  if (size == 0) return 0;
  const std::size_t piece = 1 + data[0] * 7;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto whole = open_in_pieces(kKeys.private_key, bytes, size);
  const auto parts = open_in_pieces(kKeys.private_key, bytes, piece);
  BERTH_CHECK(whole.has_value() == parts.has_value());
  berth::sealed::Sealer sealer(kKeys.public_key);
  std::string sealed;
  for (std::size_t at = 0; at < bytes.size(); at += piece) sealed += sealer.add(bytes.substr(at, piece));
  sealed += sealer.finish();
  const auto opened = open_in_pieces(kKeys.private_key, sealed, piece);
  BERTH_CHECK(opened && *opened == bytes);
  return 0;
}
