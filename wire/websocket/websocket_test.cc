#include "base/text.h"
#include "wire/websocket/frame.h"
#include "wire/websocket/handshake.h"
#include "wire/websocket/message_reader.h"

namespace berth::websocket {
namespace {

// RFC 6455 section 5.7: "Hello" as one masked text frame.
const Bytes kMaskedHello = {0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58};

TEST(FrameHeader, AsksForMoreBytesAtEveryCutPoint) {
  for (std::size_t have = 0; have < 6; ++have) {
    const auto prefix = std::span(kMaskedHello).first(have);
    EXPECT_EQ(parse_frame_header(prefix, 1024).value().has_value(), false) << have << " bytes";
  }
}

TEST(FrameHeader, ReadsTheExamplesOfTheRfc) {
  auto header = *parse_frame_header(kMaskedHello, 1024).value();
  EXPECT_EQ(header.opcode, Opcode::kText);
  EXPECT_TRUE(header.fin && header.masked && !header.compressed);
  EXPECT_EQ(header.payload_length, 5u);
  EXPECT_EQ(header.size, 6u);

  header = *parse_frame_header(Bytes{0x01, 0x03, 0x48, 0x65, 0x6c}, 1024).value();  // "Hel", first of two
  EXPECT_FALSE(header.fin || header.masked);
  header = *parse_frame_header(Bytes{0x82, 0x7e, 0x01, 0x00}, 1024).value();  // 256 bytes binary
  EXPECT_EQ(header.payload_length, 256u);
  EXPECT_EQ(header.size, 4u);
  header = *parse_frame_header(Bytes{0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0}, 1 << 20).value();  // 64 KiB
  EXPECT_EQ(header.payload_length, 65536u);
  EXPECT_EQ(header.size, 10u);
}

TEST(FrameHeader, RefusesWhatTheRfcForbids) {
  struct Case {
    const char* why;
    Bytes bytes;
    Errc code;
  };
  const Case cases[] = {
      {"reserved opcode 3", {0x83, 0x00}, Errc::kMalformed},
      {"reserved opcode 11", {0x8b, 0x00}, Errc::kMalformed},
      {"RSV2", {0xa1, 0x00}, Errc::kMalformed},
      {"fragmented ping", {0x09, 0x00}, Errc::kMalformed},
      {"ping of 126 bytes", {0x89, 0x7e, 0x00, 0x7e}, Errc::kMalformed},
      {"five bytes in the long form", {0x82, 0x7e, 0x00, 0x05}, Errc::kMalformed},
      {"300 bytes in the longest form", {0x82, 0x7f, 0, 0, 0, 0, 0, 0, 0x01, 0x2c}, Errc::kMalformed},
      {"highest bit of the length", {0x82, 0x7f, 0x80, 0, 0, 0, 0, 0, 0, 0}, Errc::kMalformed},
      {"payload over the limit", {0x82, 0x7e, 0x10, 0x00}, Errc::kTooLarge},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.why);
    EXPECT_EQ(parse_frame_header(c.bytes, 1024).error().code, c.code);
  }
}

TEST(FrameHeader, IsWrittenInItsShortestForm) {
  std::array<std::uint8_t, 14> out;
  EXPECT_EQ(format_frame_header({.opcode = Opcode::kText, .payload_length = 125}, out), 2u);
  EXPECT_EQ(format_frame_header({.opcode = Opcode::kText, .payload_length = 126}, out), 4u);
  EXPECT_EQ(format_frame_header({.opcode = Opcode::kText, .payload_length = 65535}, out), 4u);
  EXPECT_EQ(format_frame_header({.opcode = Opcode::kText, .masked = true, .payload_length = 65536}, out),
            14u);
}

TEST(Frame, IsWrittenAsInTheRfc) {
  Bytes out;
  append_masked_frame(out, Opcode::kText, as_bytes("Hello"), {0x37, 0xfa, 0x21, 0x3d});
  EXPECT_EQ(out, kMaskedHello);
  out.clear();
  append_frame(out, Opcode::kText, as_bytes("Hello"));
  EXPECT_EQ(out, (Bytes{0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f}));
}

TEST(Mask, GivesTheSameFromAnyOffset) {
  const std::array<std::uint8_t, 4> mask{0x12, 0x34, 0x56, 0x78};
  Bytes whole(100);
  for (std::size_t i = 0; i < whole.size(); ++i) whole[i] = static_cast<std::uint8_t>(i);
  Bytes expected = whole;
  for (std::size_t i = 0; i < expected.size(); ++i) expected[i] ^= mask[i % 4];
  for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
    Bytes copy = whole;
    apply_mask(std::span(copy).first(cut), mask, 0);
    apply_mask(std::span(copy).subspan(cut), mask, cut);
    ASSERT_EQ(copy, expected) << cut;
  }
}

