#include "net/stream.h"

#include <gmock/gmock.h>

#include "base/traced_for_test.h"
#include "net/test_support.h"
#include "net/testing/tls_server.h"
#include "net/url.h"
#include "wire/pem/certificate.h"

namespace berth::net {
namespace {

loop::Task<void> echo(std::unique_ptr<Stream> stream) {
  Bytes buffer(10000);
  for (;;) {
    auto reading = stream->read(buffer);
    const std::size_t got = co_await reading;
    if (got == 0) co_return;
    auto writing = stream->write(Bytes(buffer.begin(), buffer.begin() + static_cast<std::ptrdiff_t>(got)));
    co_await writing;
  }
}

loop::Task<std::string> send_and_read(Stream& stream, loop::Loop& loop, std::string text) {
  loop::Spawned<void> writing(loop, stream.write(text));
  std::string back;
  Bytes buffer(5000);
  while (back.size() < text.size()) {
    auto reading = stream.read(buffer, std::chrono::seconds(30));
    const std::size_t got = co_await reading;
    if (got == 0) break;
    back.append(as_text(ByteView(buffer).first(got)));
  }
  co_return back;
}

Errc code_of(const std::function<void()>& act) {
  try {
    act();
  } catch (const Failure& failure) {
    return failure.error().code;
  }
  return Errc::kFailed;
}

class TlsStream : public testing::Test {
 protected:
  std::unique_ptr<Stream> connect(TlsContext::ClientOptions options, std::string host = "localhost") {
    auto stream = loop::run_task(
        loop_, Stream::connect(loop_, resolver_, host, server_.port(), std::chrono::seconds(30)));
    auto context = TlsContext::make_client(options).value();
    loop::run_task(loop_, stream->start_tls(context, host, std::chrono::seconds(30)));
    return stream;
  }
  loop::Loop loop_;
  Resolver resolver_{loop_};
  SelfSigned identity_ = make_self_signed({"localhost", "127.0.0.1"}, 30);
  test::Server server_{loop_, echo, test::make_tls_server(identity_.certificate_pem, identity_.key_pem)};
};

TEST_F(TlsStream, CarriesMoreThanAllBuffersHold) {
  const auto stream = connect({.ca_pem = identity_.certificate_pem});
  EXPECT_TRUE(stream->is_tls());
  const std::string large(2'000'000, 'x');
  EXPECT_EQ(loop::run_task(loop_, send_and_read(*stream, loop_, large)), large);
}

TEST_F(TlsStream, ChecksTheCertificate) {
  EXPECT_EQ(code_of([&] { connect({}); }), Errc::kDenied);
  EXPECT_EQ(code_of([&] { connect({.ca_pem = make_self_signed({"localhost"}).certificate_pem}); }),
            Errc::kDenied);
  connect({.verify = false});
  connect({.ca_pem = identity_.certificate_pem}, "127.0.0.1");
}

TEST_F(TlsStream, ChecksThePinnedFingerprintInstead) {
  const auto stream = connect({.pinned_fingerprint = identity_.fingerprint});
  EXPECT_EQ(stream->peer_fingerprint(), identity_.fingerprint);
  EXPECT_EQ(code_of([&] { connect({.pinned_fingerprint = make_self_signed({"x"}).fingerprint}); }),
            Errc::kDenied);
  EXPECT_EQ(TlsContext::make_client({.pinned_fingerprint = "AB:CD"}).error().code, Errc::kMalformed);
}

TEST(SelfSigned, PassesTheChainCheck) {
  const auto made = make_self_signed({"platform.example.com", "192.0.2.1", "::1"}, 10);
  const auto chain =
      pem::check_chain(made.certificate_pem + made.key_pem, std::chrono::system_clock::now()).value();
  EXPECT_EQ(chain.certificates[0].fingerprint, made.fingerprint);
  EXPECT_EQ(chain.certificates[0].names,
            (std::vector<std::string>{"platform.example.com", "192.0.2.1", "::1"}));
  EXPECT_THROW(make_self_signed({"a,DNS:evil.example.com"}), Failure);
}

TEST(Stream, CarriesMoreThanAllBuffersHold) {
  loop::Loop loop;
  Resolver resolver(loop);
  const test::TemporaryFolder folder;
  test::Server server(loop, echo), local(loop, echo, {}, folder / "s");
  const std::string large(3'000'000, 'x');
  const auto tcp = loop::run_task(
      loop, Stream::connect(loop, resolver, "localhost", server.port(), std::chrono::seconds(30)));
  EXPECT_EQ(loop::run_task(loop, send_and_read(*tcp, loop, large)), large);
  const auto unix_stream = Stream::connect_unix(loop, folder / "s").value();
  EXPECT_EQ(loop::run_task(loop, send_and_read(*unix_stream, loop, large)), large);
}

TEST(Stream, TellsThatNobodyListens) {
  loop::Loop loop;
  Resolver resolver(loop);
  std::uint16_t port = 0;
  { port = Listener::tcp(loop, Address::loopback(0)).value()->address().port(); }
  EXPECT_EQ(code_of([&] {
              (void)loop::run_task(
                  loop, Stream::connect(loop, resolver, "127.0.0.1", port, std::chrono::seconds(30)));
            }),
            Errc::kUnavailable);
}

TEST(Stream, GivesUpAfterItsLimit) {
  loop::Loop loop;
  Resolver resolver(loop);
  test::Server silent(loop, [&](std::unique_ptr<Stream> stream) -> loop::Task<void> {
    co_await loop::sleep_for(loop, std::chrono::hours(1));
  });
  auto stream = loop::run_task(
      loop, Stream::connect(loop, resolver, "127.0.0.1", silent.port(), std::chrono::seconds(30)));
  Bytes buffer(10);
  EXPECT_EQ(code_of([&] { loop::run_task(loop, stream->read(buffer, std::chrono::milliseconds(30))); }),
            Errc::kTimeout);
  auto context = TlsContext::make_client({.verify = false}).value();
  EXPECT_EQ(
      code_of([&] { loop::run_task(loop, stream->start_tls(context, "x", std::chrono::milliseconds(30))); }),
      Errc::kTimeout);
}

TEST(Resolver, KnowsNumbersAndLocalhostByItself) {
  loop::Loop loop;
  Resolver resolver(loop);
  EXPECT_EQ(loop::run_task(loop, resolver.look_up("::1", 5)).at(0).format(), "[::1]:5");
  EXPECT_EQ(loop::run_task(loop, resolver.look_up("LocalHost", 5)).at(0).format(), "127.0.0.1:5");
  EXPECT_EQ(code_of([&] { (void)loop::run_task(loop, resolver.look_up("no.such.name.invalid", 5)); }),
            Errc::kNotFound);
}

TEST(Stream, TracesWhichNameIsWhereAndWhoIsConnected) {
  loop::Loop loop;
  Resolver resolver(loop);
  test::Server server(loop, echo);
  berth::test::Traced traced(kDns | kTcp);
  // A short form that inet_aton(3) knows: the system is asked, nobody else.
  const auto stream =
      loop::run_task(loop, Stream::connect(loop, resolver, "127.1", server.port(), std::chrono::seconds(30)));
  ASSERT_EQ(traced.lines().size(), 2u);
  EXPECT_THAT(traced.lines()[0],
              testing::StartsWith("name found host=127.1 addresses=1 first=127.0.0.1 ms="));
  EXPECT_EQ(traced.lines()[1], fmt::format("connected host=127.1 address=127.0.0.1 port={}", server.port()));
}

TEST(Url, IsTakenApart) {
  const auto url = parse_url("HTTPS://[2001:db8::1]:8443/a/b?c=d#e").value();
  EXPECT_EQ(url.scheme, "https");
  EXPECT_EQ(url.host, "2001:db8::1");
  EXPECT_EQ(url.port, 8443);
  EXPECT_EQ(url.target, "/a/b?c=d");
  EXPECT_EQ(url.authority(), "[2001:db8::1]:8443");
  EXPECT_EQ(parse_url("wss://h").value().target, "/");
  EXPECT_EQ(parse_url("ws://h?x").value().target, "/?x");
  EXPECT_EQ(parse_url("ws://h").value().port, 80);
  EXPECT_EQ(parse_url("https://h:443/").value().authority(), "h");
  for (const char* text : {"", "h", "ftp://h", "http://", "http://u:p@h/", "http://h:0/", "http://h:x/",
                           "http://h:65536", "http://[::1", "http://h/a b", "http:///x"})
    EXPECT_EQ(parse_url(text).error().code, Errc::kMalformed) << text;
}

}  // namespace
}  // namespace berth::net
