#include "archive/zstd_file.h"

#include <unistd.h>
#include <zstd.h>

#include <cerrno>
#include <vector>

#include "base/file.h"
#include "base/result.h"

namespace berth::archive {
namespace {

std::size_t checked(std::size_t code, Errc kind) {
  if (ZSTD_isError(code)) throw_failure(kind, "zstd: {}", ZSTD_getErrorName(code));
  return code;
}

}  // namespace

struct ZstdWriter::State {
  int fd;
  ZSTD_CCtx* context = ZSTD_createCCtx();
  std::vector<char> out = std::vector<char>(ZSTD_CStreamOutSize());
  std::uint64_t stored = 0;
  ~State() { ZSTD_freeCCtx(context); }

  void feed(std::span<const char> bytes, ZSTD_EndDirective how) {
    ZSTD_inBuffer input{bytes.data(), bytes.size(), 0};
    for (;;) {
      ZSTD_outBuffer output{out.data(), out.size(), 0};
      const auto left = checked(ZSTD_compressStream2(context, &output, &input, how), Errc::kFailed);
      or_throw(write_all(fd, {out.data(), output.pos}));
      stored += output.pos;
      if (how == ZSTD_e_end ? left == 0 : input.pos == input.size) return;
    }
  }
};

ZstdWriter::ZstdWriter(int fd, int level) : state_(std::make_unique<State>(fd)) {
  checked(ZSTD_CCtx_setParameter(state_->context, ZSTD_c_compressionLevel, level), Errc::kFailed);
  checked(ZSTD_CCtx_setParameter(state_->context, ZSTD_c_checksumFlag, 1), Errc::kFailed);
}
ZstdWriter::~ZstdWriter() = default;
void ZstdWriter::write(std::span<const char> bytes) { state_->feed(bytes, ZSTD_e_continue); }
void ZstdWriter::finish() { state_->feed({}, ZSTD_e_end); }
std::uint64_t ZstdWriter::stored_bytes() const { return state_->stored; }

struct ZstdReader::State {
  int fd;
  ZSTD_DCtx* context = ZSTD_createDCtx();
  std::vector<char> in = std::vector<char>(ZSTD_DStreamInSize());
  ZSTD_inBuffer input{in.data(), 0, 0};
  bool in_frame = true;  // an empty file is cut off
  bool ended = false;
  ~State() { ZSTD_freeDCtx(context); }

  // False at the end of the file.
  bool refill() {
    for (;;) {
      const auto got = ::read(fd, in.data(), in.size());
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) throw Failure(errno_error(errno, "read"));
      input = {in.data(), static_cast<std::size_t>(got), 0};
      return got > 0;
    }
  }
};

ZstdReader::ZstdReader(int fd) : state_(std::make_unique<State>(fd)) {}
ZstdReader::~ZstdReader() = default;

std::size_t ZstdReader::read(std::span<char> bytes) {
  auto& state = *state_;
  ZSTD_outBuffer output{bytes.data(), bytes.size(), 0};
  while (output.pos < output.size && !state.ended) {
    if (state.input.pos == state.input.size && !state.refill()) {
      if (state.in_frame) throw_failure(Errc::kMalformed, "cut off");
      state.ended = true;
      break;
    }
    const auto left = checked(ZSTD_decompressStream(state.context, &output, &state.input), Errc::kMalformed);
    state.in_frame = left != 0;
  }
  return output.pos;
}

}  // namespace berth::archive
