#include "wire/http1/body.h"
#include "wire/http1/head.h"

namespace berth::http1 {
namespace {

// Feeds `text` in steps and checks that any split gives the same; the status of the error, or 0.
struct Parsed {
  int error = 0;
  std::size_t used = 0;
  RequestHead head;
};
Parsed parse(std::string_view text, HeadLimits limits = {}) {
  std::optional<Parsed> whole;
  for (const std::size_t step : {text.size() + 1, std::size_t{1}, std::size_t{3}, std::size_t{17}}) {
    Parsed parsed;
    RequestParser parser(limits);
    while (parsed.used < text.size() && !parser.is_done() && parsed.error == 0) {
      const auto used = parser.feed(as_bytes(text.substr(parsed.used, step)));
      if (!used) parsed.error = parser.error_status();
      else parsed.used += *used;
    }
    if (parsed.error == 0 && !parser.is_done()) parsed.error = -1;  // wants more
    parsed.head = parser.head();
    if (!whole) {
      whole = std::move(parsed);
      continue;
    }
    EXPECT_EQ(parsed.error, whole->error) << "steps of " << step;
    if (parsed.error == 0) {
      EXPECT_EQ(parsed.used, whole->used);
      EXPECT_EQ(parsed.head.headers, whole->head.headers);
    }
  }
  return *whole;
}
int error_of(std::string_view text, HeadLimits limits = {}) { return parse(text, limits).error; }

TEST(RequestHead, IsReadUpToItsBlankLine) {
  const auto parsed = parse(
      "POST /a?b=1 HTTP/1.1\r\nHost: example.com\r\nContent-Length: 3\r\nX-Thing:  a b \t\r\n\r\nabcGET");
  ASSERT_EQ(parsed.error, 0);
  EXPECT_EQ(parsed.head.method, "POST");
  EXPECT_EQ(parsed.head.target, "/a?b=1");
  EXPECT_EQ(parsed.head.minor, 1);
  EXPECT_EQ(parsed.head.headers,
            (Headers{{"host", "example.com"}, {"content-length", "3"}, {"x-thing", "a b"}}));
  EXPECT_EQ(parsed.head.framing, Framing::kLength);
  EXPECT_EQ(parsed.head.content_length, 3u);
  EXPECT_TRUE(parsed.head.keep_alive);
  EXPECT_EQ(parsed.used, 79u);
}

TEST(RequestHead, KnowsWhenTheConnectionStays) {
  EXPECT_TRUE(parse("GET / HTTP/1.1\r\nHost: a\r\n\r\n").head.keep_alive);
  EXPECT_FALSE(parse("GET / HTTP/1.1\r\nHost: a\r\nConnection: x, Close\r\n\r\n").head.keep_alive);
  EXPECT_FALSE(parse("GET / HTTP/1.0\r\n\r\n").head.keep_alive);
  EXPECT_TRUE(parse("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n").head.keep_alive);
}

TEST(RequestHead, TakesALaterMinorVersionAsTheHighestItKnows) {  // RFC 9110 section 2.5
  RequestParser parser;
  ASSERT_TRUE(parser.feed(as_bytes("GET / HTTP/1.9\r\nHost: a\r\n\r\n")));
  ASSERT_TRUE(parser.is_done());
  EXPECT_EQ(parser.head().minor, 1);
  EXPECT_TRUE(parser.head().keep_alive);
  EXPECT_EQ(parser.raw(), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
}

TEST(RequestHead, TakesEmptyValuesAndBlankLinesBefore) {
  const auto parsed = parse("\r\n\r\nGET / HTTP/1.1\r\nHost:\r\nA:\r\nB: \r\n\r\n");
  ASSERT_EQ(parsed.error, 0);
  EXPECT_EQ(parsed.head.headers, (Headers{{"host", ""}, {"a", ""}, {"b", ""}}));
}

TEST(RequestHead, RefusesWhatTwoParsersCouldReadDifferently) {
  const auto with = [](std::string headers) { return "POST / HTTP/1.1\r\nHost: a\r\n" + headers + "\r\n"; };
  struct Case {
    const char* why;
    std::string text;
    int status;
  };
  const Case cases[] = {
      {"length and chunked", with("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n"), 400},
      {"chunked and length", with("Transfer-Encoding: chunked\r\nContent-Length: 3\r\n"), 400},
      {"two lengths", with("Content-Length: 3\r\nContent-Length: 4\r\n"), 400},
      {"the same length twice", with("Content-Length: 3\r\nContent-Length: 3\r\n"), 400},
      {"list of lengths", with("Content-Length: 3, 3\r\n"), 400},
      {"length with sign", with("Content-Length: +3\r\n"), 400},
      {"length in hex", with("Content-Length: 0x3\r\n"), 400},
      {"length above 64 bits", with("Content-Length: 99999999999999999999\r\n"), 400},
      {"other coding", with("Transfer-Encoding: gzip, chunked\r\n"), 501},
      {"chunked twice", with("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 400},
      {"other coding on its own line", with("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n"),
       501},
      {"chunked not last", with("Transfer-Encoding: chunked, gzip\r\n"), 400},
      {"chunked not last, on two lines",
       with("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"), 400},
      {"no chunked", with("Transfer-Encoding: gzip\r\n"), 400},
      {"empty coding", with("Transfer-Encoding:\r\n"), 400},
      {"coding that only looks like chunked", with("Transfer-Encoding: xchunked\r\n"), 400},
      {"blank before the colon", with("Transfer-Encoding : chunked\r\n"), 400},
      {"folded header", with("X: a\r\n b\r\n"), 400},
      {"folded first header", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400},
      {"bare LF", "GET / HTTP/1.1\nHost: a\n\n", 400},
      {"bare LF in a header", "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", 400},
      {"bare CR in a header", "GET / HTTP/1.1\r\nHost: a\r\nX: b\rY: c\r\n\r\n", 400},
      {"NUL in a header", std::string("GET / HTTP/1.1\r\nHost: a\r\nX: \0\r\n\r\n", 34), 400},
      {"header without colon", with("Junk\r\n"), 400},
      {"header without name", with(": x\r\n"), 400},
      {"header name with blank", with("A B: x\r\n"), 400},
      {"no host", "GET / HTTP/1.1\r\n\r\n", 400},
      {"two hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400},
      {"host with a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
      {"host with two ports", "GET / HTTP/1.1\r\nHost: a:80:80\r\n\r\n", 400},
      {"chunked in HTTP/1.0", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      {"no version", "GET /\r\n\r\n", 400},
      {"two blanks", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"blank in the target", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"HTTP/2.0", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505},
      {"lower-case method", "get / HTTP/1.1\r\nHost: a\r\n\r\n", 501},
      {"unknown method", "BREW /pot HTTP/1.1\r\nHost: a\r\n\r\n", 501},
      {"TLS on the plain port", std::string("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 15), 400},
      {"many blank lines before", "\r\n\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.why);
    EXPECT_EQ(error_of(c.text), c.status);
  }
}

TEST(RequestHead, KeepsItsLimits) {
  const HeadLimits limits{.head_bytes = 1000, .target_bytes = 100, .header_count = 5};
  const auto target = [&](std::size_t size) {
    return error_of("GET /" + std::string(size - 1, 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n", limits);
  };
  EXPECT_EQ(target(100), 0);
  EXPECT_EQ(target(101), 414);
  EXPECT_EQ(target(5000), 414);
  const auto head = [&](std::size_t size) {
    return error_of("GET / HTTP/1.1\r\nHost: a\r\nX: " + std::string(size - 32, 'x') + "\r\n\r\n", limits);
  };
  EXPECT_EQ(head(1000), 0);
  EXPECT_EQ(head(1001), 431);
  const auto count = [&](int count) {
    std::string text = "GET / HTTP/1.1\r\nHost: a\r\n";
    for (int i = 1; i < count; ++i) text += "X: 1\r\n";
    return error_of(text + "\r\n", limits);
  };
  EXPECT_EQ(count(5), 0);
  EXPECT_EQ(count(6), 431);
  EXPECT_EQ(error_of("GET / HTTP/1.1\r\nHost: " + std::string(2000, 'x'), limits), 431);  // never ends
}

TEST(RequestHead, KnowsExpectAndUpgrade) {
  const auto head = parse(
                        "GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nUPGRADE: "
                        "WebSocket\r\nconnection: upgrade\r\n\r\n")
                        .head;
  EXPECT_TRUE(head.expects_continue);
  EXPECT_TRUE(head.wants_websocket);
  EXPECT_FALSE(parse("POST / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n")
                   .head.wants_websocket);
}

TEST(ResponseHead, KnowsWhereTheBodyEnds) {
  const auto framing = [](std::string text, bool to_head = false) {
    ResponseParser parser;
    if (to_head) parser.set_answers_head_request();
    EXPECT_EQ(parser.feed(as_bytes(text)).value(), text.size());
    return parser.head().framing;
  };
  EXPECT_EQ(framing("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"), Framing::kLength);
  EXPECT_EQ(framing("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", true), Framing::kNone);
  EXPECT_EQ(framing("HTTP/1.1 200\r\nTransfer-Encoding: chunked\r\n\r\n"), Framing::kChunked);
  EXPECT_EQ(framing("HTTP/1.0 200 OK\r\n\r\n"), Framing::kUntilClose);
  EXPECT_EQ(framing("HTTP/1.1 204 No Content\r\n\r\n"), Framing::kNone);
  EXPECT_EQ(framing("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"),
            Framing::kNone);
}

// Body bytes and how many input bytes were left over, or the error.
std::string decode(BodyDecoder decoder, std::string_view input, std::size_t step) {
  std::string body;
  std::size_t at = 0;
  while (at < input.size() && !decoder.is_done()) {
    const auto part = input.substr(at, step);
    const auto piece = decoder.decode(as_bytes(part));
    if (!piece) return std::string("error ") + std::string(name_of(piece.error().code));
    body += as_text(piece->data);
    at += piece->consumed;
  }
  if (!decoder.is_done() && !decoder.finish()) return body + "|cut off";
  return fmt::format("{}|{}", body, input.size() - at);
}
std::string decode_chunked(std::string_view input) {
  const BodyDecoder decoder(Framing::kChunked, 0);
  const auto whole = decode(decoder, input, input.size() + 1);
  for (const std::size_t step : {1, 2, 5})
    EXPECT_EQ(decode(decoder, input, step), whole) << "steps of " << step;
  return whole;
}

TEST(Host, IsANameOrAnAddressAndPerhapsAPort) {  // RFC 9110 section 7.2, RFC 3986 section 3.2.2
  for (const auto* text : {"", "a", "a.example.", "a:80", "a:", "127.0.0.1:8080", "[::1]", "[::1]:443",
                           "[::ffff:127.0.0.1]", "a%20b", "a_b", "!$&'()*+,;=~", ":80"})
    EXPECT_TRUE(is_host(text)) << text;
  for (const auto* text :
       {"a b",    "a/b", "a@b", "a?", "a#",  "a\\b", "a:80:80", "a:x", "a:-1", "a:123456", "::1", "[::1",
        "[::1]x", "[]",  "[a]", "a%", "a%4", "a%g0", "\xe4",    "a[",  "a]",   "a\"",      "a<"})
    EXPECT_FALSE(is_host(text)) << text;
  EXPECT_FALSE(is_host(std::string_view("a\0b", 3)));
}

TEST(Body, OfKnownLengthEndsThere) {
  EXPECT_EQ(decode(BodyDecoder(Framing::kLength, 5), "helloGET", 3), "hello|3");
  EXPECT_EQ(decode(BodyDecoder(Framing::kLength, 5), "hell", 3), "hell|cut off");
  EXPECT_EQ(decode(BodyDecoder(), "GET", 3), "|3");
  EXPECT_EQ(decode(BodyDecoder(Framing::kUntilClose, 0), "all of it", 4), "all of it|0");
}

TEST(Body, InChunksIsJoined) {
  EXPECT_EQ(decode_chunked("4\r\nWiki\r\n5\r\npedia\r\n0\r\n\r\nGET"), "Wikipedia|3");
  EXPECT_EQ(decode_chunked("a;x=1;y=\"a\\\"b;\"\r\n0123456789\r\n000\r\n\r\n"), "0123456789|0");
  EXPECT_EQ(decode_chunked("1\r\nA\r\n0\r\nTrailer: x\r\nOther: y\r\n\r\n"), "A|0");
  EXPECT_EQ(decode_chunked("1 ; x ; y=\"z\"\r\nA\r\n0;last\r\n\r\n"), "A|0");  // RFC 9112 section 7.1.1
  EXPECT_EQ(decode_chunked("1\r\nA\r\n0\r\n"), "A|cut off");
  std::string made;
  append_chunk(made, "hello");
  EXPECT_EQ(decode_chunked(made + std::string(kLastChunk)), "hello|0");
}

TEST(Body, RefusesChunksThatTwoParsersCouldReadDifferently) {
  for (const std::string_view bad : {"\r\n",
                                     "g\r\n",
                                     "-1\r\n",
                                     "0x1\r\nA\r\n",
                                     "1\nA\r\n0\r\n\r\n",
                                     "1\r\nA\n0\r\n\r\n",
                                     "1\r\nAB\r\n0\r\n\r\n",
                                     "1;a\nb\r\nA\r\n",
                                     "1\rX\nA\r\n",
                                     "0\r\n folded\r\n\r\n",
                                     "0\r\nX: a\n\r\n",
                                     "1;\x01\r\nA\r\n",
                                     "0\r\n\rX",
                                     "ffffffffffffffff\r\nA",
                                     "1 \r\nA\r\n",
                                     "1 1\r\nA\r\n",
                                     "1 x\r\nA\r\n",
                                     "1;\r\nA\r\n",
                                     "1;=x\r\nA\r\n",
                                     "1;a=b;\r\nA\r\n",
                                     "0\r\nJunk\r\n\r\n",
                                     "0\r\n: x\r\n\r\n",
                                     "0\r\nX : a\r\n\r\n",
                                     "0\r\nGET http://a/ HTTP/1.1\r\n\r\n"}) {
    SCOPED_TRACE(bad);
    EXPECT_EQ(decode_chunked(bad), "error malformed");
  }
  EXPECT_EQ(decode_chunked("1;" + std::string(5000, 'x') + "\r\nA\r\n0\r\n\r\n"), "error too_large");
  EXPECT_EQ(decode_chunked("0\r\nX: " + std::string(5000, 'x') + "\r\n\r\n"), "error too_large");
}

TEST(FormatHead, WritesCanonicalNames) {
  EXPECT_EQ(format_response_head(101, {{"sec-websocket-accept", "x"}, {"upgrade", "websocket"}}).value(),
            "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: x\r\nUpgrade: websocket\r\n\r\n");
  EXPECT_EQ(canonical_name("etag"), "ETag");
  EXPECT_EQ(canonical_name("CONTENT-type"), "Content-Type");
  EXPECT_EQ(format_request_head("GET", "/", {{"host", "a"}}).value(), "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
}

TEST(FormatHead, RefusesWhatWouldSplitAResponse) {
  EXPECT_EQ(format_response_head(200, {{"x", "a\r\nSet-Cookie: b"}}).error().code, Errc::kMalformed);
  EXPECT_EQ(format_response_head(200, {{"x: y", "a"}}).error().code, Errc::kMalformed);
  EXPECT_EQ(format_response_head(200, {{"", "a"}}).error().code, Errc::kMalformed);
  EXPECT_EQ(format_response_head(200, {}, "a\nb").error().code, Errc::kMalformed);
  EXPECT_EQ(format_request_head("GET", "/a b", {}).error().code, Errc::kMalformed);
}

TEST(Date, HasTheFormOfTheRfc) {  // RFC 9110 section 5.6.7
  EXPECT_EQ(format_date(784111777), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(parse_date("Sun, 06 Nov 1994 08:49:37 GMT"), 784111777);
  EXPECT_EQ(parse_date("Mon, 06 Nov 1994 08:49:37 GMT"), std::nullopt);
  EXPECT_EQ(parse_date("Sun, 31 Feb 1994 08:49:37 GMT"), std::nullopt);
  EXPECT_EQ(parse_date("yesterday"), std::nullopt);
}

}  // namespace
}  // namespace berth::http1
