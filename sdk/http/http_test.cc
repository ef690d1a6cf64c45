#include <gmock/gmock.h>

#include "berth/app_service.h"
#include "sdk/testing/fixture.h"

namespace berth::sdk {
namespace {

using ::testing::Contains;
using ::testing::Pair;

class HttpInstance : public AppInstance {
 public:
  using AppInstance::AppInstance;
  loop::Task<void> started() override {
    attach_static(as_bytes("BERTHPK1 not really"));
    attach_http("",
                [this](HttpRequest& request, HttpResponse& response) { return handle(request, response); });
    attach_passthrough("raw", [this](ByteStream& stream) { return pass(stream); });
    co_return;
  }
  loop::Task<void> handle(HttpRequest& request, HttpResponse& response) {
    struct Count {
      int& ended;
      ~Count() { ++ended; }
    } count{ended};
    if (request.path() == "fail") throw_failure(Errc::kNotFound, "no such note");
    if (request.path() == "bug") throw std::runtime_error("secret inside");
    if (request.path() == "late") {
      co_await response.write("begun");
      throw_failure(Errc::kFailed, "too late for a status");
    }
    if (request.path() == "short") {
      response.content_length(10);
      co_await response.write("abc");
      co_return;
    }
    if (request.path() == "split") response.header("x", "a\r\nset-cookie: b");
    if (request.path() == "silent") co_return;
    if (request.path() == "body") {
      std::string text = co_await request.read_all(10);
      co_await response.send(std::move(text));
      co_return;
    }
    if (request.path() == "big") {
      for (int i = 0; i < 10; ++i) {
        co_await response.write(std::string(50000, 'b'));
        ++blocks;
      }
      co_await response.finish();
      co_return;
    }
    response.content_type("text/plain").file_name("Grüße \"1\".txt");
    co_await response.send(fmt::format("{} {} {}", request.method(), request.query("a").value_or("-"),
                                       request.header("X-Test")));
  }
  loop::Task<void> pass(ByteStream& stream) {
    for (;;) {
      Bytes bytes = co_await stream.read();
      if (bytes.empty()) co_return;
      co_await stream.write(std::move(bytes));
    }
  }
  int ended = 0, blocks = 0;
};

class HttpTest : public ServiceFixture<HttpInstance> {
 public:
  HttpTest() { start(); }
  void request(std::uint32_t stream, std::string relative, std::string query = "", std::uint8_t bits = 0,
               link::Headers headers = {}) {
    link::Open open;
    open.attach = webserver->await_attach(kPath, link::Kind::kHttp);
    open.kind = link::Kind::kHttp;
    open.method = bits & link::kOpenHasBody ? link::kPost : link::kGet;
    open.bits = bits;
    open.target = std::string(kPath) + "/" + relative + query;
    open.relative = std::move(relative);
    open.headers = std::move(headers);
    webserver->open(stream, open);
  }
  link::Accept head(std::uint32_t stream) {
    const auto frame = webserver->next(stream);
    EXPECT_EQ(frame.header.type, link::Type::kAccept);
    return or_throw(link::parse_accept(frame.payload));
  }
};

TEST_F(HttpTest, GivesMethodQueryAndHeadersToTheHandler) {
  request(1, "x", "?a=1%202&b", 0, {{"x-test", "here"}});
  const auto accept = head(1);
  EXPECT_EQ(accept.status, 200);
  EXPECT_THAT(accept.headers, Contains(Pair("content-length", "12")));
  EXPECT_THAT(accept.headers, Contains(Pair("content-type", "text/plain")));
  EXPECT_THAT(
      accept.headers,
      Contains(
          Pair("content-disposition",
               "attachment; filename=\"Gr____e _1_.txt\"; filename*=UTF-8''Gr%C3%BC%C3%9Fe%20%221%22.txt")));
  EXPECT_EQ(webserver->next(1).text(), "GET 1 2 here");
}

TEST_F(HttpTest, TurnsFailuresIntoAStatusAndKeepsSecretsOfBugs) {
  request(1, "fail");
  EXPECT_EQ(head(1).status, 404);
  EXPECT_EQ(webserver->next(1).text(), R"({"error":"no such note","errorCode":"not_found"})");
  request(2, "bug");
  EXPECT_EQ(head(2).status, 500);
  EXPECT_EQ(webserver->next(2).text(), R"({"error":"internal error","errorCode":"failed"})");
  request(3, "split");
  EXPECT_EQ(head(3).status, 400);
  request(4, "silent");
  const auto accept = head(4);
  EXPECT_EQ(accept.status, 200);
  EXPECT_EQ(accept.bits, link::kAcceptNoBody);
}

TEST_F(HttpTest, CutsOffAnAnswerThatFailsInTheMiddle) {
  for (const char* path : {"late", "short"}) {
    const std::uint32_t stream = path[0];
    request(stream, path);
    head(stream);
    EXPECT_EQ(webserver->next(stream).header.flags, 0);
    EXPECT_EQ(webserver->next(stream).header.type, link::Type::kClose);
  }
}

TEST_F(HttpTest, ReadsABodyUpToItsLimit) {
  Bytes out;
  request(1, "body", "", link::kOpenHasBody);
  link::append_data(out, link::Type::kData, 1, 0, as_bytes("hello"));
  link::append_data(out, link::Type::kData, 1, link::kFlagEnd, as_bytes(" you"));
  webserver->send(out);
  EXPECT_EQ(head(1).status, 200);
  EXPECT_EQ(webserver->next(1).text(), "hello you");
  request(2, "body", "", link::kOpenHasBody, {{"content-length", "11"}});
  EXPECT_EQ(head(2).status, 413);
  EXPECT_EQ(webserver->next(2).header.flags, link::kFlagEnd);     // its short text
  EXPECT_EQ(webserver->next(2).header.type, link::Type::kClose);  // the rest of the body is not wanted
}

TEST_F(HttpTest, WaitsForASlowClientAndStopsWhenItGoes) {
  request(1, "big");
  head(1);
  webserver->settle();
  EXPECT_EQ(instance->blocks, 1);  // 65,536 bytes of credit are in the second
  Bytes close;
  link::append(close, 1, link::Close{});
  webserver->send(close);
  loop.run_until([&] { return instance->ended == 1; });
  EXPECT_EQ(instance->blocks, 1);
  EXPECT_EQ(instance->counters().requests, 1u);
}

TEST_F(HttpTest, CancelsRequestsWhenTheLinkIsLost) {
  request(1, "big");
  head(1);
  webserver->close_link();
  EXPECT_TRUE(loop.run_until([&] { return instance->ended == 1; }));
}

TEST_F(HttpTest, HandsStaticFilesOverAsSealedMemory) {
  const auto id = webserver->await_attach(kPath, link::Kind::kStatic);
  EXPECT_EQ(as_text(webserver->packs.at(id)), "BERTHPK1 not really");
  for (const auto& attach : webserver->attaches)
    if (attach.id == id) EXPECT_EQ(attach.options, R"({"build":"1a2b"})");
  // Again to each webserver that comes.
  webserver->packs.clear();
  webserver->close_link();
  EXPECT_TRUE(loop.run_until([&] { return webserver->packs.contains(id); }));
}

TEST_F(HttpTest, PassesRawBytesThrough) {
  open(1, link::Kind::kPassthrough, "/example.com/team/raw");
  Bytes out;
  link::append_data(out, link::Type::kData, 1, 0, as_bytes("GET / HTTP/1.1\r\n\r\n"));
  webserver->send(out);
  EXPECT_EQ(webserver->next(1).text(), "GET / HTTP/1.1\r\n\r\n");
  out.clear();
  link::append_data(out, link::Type::kData, 1, link::kFlagEnd, {});
  webserver->send(out);
  EXPECT_EQ(webserver->next(1).header.type, link::Type::kClose);
}

TEST(Ranges, AreReadAsRfc9110Says) {
  const auto first = [](std::string_view header) { return parse_ranges(header, 10000).value().front(); };
  EXPECT_EQ(first("bytes=0-499").size(), 500u);
  EXPECT_EQ(first("bytes=500-999").first, 500u);
  EXPECT_EQ(first("bytes=-500").first, 9500u);
  EXPECT_EQ(first("bytes=9500-").last, 9999u);
  EXPECT_EQ(parse_ranges("bytes=0-0, -1", 10000)->size(), 2u);
  EXPECT_EQ(first("bytes=0-99999").last, 9999u);
  EXPECT_TRUE(parse_ranges("bytes=10000-", 10000)->empty());  // 416
  // Numbers that no 64 bits hold are positions too.
  EXPECT_TRUE(parse_ranges("bytes=99999999999999999999-", 10000)->empty());
  EXPECT_EQ(first("bytes=2-99999999999999999999"), (ByteRange{2, 9999}));
  EXPECT_EQ(first("bytes=-99999999999999999999"), (ByteRange{0, 9999}));
  for (const char* unusable : {"", "lines=1-2", "bytes=5-4", "bytes=a-b", "bytes=1", "bytes=-", "bytes=--1"})
    EXPECT_EQ(parse_ranges(unusable, 10000), std::nullopt) << unusable;
}

}  // namespace
}  // namespace berth::sdk
