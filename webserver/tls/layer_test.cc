#include "webserver/tls/layer.h"

#include <gmock/gmock.h>

#include "webserver/testing/peers.h"
#include "webserver/tls/openssl_peer.h"

namespace berth::webserver::testing {
namespace {

using State = TlsLayer::State;

struct ContextFree {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};

// The layer and OpenSSL's client, with what is between them in hand.
struct Pair {
  struct Options {
    const char* suites = "TLS_AES_128_GCM_SHA256";
    const char* groups = "X25519:P-256";
    int newest = TLS1_3_VERSION;
    bool compact = true;
    SSL_SESSION* session = nullptr;
    std::size_t piece = 1 << 20;  // bytes given to the layer at once
  };
  explicit Pair(Options chosen, std::shared_ptr<const TlsServer> server) : options(chosen) {
    context.reset(SSL_CTX_new(TLS_client_method()));
    SSL_CTX_set_ciphersuites(context.get(), options.suites);
    SSL_CTX_set1_groups_list(context.get(), options.groups);
    SSL_CTX_set_max_proto_version(context.get(), options.newest);
    client.emplace(context.get(), options.session);
    layer = std::make_unique<TlsLayer>(std::move(server), options.compact);
  }
  // Carries what the client has to say to the layer.
  void to_layer() {
    for (auto bytes = client->take(); !bytes.empty();) {
      const auto size = std::min(bytes.size(), options.piece);
      Bytes buffer(tls::RecordLayer::kMaxRecord + size), room(buffer.size()), out;
      const auto kept = layer->take_kept(buffer);
      std::copy_n(bytes.begin(), size, buffer.begin() + static_cast<std::ptrdiff_t>(kept));
      const auto plain = layer->receive(ciphers, std::span(buffer).first(kept + size), room, out);
      heard += as_text(plain);
      to_client.insert(to_client.end(), out.begin(), out.end());
      bytes.erase(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    }
  }
  void exchange() {
    do {
      client->receive(std::exchange(to_client, {}));
      to_layer();
    } while (!to_client.empty());
  }
  void say(std::string_view text) {
    const iovec part{const_cast<char*>(text.data()), text.size()};
    layer->seal(ciphers, std::span(&part, 1), to_client);
  }
  Options options;
  std::unique_ptr<SSL_CTX, ContextFree> context;
  std::optional<OpensslPeer> client;
  std::unique_ptr<TlsLayer> layer;
  tls::Ciphers ciphers;
  Bytes to_client;
  std::string heard;
};

class TlsLayerTest : public ::testing::Test {
 protected:
  TlsLayerTest() {
    keys_.rotate();
    keys_.rotate();
    server_ = or_throw(TlsServer::make(std::vector{make_certificate()}, keys_));
  }
  void talk(Pair& pair) {
    pair.exchange();
    ASSERT_EQ(pair.layer->state(), State::kOpen);
    ASSERT_FALSE(pair.client->has_failed());
    const std::string large(50000, 'l');
    for (const auto& text : {std::string("hello"), large, std::string("x")}) {
      pair.client->send(text);
      pair.say(text);
      pair.exchange();
    }
    EXPECT_EQ(pair.heard, "hello" + large + "x");
    EXPECT_EQ(pair.client->text(), pair.heard);
    if (pair.options.newest == TLS1_3_VERSION) {
      for (const bool asks : {false, true, true}) {
        pair.client->update_keys(asks);
        pair.client->send("k");
        pair.exchange();
        pair.say("K");
        pair.exchange();
      }
      EXPECT_TRUE(pair.heard.ends_with("xkkk"));
      EXPECT_TRUE(pair.client->text().ends_with("xKKK"));
    }
    EXPECT_FALSE(pair.client->has_failed());
  }
  void close(Pair& pair) {
    pair.client->shutdown();
    pair.exchange();
    EXPECT_EQ(pair.layer->state(), State::kClosed);
    pair.say("still");
    pair.layer->close(pair.ciphers, pair.to_client);
    const auto size = pair.to_client.size();
    pair.layer->close(pair.ciphers, pair.to_client);
    pair.say("no more");
    EXPECT_EQ(pair.to_client.size(), size);
    pair.exchange();
    EXPECT_TRUE(pair.client->is_closed());
    EXPECT_FALSE(pair.client->has_failed());
  }
  TicketKeys keys_;
  std::shared_ptr<const TlsServer> server_;
};

TEST_F(TlsLayerTest, TakesOverAfterAHandshakeOfTls13WithEverySuiteAndAnyPieces) {
  for (const auto* suite :
       {"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"}) {
    for (const std::size_t piece : {1 << 20, 7, 1}) {
      SCOPED_TRACE(fmt::format("{} in pieces of {}", suite, piece));
      Pair pair({.suites = suite, .piece = piece}, server_);
      talk(pair);
      EXPECT_TRUE(pair.layer->has_taken_over());
      close(pair);
    }
  }
}

TEST_F(TlsLayerTest, TakesOverAfterAHelloRetryRequest) {
  Pair pair({.groups = "P-521:X25519"}, server_);  // offers a share of a group that we do not take
  talk(pair);
  EXPECT_TRUE(pair.layer->has_taken_over());
  close(pair);
}

TEST_F(TlsLayerTest, TakesOverAResumedHandshake) {
  Pair first({}, server_);
  talk(first);
  SSL_SESSION* session = SSL_get1_session(first.client->ssl());
  close(first);
  Pair second({.session = session}, server_);
  SSL_SESSION_free(session);
  talk(second);
  EXPECT_EQ(SSL_session_reused(second.client->ssl()), 1);
  EXPECT_TRUE(second.layer->has_taken_over());
  close(second);
}

TEST_F(TlsLayerTest, LeavesTls12AndEverythingToOpensslIfToldTo) {
  for (const bool compact : {true, false}) {
    Pair pair({.newest = compact ? TLS1_2_VERSION : TLS1_3_VERSION, .compact = compact, .piece = 100},
              server_);
    talk(pair);
    EXPECT_FALSE(pair.layer->has_taken_over());
    close(pair);
  }
}

// The client's first request may stand right behind its Finished.
TEST_F(TlsLayerTest, ReadsWhatCameWithTheEndOfTheHandshake) {
  for (const bool compact : {true, false}) {
    Pair pair({.compact = compact}, server_);
    pair.client->receive({});
    pair.to_layer();
    pair.client->receive(std::exchange(pair.to_client, {}));
    pair.client->send("at once");
    pair.client->shutdown();
    EXPECT_EQ(pair.layer->state(), State::kHandshake);
    pair.to_layer();
    EXPECT_EQ(pair.heard, "at once");
    EXPECT_EQ(pair.layer->state(), State::kClosed);
  }
}

TEST_F(TlsLayerTest, TellsTheClientWhatWasWrong) {
  for (const bool compact : {true, false}) {
    Pair pair({.compact = compact}, server_);
    talk(pair);
    pair.client->send("good");
    auto bytes = pair.client->take();
    pair.client->send("turned");
    auto turned = pair.client->take();
    turned.back() ^= 1;
    bytes.insert(bytes.end(), turned.begin(), turned.end());
    Bytes room(bytes.size()), out;
    const auto plain = pair.layer->receive(pair.ciphers, bytes, room, out);
    EXPECT_EQ(as_text(plain), "good");
    EXPECT_EQ(pair.layer->state(), State::kFailed);
    EXPECT_FALSE(pair.layer->error().empty());
    pair.say("nothing");
    pair.layer->close(pair.ciphers, out);
    EXPECT_TRUE(pair.to_client.empty());
    pair.client->receive(out);
    EXPECT_TRUE(pair.client->has_failed());
    EXPECT_EQ(ERR_GET_REASON(ERR_peek_error()), SSL_R_SSLV3_ALERT_BAD_RECORD_MAC);
  }
}

TEST_F(TlsLayerTest, KnowsPlainHttpFromABrokenHandshake) {
  tls::Ciphers ciphers;
  Bytes out, room(1000);
  TlsLayer http(server_, true), noise(server_, true);
  Bytes request(30, ' ');
  std::ranges::copy(std::string_view("GET / HTTP/1.1\r\n\r\n"), request.begin());
  http.receive(ciphers, request, room, out);
  EXPECT_EQ(http.state(), State::kFailed);
  EXPECT_EQ(http.error(), TlsLayer::kHttpRequest);
  Bytes zeros(30);
  noise.receive(ciphers, zeros, room, out);
  EXPECT_EQ(noise.state(), State::kFailed);
  EXPECT_NE(noise.error(), TlsLayer::kHttpRequest);
}

TEST_F(TlsLayerTest, OutlivesTheServerThatMadeItAndItsCertificate) {
  Pair pair({}, std::move(server_));
  pair.client->receive({});
  pair.exchange();
  talk(pair);
}

}  // namespace
}  // namespace berth::webserver::testing
