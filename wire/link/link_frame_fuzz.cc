// Whatever is read is written again as the same bytes.
#include "wire/fuzz.h"
#include "wire/link/frame.h"

using namespace berth;
using namespace berth::link;

namespace {

void compare(const Bytes& frame, ByteView payload) {
  // Reasons and names are cut to 4096 bytes when written.
  if (payload.size() > 4096) return;
  const auto written = ByteView(frame).subspan(kHeaderSize);
  fuzz::require(std::equal(written.begin(), written.end(), payload.begin(), payload.end()));
}

void read_payload(Type type, ByteView payload) {
  Bytes out;
  switch (type) {
    case Type::kHello:
      if (const auto hello = parse_hello(payload)) append(out, *hello), compare(out, payload);
      break;
    case Type::kAttach:
      if (const auto attach = parse_attach(payload)) append(out, *attach), compare(out, payload);
      break;
    case Type::kAttached:
    case Type::kDetached:
      if (const auto attached = parse_attached(payload)) append(out, *attached, type), compare(out, payload);
      break;
    case Type::kOpen:
      if (const auto open = parse_open(payload)) {
        fuzz::require(append(out, 1, *open).has_value());
        compare(out, payload);
      }
      break;
    case Type::kAccept:
      if (const auto accept = parse_accept(payload)) {
        fuzz::require(append(out, 1, *accept).has_value());
        compare(out, payload);
      }
      break;
    case Type::kClose:
      if (const auto close = parse_close(payload)) append(out, 1, *close), compare(out, payload);
      break;
    case Type::kBroadcast:
      if (const auto broadcast = parse_broadcast(payload)) {
        append_broadcast(out, 0, broadcast->streams, broadcast->message);
        compare(out, payload);
      }
      break;
    default:
      if (const auto number = parse_u32(payload)) append_credit(out, 1, *number), compare(out, payload);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ByteView input(data, size);
  for (;;) {
    const auto header = parse_header(input);
    if (!header || !*header) return 0;
    std::array<std::uint8_t, kHeaderSize> out;
    format_header(**header, out);
    fuzz::require(std::equal(out.begin(), out.end(), input.begin()));
    input = input.subspan(kHeaderSize);
    if (input.size() < (*header)->length) return 0;
    read_payload((*header)->type, input.first((*header)->length));
    input = input.subspan((*header)->length);
  }
}
