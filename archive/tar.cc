#include "archive/tar.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstring>

#include "base/text.h"

namespace berth::archive {
namespace {

// Offsets and lengths of the fields.
constexpr std::size_t kName = 0, kNameSize = 100, kMode = 100, kSize = 124, kTime = 136, kSum = 148,
                      kType = 156, kMagic = 257;
constexpr std::uint64_t kLargest = (std::uint64_t{1} << 33) - 1;

std::uint64_t sum_of(std::array<char, kTarBlock> block) {
  std::fill_n(block.begin() + kSum, 8, ' ');
  std::uint64_t sum = 0;
  for (const char c : block) sum += static_cast<unsigned char>(c);
  return sum;
}

void put_octal(std::array<char, kTarBlock>& block, std::size_t at, std::size_t digits, std::uint64_t value) {
  const std::string text = fmt::format("{:0{}o}", value, digits);
  std::memcpy(block.data() + at, text.data(), digits);
}

std::optional<std::uint64_t> octal(const std::array<char, kTarBlock>& block, std::size_t at,
                                   std::size_t size) {
  const char* begin = block.data() + at;
  const char* end = std::find_if(begin, begin + size, [](char c) { return c == '\0' || c == ' '; });
  std::uint64_t value = 0;
  const auto [stop, problem] = std::from_chars(begin, end, value, 8);
  if (problem != std::errc() || stop != end) return std::nullopt;
  return value;
}

bool is_inside(std::string_view path) {
  if (path.empty() || path.front() == '/') return false;
  for (const auto part : split(path, '/'))
    if (part.empty() || part == "." || part == "..") return false;
  return true;
}

}  // namespace

Result<std::array<char, kTarBlock>> format_tar_header(const TarEntry& entry) {
  if (entry.path.size() >= kNameSize) return fail(Errc::kTooLarge, "{}: name too long", entry.path);
  if (entry.bytes > kLargest) return fail(Errc::kTooLarge, "{}: {} bytes", entry.path, entry.bytes);
  std::array<char, kTarBlock> block{};
  std::memcpy(block.data() + kName, entry.path.data(), entry.path.size());
  put_octal(block, kMode, 7, 0600);
  put_octal(block, kMode + 8, 7, 0);   // user
  put_octal(block, kMode + 16, 7, 0);  // group
  put_octal(block, kSize, 11, entry.bytes);
  put_octal(block, kTime, 11, static_cast<std::uint64_t>(std::max<std::int64_t>(entry.modified, 0)));
  block[kType] = '0';
  std::memcpy(block.data() + kMagic, "ustar\00000", 8);
  put_octal(block, kSum, 6, sum_of(block));
  block[kSum + 6] = '\0';
  block[kSum + 7] = ' ';
  return block;
}

Result<std::optional<TarEntry>> parse_tar_header(const std::array<char, kTarBlock>& block) {
  if (std::all_of(block.begin(), block.end(), [](char c) { return c == '\0'; })) return std::nullopt;
  const auto sum = octal(block, kSum, 8);
  if (!sum || *sum != sum_of(block)) return fail(Errc::kMalformed, "not a tar header");
  const auto bytes = octal(block, kSize, 12), modified = octal(block, kTime, 12);
  if (block[kType] != '0' || !bytes || !modified) return fail(Errc::kMalformed, "not a plain file");
  TarEntry entry;
  entry.path.assign(block.data(), ::strnlen(block.data(), kNameSize));
  entry.bytes = *bytes;
  entry.modified = static_cast<std::int64_t>(*modified);
  if (!is_inside(entry.path)) return fail(Errc::kMalformed, "path \"{}\" leaves the folder", entry.path);
  return entry;
}

}  // namespace berth::archive
