// Any block of 512 bytes, and any manifest: read or refused, and what is read can be written again.
#include "archive/manifest.h"
#include "archive/tar.h"

#include <algorithm>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace berth::archive;
  std::array<char, kTarBlock> block{};
  std::copy_n(data, std::min(size, block.size()), block.begin());
  if (const auto entry = parse_tar_header(block); entry && *entry) {
    const auto again = parse_tar_header(format_tar_header(**entry).value());
    BERTH_CHECK(again && *again && (*again)->path == (*entry)->path);
  }
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto manifest = parse_manifest(text)) {
    const auto again = parse_manifest(format_manifest(*manifest));
    BERTH_CHECK(again && *again == *manifest);
  }
  return 0;
}
