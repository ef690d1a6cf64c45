// OpenSSL's client in memory against a TlsLayer. The input is a script: {options, split}, then {what, amount}…: both
// talk, change keys, close, in any pieces; from the first turned bit on each may only hear less than was said, never else.
#include "net/tls.h"
#include "webserver/tls/layer.h"
#include "webserver/tls/openssl_peer.h"
#include "wire/fuzz.h"

using namespace berth;
using namespace berth::webserver;

namespace {

struct Setting {
  Setting() {
    keys.rotate();
    const auto made = net::make_self_signed({"localhost"});
    server = TlsServer::make(std::vector{made.certificate_pem + made.key_pem}, keys).value();
    constexpr const char* kSuites[] = {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384",
                                       "TLS_CHACHA20_POLY1305_SHA256"};
    for (std::size_t i = 0; i < 3; ++i) {
      clients[i] = SSL_CTX_new(TLS_client_method());
      SSL_CTX_set_ciphersuites(clients[i], kSuites[i]);
      SSL_CTX_set1_groups_list(clients[i], "X25519");
      SSL_CTX_set_block_padding(clients[i], i * 100);
    }
  }
  TicketKeys keys;
  std::shared_ptr<const TlsServer> server;
  SSL_CTX* clients[3];
};

struct Talk {
  Talk(Setting& setting, std::uint8_t options, std::uint8_t split)
      : client(setting.clients[options % 3]), layer(setting.server, !(options & 4)), split(split) {}

  void to_layer(Bytes bytes) {
    fuzz::split(bytes, split, [&](ByteView piece) {
      Bytes buffer(tls::RecordLayer::kMaxRecord + piece.size()), room(buffer.size());
      const auto kept = layer.take_kept(buffer);
      fuzz::require(kept < tls::RecordLayer::kMaxRecord);
      std::copy(piece.begin(), piece.end(), buffer.begin() + static_cast<std::ptrdiff_t>(kept));
      heard += as_text(layer.receive(ciphers, std::span(buffer).first(kept + piece.size()), room, to_client));
      return true;
    });
  }
  void exchange() {
    for (int i = 0; i < 10; ++i) {
      client.receive(std::exchange(to_client, {}));
      const auto bytes = client.take();
      if (bytes.empty()) return;
      to_layer(bytes);
    }
  }
  void check() const {
    fuzz::require(said.starts_with(heard) && replied.starts_with(client.text()));
    if (is_disturbed) return;
    fuzz::require(!client.has_failed() && layer.state() != TlsLayer::State::kFailed);
    fuzz::require(heard == said && client.text() == replied);
  }

  webserver::testing::OpensslPeer client;
  TlsLayer layer;
  std::uint8_t split;
  tls::Ciphers ciphers;
  Bytes to_client;
  std::string said, heard, replied;
  bool is_disturbed = false, client_closed = false, layer_closed = false;
  unsigned updates = 0;  // in a row without data, of the client: we take 32
};

void act(Talk& talk, std::uint8_t what, std::uint8_t amount) {
  std::string text(static_cast<std::size_t>(amount) * (what & 0x80 ? 300 : 1),
                   static_cast<char>('a' + amount % 26));
  switch (what % 8) {
    case 0:
    case 1:
      if (talk.client_closed || text.empty()) return;
      if (!talk.client.send(text)) return;
      talk.said += text;
      talk.updates = 0;
      return;
    case 2:
    case 3: {
      if (talk.layer_closed) return;
      const auto half = text.size() / 2;
      const iovec parts[] = {{text.data(), half}, {text.data() + half, text.size() - half}};
      const auto before = talk.to_client.size();
      talk.layer.seal(talk.ciphers, parts, talk.to_client);
      if (talk.to_client.size() > before)
        talk.replied += text;  // else the handshake is not through, or it failed
      return;
    }
    case 4:
      if (talk.client_closed || ++talk.updates > tls::RecordLayer::kMaxIdleRecords - 4) return;
      talk.client.update_keys(amount & 1);
      return;
    case 5: return talk.exchange();
    case 6:
      if (amount & 1 && !talk.client_closed) {
        talk.client_closed = true;
        talk.client.shutdown();
      } else if (amount & 2 && !talk.layer_closed) {
        talk.layer_closed = true;
        talk.layer.close(talk.ciphers, talk.to_client);
      }
      return;
    case 7: {
      talk.is_disturbed = true;
      auto bytes = talk.client.take();
      if (what & 0x40) std::swap(bytes, talk.to_client);
      if (!bytes.empty()) {
        const auto at = amount % bytes.size();
        if (what & 0x20) bytes[at] ^= static_cast<std::uint8_t>(1 + amount % 255);
        else if (what & 0x10) bytes.erase(bytes.begin() + static_cast<std::ptrdiff_t>(at));
        else bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(at), bytes.begin(), bytes.end());
      }
      if (what & 0x40) talk.client.receive(std::exchange(bytes, {}));
      else talk.to_layer(std::move(bytes));
      return;
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static Setting setting;
  if (size < 2) return 0;
  Talk talk(setting, data[0], data[1]);
  if (!(data[0] & 8)) {
    talk.exchange();
    fuzz::require(talk.layer.state() == TlsLayer::State::kOpen);
    fuzz::require(talk.layer.has_taken_over() == !(data[0] & 4));
  } else {
    talk.is_disturbed = true;  // it may be the handshake
  }
  for (std::size_t i = 2; i + 1 < size && i < 200; i += 2) act(talk, data[i], data[i + 1]);
  talk.exchange();
  talk.check();
  return 0;
}
