#include <netinet/in.h>
#include <sys/socket.h>

#include <thread>

#include "webserver/testing/peers.h"

namespace berth::webserver::testing {
namespace {

std::string subject_of(const Client& client) {
  X509* certificate = SSL_get1_peer_certificate(client.ssl());
  char text[200] = "";
  X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, text, sizeof text);
  X509_free(certificate);
  return text;
}

TEST(Tls, ServesOverTls13AndMarksTheStream) {
  TestServer server({.tls = true});
  ServicePeer service(server.link_path());
  ASSERT_EQ(service.attach(1, link::Kind::kHttp, "/a", server.grant("/a")).result, link::AttachResult::kOk);
  Client client(server.https(), true);
  EXPECT_STREQ(SSL_get_version(client.ssl()), "TLSv1.3");
  client.get("/a");
  const auto opened = service.expect_open();
  EXPECT_EQ(opened.open.bits & link::kOpenTls, link::kOpenTls);
  service.accept(opened.stream, 200);
  service.send_on_credit(opened.stream, 1'000'000);
  EXPECT_EQ(client.read_response().body.size(), 1'000'000U);
}

// RFC 8446 section 6.1. The client keeps its socket open and waits for ours.
TEST(Tls, EndsWhenTheClientHasSaidThatItSendsNoMore) {
  for (const bool compact : {true, false}) {
    TestServer server({.tls = true, .compact_tls = compact});
    Client client(server.https(), true);
    EXPECT_EQ(client.fetch("/nowhere").status(), 404);
    EXPECT_EQ(SSL_shutdown(client.ssl()), 0);
    EXPECT_TRUE(client.is_at_end());
    server.wait_until([&] { return server.connections() == 0; }, "the connection to go");
  }
}

TEST(Tls, CarriesAnUploadLargerThanAnyBuffer) {
  TestServer server({.tls = true});
  ServicePeer service(server.link_path());
  ASSERT_EQ(service.attach(1, link::Kind::kHttp, "/a", server.grant("/a")).result, link::AttachResult::kOk);
  Client client(server.https(), true);
  client.get("/a", "Content-Length: 3000000\r\n", "PUT");
  std::thread sender([&] { client.send(std::string(3000000, 'u')); });
  const auto opened = service.expect_open();
  EXPECT_EQ(service.read_body(opened.stream).first, std::string(3000000, 'u'));
  sender.join();
  service.accept(opened.stream, 204, {}, true);
  EXPECT_EQ(client.read_response().status(), 204);
}

// A service may give more credit than a link frame holds, and one read may bring more than that, too.
TEST(Tls, CarriesAnUploadThatTheServiceTakesInOneGo) {
  constexpr std::uint32_t kSize = 2'000'000;
  TestServer server({.tls = true});
  ServicePeer service(server.link_path(), 0);
  ASSERT_EQ(service.attach(1, link::Kind::kHttp, "/a", server.grant("/a")).result, link::AttachResult::kOk);
  Client client(server.https(), true);
  SSL_set_max_send_fragment(client.ssl(), 8000);  // so that more than 64 KiB of them are read at times
  client.get("/a", fmt::format("Content-Length: {}\r\n", kSize), "PUT");
  const auto opened = service.expect_open();
  std::string sent(kSize, '\0');
  for (std::size_t i = 0; i < sent.size(); ++i) sent[i] = static_cast<char>('a' + i / 1000 % 26);
  std::thread sender([&] { client.send(sent); });
  service.credit(opened.stream, 2 * kSize);
  const auto came = service.read_body(opened.stream).first;
  EXPECT_EQ(came.size(), sent.size());
  EXPECT_TRUE(came == sent);
  sender.join();
}

TEST(Tls, AnswersPlainHttpWithAHint) {
  TestServer server({.tls = true});
  Client client(server.https());
  const auto response = client.fetch("/");
  EXPECT_EQ(response.status(), 400);
  EXPECT_THAT(response.body, ::testing::HasSubstr("https://"));
}

TEST(Tls, ChangesTheCertificateWithoutDroppingAnyone) {
  TestServer server({.tls = true});
  Client before(server.https(), true);
  EXPECT_EQ(before.fetch("/x").status(), 404);
  EXPECT_EQ(subject_of(before), "localhost");
  server.set_certificates({make_certificate("new.example.com")});
  Client after(server.https(), true);
  EXPECT_EQ(subject_of(after), "new.example.com");
  EXPECT_EQ(before.fetch("/x").status(), 404);
}

// What a client sees that asks for `name` and takes signatures of `kind` only: "subject kind".
std::string seen_by(std::uint16_t port, const char* name, const char* kind, int version) {
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_max_proto_version(context, version);
  SSL_CTX_set1_sigalgs_list(context, kind);
  UniqueFd fd(::socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  SSL* ssl = SSL_new(context);
  SSL_set_fd(ssl, fd.get());
  if (name) SSL_set_tlsext_host_name(ssl, name);
  std::string seen = "refused";
  if (SSL_connect(ssl) == 1) {
    X509* certificate = SSL_get1_peer_certificate(ssl);
    char text[200] = "";
    X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, text, sizeof text);
    EVP_PKEY* key = X509_get0_pubkey(certificate);
    seen = fmt::format("{} {}", text, EVP_PKEY_get0_type_name(key));
    X509_free(certificate);
  }
  take_tls_error();
  SSL_free(ssl);
  SSL_CTX_free(context);
  return seen;
}

TEST(Tls, GivesTheChainForTheNameAndTheKindOfKeyThatAClientTakes) {
  TestServer server({.tls = true});
  server.set_certificates({make_certificate("one.example.com"), make_certificate("two.example.com"),
                           make_rsa_certificate("one.example.com"), make_certificate("*.three.example.com")});
  constexpr const char* kBoth = "ECDSA+SHA256:rsa_pss_rsae_sha256:RSA+SHA256";
  constexpr const char* kRsa = "rsa_pss_rsae_sha256:RSA+SHA256";
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    const auto seen = [&](const char* name, const char* kind) {
      return seen_by(server.https(), name, kind, version);
    };
    EXPECT_EQ(seen("one.example.com", kBoth), "one.example.com EC");
    EXPECT_EQ(seen("one.example.com", kRsa), "one.example.com RSA");
    EXPECT_EQ(seen("two.example.com", kBoth), "two.example.com EC");
    EXPECT_EQ(seen("two.example.com", kRsa), "refused") << "it has none";
    EXPECT_EQ(seen("a.three.example.com", kBoth), "*.three.example.com EC");
    EXPECT_EQ(seen("elsewhere.example.com", kBoth), "one.example.com EC") << "the first is for all others";
    EXPECT_EQ(seen(nullptr, kRsa), "one.example.com RSA");
  }
}

