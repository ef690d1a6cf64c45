// Frames between webserver and service. Format: docs/protocols/link.md.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace berth::link {

inline constexpr std::uint16_t kVersion = 1;
inline constexpr std::size_t kHeaderSize = 12;
inline constexpr std::size_t kMaxData = 65536;  // bytes in one DATA or MESSAGE
inline constexpr std::size_t kMaxPayload = kMaxData + 256;
inline constexpr std::uint32_t kDefaultCredit = 65536;

enum class Type : std::uint8_t {
  kHello = 0x01,
  kAttach = 0x02,
  kAttached = 0x03,
  kDetach = 0x04,
  kDetached = 0x05,
  kOpen = 0x10,
  kAccept = 0x11,
  kData = 0x12,
  kMessage = 0x13,
  kClose = 0x14,
  kCredit = 0x15,
  kBroadcast = 0x16,
  kStatic = 0x17,
  kPing = 0x18,
  kPong = 0x19,
  kLeave = 0x80,  // who does not know it skips it
};
enum class Kind : std::uint8_t { kStatic = 1, kHttp = 2, kWebsocket = 3, kPassthrough = 4 };
enum class AttachResult : std::uint8_t {
  kOk = 0,
  kPathInvalid = 1,
  kPathTaken = 2,
  kNoGrant = 3,
  kKindNotAllowed = 4,
  kTooMany = 5,
  kBadPack = 6,
  kNormalClose = 7,
};
inline constexpr std::uint16_t kHelloFollows = 1;  // Hello::reactor of a service: it understands LEAVE
inline constexpr std::uint8_t kFlagEnd = 1;        // DATA, MESSAGE, BROADCAST
inline constexpr std::uint8_t kFlagText = 2;       // MESSAGE, BROADCAST
inline constexpr std::uint8_t kOpenTls = 1, kOpenHead = 2, kOpenHasBody = 4;  // Open::bits
inline constexpr std::uint8_t kAcceptNoBody = 1;                              // Accept::bits

// Bit values of reference/app-service.md section 3.
enum Method : std::uint16_t {
  kGet = 1,
  kPost = 2,
  kPut = 4,
  kPassthroughMethod = 8,
  kPropfind = 0x10,
  kMove = 0x20,
  kCopy = 0x40,
  kMkcol = 0x80,
  kDelete = 0x100,
  kOptions = 0x200,
  kLock = 0x400,
  kUnlock = 0x800,
  kProppatch = 0x1000,
};

using Headers = std::vector<std::pair<std::string, std::string>>;
using Grant = std::array<std::uint8_t, 32>;

struct FrameHeader {
  std::uint32_t length = 0;
  Type type{};
  std::uint8_t flags = 0;
  std::uint32_t stream = 0;
};

// Header at the front of `input`; nullopt if it holds less than 12 bytes.
// Errors: kTooLarge above kMaxPayload, kMalformed for reserved bits or an unknown type below 0x80.
Result<std::optional<FrameHeader>> parse_header(ByteView input);
void format_header(const FrameHeader& header, std::span<std::uint8_t, kHeaderSize> out);

struct Hello {
  std::uint16_t version = kVersion;
  std::uint16_t reactor = 0;  // of a service: bits, kHelloFollows
  std::uint32_t credit = kDefaultCredit;
  std::string name;
};
struct Attach {
  std::uint32_t id = 0;
  Kind kind{};
  Grant grant{};
  std::string path;
  std::string options;
};
struct Attached {
  std::uint32_t id = 0;
  AttachResult result{};
  std::string reason;
};  // also DETACHED
struct Open {
  std::uint32_t attach = 0;
  Kind kind{};
  std::uint8_t bits = 0;
  std::uint16_t method = 0;
  std::string peer, target, relative;
  Headers headers;
};
struct Accept {
  std::uint16_t status = 0;
  std::uint8_t bits = 0;
  Headers headers;
};
struct Close {
  std::uint16_t code = 0;
  std::string reason;
};
struct Broadcast {
  std::vector<std::uint32_t> streams;
  ByteView message;
};  // borrows the payload

// Payload readers: kMalformed for anything but exactly one well-formed payload.
Result<Hello> parse_hello(ByteView payload);
Result<Attach> parse_attach(ByteView payload);
Result<Attached> parse_attached(ByteView payload);
Result<Open> parse_open(ByteView payload);
Result<Accept> parse_accept(ByteView payload);
Result<Close> parse_close(ByteView payload);
Result<std::uint32_t> parse_u32(ByteView payload);  // DETACH, CREDIT, STATIC
Result<Broadcast> parse_broadcast(ByteView payload);

// Whole frames, appended to `out`.
void append(Bytes& out, const Hello& hello);
void append(Bytes& out, const Attach& attach);
void append(Bytes& out, const Attached& attached, Type type = Type::kAttached);
void append_detach(Bytes& out, std::uint32_t attach_id);
void append_static(Bytes& out, std::uint32_t attach_id);
// Fails with kTooLarge if the head does not fit one frame (about 64 KiB).
Result<void> append(Bytes& out, std::uint32_t stream, const Open& open);
Result<void> append(Bytes& out, std::uint32_t stream, const Accept& accept);
void append_data(Bytes& out, Type type, std::uint32_t stream, std::uint8_t flags,
                 ByteView data);  // data.size() <= kMaxData
void append(Bytes& out, std::uint32_t stream, const Close& close);
void append_credit(Bytes& out, std::uint32_t stream, std::uint32_t bytes);
// Split by the caller so that ids and message fit kMaxPayload.
void append_broadcast(Bytes& out, std::uint8_t flags, std::span<const std::uint32_t> streams,
                      ByteView message);
void append_ping(Bytes& out, Type type, ByteView payload);
void append_leave(Bytes& out);

}  // namespace berth::link
