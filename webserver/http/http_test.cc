// HTTP between a client and a service, through a real reactor.
#include <poll.h>
#include <sys/socket.h>

#include "webserver/testing/peers.h"

namespace berth::webserver::testing {
namespace {

struct HttpRelay : ::testing::Test {
  TestServer server;
  ServicePeer service{server.link_path()};
  link::Grant grant = server.grant("/example.com/team");

  void SetUp() override {
    const auto attached = service.attach(7, link::Kind::kHttp, "/example.com/team", grant);
    ASSERT_EQ(attached.result, link::AttachResult::kOk) << attached.reason;
  }
};

TEST_F(HttpRelay, HandsARequestToTheServiceAndItsAnswerToTheClient) {
  Client client(server.http());
  client.get("/example.com/team/a%20b/c?x=1&y=%2F", "X-Custom: Value\r\nCookie: a=b\r\n");
  const auto opened = service.expect_open();
  EXPECT_EQ(opened.open.attach, 7U);
  EXPECT_EQ(opened.open.kind, link::Kind::kHttp);
  EXPECT_EQ(opened.open.bits, 0);
  EXPECT_EQ(opened.open.method, link::kGet);
  EXPECT_EQ(opened.open.target, "/example.com/team/a%20b/c?x=1&y=%2F");
  EXPECT_EQ(opened.open.relative, "a b/c");
  EXPECT_THAT(opened.open.peer, ::testing::MatchesRegex("127\\.0\\.0\\.1:[0-9]+"));
  EXPECT_EQ(opened.find("x-custom"), "Value");
  EXPECT_EQ(opened.find("host"), "localhost");
  EXPECT_EQ(opened.find("cookie"), "a=b");

  service.accept(opened.stream, 200, {{"content-type", "text/plain"}, {"content-length", "5"}});
  service.data(opened.stream, "hello", true);
  const auto response = client.read_response();
  EXPECT_EQ(response.status(), 200);
  EXPECT_EQ(response.body, "hello");
  EXPECT_EQ(response.header("content-type"), "text/plain");
  EXPECT_EQ(response.header("content-length"), "5");
  EXPECT_TRUE(http1::parse_date(response.header("date")));
}

TEST_F(HttpRelay, SendsHeadAndBodyInOneWriteIfTheyComeTogether) {
  Client client(server.http());
  client.get("/example.com/team/x");
  const auto opened = service.expect_open();
  Bytes out;
  or_throw(link::append(out, opened.stream, link::Accept{200, 0, {{"content-length", "5"}}}));
  link::append_data(out, link::Type::kData, opened.stream, link::kFlagEnd, as_bytes("hello"));
  service.send(out);
  const auto all = client.read_some();  // what one write brought
  EXPECT_TRUE(all.starts_with("HTTP/1.1 200 OK\r\n")) << all;
  EXPECT_TRUE(all.ends_with("\r\n\r\nhello")) << all;
}

TEST_F(HttpRelay, SendsAHeadAtOnceWhoseBodyIsStillToCome) {
  Client client(server.http());
  client.get("/example.com/team/x");
  const auto opened = service.expect_open();
  service.accept(opened.stream, 200, {{"content-length", "5"}});
  EXPECT_TRUE(client.read_some().ends_with("\r\n\r\n"));
  service.data(opened.stream, "hello", true);
  EXPECT_EQ(client.read_exactly(5), "hello");
}

TEST_F(HttpRelay, ChunksAnAnswerOfUnknownLengthAndKeepsTheConnection) {
  Client client(server.http());
  for (int round = 0; round < 3; ++round) {
    client.get("/example.com/team/x");
    const auto opened = service.expect_open();
    service.accept(opened.stream, 200);
    service.data(opened.stream, "one ", false);
    service.data(opened.stream, "two", false);
    service.data(opened.stream, "", true);
    const auto response = client.read_response();
    EXPECT_EQ(response.header("transfer-encoding"), "chunked");
    EXPECT_EQ(response.body, "one two");
  }
  EXPECT_EQ(server.counters().accepted, 1U);
}

TEST_F(HttpRelay, EndsAnAnswerOfUnknownLengthByClosingForHttp10) {
  Client client(server.http());
  client.send("GET /example.com/team/x HTTP/1.0\r\n\r\n");
  const auto opened = service.expect_open();
  service.accept(opened.stream, 200);
  service.data(opened.stream, "all of it", true);
  const auto text = client.read_all();
  EXPECT_THAT(text, ::testing::StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(text, ::testing::Not(::testing::HasSubstr("chunked")));
  EXPECT_THAT(text, ::testing::EndsWith("\r\n\r\nall of it"));
}

TEST_F(HttpRelay, StreamsARequestBodyAndItsEnd) {
  Client client(server.http());
  client.get("/example.com/team/up", "Content-Length: 11\r\n", "PUT");
  const auto opened = service.expect_open();
  EXPECT_EQ(opened.open.bits & link::kOpenHasBody, link::kOpenHasBody);
  EXPECT_EQ(opened.open.method, link::kPut);
  client.send("hello world");
  EXPECT_EQ(service.read_body(opened.stream).first, "hello world");
  service.accept(opened.stream, 201, {}, true);
  const auto response = client.read_response();
  EXPECT_EQ(response.status(), 201);
  EXPECT_EQ(response.header("content-length"), "0");
}

TEST_F(HttpRelay, TakesTheChunksOffARequestBody) {
  Client client(server.http());
  client.get("/example.com/team/up", "Transfer-Encoding: chunked\r\n", "POST");
  const auto opened = service.expect_open();
  for (const char byte : std::string_view("4\r\nWiki\r\n5;x=y\r\npedia\r\n0\r\nTrailer: t\r\n\r\n"))
    client.send(std::string_view(&byte, 1));
  EXPECT_EQ(service.read_body(opened.stream).first, "Wikipedia");
  service.accept(opened.stream, 204);
  service.data(opened.stream, "", true);
  EXPECT_EQ(client.read_response().status(), 204);
  EXPECT_EQ(client.fetch("/nowhere").status(), 404);  // the connection is in step
}

TEST_F(HttpRelay, AnswersPipelinedRequestsInTheirOrder) {
  Client client(server.http());
  client.send(
      "GET /example.com/team/1 HTTP/1.1\r\nHost: a\r\n\r\n"
      "POST /example.com/team/2 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
      "GET /example.com/team/3 HTTP/1.1\r\nHost: a\r\n\r\n");
  for (const auto* name : {"1", "2", "3"}) {
    const auto opened = service.expect_open();
    EXPECT_EQ(opened.open.relative, name);
    if (opened.open.bits & link::kOpenHasBody) {
      EXPECT_EQ(service.read_body(opened.stream).first, "abc");
    }
    service.accept(opened.stream, 200, {{"content-length", "1"}});
    service.data(opened.stream, name, true);
    EXPECT_EQ(client.read_response().body, name);
  }
}

TEST_F(HttpRelay, AnswersHeadWithoutBodyButWithItsLength) {
  Client client(server.http());
  client.get("/example.com/team/x", "", "HEAD");
  const auto opened = service.expect_open();
  EXPECT_EQ(opened.open.method, link::kGet);
  EXPECT_EQ(opened.open.bits & link::kOpenHead, link::kOpenHead);
  service.accept(opened.stream, 200, {{"content-length", "1234"}}, true);
  const auto response = client.read_response(true);
  EXPECT_EQ(response.header("content-length"), "1234");
  EXPECT_EQ(client.fetch("/nowhere").status(), 404);
}

TEST_F(HttpRelay, SendsContinueWhenTheBodyIsWanted) {
  Client client(server.http());
  client.get("/example.com/team/x", "Expect: 100-continue\r\nContent-Length: 2\r\n", "POST");
  const auto opened = service.expect_open();
  EXPECT_EQ(opened.find("expect"), std::nullopt);
  EXPECT_EQ(client.read_exactly(25), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("ok");
  EXPECT_EQ(service.read_body(opened.stream).first, "ok");
  service.accept(opened.stream, 200, {}, true);
  EXPECT_EQ(client.read_response().status(), 200);
}

// RFC 9110 section 7.6.1.
TEST_F(HttpRelay, KeepsHopByHopFieldsToItself) {
  Client client(server.http());
  client.get("/example.com/team/x",
             "Connection: keep-alive, X-Private\r\nX-Private: 1\r\nTE: trailers\r\nUpgrade: h2c\r\n");
  const auto opened = service.expect_open();
  for (const auto* name : {"connection", "x-private", "te", "upgrade"})
    EXPECT_EQ(opened.find(name), std::nullopt) << name;
  service.accept(
      opened.stream, 200,
      {{"Connection", "close, X-Secret"}, {"X-Secret", "1"}, {"Keep-Alive", "timeout=5"}, {"X-Open", "1"}},
      true);
  const auto response = client.read_response();
  EXPECT_EQ(response.header("x-secret"), "");
  EXPECT_EQ(response.header("connection"), "");
  EXPECT_EQ(response.header("keep-alive"), "");
  EXPECT_EQ(response.header("x-open"), "1");
}

// RFC 9110 section 7.6.1: what is meant for all recipients is no connection option.
TEST_F(HttpRelay, LetsNobodyTakeHostAndLengthAway) {
  Client client(server.http());
  client.get("/example.com/team/x", "Connection: Host, Content-Length\r\nContent-Length: 3\r\n\r\nabc",
             "POST");
  const auto opened = service.expect_open();
  EXPECT_TRUE(opened.find("host"));
  EXPECT_EQ(opened.find("content-length"), "3");
}

TEST_F(HttpRelay, RefusesAServiceThatSplitsTheResponse) {
  for (const auto& bad :
       {std::string("a\r\nSet-Cookie: x=y"), std::string("a\nb"), std::string("nul\0", 4)}) {
    Client client(server.http());
    client.get("/example.com/team/x");
    const auto opened = service.expect_open();
    service.accept(opened.stream, 200, {{"location", bad}}, true);
    const auto response = client.read_response();
    EXPECT_EQ(response.status(), 502);
    EXPECT_EQ(response.header("set-cookie"), "");
    EXPECT_EQ(service.expect_close(opened.stream).code, 502);
    service.close(opened.stream, 0);
  }
}

TEST_F(HttpRelay, CutsAnAnswerThatDiffersFromItsLength) {
  for (const auto* body : {"too long", "s"}) {
    Client client(server.http());
    client.get("/example.com/team/x");
    const auto opened = service.expect_open();
    service.accept(opened.stream, 200, {{"content-length", "3"}});
    service.data(opened.stream, body, true);
    EXPECT_THROW(client.read_response(), std::exception) << body;
    service.expect_close(opened.stream);
    service.close(opened.stream, 0);
  }
}

TEST_F(HttpRelay, TellsTheServiceWhenTheClientGoesInTheMiddleOfItsBody) {
  Client client(server.http());
  client.get("/example.com/team/x", "Content-Length: 10\r\n", "POST");
  const auto opened = service.expect_open();
  client.send("abc");
  EXPECT_EQ(as_text(service.expect(link::Type::kData).payload), "abc");
  client.close();
  service.expect_close(opened.stream);
}

TEST_F(HttpRelay, TellsTheServiceWhenAWaitingClientIsReset) {
  Client client(server.http());
  client.get("/example.com/team/x");
  const auto opened = service.expect_open();
  client.reset();
  service.expect_close(opened.stream);
}

TEST_F(HttpRelay, AnswersAClientThatHasClosedItsDirection) {
  Client client(server.http());
  client.get("/example.com/team/x");
  client.shutdown_write();
  const auto opened = service.expect_open();
  service.accept(opened.stream, 200, {{"content-length", "2"}});
  service.data(opened.stream, "ok", true);
  EXPECT_EQ(client.read_response().body, "ok");
  EXPECT_TRUE(client.is_at_end());
}

// The end of what the client says comes while the socket is full of our answer.
TEST_F(HttpRelay, SendsAWholeAnswerToASlowClientThatHasClosedItsDirection) {
  Client slow(server.http());
  slow.get("/example.com/team/slow");
  const auto opened = service.expect_open();
  slow.shutdown_write();
  service.accept(opened.stream, 200);
  const std::string block(16384, 'x');
  std::size_t sent = 0, given = 65536;
  while (given >= block.size()) {
    service.data(opened.stream, block, false);
    sent += block.size();
    given -= block.size();
    pollfd waiting{service.fd(), POLLIN, 0};
    while (given < block.size() && ::poll(&waiting, 1, 300) == 1)
      given += or_throw(link::parse_u32(service.expect(link::Type::kCredit).payload));
  }
  service.data(opened.stream, "", true);
  for (int i = 0; i < 3; ++i) server.on_all([](Reactor&) {});  // it has read the end of both
  EXPECT_EQ(slow.read_response().body.size(), sent);
  EXPECT_TRUE(slow.is_at_end());
}

TEST_F(HttpRelay, TellsTheStatusOfACloseBeforeTheHead) {
  struct Case {
    std::uint16_t code;
    int status;
  };
  for (const auto& c : {Case{0, 502}, Case{404, 404}, Case{503, 503}, Case{200, 502}, Case{1006, 502}}) {
    Client client(server.http());
    client.get("/example.com/team/x");
    const auto opened = service.expect_open();
    service.close(opened.stream, c.code, "as I say");
    const auto response = client.read_response();
    EXPECT_EQ(response.status(), c.status);
    service.expect_close(opened.stream);
  }
}

TEST_F(HttpRelay, CutsTheAnswerAtACloseAfterTheHead) {
  Client client(server.http());
  client.get("/example.com/team/x");
  const auto opened = service.expect_open();
  service.accept(opened.stream, 200);
  service.data(opened.stream, "half", false);
  service.close(opened.stream, 500);
  EXPECT_THROW(client.read_response(), std::exception);
  service.expect_close(opened.stream);
}

TEST_F(HttpRelay, EndsTheConnectionWhenTheAnswerComesBeforeTheBody) {
  Client client(server.http());
  client.get("/example.com/team/x", "Content-Length: 1000\r\n", "POST");
  const auto opened = service.expect_open();
  service.accept(opened.stream, 403, {}, true);
  const auto response = client.read_response();
  EXPECT_EQ(response.status(), 403);
  EXPECT_EQ(service.expect_close(opened.stream).code, 0);
  EXPECT_TRUE(client.is_at_end());
}

TEST_F(HttpRelay, Answers502WhenTheServiceDiesAndThen503UntilItIsBack) {
  Client waiting(server.http()), reading(server.http());
  waiting.get("/example.com/team/x");
  service.expect_open();
  reading.get("/example.com/team/y");
  const auto opened = service.expect_open();
  service.accept(opened.stream, 200);
  service.data(opened.stream, "half", false);
  ASSERT_THAT(reading.read_exactly(15), "HTTP/1.1 200 OK");
  service.disconnect();
  EXPECT_EQ(waiting.read_response().status(), 502);
  EXPECT_THAT(reading.read_all(), ::testing::Not(::testing::HasSubstr("\r\n0\r\n")));

  Client next(server.http());
  auto response = next.fetch("/example.com/team/x");
  EXPECT_EQ(response.status(), 503);
  EXPECT_EQ(response.header("retry-after"), "1");

  ServicePeer again(server.link_path());
  ASSERT_EQ(again.attach(1, link::Kind::kHttp, "/example.com/team", grant).result, link::AttachResult::kOk);
  next.get("/example.com/team/x");
  const auto reopened = again.expect_open();
  again.accept(reopened.stream, 200, {}, true);
  EXPECT_EQ(next.read_response().status(), 200);
}

// Nobody holds more than a stream's buffer for a client that does not read.
TEST_F(HttpRelay, HoldsTheServiceBackForASlowClientOnly) {
  Client slow(server.http()), quick(server.http());
  slow.get("/example.com/team/slow");
  const auto held = service.expect_open();
  service.accept(held.stream, 200);
  const std::string block(65536, 'x');
  std::size_t sent = 0, given = 65536;
  // The kernel's buffers swallow some megabytes before the window closes.
  while (sent < 64 << 20) {
    if (given < block.size()) {
      pollfd waiting{service.fd(), POLLIN, 0};
      if (::poll(&waiting, 1, 300) == 0) break;
      const auto frame = service.expect(link::Type::kCredit);
      given += or_throw(link::parse_u32(frame.payload));
      continue;
    }
    service.data(held.stream, block, false);
    sent += block.size();
    given -= block.size();
  }
  EXPECT_LT(sent, 32U << 20);

  quick.get("/example.com/team/quick");
  const auto opened = service.expect_open();
  service.accept(opened.stream, 200, {{"content-length", "2"}});
  service.data(opened.stream, "ok", true);
  EXPECT_EQ(quick.read_response().body, "ok");

  for (std::size_t got = 0; got < sent / 2;) got += slow.read_some().size();
  EXPECT_EQ(service.expect(link::Type::kCredit).stream, held.stream);
}

TEST_F(HttpRelay, ReadsNoMoreOfABodyThanTheServiceHasCreditFor) {
  Client client(server.http());
  client.get("/example.com/team/x", "Content-Length: 300000\r\n", "POST");
  const auto opened = service.expect_open();
  client.send(std::string(300000, 'b'));
  std::size_t got = 0;
  while (got < 65536) got += service.expect(link::Type::kData).payload.size();
  EXPECT_EQ(got, 65536U);
  pollfd waiting{service.fd(), POLLIN, 0};
  EXPECT_EQ(::poll(&waiting, 1, 100), 0) << "more than the credit came";
  service.credit(opened.stream, 300000);
  while (got < 300000) got += service.expect(link::Type::kData).payload.size();
  EXPECT_EQ(got, 300000U);
}

TEST_F(HttpRelay, RefusesWhatIsNoRequest) {
  struct Case {
    const char* why;
    std::string bytes;
    int status;
  };
  const Case cases[] = {
      {"no Host (RFC 9112 section 3.2)", "GET / HTTP/1.1\r\n\r\n", 400},
      {"two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
      {"both lengths (smuggling)",
       "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
      {"two lengths", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabc", 400},
      {"blank before colon", "GET / HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n", 400},
      {"a version to come", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505},
      {"a method to come", "BREW / HTTP/1.1\r\nHost: a\r\n\r\n", 0},
      {"trace", "TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", 405},
      {"dots", "GET /example.com/team/../other HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"escaped dots", "GET /example.com/team/%2e%2E/other HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"NUL", "GET /a%00b HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"cut escape", "GET /a%4 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"TLS to the plain port", "\x16\x03\x01", 400},
      {"garbage", "\x01\x02\x03\x04\r\n\r\n", 400},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.why);
    Client client(server.http());
    client.send(c.bytes);
    const auto status = client.read_response().status();
    if (c.status) EXPECT_EQ(status, c.status);
    else EXPECT_TRUE(status == 501 || status == 400) << status;
  }
}

TEST_F(HttpRelay, TakesTheAbsoluteFormAndOptionsOfTheServer) {
  Client client(server.http());
  client.send("GET http://example.com/example.com/team/x?q HTTP/1.1\r\nHost: other\r\n\r\n");
  const auto opened = service.expect_open();
  EXPECT_EQ(opened.open.target, "/example.com/team/x?q");
  EXPECT_EQ(opened.find("host"), "example.com");  // not what stands in Host (RFC 9112 section 3.2.2)
  service.accept(opened.stream, 200, {}, true);
  EXPECT_EQ(client.read_response().status(), 200);
  client.send("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n");
  const auto response = client.read_response();
  EXPECT_EQ(response.status(), 200);
  EXPECT_THAT(response.header("allow"), ::testing::HasSubstr("PROPFIND"));
}

TEST(Http, SaysThatThePlatformStartsBeforeThereIsAConfiguration) {
  TestServer server({.configured = false});
  Client client(server.http());
  EXPECT_EQ(client.fetch("/").status(), 503);
}

TEST(Http, RedirectsToHttpsWhereThatIsSet) {
  TestServer server({.tls = true, .redirect_https = true});
  Client client(server.http());
  client.send("GET /a/b?c=d HTTP/1.1\r\nHost: example.com:8080\r\n\r\n");
  const auto response = client.read_response();
  EXPECT_EQ(response.status(), 308);
  EXPECT_EQ(response.header("location"), fmt::format("https://example.com:{}/a/b?c=d", server.https()));
}

TEST(Http, LetsGoOfAnIdAfterTheServicesCloseOnly) {
  TestServer server;
  ServicePeer service(server.link_path());
  ASSERT_EQ(service.attach(1, link::Kind::kHttp, "/a", server.grant("/a")).result, link::AttachResult::kOk);
  std::set<std::uint32_t> unanswered;
  for (int i = 0; i < 20; ++i) {
    Client client(server.http());
    client.get("/a");
    const auto opened = service.expect_open();
    EXPECT_TRUE(unanswered.insert(opened.stream).second) << "id was used again";
    client.reset();
    service.expect_close(opened.stream);
  }
  for (const auto stream : unanswered) service.close(stream, 0);
  Client client(server.http());
  client.get("/a");
  service.expect_open();
}

TEST(Passthrough, CarriesTheHeadAsItWasAndRawBytesBothWays) {
  TestServer server;
  ServicePeer service(server.link_path());
  ASSERT_EQ(service.attach(1, link::Kind::kPassthrough, "/raw", server.grant("/raw")).result,
            link::AttachResult::kOk);
  Client client(server.http());
  const std::string head = "GET /raw/x HTTP/1.1\r\nHost:  a\r\nX-Odd:\tv \r\nConnection: X\r\n\r\n";
  client.send(head + "more");
  const auto opened = service.expect_open();
  EXPECT_EQ(opened.open.relative, "x");
  std::string got;
  while (got.size() < head.size() + 4) got += as_text(service.expect(link::Type::kData).payload);
  EXPECT_EQ(got, head + "more");
  service.data(opened.stream, "HTTP/1.1 299 Mine\r\n\r\nraw", false);
  EXPECT_EQ(client.read_exactly(24), "HTTP/1.1 299 Mine\r\n\r\nraw");
  client.shutdown_write();
  EXPECT_EQ(service.expect(link::Type::kData).flags & link::kFlagEnd, link::kFlagEnd);
  service.data(opened.stream, "bye", true);
  EXPECT_EQ(client.read_all(), "bye");
  TestServer::wait_until([&] { return server.connections() == 0; }, "the connection to go");
}

}  // namespace
}  // namespace berth::webserver::testing
