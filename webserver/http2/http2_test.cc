// HTTP/2 between a client and a service, through a real reactor.
#include <thread>

#include "webserver/testing/http2_peer.h"

namespace berth::webserver::testing {
namespace {

using namespace std::chrono_literals;
using Fields = Http2Client::Fields;

struct Http2 : ::testing::Test {
  TestServer server{{.tls = true}};
  ServicePeer service{server.link_path()};
  link::Grant grant = server.grant("/example.com/team");

  void SetUp() override { attach(7, link::Kind::kHttp, "/example.com/team"); }
  void attach(std::uint32_t id, link::Kind kind, const std::string& path) {
    const auto attached = service.attach(id, kind, path, grant);
    ASSERT_EQ(attached.result, link::AttachResult::kOk) << attached.reason;
  }
  void limit(std::int64_t Limits::* member, std::int64_t value) {
    Limits limits;
    limits.*member = value;
    server.set_limits(limits);
  }
  void expect_no_streams() {
    TestServer::wait_until([&] { return server.counters().http2_streams == 0; }, "the streams' end");
  }
  static int status_of(Http2Client& client, const Fields& fields, bool has_body) {
    const auto stream = client.request_of(fields, has_body);
    client.wait_for_end(stream);
    return client.answer(stream).status();
  }
};

TEST_F(Http2, IsChosenByAlpnAndOnlyThen) {
  EXPECT_EQ(Http2Client(server.https()).protocol(), "h2");
  Client old(server.https(), true);
  old.get("/example.com/none");
  EXPECT_EQ(old.read_response().status(), 404);
  limit(&Limits::http2_streams, 0);
  EXPECT_EQ(Http2Client(server.https()).protocol(), "http/1.1");
}

TEST_F(Http2, HandsARequestToTheServiceAndItsAnswerToTheClient) {
  Http2Client client(server.https());
  const auto stream =
      client.request("/example.com/team/a%20b/c?x=1&y=%2F",
                     {{"x-custom", "Value"}, {"cookie", "a=b"}, {"te", "trailers"}, {"cookie", "c=d"}});
  const auto opened = service.expect_open();
  EXPECT_EQ(opened.open.attach, 7U);
  EXPECT_EQ(opened.open.kind, link::Kind::kHttp);
  EXPECT_EQ(opened.open.method, link::kGet);
  EXPECT_EQ(opened.open.bits, link::kOpenTls);
  EXPECT_EQ(opened.open.target, "/example.com/team/a%20b/c?x=1&y=%2F");
  EXPECT_EQ(opened.open.relative, "a b/c");
  EXPECT_TRUE(opened.open.peer.starts_with("127.0.0.1:"));
  EXPECT_EQ(opened.find("x-custom"), "Value");
  EXPECT_EQ(opened.find("cookie"), "a=b; c=d");  // RFC 9113 section 8.2.3
  EXPECT_EQ(opened.find("host"), "localhost");
  EXPECT_EQ(opened.find("te"), std::nullopt);
  service.accept(opened.stream, 201, {{"X-Answer", "yes"}, {"Connection", "x-hop"}, {"X-Hop", "1"}});
  service.data(opened.stream, "hello ", false);
  service.data(opened.stream, "world", true);
  client.wait_for_end(stream);
  auto& answer = client.answer(stream);
  EXPECT_EQ(answer.status(), 201);
  EXPECT_EQ(answer.body, "hello world");
  EXPECT_EQ(answer.header("x-answer"), "yes");
  EXPECT_EQ(answer.header("connection"), "");
  EXPECT_EQ(answer.header("x-hop"), "");
  EXPECT_NE(answer.header("date"), "");
  EXPECT_EQ(answer.error, 0U);
  expect_no_streams();
}

TEST_F(Http2, CarriesBodiesLargerThanAnyWindowBothWays) {
  Http2Client client(server.https());
  const std::string body(1'000'000, 'u');
  const auto stream = client.request("/example.com/team/up", {{"content-length", "1000000"}}, true, "PUT");
  client.send(stream, body, true);
  const auto opened = service.expect_open();
  EXPECT_EQ(opened.open.bits, link::kOpenTls | link::kOpenHasBody);
  std::thread reader([&] {
    EXPECT_EQ(service.read_body(opened.stream).first, body);
    service.accept(opened.stream, 204, {}, true);
  });
  client.wait_for_end(stream);
  reader.join();
  EXPECT_EQ(client.answer(stream).status(), 204);
}

TEST_F(Http2, GivesCreditBackAsTheClientReads) {
  Http2Client client(server.https());
  const auto stream = client.request("/example.com/team/down");
  const auto opened = service.expect_open();
  service.accept(opened.stream, 200, {{"content-length", "1000000"}});
  std::thread sender([&] { service.send_on_credit(opened.stream, 1'000'000); });
  client.wait_for_end(stream);
  sender.join();
  EXPECT_EQ(client.answer(stream).body, std::string(1'000'000, 'x'));
  EXPECT_EQ(client.answer(stream).header("content-length"), "1000000");
}

TEST_F(Http2, KeepsTheStreamsOfOneConnectionApart) {
  Http2Client client(server.https());
  std::map<std::string, std::int32_t> streams;
  for (int i = 0; i < 20; ++i)
    streams["r" + std::to_string(i)] = client.request("/example.com/team/r" + std::to_string(i));
  std::vector<Opened> opened;
  for (int i = 0; i < 20; ++i) opened.push_back(service.expect_open());
  for (auto& one : opened) service.accept(one.stream, 200);
  std::reverse(opened.begin(), opened.end());
  for (auto& one : opened) service.data(one.stream, one.open.relative, true);
  for (const auto& [name, stream] : streams) {
    client.wait_for_end(stream);
    EXPECT_EQ(client.answer(stream).body, name);
  }
  expect_no_streams();
}

TEST_F(Http2, AStreamThatIsNotReadHoldsUpOnlyItself) {
  Http2Client client(server.https(), {.window = 1000, .gives_window_back = false});
  const auto slow = client.request("/example.com/team/slow");
  const auto opened = service.expect_open();
  service.accept(opened.stream, 200);
  service.data(opened.stream, std::string(60'000, 's'), false);
  client.wait_until([&] { return client.answer(slow).body.size() == 1000; }, "what its window allows");
  const auto quick = client.request("/example.com/team/quick");
  const auto second = service.expect_open();
  service.accept(second.stream, 200);
  service.data(second.stream, "quick", true);
  client.wait_for_end(quick);
  EXPECT_EQ(client.answer(quick).body, "quick");
  EXPECT_EQ(client.answer(slow).body.size(), 1000U);
}

TEST_F(Http2, ServesFilesWithCodingsTagsAndRanges) {
  const auto pack = make_pack({{"index.htm", std::string(5000, 'a')}, {"empty.txt", ""}});
  ASSERT_EQ(service.attach_static(9, "/example.com/team/files", grant, pack).result, link::AttachResult::kOk);
  Http2Client client(server.https());
  const auto whole = client.fetch("/example.com/team/files/index.htm");
  EXPECT_EQ(whole.status(), 200);
  EXPECT_EQ(whole.body, std::string(5000, 'a'));
  EXPECT_EQ(whole.header("content-length"), "5000");
  const auto packed = client.fetch("/example.com/team/files/index.htm", {{"accept-encoding", "gzip, br"}});
  EXPECT_NE(packed.header("content-encoding"), "");
  EXPECT_LT(packed.body.size(), 1000U);
  const auto same =
      client.fetch("/example.com/team/files/index.htm", {{"if-none-match", whole.header("etag")}});
  EXPECT_EQ(same.status(), 304);
  EXPECT_EQ(same.body, "");
  const auto part = client.fetch("/example.com/team/files/index.htm", {{"range", "bytes=10-19"}});
  EXPECT_EQ(part.status(), 206);
  EXPECT_EQ(part.body, std::string(10, 'a'));
  const auto head = client.fetch("/example.com/team/files/index.htm", {}, "HEAD");
  EXPECT_EQ(head.status(), 200);
  EXPECT_EQ(head.header("content-length"), "5000");
  EXPECT_EQ(head.body, "");
  EXPECT_EQ(client.fetch("/example.com/team/files/empty.txt").body, "");
  ServedFiles served;
  server.on_all([&](Reactor& reactor) { served = *reactor.served_files().at("/example.com/team"); });
  EXPECT_EQ(served.requests, 6U);
  EXPECT_EQ(served.bytes, 5000 + packed.body.size() + 10);
  EXPECT_EQ(client.fetch("/example.com/elsewhere").status(), 404);
  EXPECT_EQ(client.fetch("/example.com/team/%00").status(), 400);
  expect_no_streams();
}

TEST_F(Http2, SendsALargeFileAndManyAtOnce) {
  std::string large(3'000'000, 'x');
  for (std::size_t i = 0; i < large.size(); i += 7) large[i] = static_cast<char>('a' + i % 26);
  const auto pack = make_pack({{"large.bin", large}});
  ASSERT_EQ(service.attach_static(9, "/example.com/team/files", grant, pack).result, link::AttachResult::kOk);
  Http2Client client(server.https());
  std::vector<std::int32_t> streams;
  for (int i = 0; i < 5; ++i) streams.push_back(client.request("/example.com/team/files/large.bin"));
  for (const auto stream : streams) {
    client.wait_for_end(stream);
    EXPECT_TRUE(client.answer(stream).body == large);
  }
}

TEST_F(Http2, AnswersExpectContinueAndHead) {
  Http2Client client(server.https());
  const auto stream = client.request("/example.com/team/up", {{"expect", "100-continue"}}, true, "PUT");
  const auto opened = service.expect_open();
  EXPECT_EQ(opened.find("expect"), std::nullopt);
  client.wait_until([&] { return !client.answer(stream).informational.empty(); }, "100 Continue");
  client.send(stream, "body", true);
  EXPECT_EQ(service.read_body(opened.stream).first, "body");
  service.accept(opened.stream, 204, {}, true);
  client.wait_for_end(stream);
  EXPECT_EQ(client.answer(stream).status(), 204);

  const auto head = client.request("/example.com/team/x", {}, false, "HEAD");
  const auto second = service.expect_open();
  EXPECT_EQ(second.open.bits, link::kOpenTls | link::kOpenHead);
  service.accept(second.stream, 200, {{"content-length", "77"}});
  service.data(second.stream, "", true);
  client.wait_for_end(head);
  EXPECT_EQ(client.answer(head).header("content-length"), "77");
  EXPECT_EQ(client.answer(head).error, 0U);
}

TEST_F(Http2, EndsAnAnswerBeforeTheRequestAndSaysThatTheRestIsNotNeeded) {
  Http2Client client(server.https());
  const auto stream = client.request("/example.com/team/up", {}, true, "POST");
  client.send(stream, "a part", false);
  const auto opened = service.expect_open();
  (void)service.expect(link::Type::kData);
  service.accept(opened.stream, 403, {}, true);
  client.wait_for_end(stream);
  EXPECT_EQ(client.answer(stream).status(), 403);
  EXPECT_EQ(client.answer(stream).error, static_cast<std::uint32_t>(NGHTTP2_NO_ERROR));
  EXPECT_EQ(service.expect_close(opened.stream).code, 0);
  EXPECT_EQ(client.fetch("/example.com/none").status(), 404);  // the connection goes on
}

TEST_F(Http2, TellsWhatIsTooLarge) {
  Limits limits;
  limits.body_bytes = 1000;
  limits.target_bytes = 100;
  limits.head_fields = 10;
  limits.head_bytes = 2000;
  server.set_limits(limits);
  Http2Client client(server.https());
  EXPECT_EQ(client.setting(NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE) > 0, true);
  EXPECT_EQ(client.fetch("/example.com/team/" + std::string(200, 'x')).status(), 414);
  Fields many;
  for (int i = 0; i < 20; ++i) many.emplace_back("x-" + std::to_string(i), "1");
  EXPECT_EQ(client.fetch("/example.com/team/", many).status(), 431);
  EXPECT_EQ(client.fetch("/example.com/team/", {{"x", std::string(3000, 'x')}}).status(), 431);
  const auto declared = client.request("/example.com/team/up", {{"content-length", "2000"}}, true, "PUT");
  client.wait_for_end(declared);
  EXPECT_EQ(client.answer(declared).status(), 413);
  const auto found = client.request("/example.com/team/up", {}, true, "PUT");
  const auto opened = service.expect_open();
  client.send(found, std::string(2000, 'b'), true);
  client.wait_for_end(found);
  EXPECT_EQ(client.answer(found).status(), 413);
  EXPECT_EQ(service.expect_close(opened.stream).code, 413);
}

TEST_F(Http2, RefusesOddHostsAndMethods) {
  Http2Client client(server.https());
  const auto with = [&](const Fields& fields) { return status_of(client, fields, false); };
  EXPECT_EQ(
      with({{":method", "GET"}, {":scheme", "https"}, {":path", "/"}, {":authority", "a"}, {"host", "b"}}),
      400);
  EXPECT_EQ(with({{":method", "GET"}, {":scheme", "https"}, {":path", "/"}, {"host", "b"}}), 404);
  EXPECT_EQ(with({{":method", "BREW"}, {":scheme", "https"}, {":path", "/"}, {":authority", "a"}}), 501);
  EXPECT_EQ(with({{":method", "TRACE"}, {":scheme", "https"}, {":path", "/"}, {":authority", "a"}}), 405);
  EXPECT_EQ(with({{":method", "CONNECT"}, {":authority", "a:1"}}), 405);
  EXPECT_EQ(with({{":method", "OPTIONS"}, {":scheme", "https"}, {":path", "*"}, {":authority", "a"}}), 200);
}

TEST_F(Http2, AServiceThatDiesIsTold) {
  Http2Client client(server.https());
  const auto early = client.request("/example.com/team/early");
  (void)service.expect_open();
  const auto late = client.request("/example.com/team/late");
  const auto opened = service.expect_open();
  service.accept(opened.stream, 200);
  service.data(opened.stream, "half", false);
  client.wait_for_head(late);
  service.disconnect();
  client.wait_for_end(early);
  EXPECT_EQ(client.answer(early).status(), 502);
  client.wait_for_end(late);
  EXPECT_EQ(client.answer(late).error, static_cast<std::uint32_t>(NGHTTP2_INTERNAL_ERROR));
  EXPECT_EQ(client.fetch("/example.com/team/x").status(), 503);
  expect_no_streams();
}

TEST_F(Http2, AResetTellsTheService) {
  Http2Client client(server.https());
  const auto stream = client.request("/example.com/team/x");
  const auto opened = service.expect_open();
  client.reset(stream);
  EXPECT_EQ(service.expect_close(opened.stream).code, 1006);
  service.close(opened.stream, 0);
  expect_no_streams();
  EXPECT_EQ(client.fetch("/example.com/none").status(), 404);
}

TEST_F(Http2, TheEndOfAConnectionEndsItsStreams) {
  std::optional<Http2Client> client(server.https());
  (void)client->request("/example.com/team/x");
  (void)client->request("/example.com/team/y");
  const auto first = service.expect_open();
  const auto second = service.expect_open();
  EXPECT_EQ(server.counters().http2_streams, 2U);
  EXPECT_EQ(server.counters().connections, 1U);
  client.reset();
  EXPECT_EQ(service.expect_close(first.stream).code, 1006);
  EXPECT_EQ(service.expect_close(second.stream).code, 1006);
  expect_no_streams();
  TestServer::wait_until([&] { return server.counters().connections == 0; }, "the connection's end");
}

TEST_F(Http2, AsksForHttp11WhereAServiceSpeaksItItself) {
  attach(8, link::Kind::kPassthrough, "/example.com/team/raw");
  Http2Client client(server.https());
  const auto stream = client.request("/example.com/team/raw/x");
  client.wait_for_end(stream);
  EXPECT_EQ(client.answer(stream).error, static_cast<std::uint32_t>(NGHTTP2_HTTP_1_1_REQUIRED));
}

TEST_F(Http2, DrainSaysGoawayAndEndsOpenStreamsInPeace) {
  Http2Client client(server.https());
  const auto stream = client.request("/example.com/team/x");
  const auto opened = service.expect_open();
  server.on_all([](Reactor& reactor) { reactor.drain(); });
  client.wait_until([&] { return client.goaway() >= 0 && client.goaway_stream() == stream; }, "GOAWAY");
  EXPECT_EQ(client.goaway(), NGHTTP2_NO_ERROR);
  service.accept(opened.stream, 200);
  service.data(opened.stream, "still", true);
  client.wait_for_end(stream);
  EXPECT_EQ(client.answer(stream).body, "still");
  TestServer::wait_until([&] { return server.counters().connections <= 1; }, "the end");
}

// --- limits ---

TEST_F(Http2, TellsItsLimitsAndRefusesStreamsAboveThem) {
  limit(&Limits::http2_streams, 3);
  Http2Client client(server.https());
  (void)client.fetch("/example.com/none");
  EXPECT_EQ(client.setting(NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS), 3U);
  for (int i = 0; i < 3; ++i) (void)client.request("/example.com/team/x");
  for (int i = 0; i < 3; ++i) (void)service.expect_open();
  // One more in spite of it: GET https / of the static table, :authority "a".
  client.send_raw(std::string("\0\0\x06\x01\x05\0\0\0\x09", 9) + std::string("\x82\x87\x84\x41\x01"
                                                                             "a",
                                                                             6));
  client.wait_until([&] { return client.goaway() >= 0; }, "GOAWAY");
  EXPECT_EQ(client.goaway(), NGHTTP2_PROTOCOL_ERROR);
}

TEST_F(Http2, RefusesStreamsAboveThoseOfAllConnections) {
  limit(&Limits::http2_streams_in_all, 1);
  Http2Client first(server.https()), second(server.https());
  (void)first.request("/example.com/team/x");
  (void)service.expect_open();
  const auto refused = second.request("/example.com/team/y");
  second.wait_for_end(refused);
  EXPECT_EQ(second.answer(refused).error, static_cast<std::uint32_t>(NGHTTP2_REFUSED_STREAM));
}

TEST_F(Http2, AFrameAboveTheLimitEndsTheConnection) {
  Http2Client client(server.https());
  (void)client.fetch("/example.com/none");
  client.send_raw(std::string("\0\x40\x01\0\0\0\0\0\x01", 9));  // DATA of 16,385 bytes
  client.wait_until([&] { return client.goaway() >= 0; }, "GOAWAY");
  EXPECT_EQ(client.goaway(), NGHTTP2_FRAME_SIZE_ERROR);
}

struct Flood : Http2 {
  void SetUp() override {
    Http2::SetUp();
    limit(&Limits::http2_nuisances, 100);
  }
  // Sends until the webserver has had enough.
  void expect_calm(const std::function<void(Http2Client&)>& send_one) {
    Http2Client client(server.https());
    (void)client.fetch("/example.com/none");
    for (int i = 0; i < 2000; ++i) send_one(client);
    // nghttp2 at this end may be confused by the answers to what was sent beside it, and see the end only.
    client.wait_until([&] { return client.goaway() >= 0 || client.reached_end(); }, "GOAWAY");
    if (client.goaway() >= 0) EXPECT_EQ(client.goaway(), NGHTTP2_ENHANCE_YOUR_CALM);
    expect_no_streams();
  }
};

TEST_F(Flood, OfPingsEndsTheConnection) {
  expect_calm(
      [](Http2Client& client) { client.send_raw(std::string("\0\0\x08\x06\0\0\0\0\0abcdefgh", 17)); });
}

TEST_F(Flood, OfSettingsEndsTheConnection) {
  expect_calm([](Http2Client& client) { client.send_raw(std::string("\0\0\0\x04\0\0\0\0\0", 9)); });
}

TEST_F(Flood, OfPrioritiesEndsTheConnection) {
  expect_calm(
      [](Http2Client& client) { client.send_raw(std::string("\0\0\x05\x02\0\0\0\0\x0b\0\0\0\0\x10", 14)); });
}

TEST_F(Flood, OfUnknownFramesEndsTheConnection) {
  expect_calm([](Http2Client& client) { client.send_raw(std::string("\0\0\0\xee\0\0\0\0\0", 9)); });
}

TEST_F(Flood, OfWindowUpdatesEndsTheConnection) {
  expect_calm(
      [](Http2Client& client) { client.send_raw(std::string("\0\0\x04\x08\0\0\0\0\0\0\0\0\x01", 13)); });
}

TEST_F(Flood, OfEmptyDataEndsTheConnection) {
  std::int32_t stream = 0;
  expect_calm([&](Http2Client& client) {
    if (stream == 0) stream = client.request("/example.com/team/up", {}, true, "POST");
    client.send_raw(std::string("\0\0\0\0\0\0\0\0", 8) + static_cast<char>(stream));
  });
}

TEST_F(Flood, OfResetsEndsTheConnection) {
  Http2Client client(server.https());
  for (int i = 0; i < 200 && client.goaway() < 0; ++i) {
    client.reset(client.request("/example.com/team/x"));
    if (i % 10 == 9) {
      client.ping();
      const auto before = client.pongs();
      client.wait_until([&] { return client.pongs() > before || client.goaway() >= 0; }, "an answer");
    }
  }
  EXPECT_EQ(client.goaway(), NGHTTP2_ENHANCE_YOUR_CALM);
  expect_no_streams();
}

TEST_F(Flood, OfResetsThatWeAreMadeToSendEndsTheConnection) {
  Http2Client client(server.https());
  for (int i = 0; i < 100 && client.goaway() < 0; ++i) {
    const auto stream = client.request("/example.com/team/x", {}, true, "POST");
    // Windows above 2^31 - 1 are an error of the stream (RFC 9113 section 6.9.1).
    for (int twice = 0; twice < 2; ++twice)
      client.send_raw(std::string("\0\0\x04\x08\0\0\0\0", 8) + static_cast<char>(stream) +
                      "\x7f\xff\xff\xff");
    client.wait_until([&] { return client.answer(stream).is_closed || client.goaway() >= 0; }, "RST_STREAM");
  }
  EXPECT_EQ(client.goaway(), NGHTTP2_ENHANCE_YOUR_CALM);
}

TEST_F(Http2, AFloodOfContinuationsEndsTheConnection) {
  Http2Client client(server.https());
  (void)client.fetch("/example.com/none");
  std::string flood("\0\0\x01\x01\0\0\0\0\x0b\x82", 10);  // HEADERS without END_HEADERS
  for (int i = 0; i < 1000; ++i) flood += std::string("\0\0\x01\x09\0\0\0\0\x0b\x87", 10);
  client.send_raw(
      flood);  // in one piece: what comes after the end would reset the connection and GOAWAY with it
  client.wait_until([&] { return client.goaway() >= 0; }, "GOAWAY");
  EXPECT_EQ(client.goaway(), NGHTTP2_ENHANCE_YOUR_CALM);
}

TEST_F(Http2, AClientThatTakesNothingIsResetAfterAWhile) {
  limit(&Limits::stall_ms, 200);
  Http2Client client(server.https(), {.window = 10, .gives_window_back = false});
  const auto stream = client.request("/example.com/team/x");
  const auto opened = service.expect_open();
  service.accept(opened.stream, 200);
  service.data(opened.stream, std::string(60'000, 's'), false);
  client.wait_for_end(stream);
  EXPECT_EQ(client.answer(stream).error, static_cast<std::uint32_t>(NGHTTP2_CANCEL));
  EXPECT_EQ(service.expect_close(opened.stream).code, 0);
}

TEST_F(Http2, AClientThatTakesNoFileIsResetAfterAWhile) {
  const auto pack = make_pack({{"f", std::string(5000, 'a')}});
  ASSERT_EQ(service.attach_static(9, "/example.com/team/files", grant, pack).result, link::AttachResult::kOk);
  limit(&Limits::stall_ms, 200);
  Http2Client client(server.https(), {.window = 10, .gives_window_back = false});
  const auto stream = client.request("/example.com/team/files/f");
  client.wait_for_end(stream);
  EXPECT_EQ(client.answer(stream).error, static_cast<std::uint32_t>(NGHTTP2_CANCEL));
  EXPECT_EQ(client.answer(stream).body.size(), 10U);
}

TEST_F(Http2, AnUploadWaitsForItsService) {
  // The service takes nothing: what the webserver holds is bounded by the stream's window and the link's credit.
  ServicePeer lazy(server.link_path(), 1000);
  const auto lazy_grant = server.grant("/example.com/lazy");
  ASSERT_EQ(lazy.attach(1, link::Kind::kHttp, "/example.com/lazy", lazy_grant).result,
            link::AttachResult::kOk);
  Http2Client client(server.https());
  const auto stream = client.request("/example.com/lazy/up", {}, true, "PUT");
  client.send(stream, std::string(500'000, 'u'), true);
  client.ping();
  client.wait_until([&] { return client.pongs() > 0; }, "PONG");
  EXPECT_EQ(nghttp2_session_get_stream_remote_window_size(client.session(), stream), 0);
  const auto opened = lazy.expect_open();
  std::thread reader([&] {
    EXPECT_EQ(lazy.read_body(opened.stream).first.size(), 500'000U);
    lazy.accept(opened.stream, 204, {}, true);
  });
  client.wait_for_end(stream);
  reader.join();
  EXPECT_EQ(client.answer(stream).status(), 204);
}

TEST_F(Http2, SlowBodiesAndSlowServicesAreAnswered) {
  Limits limits;
  limits.stall_ms = 200;
  limits.response_ms = 300;
  server.set_limits(limits);
  Http2Client client(server.https());
  const auto body = client.request("/example.com/team/up", {}, true, "PUT");
  const auto first = service.expect_open();
  client.wait_for_end(body);
  EXPECT_EQ(client.answer(body).status(), 408);
  EXPECT_EQ(service.expect_close(first.stream).code, 408);
  const auto answer = client.request("/example.com/team/x");
  (void)service.expect_open();
  client.wait_for_end(answer);
  EXPECT_EQ(client.answer(answer).status(), 504);
}

TEST_F(Http2, AnIdleConnectionIsToldAndClosed) {
  limit(&Limits::idle_ms, 100);
  Http2Client client(server.https());
  (void)client.fetch("/example.com/none");
  client.wait_until([&] { return client.goaway() >= 0; }, "GOAWAY");
  EXPECT_EQ(client.goaway(), NGHTTP2_NO_ERROR);
}

TEST_F(Http2, AHeadThatDoesNotComeWholeEndsTheConnection) {
  limit(&Limits::head_ms, 100);
  Http2Client client(server.https());
  (void)client.fetch("/example.com/none");
  client.send_raw(std::string("\0\0\x01\x01\0\0\0\0\x0b\x82", 10));
  client.wait_until([&] { return client.goaway() >= 0; }, "GOAWAY");
}

TEST_F(Http2, SurvivesEveryCutOfItsInput) {
  Http2Client client(server.https());
  // One request, byte by byte: HEADERS with :method GET, :scheme https, :path /, :authority by literal.
  const std::string block(
      "\x82\x87\x84\x41\x01"
      "a",
      6);
  const std::string frame = std::string("\0\0\x06\x01\x05\0\0\0\x01", 9) + block;
  (void)client.session();
  for (const char byte : frame) client.send_raw({&byte, 1});
  // Our nghttp2 does not know of this stream, so its answer is an error to it; the webserver has served it.
  TestServer::wait_until([&] { return server.counters().requests == 1; }, "the request");
}

// --- WebSockets over HTTP/2 (RFC 8441) ---

struct Http2Websocket : Http2 {
  void SetUp() override {
    Http2::SetUp();
    attach(20, link::Kind::kWebsocket, "/example.com/team/ws");
  }
  static Fields upgrade(const std::string& path) {
    return {{":method", "CONNECT"},         {":protocol", "websocket"},
            {":scheme", "https"},           {":path", path},
            {":authority", "localhost"},    {"sec-websocket-version", "13"},
            {"origin", "https://localhost"}};
  }
  static std::string frame(websocket::Opcode opcode, std::string_view payload) {
    Bytes out;
    websocket::append_masked_frame(out, opcode, as_bytes(payload), {1, 2, 3, 4});
    return std::string(as_text(out));
  }
};

TEST_F(Http2Websocket, CarriesMessagesBothWaysAndCloses) {
  Http2Client client(server.https());
  const auto stream = client.request_of(upgrade("/example.com/team/ws/x"), true);
  const auto opened = service.expect_open();
  EXPECT_EQ(opened.open.kind, link::Kind::kWebsocket);
  EXPECT_EQ(opened.open.relative, "x");
  EXPECT_EQ(opened.find("origin"), "https://localhost");
  service.accept(opened.stream, 0);
  client.wait_for_head(stream);
  EXPECT_EQ(client.answer(stream).status(), 200);
  EXPECT_EQ(client.setting(NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL), 1U);
  EXPECT_EQ(server.counters().websockets, 1U);

  client.send(stream, frame(websocket::Opcode::kText, "hello"), false);
  EXPECT_EQ(service.read_body(opened.stream, link::Type::kMessage).first, "hello");
  service.message(opened.stream, "hi");
  client.wait_until([&] { return client.answer(stream).body.size() == 4; }, "a message");
  EXPECT_EQ(client.answer(stream).body, "\x81\x02hi");
  client.send(stream, frame(websocket::Opcode::kPing, "p"), false);
  client.wait_until([&] { return client.answer(stream).body.size() == 7; }, "a pong");
  EXPECT_EQ(client.answer(stream).body.substr(4), "\x8a\x01p");

  client.send(stream, frame(websocket::Opcode::kClose, std::string("\x03\xe8", 2)), true);
  EXPECT_EQ(service.expect_close(opened.stream).code, 1000);
  client.wait_for_end(stream);
  EXPECT_EQ(client.answer(stream).body.substr(7), std::string("\x88\x02\x03\xe8", 4));
  EXPECT_EQ(client.answer(stream).error, 0U);
  expect_no_streams();
  EXPECT_EQ(server.counters().websockets, 0U);
}

// The largest that is allowed, in both directions.
TEST_F(Http2Websocket, CarriesALargeMessageEachWay) {
  const auto size = static_cast<std::size_t>(Limits().message_bytes);
  Http2Client client(server.https());
  const auto stream = client.request_of(upgrade("/example.com/team/ws"), true);
  const auto opened = service.expect_open();
  service.accept(opened.stream, 0);
  client.wait_for_head(stream);
  client.send(stream, frame(websocket::Opcode::kBinary, std::string(size, 'm')), false);
  std::string got;
  std::thread reader([&] {
    got = service.read_body(opened.stream, link::Type::kMessage).first;
    service.send_on_credit(opened.stream, size, link::Type::kMessage);
  });
  std::string answer;
  std::size_t read = 0;  // of the body: whole frames
  bool is_whole = false;
  const auto read_frames = [&] {
    const auto& body = client.answer(stream).body;
    while (!is_whole) {
      const auto rest = as_bytes(body).subspan(read);
      const auto header = or_throw(websocket::parse_frame_header(rest, size));
      if (!header || rest.size() < header->size + header->payload_length) return false;
      answer += as_text(rest.subspan(header->size, static_cast<std::size_t>(header->payload_length)));
      read += header->size + static_cast<std::size_t>(header->payload_length);
      is_whole = header->fin;
    }
    return true;
  };
  client.wait_until(read_frames, "the answer");
  reader.join();
  EXPECT_TRUE(got == std::string(size, 'm')) << got.size();
  EXPECT_TRUE(answer == std::string(size, 'x')) << answer.size();
}

TEST_F(Http2Websocket, TellsWhenTheServiceGoes) {
  Http2Client client(server.https());
  const auto stream = client.request_of(upgrade("/example.com/team/ws"), true);
  service.accept(service.expect_open().stream, 0);
  client.wait_for_head(stream);
  service.disconnect();
  client.wait_until([&] { return client.answer(stream).body.size() >= 4; }, "a close frame");
  EXPECT_EQ(client.answer(stream).body.substr(0, 1), "\x88");
  EXPECT_EQ(client.answer(stream).body.substr(2, 2), "\x03\xf4");  // 1012
}

TEST_F(Http2Websocket, AClientThatLeavesWithoutACloseFrameIsReported) {
  Http2Client client(server.https());
  const auto ended = client.request_of(upgrade("/example.com/team/ws"), true);
  const auto first = service.expect_open();
  service.accept(first.stream, 0);
  client.wait_for_head(ended);
  client.send(ended, "", true);
  EXPECT_EQ(service.expect_close(first.stream).code, 1006);
  const auto reset = client.request_of(upgrade("/example.com/team/ws"), true);
  const auto second = service.expect_open();
  service.accept(second.stream, 0);
  client.wait_for_head(reset);
  client.reset(reset);
  EXPECT_EQ(service.expect_close(second.stream).code, 1006);
  expect_no_streams();
}

TEST_F(Http2Websocket, RefusesWhatIsNoWebsocket) {
  Http2Client client(server.https());
  const auto status = [&](const Fields& fields) { return status_of(client, fields, true); };
  auto old = upgrade("/example.com/team/ws");
  old[5].second = "8";
  EXPECT_EQ(status(old), 426);
  auto unknown = upgrade("/example.com/team/ws");
  unknown[1].second = "webtransport";
  EXPECT_EQ(status(unknown), 501);
  EXPECT_EQ(status(upgrade("/example.com/elsewhere")), 404);
  // A path that serves requests but no WebSockets must not answer 200: that would open one.
  EXPECT_EQ(status(upgrade("/example.com/team/http")), 404);
  const auto refused = client.request_of(upgrade("/example.com/team/ws"), true);
  service.accept(service.expect_open().stream, 403);
  client.wait_for_end(refused);
  EXPECT_EQ(client.answer(refused).status(), 403);
  expect_no_streams();
}

TEST_F(Http2Websocket, HearsBroadcasts) {
  Http2Client client(server.https());
  std::vector<std::int32_t> streams;
  std::vector<std::uint32_t> ids;
  for (int i = 0; i < 3; ++i) {
    streams.push_back(client.request_of(upgrade("/example.com/team/ws"), true));
    ids.push_back(service.expect_open().stream);
    service.accept(ids.back(), 0);
    client.wait_for_head(streams.back());
  }
  service.broadcast(ids, "all");
  for (const auto stream : streams) {
    client.wait_until([&] { return client.answer(stream).body.size() == 5; }, "the broadcast");
    EXPECT_EQ(client.answer(stream).body,
              "\x81\x03"
              "all");
  }
}

}  // namespace
}  // namespace berth::webserver::testing
