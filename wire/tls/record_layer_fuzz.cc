// A peer with the right keys that sends what it likes: any split gives the same, what was honest comes out, and what we
// send is read back. The input is a script: {suite, split}, then {what, size, bytes}…
#include "wire/fuzz.h"
#include "wire/tls/forged_record.h"

using namespace berth;
using namespace berth::tls;

namespace {

struct Peer {
  Suite suite;
  TrafficKeys keys;
  Bytes stream;
  std::string honest;  // application data while nothing else than that and whole KeyUpdates was sent
  bool is_honest = true;
  unsigned idle = 0;

  void put(const Bytes& bytes) { stream.insert(stream.end(), bytes.begin(), bytes.end()); }
  void put_honest(std::uint8_t type, ByteView content, std::size_t padding) {
    put(tls::testing::forge(suite, keys, type, content, padding));
    if (!is_honest) return;
    if (type == 23 && !content.empty()) {
      honest += as_text(content);
      idle = 0;
    } else if (++idle > RecordLayer::kMaxIdleRecords) {
      is_honest = false;
    }
  }
  void put_foul(const Bytes& bytes) {
    put(bytes);
    is_honest = false;
  }
};

void act(Peer& peer, std::uint8_t what, ByteView bytes) {
  switch (what % 8) {
    case 0:
    case 1: return peer.put_honest(23, bytes, what / 8);
    case 2: {
      const Bytes message = {24, 0, 0, 1, static_cast<std::uint8_t>(bytes.size() & 1)};
      peer.put_honest(22, message, what / 8);
      peer.keys = derive_next_keys(peer.suite, peer.keys);
      return;
    }
    case 3: return peer.put_foul(tls::testing::forge(peer.suite, peer.keys, 22, bytes, what / 8));
    case 4: return peer.put_foul(tls::testing::forge(peer.suite, peer.keys, 21, bytes, what / 8));
    case 5: return peer.put_foul(tls::testing::forge_inner(peer.suite, peer.keys, bytes));
    case 6: return peer.put_foul(Bytes(bytes.begin(), bytes.end()));
    case 7:  // turns bits of what was sent
      for (std::size_t i = 0; i + 1 < bytes.size() && !peer.stream.empty(); i += 2)
        if (bytes[i + 1]) {
          peer.stream[peer.stream.size() - 1 - bytes[i] % peer.stream.size()] ^= bytes[i + 1];
          peer.is_honest = false;
          peer.honest.clear();
        }
      return;
  }
}

struct Read {
  std::string text;
  RecordLayer::State state;
  Alert alert;
  bool operator==(const Read&) const = default;
};

Read read(RecordLayer& layer, Ciphers& ciphers, ByteView stream, std::uint8_t seed) {
  Read result{};
  Bytes pending;
  fuzz::split(stream, seed, [&](ByteView piece) {
    pending.insert(pending.end(), piece.begin(), piece.end());
    const auto opened = layer.open(ciphers, pending);
    result.text += as_text(opened.plain);
    fuzz::require(opened.consumed <= pending.size());
    pending.erase(pending.begin(), pending.begin() + static_cast<std::ptrdiff_t>(opened.consumed));
    fuzz::require(pending.size() < RecordLayer::kMaxRecord);
    return true;
  });
  result.state = layer.state();
  result.alert = layer.alert();
  return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Ciphers ciphers;
  if (size < 2) return 0;
  const Suite suite{static_cast<std::uint16_t>(0x1301 + data[0] % 3)};
  const auto theirs = derive_keys(suite, Bytes(secret_size(suite), 'c'), data[0] & 0x80 ? 0xfffffffe : 0);
  const auto ours = derive_keys(suite, Bytes(secret_size(suite), 's'),
                                data[0] & 0x40 ? RecordLayer::kRecordsPerKey - 3 : 0);
  Peer peer{.suite = suite, .keys = theirs, .stream = {}, .honest = {}};
  const auto seed = static_cast<std::uint8_t>(data[1] | 1);
  RecordLayer layer(suite, theirs, ours), again(suite, theirs, ours), far_end(suite, ours, theirs);
  for (ByteView script(data + 2, size - 2); script.size() >= 2;) {
    const auto bytes = script.subspan(2, std::min<std::size_t>(script[1], script.size() - 2));
    act(peer, script[0], bytes);
    script = script.subspan(2 + bytes.size());
  }
  const auto whole = read(layer, ciphers, peer.stream, 0);
  fuzz::require(whole == read(again, ciphers, peer.stream, seed));
  fuzz::require(whole.text.starts_with(peer.honest));
  if (peer.is_honest) fuzz::require(whole.text == peer.honest && whole.state == RecordLayer::State::kOpen);

  Bytes out;
  std::string sent;
  for (int i = 0; i < 4; ++i) {
    std::string text(size * static_cast<std::size_t>(i) % 20000, 'x');
    const iovec part{text.data(), text.size()};
    layer.seal(ciphers, std::span(&part, 1), out);
    if (data[1] & (1 << i)) layer.seal_key_update(ciphers, data[0] & (1 << i), out);
    sent += text;
  }
  layer.seal_alert(ciphers, Alert::kCloseNotify, out);
  const auto heard = read(far_end, ciphers, out, 0);
  fuzz::require(heard.text == sent && heard.state == RecordLayer::State::kClosed);
  return 0;
}
