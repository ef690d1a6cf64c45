#include "manager/move/startup_packet.h"

namespace berth::manager {
namespace {

constexpr std::uint32_t kLongest = 10'000;
constexpr std::uint32_t kVersionMajor = 3;

std::uint32_t read_number(ByteView bytes) {
  std::uint32_t value = 0;
  for (const auto byte : bytes.first(4)) value = value << 8 | byte;
  return value;
}

}  // namespace

Result<std::optional<StartupPacket>> parse_startup_packet(ByteView input) {
  if (input.size() < 4) return std::nullopt;
  const auto length = read_number(input);
  if (length > kLongest) return fail(Errc::kTooLarge, "a first packet of {} bytes", length);
  if (length < 9) return fail(Errc::kMalformed, "a first packet of {} bytes", length);
  if (input.size() < length) return std::nullopt;
  if (read_number(input.subspan(4)) >> 16 != kVersionMajor)
    return fail(Errc::kMalformed, "the first packet asks for no session");
  StartupPacket packet;
  packet.bytes = length;
  auto rest = as_text(input.subspan(8, length - 8));
  const auto take = [&rest]() -> std::optional<std::string> {
    const auto end = rest.find('\0');
    if (end == rest.npos) return std::nullopt;
    std::string text(rest.substr(0, end));
    rest.remove_prefix(end + 1);
    return text;
  };
  for (;;) {
    const auto name = take();
    if (!name) return fail(Errc::kMalformed, "the first packet is cut off");
    if (name->empty()) break;
    auto value = take();
    if (!value) return fail(Errc::kMalformed, "the first packet is cut off");
    // The last one counts, as it does for the server.
    if (*name == "user") packet.user = std::move(*value);
    else if (*name == "database") packet.database = std::move(*value);
    else if (*name == "replication") packet.wants_replication = true;
  }
  if (!rest.empty()) return fail(Errc::kMalformed, "the first packet holds what does not belong");
  if (packet.database.empty()) packet.database = packet.user;
  return packet;
}

}  // namespace berth::manager
