#include "wire/link/frame.h"

namespace berth::link {
namespace {

// Reads the fields of one payload in order; sticks at the first fault.
class Reader {
 public:
  explicit Reader(ByteView input) : rest_(input) {}

  std::uint32_t number(std::size_t bytes) {
    if (rest_.size() < bytes) {
      broken_ = true;
      return 0;
    }
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < bytes; ++i) value |= std::uint32_t{rest_[i]} << (8 * i);
    rest_ = rest_.subspan(bytes);
    return value;
  }
  std::uint8_t u8() { return static_cast<std::uint8_t>(number(1)); }
  std::uint16_t u16() { return static_cast<std::uint16_t>(number(2)); }
  std::uint32_t u32() { return number(4); }
  ByteView bytes(std::size_t count) {
    if (rest_.size() < count) {
      broken_ = true;
      return {};
    }
    const auto taken = rest_.first(count);
    rest_ = rest_.subspan(count);
    return taken;
  }
  std::string string() {
    const std::size_t length = u16();
    return std::string(as_text(bytes(length)));
  }
  Headers headers() {
    Headers result;
    const std::size_t count = u16();
    // Each header takes 4 bytes at least: a lying count cannot make us reserve more than came.
    if (count * 4 > rest_.size()) broken_ = true;
    if (broken_) return result;
    result.reserve(count);
    for (std::size_t i = 0; i < count && !broken_; ++i) {
      std::string name = string();
      std::string value = string();
      result.emplace_back(std::move(name), std::move(value));
    }
    return result;
  }
  ByteView rest() { return std::exchange(rest_, {}); }
  Result<void> finish(std::string_view what) const {
    if (broken_) return fail(Errc::kMalformed, "{} cut off", what);
    if (!rest_.empty()) return fail(Errc::kMalformed, "{} with {} bytes too many", what, rest_.size());
    return {};
  }
  bool is_broken() const { return broken_; }

 private:
  ByteView rest_;
  bool broken_ = false;
};

void put(Bytes& out, std::uint32_t value, std::size_t bytes) {
  std::array<std::uint8_t, 4> little;
  for (std::size_t i = 0; i < little.size(); ++i) little[i] = static_cast<std::uint8_t>(value >> (8 * i));
  out.insert(out.end(), little.begin(), little.begin() + static_cast<std::ptrdiff_t>(bytes));
}

void put_bytes(Bytes& out, ByteView bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }

void put_string(Bytes& out, std::string_view text) {
  const auto cut = text.substr(0, 65535);
  put(out, static_cast<std::uint32_t>(cut.size()), 2);
  put_bytes(out, as_bytes(cut));
}

// Starts a frame at the end of `out`; finish() fills in its length.
class Frame {
 public:
  Frame(Bytes& out, Type type, std::uint8_t flags, std::uint32_t stream) : out_(out), begin_(out.size()) {
    std::array<std::uint8_t, kHeaderSize> header;
    format_header({.length = 0, .type = type, .flags = flags, .stream = stream}, header);
    put_bytes(out_, header);
  }
  std::size_t payload_size() const { return out_.size() - begin_ - kHeaderSize; }
  void finish() {
    const std::size_t length = payload_size();
    BERTH_CHECK(length <= kMaxPayload);
    for (std::size_t i = 0; i < 4; ++i) out_[begin_ + i] = static_cast<std::uint8_t>(length >> (8 * i));
  }
  void drop() { out_.resize(begin_); }

 private:
  Bytes& out_;
  std::size_t begin_;
};

// True if a string field can carry it.
bool fits(std::string_view text) { return text.size() <= 65535; }

bool fits(const Headers& headers) {
  if (headers.size() > 65535) return false;
  for (const auto& [name, value] : headers)
    if (!fits(name) || !fits(value)) return false;
  return true;
}

void put_headers(Bytes& out, const Headers& headers) {
  put(out, static_cast<std::uint32_t>(headers.size()), 2);
  for (const auto& [name, value] : headers) {
    put_string(out, name);
    put_string(out, value);
  }
}

// A peer's text for people must not break a frame.
std::string_view shorten(std::string_view text) { return text.substr(0, 4096); }

bool is_known(std::uint8_t type) { return (type >= 0x01 && type <= 0x05) || (type >= 0x10 && type <= 0x19); }

Result<Kind> checked_kind(std::uint8_t kind) {
  if (kind < 1 || kind > 4) return fail(Errc::kMalformed, "unknown kind {}", kind);
  return Kind{kind};
}

}  // namespace

