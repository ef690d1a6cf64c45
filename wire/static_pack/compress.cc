#include <brotli/encode.h>
#include <zlib.h>
#include <zstd.h>

#include "wire/static_pack/writer.h"

namespace berth::static_pack {

Result<std::string> gzip(std::string_view content, int level) {
  z_stream stream{};
  constexpr int kGzipWindow = 15 + 16;  // 16: a gzip header, zlib.h on deflateInit2
  if (deflateInit2(&stream, level, Z_DEFLATED, kGzipWindow, 9, Z_DEFAULT_STRATEGY) != Z_OK)
    return fail(Errc::kFailed, "zlib cannot start at level {}", level);
  std::string out(deflateBound(&stream, content.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
  stream.avail_in = static_cast<uInt>(content.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int result = deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  if (result != Z_STREAM_END) return fail(Errc::kFailed, "zlib failed");
  return out;
}

Result<std::string> brotli(std::string_view content, int quality) {
  std::size_t size = BrotliEncoderMaxCompressedSize(content.size());
  std::string out(size, '\0');
  if (!BrotliEncoderCompress(quality, BROTLI_DEFAULT_WINDOW, BROTLI_MODE_TEXT, content.size(),
                             reinterpret_cast<const std::uint8_t*>(content.data()), &size,
                             reinterpret_cast<std::uint8_t*>(out.data())))
    return fail(Errc::kFailed, "brotli failed");
  out.resize(size);
  return out;
}

Result<std::string> zstd(std::string_view content, int level) {
  std::string out(ZSTD_compressBound(content.size()), '\0');
  const auto size = ZSTD_compress(out.data(), out.size(), content.data(), content.size(), level);
  if (ZSTD_isError(size)) return fail(Errc::kFailed, "zstd: {}", ZSTD_getErrorName(size));
  out.resize(size);
  return out;
}

}  // namespace berth::static_pack
