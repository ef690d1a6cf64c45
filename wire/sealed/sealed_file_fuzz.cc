// Any bytes as a sealed file, split anywhere: the same result as whole; what is sealed by us is opened.
#include "wire/sealed/sealed_file.h"

namespace {

// Of the vectors in sealed_file_test.cc, so that files in the corpus can be opened.
constexpr const char* kPublic = "07a37cbc142093c8b755dc1b10e86cb426374ad16aa853ed0bdfc0b2b86d1c7c";
constexpr const char* kPrivate =
    "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20"
    "07a37cbc142093c8b755dc1b10e86cb426374ad16aa853ed0bdfc0b2b86d1c7c";

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
  if (size == 0) return 0;
  const std::size_t piece = 1 + data[0] * 7;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto whole = open_in_pieces(kPrivate, bytes, size);
  const auto parts = open_in_pieces(kPrivate, bytes, piece);
  BERTH_CHECK(whole.has_value() == parts.has_value());
  berth::sealed::Sealer sealer(kPublic);
  std::string sealed;
  for (std::size_t at = 0; at < bytes.size(); at += piece) sealed += sealer.add(bytes.substr(at, piece));
  sealed += sealer.finish();
  const auto opened = open_in_pieces(kPrivate, sealed, piece);
  BERTH_CHECK(opened && *opened == bytes);
  return 0;
}
