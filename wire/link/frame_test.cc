#include "wire/link/frame.h"

namespace berth::link {
namespace {

ByteView payload_of(const Bytes& frame) { return ByteView(frame).subspan(kHeaderSize); }
FrameHeader header_of(const Bytes& frame) { return *parse_header(frame).value(); }

// The examples of docs/protocols/link.md.
TEST(LinkFrame, HelloLooksAsInTheDocument) {
  Bytes out;
  append(out, Hello{.reactor = 1, .credit = 65536, .name = "notes"});
  EXPECT_EQ(format_hex(out),
            "0f000000"
            "01"
            "00"
            "0000"
            "00000000"
            "0100"
            "0100"
            "00000100"
            "0500"
            "6e6f746573");
}

TEST(LinkFrame, MessageLooksAsInTheDocument) {
  Bytes out;
  append_data(out, Type::kMessage, 7, kFlagEnd | kFlagText, as_bytes("hi"));
  EXPECT_EQ(format_hex(out),
            "02000000"
            "13"
            "03"
            "0000"
            "07000000"
            "6869");
}

TEST(LinkFrame, CreditAndCloseLookAsInTheDocument) {
  Bytes out;
  append_credit(out, 7, 4096);
  append(out, 7, Close{.code = 1000, .reason = "bye"});
  EXPECT_EQ(format_hex(out),
            "04000000"
            "15"
            "00"
            "0000"
            "07000000"
            "00100000"
            "07000000"
            "14"
            "00"
            "0000"
            "07000000"
            "e803"
            "0300"
            "627965");
}

TEST(LinkFrame, LeaveIsOneThatOlderServicesSkip) {
  Bytes out;
  append_leave(out);
  EXPECT_EQ(format_hex(out), "000000008000000000000000");
  EXPECT_EQ(header_of(out).type, Type::kLeave);
}

TEST(LinkFrame, ComesBackAsItWasWritten) {
  Grant grant;
  grant.fill(0xab);
  Bytes out;
  append(
      out,
      Attach{
          .id = 5, .kind = Kind::kWebsocket, .grant = grant, .path = "/example.com/team", .options = "{}"});
  EXPECT_EQ(header_of(out).type, Type::kAttach);
  const auto attach = parse_attach(payload_of(out)).value();
  EXPECT_EQ(attach.id, 5u);
  EXPECT_EQ(attach.kind, Kind::kWebsocket);
  EXPECT_EQ(attach.grant, grant);
  EXPECT_EQ(attach.path, "/example.com/team");
  EXPECT_EQ(attach.options, "{}");

  out.clear();
  append(out, Attached{.id = 5, .result = AttachResult::kPathTaken, .reason = "taken"}, Type::kDetached);
  EXPECT_EQ(header_of(out).type, Type::kDetached);
  EXPECT_EQ(parse_attached(payload_of(out)).value().result, AttachResult::kPathTaken);

  out.clear();
  const Open open{.attach = 5,
                  .kind = Kind::kHttp,
                  .bits = kOpenTls | kOpenHasBody,
                  .method = kPut,
                  .peer = "127.0.0.1:51234",
                  .target = "/example.com/team/a%20b?x=1",
                  .relative = "a b",
                  .headers = {{"host", "example.com"}, {"accept", ""}}};
  ASSERT_TRUE(append(out, 9, open));
  EXPECT_EQ(header_of(out).stream, 9u);
  const auto read = parse_open(payload_of(out)).value();
  EXPECT_EQ(read.target, open.target);
  EXPECT_EQ(read.relative, open.relative);
  EXPECT_EQ(read.method, kPut);
  EXPECT_EQ(read.headers, open.headers);

  out.clear();
  ASSERT_TRUE(append(out, 9, Accept{.status = 200, .bits = kAcceptNoBody, .headers = {{"etag", "\"1\""}}}));
  EXPECT_EQ(parse_accept(payload_of(out)).value().headers.at(0).second, "\"1\"");

  out.clear();
  const std::uint32_t streams[] = {1, 2, 70000};
  append_broadcast(out, kFlagText, streams, as_bytes("to all"));
  const auto broadcast = parse_broadcast(payload_of(out)).value();
  EXPECT_EQ(broadcast.streams, (std::vector<std::uint32_t>{1, 2, 70000}));
  EXPECT_EQ(as_text(broadcast.message), "to all");
}

TEST(LinkFrame, HeaderWantsTwelveBytes) {
  Bytes out;
  append_credit(out, 7, 4096);
  for (std::size_t have = 0; have < kHeaderSize; ++have)
    EXPECT_FALSE(parse_header(ByteView(out).first(have)).value().has_value());
}

TEST(LinkFrame, HeaderRefusesWhatTheDocumentForbids) {
  const auto code = [](Bytes header) { return parse_header(header).error().code; };
  EXPECT_EQ(code({0x01, 0x01, 0x01, 0x00, 0x13, 0, 0, 0, 0, 0, 0, 0}), Errc::kTooLarge);  // 65,793 bytes
  EXPECT_EQ(code({0, 0, 0, 0, 0x13, 0, 1, 0, 0, 0, 0, 0}), Errc::kMalformed);             // reserved
  EXPECT_EQ(code({0, 0, 0, 0, 0x06, 0, 0, 0, 0, 0, 0, 0}), Errc::kMalformed);           // unknown below 0x80
  EXPECT_TRUE(parse_header(Bytes{0, 0, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0}));              // to be skipped
  EXPECT_TRUE(parse_header(Bytes{0x00, 0x01, 0x01, 0x00, 0x13, 0, 0, 0, 0, 0, 0, 0}));  // 65,792: just right
}

TEST(LinkFrame, PayloadsAreRefusedIfCutOffOrTooLong) {
  Bytes out;
  ASSERT_TRUE(append(out, 9, Open{.kind = Kind::kHttp, .peer = "p", .target = "t", .headers = {{"a", "b"}}}));
  const auto payload = payload_of(out);
  ASSERT_TRUE(parse_open(payload));
  for (std::size_t have = 0; have < payload.size(); ++have)
    EXPECT_FALSE(parse_open(payload.first(have))) << have;
  Bytes longer(payload.begin(), payload.end());
  longer.push_back(0);
  EXPECT_EQ(parse_open(longer).error().code, Errc::kMalformed);
  EXPECT_FALSE(parse_broadcast(Bytes{0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0}));
  EXPECT_FALSE(parse_u32(Bytes{1, 2, 3}));
  EXPECT_FALSE(parse_u32(Bytes{1, 2, 3, 4, 5}));
}

TEST(LinkFrame, KindsAndResultsOutsideTheirRangeAreRefused) {
  Bytes out;
  append(out, Attach{.id = 5, .kind = Kind::kHttp});
  out[kHeaderSize + 4] = 9;
  EXPECT_EQ(parse_attach(payload_of(out)).error().code, Errc::kMalformed);
  out.clear();
  append(out, Attached{.id = 5});
  out[kHeaderSize + 4] = 8;
  EXPECT_EQ(parse_attached(payload_of(out)).error().code, Errc::kMalformed);
}

TEST(LinkFrame, HeadsThatDoNotFitAreRefusedAndLeaveNothing) {
  Bytes out;
  Open open{.kind = Kind::kHttp, .headers = {{"a", std::string(40000, 'x')}, {"b", std::string(40000, 'x')}}};
  EXPECT_EQ(append(out, 9, open).error().code, Errc::kTooLarge);
  open.headers = {{"a", std::string(70000, 'x')}};
  EXPECT_EQ(append(out, 9, open).error().code, Errc::kTooLarge);
  EXPECT_TRUE(out.empty());
}

}  // namespace
}  // namespace berth::link
