#include "wire/control/frame.h"

#include "wire/json/json.h"

namespace berth::control {
namespace {

Bytes frame(std::string_view json) {
  Bytes out;
  EXPECT_TRUE(append(out, json::parse_object(json).value()));
  return out;
}

TEST(ControlFrame, LooksAsInTheDocument) {
  EXPECT_EQ(format_hex(frame(R"({"mt":"Ping","src":"1"})")),
            "00000017"
            "7b226d74223a2250696e67222c22737263223a2231227d");
}

TEST(ControlDecoder, GivesTheSameForEverySplit) {
  Bytes stream = frame(R"({"mt":"A"})");
  const auto second = frame(R"({"mt":"B","x":[1,2]})");
  stream.insert(stream.end(), second.begin(), second.end());
  for (std::size_t step = 1; step <= stream.size(); ++step) {
    Decoder decoder;
    std::string told;
    for (std::size_t at = 0; at < stream.size(); at += step) {
      decoder.feed(ByteView(stream).subspan(at, std::min(step, stream.size() - at)));
      while (const auto message = decoder.next().value())
        told += fmt::format("{}@{}-{} ", json::serialize(*message), decoder.last_begin(), decoder.last_end());
    }
    EXPECT_EQ(told, "{\"mt\":\"A\"}@0-14 {\"mt\":\"B\",\"x\":[1,2]}@14-38 ") << step;
    EXPECT_TRUE(decoder.is_at_boundary());
  }
}

TEST(ControlDecoder, RefusesLongFramesBeforeTheyCome) {
  Decoder decoder(100);
  decoder.feed(Bytes{0, 0, 0, 101});
  EXPECT_EQ(decoder.next().error().code, Errc::kTooLarge);
  Decoder usual;
  usual.feed(Bytes{0x01, 0, 0, 1});
  EXPECT_EQ(usual.next().error().code, Errc::kTooLarge);
}

TEST(ControlDecoder, RefusesWhatIsNoObject) {
  for (const std::string_view text : {"[]", "{", "", "{}x", "{\"a\":\"\xff\"}"}) {
    Decoder decoder;
    decoder.feed(Bytes{0, 0, 0, static_cast<std::uint8_t>(text.size())});
    decoder.feed(as_bytes(text));
    EXPECT_EQ(decoder.next().error().code, Errc::kMalformed) << text;
  }
}

TEST(ControlDecoder, KnowsThatAFrameIsCutOff) {
  Decoder decoder;
  decoder.feed(Bytes{0, 0, 0, 2, '{'});
  EXPECT_FALSE(decoder.next().value().has_value());
  EXPECT_FALSE(decoder.is_at_boundary());
}

}  // namespace
}  // namespace berth::control
