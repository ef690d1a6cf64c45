// As much of tar (POSIX.1-1988 ustar, "pax" in IEEE 1003.1) as files of a database cluster take, so that an object of a
// base backup can be unpacked by hand: tar --zstd -xf OBJECT.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"

namespace berth::archive {

inline constexpr std::size_t kTarBlock = 512;

struct TarEntry {
  std::string path;           // at most 99 bytes, relative
  std::uint64_t bytes = 0;    // below 8 GiB
  std::int64_t modified = 0;  // seconds since 1970
};

// kTooLarge for what does not fit.
Result<std::array<char, kTarBlock>> format_tar_header(const TarEntry& entry);

// nullopt: the block of zeros that ends an archive. kMalformed: no header of a plain file, a sum that is not right, or a
// path that leaves the folder.
Result<std::optional<TarEntry>> parse_tar_header(const std::array<char, kTarBlock>& block);

// Zeros after the content of a file.
constexpr std::uint64_t tar_padding(std::uint64_t bytes) {
  return (kTarBlock - bytes % kTarBlock) % kTarBlock;
}

}  // namespace berth::archive