Result<std::optional<FrameHeader>> parse_header(ByteView input) {
  if (input.size() < kHeaderSize) return std::nullopt;
  Reader reader(input.first(kHeaderSize));
  FrameHeader header;
  header.length = reader.u32();
  const std::uint8_t type = reader.u8();
  header.flags = reader.u8();
  const std::uint16_t reserved = reader.u16();
  header.stream = reader.u32();
  if (header.length > kMaxPayload)
    return fail(Errc::kTooLarge, "link frame of {} bytes, at most {} allowed", header.length, kMaxPayload);
  if (reserved != 0) return fail(Errc::kMalformed, "reserved field is not zero");
  if (type < 0x80 && !is_known(type)) return fail(Errc::kMalformed, "unknown frame type {:#x}", type);
  header.type = Type{type};
  return header;
}

void format_header(const FrameHeader& header, std::span<std::uint8_t, kHeaderSize> out) {
  for (std::size_t i = 0; i < 4; ++i) out[i] = static_cast<std::uint8_t>(header.length >> (8 * i));
  out[4] = static_cast<std::uint8_t>(header.type);
  out[5] = header.flags;
  out[6] = out[7] = 0;
  for (std::size_t i = 0; i < 4; ++i) out[8 + i] = static_cast<std::uint8_t>(header.stream >> (8 * i));
}

Result<Hello> parse_hello(ByteView payload) {
  Reader reader(payload);
  Hello hello;
  hello.version = reader.u16();
  hello.reactor = reader.u16();
  hello.credit = reader.u32();
  hello.name = reader.string();
  BERTH_TRY_VOID(reader.finish("HELLO"));
  return hello;
}

Result<Attach> parse_attach(ByteView payload) {
  Reader reader(payload);
  Attach attach;
  attach.id = reader.u32();
  const std::uint8_t kind = reader.u8();
  const ByteView grant = reader.bytes(attach.grant.size());
  attach.path = reader.string();
  attach.options = reader.string();
  BERTH_TRY_VOID(reader.finish("ATTACH"));
  std::copy(grant.begin(), grant.end(), attach.grant.begin());
  BERTH_TRY(attach.kind, checked_kind(kind));
  return attach;
}

Result<Attached> parse_attached(ByteView payload) {
  Reader reader(payload);
  Attached attached;
  attached.id = reader.u32();
  const std::uint8_t result = reader.u8();
  attached.reason = reader.string();
  BERTH_TRY_VOID(reader.finish("ATTACHED"));
  if (result > static_cast<std::uint8_t>(AttachResult::kNormalClose))
    return fail(Errc::kMalformed, "unknown attach result {}", result);
  attached.result = AttachResult{result};
  return attached;
}

Result<Open> parse_open(ByteView payload) {
  Reader reader(payload);
  Open open;
  open.attach = reader.u32();
  const std::uint8_t kind = reader.u8();
  open.bits = reader.u8();
  open.method = reader.u16();
  open.peer = reader.string();
  open.target = reader.string();
  open.relative = reader.string();
  open.headers = reader.headers();
  BERTH_TRY_VOID(reader.finish("OPEN"));
  BERTH_TRY(open.kind, checked_kind(kind));
  return open;
}

Result<Accept> parse_accept(ByteView payload) {
  Reader reader(payload);
  Accept accept;
  accept.status = reader.u16();
  accept.bits = reader.u8();
  accept.headers = reader.headers();
  BERTH_TRY_VOID(reader.finish("ACCEPT"));
  return accept;
}

Result<Close> parse_close(ByteView payload) {
  Reader reader(payload);
  Close close;
  close.code = reader.u16();
  close.reason = reader.string();
  BERTH_TRY_VOID(reader.finish("CLOSE"));
  return close;
}

Result<std::uint32_t> parse_u32(ByteView payload) {
  Reader reader(payload);
  const std::uint32_t value = reader.u32();
  BERTH_TRY_VOID(reader.finish("payload of one number"));
  return value;
}

Result<Broadcast> parse_broadcast(ByteView payload) {
  Reader reader(payload);
  Broadcast broadcast;
  const std::size_t count = reader.u32();
  if (reader.is_broken() || count > (payload.size() - 4) / 4)
    return fail(Errc::kMalformed, "BROADCAST cut off");
  broadcast.streams.reserve(count);
  for (std::size_t i = 0; i < count; ++i) broadcast.streams.push_back(reader.u32());
  broadcast.message = reader.rest();
  BERTH_TRY_VOID(reader.finish("BROADCAST"));
  return broadcast;
}