// What a reader gives for a stream, as text: "t:Hello|" for a text message, "b:", "ping:", "close 1000:".
std::string read_all(Bytes stream, std::size_t step_size, MessageReader::Role role,
                     std::uint64_t limit = 1 << 20) {
  MessageReader reader(role, limit);
  std::string told, message;
  Bytes pending;
  std::size_t fed = 0;
  for (;;) {
    const auto step = reader.next(pending);
    if (!step) return told + fmt::format("error {}", reader.error_close_code());
    if (step->event) {
      const auto& event = *step->event;
      switch (event.kind) {
        case MessageReader::Kind::kData:
          message += as_text(event.data);
          if (event.is_final)
            told += fmt::format("{}:{}|", event.is_text ? "t" : "b", std::exchange(message, ""));
          break;
        case MessageReader::Kind::kPing: told += fmt::format("ping:{}|", as_text(event.data)); break;
        case MessageReader::Kind::kPong: told += fmt::format("pong:{}|", as_text(event.data)); break;
        case MessageReader::Kind::kClose:
          return told + fmt::format("close {}:{}", event.close_code, as_text(event.data));
      }
    }
    pending.erase(pending.begin(), pending.begin() + static_cast<std::ptrdiff_t>(step->consumed));
    if (step->consumed > 0 || step->event) continue;
    if (fed == stream.size()) return told;
    const auto count = std::min(step_size, stream.size() - fed);
    pending.insert(pending.end(), stream.begin() + static_cast<std::ptrdiff_t>(fed),
                   stream.begin() + static_cast<std::ptrdiff_t>(fed + count));
    fed += count;
  }
}

std::string read_client(const Bytes& stream) {
  const auto whole = read_all(stream, stream.size() + 1, MessageReader::Role::kClient);
  for (std::size_t size : {1, 2, 3, 7, 64})
    EXPECT_EQ(read_all(stream, size, MessageReader::Role::kClient), whole);
  return whole;
}

TEST(MessageReader, ReadsTheMaskedHelloOfTheRfc) {
  for (std::size_t size = 1; size < 12; ++size)
    EXPECT_EQ(read_all(kMaskedHello, size, MessageReader::Role::kServer), "t:Hello|");
}

TEST(MessageReader, JoinsFragmentsAroundControlFrames) {
  Bytes stream;
  append_frame(stream, Opcode::kText, as_bytes("Hel"), false);
  append_frame(stream, Opcode::kPing, as_bytes("are you there"));
  append_frame(stream, Opcode::kContinuation, as_bytes(""), false);
  append_frame(stream, Opcode::kPong, as_bytes(""));
  append_frame(stream, Opcode::kContinuation, as_bytes("lo"));
  append_frame(stream, Opcode::kBinary, as_bytes(""));
  EXPECT_EQ(read_client(stream), "ping:are you there|pong:|t:Hello|b:|");
}

