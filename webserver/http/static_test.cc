#include <unistd.h>

#include "base/traced_for_test.h"
#include "webserver/http/static_answer.h"
#include "webserver/testing/peers.h"

namespace berth::webserver::testing {
namespace {

struct StaticFiles : ::testing::Test {
  TestServer server{TestServer::Options{.tls = true}};
  ServicePeer service{server.link_path()};
  link::Grant grant = server.grant("/app");
  std::string page = "<html>" + std::string(4000, 'x') + "</html>";
  std::string script = "console.log('hello');" + std::string(3000, ' ');

  void SetUp() override {
    const auto pack = make_pack({{"app.htm", page},
                                 {"app.js", script},
                                 {"cafe/x.txt", "in a folder"},
                                 {"tiny.bin", "0123456789"},
                                 {"empty.txt", ""}});
    const auto attached = service.attach_static(1, "/app", grant, pack, R"({"build":"1a2b"})");
    ASSERT_EQ(attached.result, link::AttachResult::kOk) << attached.reason;
  }
};

TEST_F(StaticFiles, TracesWhichFileIsAskedForWithoutItsQuery) {
  berth::test::Traced traced(kHttpFile);
  Client client(server.http());
  client.fetch("/app/app.htm?key=secret");
  ASSERT_EQ(traced.lines().size(), 1u);
  EXPECT_THAT(traced.lines()[0], ::testing::EndsWith("path=/app/app.htm"));
}

TEST_F(StaticFiles, ServesAFileWithTypeTagAndFiveMinutes) {
  Client client(server.http());
  const auto response = client.fetch("/app/app.htm");
  EXPECT_EQ(response.status(), 200);
  EXPECT_EQ(response.body, page);
  EXPECT_THAT(response.header("content-type"), ::testing::StartsWith("text/html"));
  EXPECT_EQ(response.header("etag"), "\"" + format_hex(md5(as_bytes(page))) + "\"");
  EXPECT_EQ(response.header("cache-control"), "public, max-age=300");
  EXPECT_EQ(response.header("vary"), "Accept-Encoding");
  EXPECT_EQ(client.fetch("/app/app.htm?v=1").body, page);
  EXPECT_EQ(client.fetch("/app/empty.txt").body, "");
}

TEST_F(StaticFiles, CountsRequestsAndBodiesForTheGrantThatTheyCameBy) {
  const auto served = [&] {
    ServedFiles sum;
    server.on_all([&](Reactor& reactor) {
      reactor.served_files().for_each([&](const std::string& path, const ServedFiles& one) {
        EXPECT_EQ(path, "/app");
        sum = one;
      });
    });
    return sum;
  };
  for (const bool is_tls : {false, true}) {
    const auto before = served();
    Client client(is_tls ? server.https() : server.http(), is_tls);
    for (int i = 0; i < 3; ++i) client.fetch("/app/tiny.bin");  // the second time by a head that is known
    client.fetch("/app/tiny.bin", "", "HEAD");
    client.fetch("/app/tiny.bin", "Range: bytes=2-5\r\n");
    client.fetch("/app/tiny.bin", "If-None-Match: *\r\n");
    client.fetch("/app/app.htm");
    EXPECT_EQ(client.fetch("/app/missing").status(), 404);
    EXPECT_EQ(served().requests - before.requests, 7u);
    EXPECT_EQ(served().bytes - before.bytes, 30 + 4 + page.size());
  }
}

// A pack that an instance hands over anew, or a service that was started again, goes on where it was.
TEST_F(StaticFiles, CountsOnWhenAPathIsAttachedAgain) {
  Client client(server.http());
  client.fetch("/app/tiny.bin");
  service = ServicePeer(server.link_path());
  const auto pack = make_pack({{"tiny.bin", "0123456789"}});
  TestServer::wait_until(
      [&] { return service.attach_static(1, "/app", grant, pack).result == link::AttachResult::kOk; },
      "the path of the one that went");
  client.fetch("/app/tiny.bin");
  server.on_all([](Reactor& reactor) {
    EXPECT_EQ(reactor.served_files().at("/app")->requests, 2u);
    EXPECT_EQ(reactor.served_files().at("/app")->bytes, 20u);
  });
}

TEST_F(StaticFiles, StripsABuildDirectoryAndCachesTheRunningBuildForGood) {
  Client client(server.http());
  auto response = client.fetch("/app/1a2b/app.js");
  EXPECT_EQ(response.body, script);
  EXPECT_EQ(response.header("cache-control"), "public, max-age=31536000, immutable");
  response = client.fetch("/app/1a2c/app.js");
  EXPECT_EQ(response.body, script);
  EXPECT_EQ(response.header("cache-control"), "public, max-age=300");
  EXPECT_EQ(client.fetch("/app/cafe/x.txt").body, "in a folder");
  EXPECT_EQ(client.fetch("/app/1a2b/cafe/x.txt").body, "in a folder");
  EXPECT_EQ(client.fetch("/app/nohex/app.js").status(), 404);
  EXPECT_EQ(client.fetch("/app/APP.js").status(), 404);
}

TEST_F(StaticFiles, AnswersHeadConditionsAndRanges) {
  Client client(server.http());
  const auto tag = client.fetch("/app/tiny.bin").header("etag");
  auto response = client.fetch("/app/tiny.bin", "", "HEAD");
  EXPECT_EQ(response.header("content-length"), "10");
  EXPECT_EQ(response.body, "");

  struct Case {
    const char* why;
    std::string fields;
    int status;
    std::string body, range;
  };
  const Case cases[] = {
      {"same tag", "If-None-Match: " + tag + "\r\n", 304, "", ""},
      {"in a list, weak", "If-None-Match: \"x\", W/" + tag + "\r\n", 304, "", ""},
      {"any", "If-None-Match: *\r\n", 304, "", ""},
      {"another", "If-None-Match: \"x\"\r\n", 200, "0123456789", ""},
      {"if-match fails", "If-Match: \"x\"\r\n", 412, "", ""},
      {"if-match holds", "If-Match: " + tag + "\r\n", 200, "0123456789", ""},
      {"from to", "Range: bytes=2-4\r\n", 206, "234", "bytes 2-4/10"},
      {"from", "Range: bytes=7-\r\n", 206, "789", "bytes 7-9/10"},
      {"last", "Range: bytes=-2\r\n", 206, "89", "bytes 8-9/10"},
      {"last, more than there is", "Range: bytes=-20\r\n", 206, "0123456789", "bytes 0-9/10"},
      {"past the end", "Range: bytes=5-99\r\n", 206, "56789", "bytes 5-9/10"},
      {"beyond", "Range: bytes=10-\r\n", 416, "", "bytes */10"},
      {"nothing", "Range: bytes=-0\r\n", 416, "", "bytes */10"},
      {"huge", "Range: bytes=99999999999999999999-\r\n", 416, "", "bytes */10"},
      {"unit in capitals", "Range: BYTES=2-4\r\n", 206, "234", "bytes 2-4/10"},
      {"if-none-match on two lines", "If-None-Match: \"x\"\r\nIf-None-Match: " + tag + "\r\n", 304, "", ""},
      {"if-match on two lines", "If-Match: \"x\"\r\nIf-Match: " + tag + "\r\n", 200, "0123456789", ""},
      {"wrong way round", "Range: bytes=4-2\r\n", 200, "0123456789", ""},
      {"another unit", "Range: lines=1-2\r\n", 200, "0123456789", ""},
      {"several: the whole file is a valid answer", "Range: bytes=0-1,4-5\r\n", 200, "0123456789", ""},
      {"if-range holds", "Range: bytes=0-1\r\nIf-Range: " + tag + "\r\n", 206, "01", "bytes 0-1/10"},
      {"if-range fails", "Range: bytes=0-1\r\nIf-Range: \"x\"\r\n", 200, "0123456789", ""},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.why);
    response = client.fetch("/app/tiny.bin", c.fields);
    EXPECT_EQ(response.status(), c.status);
    EXPECT_EQ(response.body, c.body);
    EXPECT_EQ(response.header("content-range"), c.range);
    if (c.status == 304) EXPECT_EQ(response.header("etag"), tag);
  }
  // RFC 9110 section 14.2: ranges are for GET alone.
  response = client.fetch("/app/tiny.bin", "Range: bytes=2-4\r\n", "HEAD");
  EXPECT_EQ(response.status(), 200);
  EXPECT_EQ(response.header("content-length"), "10");
}

TEST_F(StaticFiles, RefuseABodyThatNobodyReads) {
  Client client(server.http());
  const auto response = client.fetch("/app/tiny.bin", "Content-Length: 3\r\n\r\nabc");
  EXPECT_EQ(response.status(), 400);  // not 405: the method is allowed
  EXPECT_EQ(response.header("connection"), "close");
}

TEST_F(StaticFiles, SendsTheSmallestCodingThatTheClientTakes) {
  Client client(server.http());
  const auto plain = client.fetch("/app/app.js");
  std::set<std::string> tags{plain.header("etag")};
  for (const auto* coding : {"gzip", "br", "zstd"}) {
    const auto response = client.fetch("/app/app.js", fmt::format("Accept-Encoding: {}\r\n", coding));
    EXPECT_EQ(response.header("content-encoding"), coding);
    EXPECT_LT(response.body.size(), script.size());
    EXPECT_TRUE(tags.insert(response.header("etag")).second) << "codings must differ in their tags";
    EXPECT_EQ(client
                  .fetch("/app/app.js", fmt::format("Accept-Encoding: {}\r\nIf-None-Match: {}\r\n", coding,
                                                    response.header("etag")))
                  .status(),
              304);
  }
  EXPECT_EQ(client.fetch("/app/app.js", "Accept-Encoding: gzip;q=0, identity\r\n").header("content-encoding"),
            "");
  EXPECT_NE(client.fetch("/app/app.js", "Accept-Encoding: *\r\n").header("content-encoding"), "");
}

TEST_F(StaticFiles, AnswersOtherMethodsByTheServiceOrNotAtAll) {
  Client client(server.http());
  auto response = client.fetch("/app/app.js", "Content-Length: 0\r\n", "POST");
  EXPECT_EQ(response.status(), 405);
  EXPECT_EQ(response.header("allow"), "GET, HEAD");
  EXPECT_EQ(client.fetch("/app/missing").status(), 404);
  ASSERT_EQ(service.attach(2, link::Kind::kHttp, "/app", grant).result, link::AttachResult::kOk);
  client.get("/app/missing");
  auto opened = service.expect_open();
  EXPECT_EQ(opened.open.relative, "missing");
  service.accept(opened.stream, 200, {}, true);
  EXPECT_EQ(client.read_response().status(), 200);
  client.get("/app/app.js", "Content-Length: 0\r\n", "POST");
  opened = service.expect_open();
  service.accept(opened.stream, 200, {}, true);
  EXPECT_EQ(client.read_response().status(), 200);
  EXPECT_EQ(client.fetch("/app/app.js").body, script);
}

TEST_F(StaticFiles, SendsTheServicesHeadersWithEachFileAndLeadsPagesIntoTheRunningBuild) {
  const auto pack = make_pack({{"page.htm", page}, {"page.js", script}});
  const auto attached = service.attach_static(
      2, "/app/more", grant, pack,
      R"({"build":"1a2b","redirectPages":true,"headers":{"content-security-policy":"default-src 'self'"}})");
  ASSERT_EQ(attached.result, link::AttachResult::kOk) << attached.reason;
  Client client(server.http());
  for (const auto* outside : {"/app/more/page.htm", "/app/more/99/page.htm"}) {
    const auto response = client.fetch(outside + std::string("?lang=de"));
    EXPECT_EQ(response.status(), 302) << outside;
    EXPECT_EQ(response.header("location"), "/app/more/1a2b/page.htm?lang=de");
    EXPECT_EQ(response.header("cache-control"), "no-cache");
    EXPECT_EQ(response.header("content-security-policy"), "default-src 'self'");
  }
  auto response = client.fetch("/app/more/1a2b/page.htm");
  EXPECT_EQ(response.status(), 200);
  EXPECT_EQ(response.header("content-security-policy"), "default-src 'self'");
  EXPECT_EQ(client.fetch("/app/more/page.js").body, script) << "only pages are led elsewhere";
  response = client.fetch("/app/more/page.js", "If-None-Match: *\r\n");
  EXPECT_EQ(response.status(), 304);
  EXPECT_EQ(response.header("content-security-policy"), "default-src 'self'");
  EXPECT_EQ(client.fetch("/app/app.htm").header("content-security-policy"), "") << "each attach has its own";
}

TEST_F(StaticFiles, SendsALargeFileWholeToASlowClientOverBoth) {
  const std::string large = [] {
    std::string text;
    while (text.size() < 8 << 20) text += fmt::format("{} ", text.size());
    return text;
  }();
  const auto grant2 = server.grant("/large");
  const auto attached = service.attach_static(5, "/large", grant2, make_pack({{"a.bin", large}}));
  ASSERT_EQ(attached.result, link::AttachResult::kOk) << attached.reason;
  for (const bool tls : {false, true}) {
    Client client(tls ? server.https() : server.http(), tls);
    client.get("/large/a.bin");
    EXPECT_TRUE(client.read_response().body == large);
    EXPECT_EQ(client.fetch("/app/tiny.bin").body, "0123456789");
  }
  // Taken away while a client still reads it.
  Client client(server.http());
  client.get("/large/a.bin");
  ASSERT_EQ(client.read_exactly(15), "HTTP/1.1 200 OK");
  service.disconnect();
  EXPECT_EQ(client.read_exactly(large.size()).size(), large.size());
}

TEST(StaticPacks, MapOneMemfdOnceHoweverOftenItIsHandedOver) {
  StaticPacks packs;
  const auto bytes = make_pack({{"a.txt", "hello"}});
  const auto memfd = make_memfd(bytes), other = make_memfd(bytes);
  const UniqueFd again(::dup(memfd.get()));
  auto first = or_throw(packs.open(memfd.get()));
  EXPECT_EQ(or_throw(packs.open(again.get())), first);
  EXPECT_NE(or_throw(packs.open(other.get())), first);
  const std::weak_ptr<const StaticPack> gone = first;
  first.reset();
  EXPECT_TRUE(gone.expired());  // the table itself keeps nothing
  EXPECT_NE(or_throw(packs.open(memfd.get()))->find("a.txt"), nullptr);
}

TEST_F(StaticFiles, ComeFromTheNewPackOnceItReplacesTheOld) {
  Client client(server.http());
  EXPECT_EQ(client.fetch("/app/tiny.bin").body, "0123456789");
  EXPECT_EQ(client.fetch("/app/tiny.bin").header("content-length"), "10");  // from the heads that are kept
  Bytes out;
  link::append_static(out, 1);
  const auto memfd = make_memfd(make_pack({{"tiny.bin", "new"}}));
  service.send_with_descriptor(out, memfd.get());
  EXPECT_EQ(or_throw(link::parse_attached(service.expect(link::Type::kAttached).payload)).result,
            link::AttachResult::kOk);
  const auto response = client.fetch("/app/tiny.bin");
  EXPECT_EQ(response.body, "new");
  EXPECT_EQ(response.header("etag"), "\"" + format_hex(md5(as_bytes(std::string_view("new")))) + "\"");
}

TEST_F(StaticFiles, KeepTheHeadsOfEachCodingAndBuildApart) {
  Client client(server.http());
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(client.fetch("/app/app.js").header("content-encoding"), "");
    EXPECT_EQ(client.fetch("/app/app.js", "Accept-Encoding: gzip\r\n").header("content-encoding"), "gzip");
    EXPECT_EQ(client.fetch("/app/app.js").header("cache-control"), "public, max-age=300");
    EXPECT_THAT(client.fetch("/app/1a2b/app.js").header("cache-control"), ::testing::HasSubstr("immutable"));
    EXPECT_EQ(client.fetch("/app/app.js").body, script);
    EXPECT_EQ(client.fetch("/app/app.js", "", "HEAD").header("content-length"),
              std::to_string(script.size()));
  }
}

TEST_F(StaticFiles, RefusesPacksItCannotTrust) {
  const auto pack = make_pack({{"a.txt", "a"}});
  const auto other = server.grant("/other");
  auto attached = service.attach_static(10, "/other", other, pack, "", false);
  EXPECT_EQ(attached.result, link::AttachResult::kBadPack);
  EXPECT_THAT(attached.reason, ::testing::HasSubstr("not sealed"));
  auto broken = pack;
  broken[0] ^= 1;
  attached = service.attach_static(11, "/other", other, broken);
  EXPECT_EQ(attached.result, link::AttachResult::kBadPack);
  attached = service.attach_static(12, "/other", other, {});
  EXPECT_EQ(attached.result, link::AttachResult::kBadPack);
  attached = service.attach_static(13, "/other", other, pack);
  EXPECT_EQ(attached.result, link::AttachResult::kOk);
  attached = service.attach_static(14, "/other", other, pack);
  EXPECT_EQ(attached.result, link::AttachResult::kPathTaken);
}

}  // namespace
}  // namespace berth::webserver::testing