TEST(Tls, RefusesWhatIsNoCertificateWithAReason) {
  TicketKeys keys;
  const auto why = [&](std::vector<std::string> chains) {
    return TlsServer::make(chains, keys).error().detail;
  };
  const auto good = make_certificate(), other = make_certificate();
  const auto key_begin = good.find("-----BEGIN PRIVATE KEY");
  ASSERT_NE(key_begin, good.npos);
  EXPECT_TRUE(TlsServer::make(std::vector{good}, keys));
  EXPECT_TRUE(TlsServer::make(std::vector{good, other}, keys));
  EXPECT_THAT(why({}), ::testing::StartsWith("certificate"));
  EXPECT_THAT(why({""}), ::testing::StartsWith("certificate"));
  EXPECT_THAT(why({good.substr(0, key_begin)}), ::testing::StartsWith("private key"));
  EXPECT_THAT(why({good.substr(0, key_begin) + other.substr(other.find("-----BEGIN PRIVATE KEY"))}),
              ::testing::HasSubstr("does not belong"));
  EXPECT_THAT(why({good, "nonsense"}), ::testing::StartsWith("chain 2: certificate"));
}

// Tickets are stateless and known to every reactor; those of the previous key still count.
TEST(Tls, ResumesASessionAtAnyReactorAndAfterOneRotation) {
  TestServer server({.reactors = 2, .tls = true});
  TicketKeys keys;
  keys.rotate();
  server.on_all([&](Reactor& reactor) { reactor.set_ticket_keys(keys); });
  const auto connect = [&](SSL_SESSION* session, int version) {
    SSL_CTX* context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_max_proto_version(context, version);
    UniqueFd fd(::socket(AF_INET, SOCK_STREAM, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(server.https());
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    SSL* ssl = SSL_new(context);
    SSL_set_fd(ssl, fd.get());
    if (session) SSL_set_session(ssl, session);
    EXPECT_EQ(SSL_connect(ssl), 1);
    const std::string request = "GET /x HTTP/1.1\r\nHost: a\r\n\r\n";
    SSL_write(ssl, request.data(), static_cast<int>(request.size()));
    char text[1000];
    EXPECT_GT(SSL_read(ssl, text, sizeof text), 0);
    const bool resumed = SSL_session_reused(ssl) == 1;
    SSL_SESSION* next = SSL_get1_session(ssl);
    SSL_shutdown(ssl);
    SSL_free(ssl);
    SSL_CTX_free(context);
    return std::pair(resumed, next);
  };
  for (const int version : {TLS1_2_VERSION, TLS1_3_VERSION}) {
    auto [first, session] = connect(nullptr, version);
    EXPECT_FALSE(first);
    for (int i = 0; i < 8; ++i) {
      auto [resumed, next] = connect(session, version);
      EXPECT_TRUE(resumed) << i;
      SSL_SESSION_free(std::exchange(session, next));
      if (i == 3) {
        keys.rotate();
        server.on_all([&](Reactor& reactor) { reactor.set_ticket_keys(keys); });
      }
    }
    keys.rotate();
    keys.rotate();
    server.on_all([&](Reactor& reactor) { reactor.set_ticket_keys(keys); });
    auto [resumed, next] = connect(session, version);
    EXPECT_FALSE(resumed) << "a key two rotations old";
    SSL_SESSION_free(session);
    SSL_SESSION_free(next);
  }
}

}  // namespace
}  // namespace berth::webserver::testing