TEST(MessageReader, ChecksUtf8AcrossFragments) {
  const std::string text = "κόσμε 😀";
  Bytes good, cut, bad;
  append_frame(good, Opcode::kText, as_bytes(text.substr(0, 1)), false);
  append_frame(good, Opcode::kContinuation, as_bytes(text.substr(1)));
  EXPECT_EQ(read_client(good), "t:" + text + "|");
  append_frame(cut, Opcode::kText, as_bytes(text.substr(0, text.size() - 1)));
  EXPECT_EQ(read_client(cut), "error 1007");
  append_frame(bad, Opcode::kBinary, as_bytes("\xff"));
  append_frame(bad, Opcode::kText, as_bytes("\xed\xa0\x80"), false);  // a surrogate: wrong at its second byte
  EXPECT_EQ(read_client(bad), "b:\xff|error 1007");
}

TEST(MessageReader, RefusesWhatTheRfcForbids) {
  const auto frame = [](Opcode opcode, std::string_view payload, bool fin = true) {
    Bytes out;
    append_frame(out, opcode, as_bytes(payload), fin);
    return out;
  };
  EXPECT_EQ(read_client(frame(Opcode::kContinuation, "x")), "error 1002");
  auto twice = frame(Opcode::kText, "a", false);
  const auto second = frame(Opcode::kText, "b");
  twice.insert(twice.end(), second.begin(), second.end());
  EXPECT_EQ(read_client(twice), "error 1002");
  EXPECT_EQ(read_client(kMaskedHello), "error 1002");  // a server must not mask
  EXPECT_EQ(read_all(frame(Opcode::kText, "x"), 99, MessageReader::Role::kServer),
            "error 1002");                                               // a client must
  EXPECT_EQ(read_client({0xc1, 0x01, 'x'}), "error 1002");               // RSV1
  EXPECT_EQ(read_client({0x88, 0x01, 0x03}), "error 1002");              // close with one byte
  EXPECT_EQ(read_client({0x88, 0x02, 0x03, 0xed}), "error 1002");        // 1005 may not be sent
  EXPECT_EQ(read_client({0x88, 0x03, 0x03, 0xe8, 0xff}), "error 1007");  // reason is not UTF-8
}

TEST(MessageReader, TellsTheClose) {
  Bytes stream;
  append_frame(stream, Opcode::kClose, make_close_payload(1000, "bye"));
  EXPECT_EQ(read_client(stream), "close 1000:bye");
  EXPECT_EQ(read_client({0x88, 0x00}), "close 1005:");
}

TEST(MessageReader, RefusesMessagesAboveItsLimitBeforeTheyCome) {
  Bytes stream;
  append_frame(stream, Opcode::kBinary, Bytes(600), false);
  append_frame(stream, Opcode::kContinuation, Bytes(500));
  EXPECT_EQ(read_all(stream, 64, MessageReader::Role::kClient, 1000), "error 1009");
  Bytes announced{0x82, 0x7f, 0, 0, 0, 1, 0, 0, 0, 0};  // 4 GiB to come
  EXPECT_EQ(read_all(announced, 64, MessageReader::Role::kClient, 1000), "error 1009");
}

TEST(ClosePayload, CutsTheReasonAtACharacter) {
  std::string reason(122, 'x');
  reason += "ä";
  EXPECT_EQ(make_close_payload(1000, reason).size(), 2u + 122u);
  EXPECT_TRUE(make_close_payload(1005).empty());
}

TEST(Utf8Checker, AgreesWithTheWholeTextCheck) {
  const char* texts[] = {"",
                         "a",
                         "ä",
                         "\xc0\x80",
                         "\xe0\x9f\xbf",
                         "\xed\x9f\xbf",
                         "\xed\xa0\x80",
                         "\xf0\x8f\xbf\xbf",
                         "\xf4\x8f\xbf\xbf",
                         "\xf4\x90\x80\x80",
                         "\xf5\x80\x80\x80",
                         "abcdefgh\x80",
                         "abcdefghä€😀x",
                         "\xe2\x82"};
  for (const std::string_view text : texts) {
    for (std::size_t cut = 0; cut <= text.size(); ++cut) {
      Utf8Checker checker;
      const bool ok = checker.feed(as_bytes(text.substr(0, cut))) &&
                      checker.feed(as_bytes(text.substr(cut))) && checker.is_at_boundary();
      EXPECT_EQ(ok, is_valid_utf8(text)) << format_hex(as_bytes(text)) << " cut at " << cut;
    }
  }
}

