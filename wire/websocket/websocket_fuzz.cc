// Any split gives the same events; headers are written as they were read.
#include "wire/fuzz.h"
#include "wire/websocket/message_reader.h"

using namespace berth;
using namespace berth::websocket;

namespace {

std::string read(ByteView input, std::uint8_t seed, MessageReader::Role role) {
  MessageReader reader(role, 5000);
  std::string told;
  Bytes pending;
  bool stopped = false;
  fuzz::split(input, seed, [&](ByteView piece) {
    pending.insert(pending.end(), piece.begin(), piece.end());
    for (;;) {
      const auto step = reader.next(pending);
      if (!step) {
        // How much of a message came out before its fault depends on the split; the fault does not.
        told = "error " + std::to_string(reader.error_close_code());
        stopped = true;
        return false;
      }
      fuzz::require(step->consumed <= pending.size());
      if (step->event) {
        const auto& event = *step->event;
        if (event.kind == MessageReader::Kind::kData) {
          told += as_text(event.data);
          if (event.is_final) told += event.is_text ? "|t|" : "|b|";
        } else {
          told += "|c" + std::to_string(static_cast<int>(event.kind)) + std::to_string(event.close_code);
          told += as_text(event.data);
        }
        if (event.kind == MessageReader::Kind::kClose) {
          stopped = true;
          return false;
        }
      }
      pending.erase(pending.begin(), pending.begin() + static_cast<std::ptrdiff_t>(step->consumed));
      if (step->consumed == 0 && !step->event) break;
    }
    fuzz::require(pending.size() <= 14 + 125);
    return true;
  });
  return told + (stopped ? "." : "");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const ByteView input(data + 1, size - 1);
  const auto role = data[0] & 2 ? MessageReader::Role::kServer : MessageReader::Role::kClient;
  fuzz::require(read(input, 0, role) == read(input, static_cast<std::uint8_t>(data[0] | 1), role));

  const auto header = parse_frame_header(input, ~std::uint64_t{0});
  if (header && *header) {
    std::array<std::uint8_t, 14> out;
    const auto written = format_frame_header(**header, out);
    fuzz::require(written == (*header)->size &&
                  std::equal(out.begin(), out.begin() + (*header)->size, input.begin()));
  }
  return 0;
}
