#include "wire/websocket/deflate.h"

#include <gtest/gtest.h>

#include <random>

namespace berth::websocket {
namespace {

// The whole message, with an output of `room` bytes a step; nullopt if it is malformed.
std::optional<std::string> inflate(Inflater& inflater, ByteView message, std::size_t piece = 1 << 20,
                                   std::size_t room = 100) {
  inflater.begin();
  std::string text;
  Bytes out(room);
  std::size_t at = 0;
  for (;;) {
    const auto part = message.subspan(at, std::min(piece, message.size() - at));
    const bool is_last = at + part.size() == message.size();
    std::size_t used = 0;
    for (;;) {
      const auto step = inflater.next(part.subspan(used), is_last, out);
      if (!step) return std::nullopt;
      used += step->consumed;
      text += as_text(ByteView(out).first(step->produced));
      if (step->is_done) return text;
      if (step->produced < out.size()) break;
    }
    if (used != part.size()) return std::nullopt;
    at += used;
  }
}

// RFC 7692 section 7.2.3.
TEST(Inflater, ReadsTheExamplesOfTheRfc) {
  const Bytes one_block = {0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00};
  const Bytes no_compression = {0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00};
  const Bytes final_block = {0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00};
  const Bytes two_blocks = {0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00};
  Inflater inflater;
  for (const auto& bytes : {one_block, no_compression, final_block, two_blocks})
    for (std::size_t piece = 1; piece <= bytes.size(); ++piece)
      for (std::size_t room : {1, 2, 5, 6, 100})
        EXPECT_EQ(inflate(inflater, bytes, piece, room), "Hello") << format_hex(bytes) << piece << room;
}

TEST(Inflater, ReadsAnEmptyMessage) {  // section 7.2.3.6
  Inflater inflater;
  EXPECT_EQ(inflate(inflater, Bytes{0x00}), "");
  EXPECT_EQ(inflate(inflater, Bytes{0x02, 0x00}), "");
}

TEST(Inflater, RefusesWhatIsCutOffOrIsNoDeflate) {
  Inflater inflater;
  const Bytes whole = {0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00};
  for (std::size_t size = 1; size + 1 < whole.size(); ++size)
    EXPECT_EQ(inflate(inflater, ByteView(whole).first(size)), std::nullopt) << size;
  EXPECT_EQ(inflate(inflater, Bytes{0x07}), std::nullopt);  // block type 3
  EXPECT_EQ(inflate(inflater, Bytes{0x00, 0x05, 0x00, 0x00}),
            std::nullopt);                       // stored length without its complement
  EXPECT_EQ(inflate(inflater, whole), "Hello");  // begin() starts afresh
}

TEST(Inflater, GivesAZipBombInBitesOfTheReadersChoice) {
  Deflater deflater;
  const Bytes zeros(65536);
  Bytes bomb;
  for (int i = 0; i < 100; ++i) {
    const auto part = deflater.compress(zeros, i == 99);
    bomb.insert(bomb.end(), part.begin(), part.end());
  }
  EXPECT_LT(bomb.size(), zeros.size());
  Inflater inflater;
  inflater.begin();
  Bytes out(4096);
  const auto step = inflater.next(bomb, true, out);
  ASSERT_TRUE(step);
  EXPECT_EQ(step->produced, 4096u);
  EXPECT_LT(step->consumed, bomb.size() / 10);
  EXPECT_EQ(inflate(inflater, bomb, 1000, 5000)->size(), 100u * 65536);
}

TEST(Deflater, GivesWhatTheInflaterReadsAlsoInParts) {
  std::mt19937 random(1);
  Deflater deflater;
  Inflater inflater;
  for (int round = 0; round < 200; ++round) {
    std::string text;
    Bytes message;
    const auto parts = random() % 4 + 1;
    for (unsigned part = 0; part < parts; ++part) {
      std::string piece(random() % (round % 10 == 0 ? 65536 : 300), 'a');
      for (auto& c : piece)
        if (random() % 3 == 0) c = static_cast<char>(random());
      const auto compressed = deflater.compress(as_bytes(piece), part + 1 == parts);
      message.insert(message.end(), compressed.begin(), compressed.end());
      text += piece;
    }
    ASSERT_EQ(inflate(inflater, message, random() % 1000 + 1, random() % 1000 + 1), text);
  }
}

TEST(Deflater, NeedsOneByteForAnEmptyMessage) {
  Deflater deflater;
  const auto payload = deflater.compress({}, true);
  EXPECT_EQ(Bytes(payload.begin(), payload.end()), Bytes{0x00});  // RFC 7692 section 7.2.3.6
}

// RFC 7692 section 7.1.
TEST(DeflateOffer, IsTakenAsTheRfcSays) {
  const std::string plain = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
  struct Case {
    const char* offers;
    std::optional<std::string> answer;
  };
  const Case cases[] = {
      {"permessage-deflate", plain},
      {"permessage-deflate; client_max_window_bits", plain},  // what browsers send
      {"permessage-deflate; client_max_window_bits=10", plain},
      {"permessage-deflate; server_max_window_bits=15", plain + "; server_max_window_bits=13"},
      {"permessage-deflate; server_max_window_bits=\"13\"", plain + "; server_max_window_bits=13"},
      {"permessage-deflate;server_no_context_takeover ; client_no_context_takeover", plain},
      {"x-other, permessage-deflate", plain},
      {"permessage-deflate; server_max_window_bits=10, permessage-deflate", plain},  // the fallback
      {"", std::nullopt},
      {"permessage-bzip2", std::nullopt},
      {"permessage-deflate; server_max_window_bits=12", std::nullopt},
      {"permessage-deflate; server_max_window_bits", std::nullopt},
      {"permessage-deflate; server_max_window_bits=16", std::nullopt},
      {"permessage-deflate; server_max_window_bits=013", std::nullopt},
      {"permessage-deflate; client_max_window_bits=7", std::nullopt},
      {"permessage-deflate; client_max_window_bits=+9", std::nullopt},
      {"permessage-deflate; client_no_context_takeover=1", std::nullopt},
      {"permessage-deflate; client_no_context_takeover; client_no_context_takeover", std::nullopt},
      {"permessage-deflate; unknown", std::nullopt},
      {"permessage-deflate;", std::nullopt},
  };
  for (const auto& c : cases) EXPECT_EQ(accept_deflate(c.offers), c.answer) << c.offers;
}

}  // namespace
}  // namespace berth::websocket