TEST(Handshake, HasTheAcceptKeyOfTheRfc) {  // RFC 6455 section 1.3
  EXPECT_EQ(accept_key("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

http1::RequestHead parse_request(std::string text) {
  http1::RequestParser parser;
  EXPECT_EQ(parser.feed(as_bytes(text)).value(), text.size());
  return parser.head();
}

TEST(Handshake, TakesTheRequestOfTheRfc) {
  const auto head = parse_request(
      "GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\nConnection: keep-alive, "
      "Upgrade\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: http://example.com\r\n"
      "Sec-WebSocket-Protocol: chat, superchat\r\nSec-WebSocket-Version: 13\r\n\r\n");
  EXPECT_EQ(check_request(head).value(), "dGhlIHNhbXBsZSBub25jZQ==");
}

TEST(Handshake, SaysWhatIsWrongWithARequest) {
  const std::string begin = "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
  const auto code = [&](std::string rest) {
    return check_request(parse_request(begin + rest + "\r\n")).error().code;
  };
  EXPECT_EQ(code("Sec-WebSocket-Version: 8\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"),
            Errc::kUnsupported);
  EXPECT_EQ(code("Sec-WebSocket-Version: 13\r\n"), Errc::kMalformed);
  EXPECT_EQ(code("Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: c2hvcnQ=\r\n"), Errc::kMalformed);
  // Twice (sections 11.3.1 and 11.3.5).
  const std::string key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n",
                    version = "Sec-WebSocket-Version: 13\r\n";
  EXPECT_EQ(code(version + key + key), Errc::kMalformed);
  EXPECT_EQ(code(version + version + key), Errc::kMalformed);
}

// RFC 7692 section 6: RSV1 on the first frame of a message, nowhere else, and only if it was agreed.
TEST(MessageReader, TellsOfCompressedMessagesOnlyWhereTheyWereAgreed) {
  const auto frame = [](std::uint8_t first, const Bytes& payload) {
    Bytes bytes = {first, static_cast<std::uint8_t>(payload.size())};
    bytes.insert(bytes.end(), payload.begin(), payload.end());
    return bytes;
  };
  const Bytes no_utf8 = {0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00};
  {
    MessageReader reader(MessageReader::Role::kClient, 100, true);
    auto bytes = frame(0xc1, no_utf8);
    const auto step = reader.next(bytes);
    ASSERT_TRUE(step && step->event);
    EXPECT_TRUE(step->event->is_compressed && step->event->is_text && step->event->is_final);
    auto plain = frame(0x81, {'a'});
    EXPECT_FALSE(reader.next(plain)->event->is_compressed);
  }
  {
    MessageReader reader(MessageReader::Role::kClient, 100, true);
    auto first = frame(0x41, no_utf8);
    EXPECT_TRUE(reader.next(first)->event->is_compressed);
    auto middle = frame(0x00, no_utf8);
    EXPECT_TRUE(reader.next(middle)->event->is_compressed);
    auto marked_again = frame(0xc0, no_utf8);
    EXPECT_FALSE(reader.next(marked_again));
    EXPECT_EQ(reader.error_close_code(), 1002);
  }
  for (const bool agreed : {false, true}) {
    MessageReader reader(MessageReader::Role::kClient, 100, agreed);
    auto bytes = frame(agreed ? 0xc9 : 0xc1, no_utf8);  // a ping, or any message
    EXPECT_FALSE(reader.next(bytes));
    EXPECT_EQ(reader.error_close_code(), 1002);
  }
}

}  // namespace
}  // namespace berth::websocket
