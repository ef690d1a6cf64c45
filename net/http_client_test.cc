#include "net/http_client.h"

#include "net/test_support.h"
#include "net/testing/tls_server.h"

namespace berth::net {
namespace {

Error error_of(const std::function<void()>& act) {
  try {
    act();
  } catch (const Failure& failure) {
    return failure.error();
  }
  return {Errc::kFailed, "nothing thrown"};
}

// Serves one request after another by `reply`, which gives the bytes to send.
test::Server::Serve replies(std::function<std::string(const test::Request&)> reply) {
  return [reply](std::unique_ptr<Stream> stream) -> loop::Task<void> {
    for (;;) {
      auto reading = test::read_request(*stream);
      const auto request = co_await reading;
      auto writing = stream->write(reply(request));
      co_await writing;
      if (!request.head.keep_alive) co_return;
    }
  };
}

class HttpClientTest : public testing::Test {
 protected:
  HttpResponse fetch(HttpRequest request) { return loop::run_task(loop_, client_.fetch(std::move(request))); }
  Error fetch_error(HttpRequest request) {
    return error_of([&] { fetch(request); });
  }
  loop::Loop loop_;
  HttpClient client_{loop_};
};

TEST_F(HttpClientTest, GetsBodyStatusAndHeaders) {
  test::Server server(loop_, replies([](const test::Request& request) {
                        if (request.head.target == "/none") return test::answer(404, "not here");
                        return test::answer(200, request.head.method + " " + request.head.target,
                                            {{"x-thing", "a"}});
                      }));
  const auto good = fetch({.url = server.url("http", "/a?b")});
  EXPECT_EQ(good.status, 200);
  EXPECT_EQ(good.body, "GET /a?b");
  EXPECT_EQ(good.find("X-Thing"), "a");
  const auto bad = fetch({.url = server.url("http", "/none")});
  EXPECT_EQ(bad.status, 404);
  EXPECT_EQ(bad.body, "not here");
  EXPECT_EQ(fetch({.method = "DELETE", .url = server.url("http", "/x")}).body, "DELETE /x");
  EXPECT_EQ(server.connections(), 1);  // kept
}

TEST_F(HttpClientTest, SendsBodies) {
  test::Server server(
      loop_, replies([](const test::Request& request) {
        const auto type = http1::find_header(request.head.headers, "content-type").value_or("none");
        const bool chunked = request.head.framing == http1::Framing::kChunked;
        return test::answer(
            200, fmt::format("{} {} {} {}", request.head.method, request.body.size(), type, chunked));
      }));
  EXPECT_EQ(fetch({.method = "POST",
                   .url = server.url("http"),
                   .headers = {{"content-type", "text/plain"}},
                   .body = "hello"})
                .body,
            "POST 5 text/plain false");
  EXPECT_EQ(fetch({.method = "PUT", .url = server.url("http"), .body = std::string(1 << 20, 'x')}).body,
            "PUT 1048576 none false");
  EXPECT_EQ(fetch({.method = "POST", .url = server.url("http")}).body, "POST 0 none false");
  std::size_t left = 300000;
  const auto source = [&left](std::span<char> buffer) {
    const auto size = std::min(left, buffer.size());
    std::fill_n(buffer.begin(), size, 'y');
    left -= size;
    return size;
  };
  EXPECT_EQ(fetch({.method = "POST", .url = server.url("http"), .read_body = source}).body,
            "POST 300000 none true");
}

TEST_F(HttpClientTest, SendsABodyThatATaskWritesAndHoldsTheTaskBack) {
  loop::Event reading_allowed(loop_);
  test::Server server(loop_, [&](std::unique_ptr<Stream> stream) -> loop::Task<void> {
    co_await reading_allowed.wait();
    const auto request = co_await test::read_request(*stream);
    co_await stream->write(test::answer(201, fmt::format("{}", request.body.size())));
  });
  BodyStream body(loop_);
  std::size_t written = 0;
  loop::Spawned<HttpResponse> answer(
      loop_, client_.fetch({.method = "PUT", .url = server.url("http"), .body_stream = &body}));
  const auto write_all = [&]() -> loop::Task<void> {
    for (int i = 0; i < 500; ++i) {
      co_await body.write(std::string(100000, 'w'));
      written += 100000;
    }
    body.finish();
  };
  loop::Spawned<void> writing(loop_, write_all());
  // The server reads nothing: what is on the way is bounded by the sockets' buffers and ours.
  for (int turns = 0; turns < 200; ++turns) loop_.run_once(std::chrono::milliseconds(1));
  EXPECT_LT(written, 20'000'000u);
  reading_allowed.set();
  ASSERT_TRUE(loop_.run_until([&] { return answer.is_done(); }));
  const auto response = answer.take();
  EXPECT_EQ(response.status, 201);
  EXPECT_EQ(response.body, "50000000");
}

TEST_F(HttpClientTest, TakesTheWayOfProvingWhoItIsThatTheServerOffersAndSendsTheBodyAgain) {
  std::string offer;
  std::vector<std::string> bodies;
  test::Server server(loop_, replies([&](const test::Request& request) {
                        bodies.push_back(request.body);
                        const auto said = http1::find_header(request.head.headers, "authorization");
                        if (!said) return test::answer(401, "", {{"www-authenticate", offer}});
                        return test::answer(200, std::string(said->substr(0, said->find(' '))));
                      }));
  for (const auto& [offered, taken] : std::map<std::string, std::string>{
           {"Basic realm=\"r\"", "Basic"}, {"Digest realm=\"r\", nonce=\"n\", qop=\"auth\"", "Digest"}}) {
    offer = offered;
    bodies.clear();
    HttpClient fresh(loop_);  // knows nothing of the server yet
    HttpRequest request{.method = "POST", .url = server.url("http"), .body = "an alarm"};
    request.user = "u";
    request.password = "p";
    request.auth = HttpRequest::Auth::kAny;
    EXPECT_EQ(loop::run_task(loop_, fresh.fetch(std::move(request))).body, taken);
    EXPECT_EQ(bodies.back(), "an alarm");
    EXPECT_EQ(bodies.size(), 2u);
  }
}

TEST_F(HttpClientTest, AWriterLearnsThatItsRequestEndedAndAnAbortedBodyIsNoWholeOne) {
  test::Server full(loop_, [](std::unique_ptr<Stream> stream) -> loop::Task<void> {
    Bytes buffer(100);
    (void)co_await stream->read(buffer);
    co_await stream->write(test::answer(507, "no room"));
  });
  BodyStream refused(loop_);
  loop::Spawned<HttpResponse> answer(
      loop_, client_.fetch({.method = "PUT", .url = full.url("http"), .body_stream = &refused}));
  const auto write_all = [&]() -> loop::Task<void> {
    for (;;) co_await refused.write(std::string(100000, 'w'));
  };
  loop::Spawned<void> writing(loop_, write_all());
  ASSERT_TRUE(loop_.run_until([&] { return writing.is_done(); }));
  EXPECT_EQ(error_of([&] { writing.take(); }).code, Errc::kCancelled);
  EXPECT_EQ(answer.take().status, 507);

  bool saw_whole = false;
  test::Server server(loop_, [&](std::unique_ptr<Stream> stream) -> loop::Task<void> {
    (void)co_await test::read_request(*stream);
    saw_whole = true;
  });
  BodyStream aborted(loop_);
  loop::Spawned<HttpResponse> failed(
      loop_, client_.fetch({.method = "PUT", .url = server.url("http"), .body_stream = &aborted}));
  loop::run_task(loop_, aborted.write("half"));
  aborted.abort();
  ASSERT_TRUE(loop_.run_until([&] { return failed.is_done(); }));
  EXPECT_EQ(error_of([&] { failed.take(); }).code, Errc::kCancelled);
  for (int turns = 0; turns < 20; ++turns) loop_.run_once(std::chrono::milliseconds(1));
  EXPECT_FALSE(saw_whole);
}

TEST_F(HttpClientTest, ShowsItsCredentialsAsAsked) {
  std::vector<std::string> seen;
  std::vector<std::size_t> sizes;
  test::Server server(
      loop_, replies([&](const test::Request& request) {
        seen.emplace_back(http1::find_header(request.head.headers, "authorization").value_or(""));
        sizes.push_back(request.body.size());
        if (request.head.target == "/digest" && seen.back().empty())
          return test::answer(401, "",
                              {{"www-authenticate", "Digest realm=\"r\", nonce=\"n\", qop=\"auth\""}});
        return test::answer(200, "in");
      }));
  EXPECT_EQ(fetch({.url = server.url("http"), .user = "Aladdin", .password = "open sesame"}).status, 200);
  EXPECT_EQ(seen.back(), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");  // RFC 7617 section 2
  seen.clear(), sizes.clear();
  BodyStream body(loop_);
  loop::Spawned<HttpResponse> answer(loop_, client_.fetch({.method = "PUT",
                                                           .url = server.url("http", "/digest"),
                                                           .body_stream = &body,
                                                           .user = "u",
                                                           .password = "p",
                                                           .auth = HttpRequest::Auth::kDigest}));
  loop::run_task(loop_, body.write("the whole body"));
  body.finish();
  ASSERT_TRUE(loop_.run_until([&] { return answer.is_done(); }));
  EXPECT_EQ(answer.take().status, 200);
  ASSERT_EQ(seen.size(), 2u);
  EXPECT_EQ(seen[0], "");
  EXPECT_TRUE(seen[1].starts_with("Digest username=\"u\", realm=\"r\""));
  EXPECT_EQ(sizes, (std::vector<std::size_t>{0, 14}));  // the body is not spent on being asked
}

TEST_F(HttpClientTest, HandsOnBigBodiesInPiecesAndKeepsItsLimit) {
  test::Server server(
      loop_, replies([](const test::Request&) { return test::answer(200, std::string(1 << 20, 'z')); }));
  std::size_t got = 0;
  const auto response = fetch({.url = server.url("http"), .on_data = [&](std::string_view data) {
                                 got += data.size();
                                 return true;
                               }});
  EXPECT_EQ(got, 1u << 20);
  EXPECT_TRUE(response.body.empty());
  EXPECT_EQ(fetch_error({.url = server.url("http"), .limit_bytes = 1000}).code, Errc::kTooLarge);
  EXPECT_EQ(fetch_error({.url = server.url("http"), .on_data = [](std::string_view) { return false; }}).code,
            Errc::kCancelled);
  EXPECT_EQ(fetch_error({.url = server.url("http"),
                         .on_data = [](std::string_view) -> bool { throw_failure(Errc::kNoSpace, "full"); }})
                .code,
            Errc::kNoSpace);
}

TEST_F(HttpClientTest, FollowsSomeRedirects) {
  test::Server server(loop_, replies([](const test::Request& request) {
                        if (request.head.target == "/loop")
                          return test::answer(302, "", {{"location", "/loop"}});
                        if (request.head.target == "/old")
                          return test::answer(301, "moved", {{"location", "/new"}});
                        if (request.head.target == "/file")
                          return test::answer(302, "", {{"location", "file:///etc/passwd"}});
                        return test::answer(200, "new");
                      }));
  const auto response = fetch({.url = server.url("http", "/old")});
  EXPECT_EQ(response.body, "new");
  EXPECT_EQ(response.url, server.url("http", "/new"));
  EXPECT_EQ(fetch_error({.url = server.url("http", "/loop")}).code, Errc::kMalformed);
  EXPECT_EQ(fetch_error({.url = server.url("http", "/file")}).code, Errc::kMalformed);
  EXPECT_EQ(fetch({.url = server.url("http", "/old"), .max_redirects = 0}).status, 301);
}

TEST_F(HttpClientTest, GivesUpOnSilentAndStallingServers) {
  test::Server silent(loop_, [&](std::unique_ptr<Stream>) -> loop::Task<void> {
    co_await loop::sleep_for(loop_, std::chrono::hours(1));
  });
  EXPECT_EQ(fetch_error({.url = silent.url("http"), .limit = std::chrono::milliseconds(50)}).code,
            Errc::kTimeout);
  test::Server stalling(loop_, [&](std::unique_ptr<Stream> stream) -> loop::Task<void> {
    auto writing = stream->write(std::string("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc"));
    co_await writing;
    co_await loop::sleep_for(loop_, std::chrono::hours(1));
  });
  EXPECT_EQ(fetch_error({.url = stalling.url("http"),
                         .limit = std::chrono::milliseconds(0),
                         .stall_limit = std::chrono::seconds(1)})
                .code,
            Errc::kTimeout);
}

TEST_F(HttpClientTest, TellsCutOffAnswersAndDeadServers) {
  test::Server cutting(loop_, [](std::unique_ptr<Stream> stream) -> loop::Task<void> {
    auto reading = test::read_request(*stream);
    (void)co_await reading;
    auto writing = stream->write(std::string("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc"));
    co_await writing;
  });
  EXPECT_EQ(fetch_error({.url = cutting.url("http")}).code, Errc::kUnavailable);
  std::string url;
  {
    test::Server gone(loop_, replies([](const test::Request&) { return std::string(); }));
    url = gone.url("http");
  }
  EXPECT_EQ(fetch_error({.url = url}).code, Errc::kUnavailable);
  EXPECT_EQ(fetch_error({.url = "http://no.such.name.invalid/"}).code, Errc::kNotFound);
  EXPECT_EQ(fetch_error({.url = "file:///etc/passwd"}).code, Errc::kMalformed);
  EXPECT_EQ(fetch_error({.url = "not a url"}).code, Errc::kMalformed);
}

TEST_F(HttpClientTest, ChecksCertificates) {
  const test::TemporaryFolder folder;
  const auto identity = make_self_signed({"127.0.0.1"});
  ASSERT_TRUE(write_file_durably(folder / "ca.pem", identity.certificate_pem));
  test::Server server(loop_, replies([](const test::Request&) { return test::answer(200, "safe"); }),
                      test::make_tls_server(identity.certificate_pem, identity.key_pem));
  EXPECT_EQ(fetch_error({.url = server.url("https")}).code, Errc::kDenied);
  EXPECT_EQ(fetch({.url = server.url("https"), .verify = false}).body, "safe");
  EXPECT_EQ(fetch({.url = server.url("https"), .ca_file = folder / "ca.pem"}).body, "safe");
  EXPECT_EQ(fetch({.url = server.url("https"), .pinned_fingerprint = identity.fingerprint}).body, "safe");
  EXPECT_EQ(
      fetch_error({.url = server.url("https"), .pinned_fingerprint = make_self_signed({"x"}).fingerprint})
          .code,
      Errc::kDenied);
}

TEST_F(HttpClientTest, ServesManyAtOnceAndSurvivesCancelledOnes) {
  test::Server server(
      loop_, replies([](const test::Request& request) { return test::answer(200, request.head.target); }));
  std::vector<std::unique_ptr<loop::Spawned<HttpResponse>>> running;
  for (int i = 0; i < 30; ++i)
    running.push_back(std::make_unique<loop::Spawned<HttpResponse>>(
        loop_, client_.fetch({.url = server.url("http", fmt::format("/{}", i))})));
  for (std::size_t i = 0; i < running.size(); i += 3) running[i].reset();
  for (std::size_t i = 0; i < running.size(); ++i) {
    if (!running[i]) continue;
    ASSERT_TRUE(loop_.run_until([&] { return running[i]->is_done(); }));
    EXPECT_EQ(running[i]->take().body, fmt::format("/{}", i));
  }
}

TEST_F(HttpClientTest, SpeaksOverUnixSockets) {
  const test::TemporaryFolder folder;
  test::Server server(loop_, replies([](const test::Request&) { return test::answer(200, "local"); }), {},
                      folder / "s");
  EXPECT_EQ(fetch({.url = "http://anything/", .unix_socket = folder / "s"}).body, "local");
}

}  // namespace
}  // namespace berth::net