void append(Bytes& out, const Hello& hello) {
  Frame frame(out, Type::kHello, 0, 0);
  put(out, hello.version, 2);
  put(out, hello.reactor, 2);
  put(out, hello.credit, 4);
  put_string(out, shorten(hello.name));
  frame.finish();
}

void append(Bytes& out, const Attach& attach) {
  // Paths are limited to 8192 bytes and options to a few words long before they come here.
  BERTH_CHECK(attach.path.size() + attach.options.size() <= kMaxData);
  Frame frame(out, Type::kAttach, 0, 0);
  put(out, attach.id, 4);
  put(out, static_cast<std::uint8_t>(attach.kind), 1);
  put_bytes(out, attach.grant);
  put_string(out, attach.path);
  put_string(out, attach.options);
  frame.finish();
}

void append(Bytes& out, const Attached& attached, Type type) {
  Frame frame(out, type, 0, 0);
  put(out, attached.id, 4);
  put(out, static_cast<std::uint8_t>(attached.result), 1);
  put_string(out, shorten(attached.reason));
  frame.finish();
}

void append_detach(Bytes& out, std::uint32_t attach_id) {
  Frame frame(out, Type::kDetach, 0, 0);
  put(out, attach_id, 4);
  frame.finish();
}

void append_static(Bytes& out, std::uint32_t attach_id) {
  Frame frame(out, Type::kStatic, 0, 0);
  put(out, attach_id, 4);
  frame.finish();
}

Result<void> append(Bytes& out, std::uint32_t stream, const Open& open) {
  if (!fits(open.peer) || !fits(open.target) || !fits(open.relative) || !fits(open.headers))
    return fail(Errc::kTooLarge, "request head does not fit a link frame");
  Frame frame(out, Type::kOpen, 0, stream);
  put(out, open.attach, 4);
  put(out, static_cast<std::uint8_t>(open.kind), 1);
  put(out, open.bits, 1);
  put(out, open.method, 2);
  put_string(out, open.peer);
  put_string(out, open.target);
  put_string(out, open.relative);
  put_headers(out, open.headers);
  if (frame.payload_size() > kMaxPayload) {
    const std::size_t size = frame.payload_size();
    frame.drop();
    return fail(Errc::kTooLarge, "request head of {} bytes does not fit a link frame", size);
  }
  frame.finish();
  return {};
}

Result<void> append(Bytes& out, std::uint32_t stream, const Accept& accept) {
  if (!fits(accept.headers)) return fail(Errc::kTooLarge, "response head does not fit a link frame");
  Frame frame(out, Type::kAccept, 0, stream);
  put(out, accept.status, 2);
  put(out, accept.bits, 1);
  put_headers(out, accept.headers);
  if (frame.payload_size() > kMaxPayload) {
    const std::size_t size = frame.payload_size();
    frame.drop();
    return fail(Errc::kTooLarge, "response head of {} bytes does not fit a link frame", size);
  }
  frame.finish();
  return {};
}

void append_data(Bytes& out, Type type, std::uint32_t stream, std::uint8_t flags, ByteView data) {
  BERTH_CHECK(data.size() <= kMaxData);
  std::array<std::uint8_t, kHeaderSize> header;
  format_header({static_cast<std::uint32_t>(data.size()), type, flags, stream}, header);
  put_bytes(out, header);
  put_bytes(out, data);
}

void append(Bytes& out, std::uint32_t stream, const Close& close) {
  Frame frame(out, Type::kClose, 0, stream);
  put(out, close.code, 2);
  put_string(out, shorten(close.reason));
  frame.finish();
}

void append_credit(Bytes& out, std::uint32_t stream, std::uint32_t bytes) {
  Frame frame(out, Type::kCredit, 0, stream);
  put(out, bytes, 4);
  frame.finish();
}

void append_broadcast(Bytes& out, std::uint8_t flags, std::span<const std::uint32_t> streams,
                      ByteView message) {
  Frame frame(out, Type::kBroadcast, flags, 0);
  put(out, static_cast<std::uint32_t>(streams.size()), 4);
  for (const auto stream : streams) put(out, stream, 4);
  put_bytes(out, message);
  frame.finish();
}

void append_ping(Bytes& out, Type type, ByteView payload) { append_data(out, type, 0, 0, payload); }

void append_leave(Bytes& out) { append_data(out, Type::kLeave, 0, 0, {}); }

}  // namespace berth::link
