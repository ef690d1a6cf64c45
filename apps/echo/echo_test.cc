#include "apps/echo/echo_instance.h"

#include "sdk/testing/fixture.h"

namespace berth::echo {
namespace {

using link::Kind;

class Echo : public EchoInstance {
 public:
  Echo(sdk::AppService& service, sdk::InstanceArguments arguments)
      : EchoInstance(service, std::move(arguments), {}) {}
};

class EchoTest : public sdk::ServiceFixture<Echo> {
 public:
  // Sends a request without body (or with more to come), gives the head of the answer.
  link::Accept request(std::uint32_t stream, std::string path, std::string relative, std::string query = "",
                       std::uint16_t method = link::kGet, std::uint8_t bits = 0, link::Headers headers = {}) {
    link::Open open;
    open.attach = webserver->await_attach(std::string(kPath) + "/" + path, Kind::kHttp);
    open.kind = Kind::kHttp;
    open.method = method;
    open.bits = bits;
    open.peer = "192.0.2.1:1";
    open.target = std::string(kPath) + "/" + path + (relative.empty() ? "" : "/" + relative) + query;
    open.relative = relative;
    open.headers = std::move(headers);
    webserver->open(stream, open);
    const auto frame = webserver->next(stream);
    EXPECT_EQ(frame.header.type, link::Type::kAccept);
    return or_throw(link::parse_accept(frame.payload));
  }
  std::string body(std::uint32_t stream) {
    std::string all;
    for (;;) {
      const auto frame = webserver->next(stream);
      EXPECT_EQ(frame.header.type, link::Type::kData);
      all += frame.text();
      Bytes credit;
      link::append_credit(credit, stream, static_cast<std::uint32_t>(frame.payload.size()));
      webserver->send(credit);
      if (frame.header.flags & link::kFlagEnd) return all;
    }
  }
  static std::string header(const link::Accept& accept, std::string_view name) {
    for (const auto& [key, value] : accept.headers)
      if (key == name) return value;
    return "";
  }
};

TEST_F(EchoTest, SendsTextAndBinaryBackAsTheyCame) {
  start();
  open(1, Kind::kWebsocket, "/example.com/team/echo");
  webserver->next(1);
  webserver->send_text(1, "grüße");
  auto back = webserver->next(1);
  EXPECT_EQ(back.text(), "grüße");
  EXPECT_EQ(back.header.flags, link::kFlagEnd | link::kFlagText);
  Bytes out;
  link::append_data(out, link::Type::kMessage, 1, 0, as_bytes("in two "));
  link::append_data(out, link::Type::kMessage, 1, link::kFlagEnd, as_bytes("parts"));
  webserver->send(out);
  back = webserver->next(1);
  EXPECT_EQ(back.text(), "in two parts");
  EXPECT_EQ(back.header.flags, link::kFlagEnd);
}

TEST_F(EchoTest, DoesNotReadAClientThatDoesNotRead) {
  webserver->credit_for_service = 10;
  start();
  open(1, Kind::kWebsocket, "/example.com/team/echo");
  webserver->next(1);
  for (int i = 0; i < 10; ++i) webserver->send_text(1, std::string(6000, 'x'));
  webserver->settle();
  EXPECT_LT(webserver->credit[1], 12000u);  // nearly nothing of 60,000 bytes was given back
  Bytes credit;
  link::append_credit(credit, 1, 60000);
  webserver->send(credit);
  for (int i = 0; i < 10; ++i) EXPECT_EQ(webserver->next_text(1).size(), 6000u);
}

TEST_F(EchoTest, TellsARoomWithOneFrameForAll) {
  start();
  for (std::uint32_t stream = 1; stream <= 20; ++stream) {
    open(stream, Kind::kWebsocket, "/example.com/team/room");
    webserver->next(stream);
  }
  Bytes out;
  link::append_data(out, link::Type::kMessage, 7, link::kFlagEnd, as_bytes("to \xff all"));
  webserver->send(out);
  for (std::uint32_t stream = 1; stream <= 20; ++stream) {
    const auto frame = webserver->next(stream);
    EXPECT_EQ(frame.text(), "to \xff all");
    EXPECT_EQ(frame.header.flags, link::kFlagEnd);  // binary, as it came
  }
  EXPECT_EQ(webserver->broadcasts, 1);
}

TEST_F(EchoTest, StreamsBytesWithinTheCredit) {
  start();
  const auto head = request(1, "bytes", "200000");
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(header(head, "content-length"), "200000");
  webserver->settle();
  const auto all = body(1);
  ASSERT_EQ(all.size(), 200000u);
  EXPECT_EQ(all, make_block(0, 200000));
}

TEST_F(EchoTest, ServesARangeAndAHead) {
  start();
  auto head = request(1, "bytes", "1000", "", link::kGet, 0, {{"range", "bytes=10-19"}});
  EXPECT_EQ(head.status, 206);
  EXPECT_EQ(header(head, "content-range"), "bytes 10-19/1000");
  EXPECT_EQ(body(1), make_block(10, 10));
  head = request(2, "bytes", "12345", "", link::kGet, link::kOpenHead);
  EXPECT_EQ(header(head, "content-length"), "12345");
  EXPECT_EQ(head.bits, link::kAcceptNoBody);
  head = request(3, "bytes", "1000", "", link::kGet, 0, {{"range", "bytes=1000-"}});
  EXPECT_EQ(head.status, 416);
}

TEST_F(EchoTest, HeadKnowsNoRanges) {  // RFC 9110 section 14.2
  start();
  const auto head = request(1, "bytes", "1000", "", link::kGet, link::kOpenHead, {{"range", "bytes=10-19"}});
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(header(head, "content-length"), "1000");
}

TEST_F(EchoTest, MirrorsARequest) {
  start();
  const auto head =
      request(1, "mirror", "a/b", "?q=1", link::kDelete, link::kOpenTls, {{"x", "\xff"}, {"y", "z"}});
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(body(1),
            R"({"method":"DELETE","isHead":false,"target":"/example.com/team/mirror/a/b?q=1","path":"a/b",)"
            R"("tls":true,"headers":[["x","hex:ff"],["y","z"]],"body":""})");
}

TEST_F(EchoTest, RefusesOddNumbers) {
  start();
  std::uint32_t stream = 1;
  for (const char* odd : {"-1", "x", "1e9x", "99999999999999999999999", ""}) {
    SCOPED_TRACE(odd);
    EXPECT_EQ(request(stream, "bytes", odd).status, 400);
    body(stream++);
  }
}

TEST_F(EchoTest, CountsWhatIsPosted) {
  start();
  link::Open open;
  open.attach = webserver->await_attach("/example.com/team/sink", Kind::kHttp);
  open.kind = Kind::kHttp;
  open.method = link::kPost;
  open.bits = link::kOpenHasBody;
  open.target = "/example.com/team/sink";
  webserver->open(1, open);
  const std::string part(40000, 'p');
  std::uint64_t allowed = webserver->hello.credit;
  for (int i = 0; i < 10; ++i) {
    loop.run_until(
        [&] { return allowed + webserver->credit[1] >= part.size() * static_cast<std::size_t>(i + 1); });
    Bytes out;
    link::append_data(out, link::Type::kData, 1, i == 9 ? link::kFlagEnd : std::uint8_t{0}, as_bytes(part));
    webserver->send(out);
  }
  EXPECT_EQ(webserver->next(1).header.type, link::Type::kAccept);
  EXPECT_EQ(body(1), R"({"bytes":400000})");
}

TEST_F(EchoTest, AnswersLaterWhenAskedTo) {
  start();
  const auto before = loop::Clock::now();
  EXPECT_EQ(request(1, "slow", "", "?ms=50").status, 200);
  EXPECT_GE(loop::Clock::now() - before, std::chrono::milliseconds(50));
  EXPECT_EQ(body(1), "slow\n");
}

}  // namespace
}  // namespace berth::echo
