// What a client of the capture server sends: what is taken is as long as it says, and fits what the kernel takes.
#include "capture/rpcap.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace berth;
  using namespace berth::capture;
  const ByteView input(data, size);
  if (size >= rpcap::kHeaderSize) {
    const auto header = rpcap::parse_header(input);
    Bytes again;
    rpcap::append_header(again, header);
    if (as_text(again) != as_text(input.first(rpcap::kHeaderSize))) __builtin_trap();
  }
  if (const auto auth = rpcap::parse_auth(input);
      auth && auth->user.size() + auth->password.size() + 8 != size)
    __builtin_trap();
  const auto filter = rpcap::parse_filter(input);
  if (filter && (filter->size() > rpcap::kMaxFilter || 8 + filter->size() * 8 != size)) __builtin_trap();
  if (const auto start = rpcap::parse_start(input)) {
    if (start->snap_bytes == 0 || start->snap_bytes > rpcap::kMaxSnapBytes) __builtin_trap();
    if (20 + start->filter.size() * 8 != size) __builtin_trap();
  }
  return 0;
}
