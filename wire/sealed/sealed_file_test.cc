#include "wire/sealed/sealed_file.h"

#include <gtest/gtest.h>
#include <sodium.h>

#include "base/bytes.h"

namespace berth::sealed {
namespace {

std::string seal(const std::string& public_key, std::string_view content, std::size_t piece = 1000) {
  Sealer sealer(public_key);
  std::string out;
  for (std::size_t at = 0; at < content.size(); at += piece) out += sealer.add(content.substr(at, piece));
  return out + sealer.finish();
}
Result<std::string> open(const std::string& private_key, std::string_view sealed, std::size_t piece = 1000) {
  BERTH_TRY(auto unsealer, Unsealer::make(private_key));
  std::string out;
  for (std::size_t at = 0; at < sealed.size(); at += piece) {
    BERTH_TRY(const auto part, unsealer.add(sealed.substr(at, piece)));
    out += part;
  }
  BERTH_TRY(const auto last, unsealer.finish());
  return out + last;
}

TEST(SealedFile, OpensWhatWasSealedWhateverItsSize) {
  const auto keys = make_keys();
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{1}, kChunk - 1, kChunk, kChunk + 1, 2 * kChunk, 3 * kChunk + 17}) {
    const std::string content(as_text(random_bytes(size)));
    const auto sealed = seal(keys.public_key, content, 777);
    const std::size_t chunks = size == 0 ? 1 : (size + kChunk - 1) / kChunk;
    EXPECT_EQ(sealed.size(), kHead + size + chunks * kExtra);
    for (const std::size_t piece : {std::size_t{1'000'000}, std::size_t{113}}) {
      const auto opened = open(keys.private_key, sealed, piece);
      ASSERT_TRUE(opened) << opened.error().detail;
      EXPECT_TRUE(*opened == content) << size;
    }
  }
}

TEST(SealedFile, NoByteCanBeChangedCutOffOrAdded) {
  const auto keys = make_keys();
  const auto sealed = seal(keys.public_key, std::string(kChunk + 100, 'x'));
  for (const std::size_t at : {std::size_t{3}, std::size_t{7}, std::size_t{50}, std::size_t{100}, kHead + 5,
                               sealed.size() - kChunk / 2, sealed.size() - 1}) {
    auto changed = sealed;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    EXPECT_FALSE(open(keys.private_key, changed)) << at;
  }
  for (const std::size_t left :
       {std::size_t{0}, std::size_t{20}, kHead, kHead + kChunk + kExtra, sealed.size() - 1})
    EXPECT_EQ(open(keys.private_key, sealed.substr(0, left)).error().code, Errc::kMalformed) << left;
  EXPECT_FALSE(open(keys.private_key, sealed + "x"));
  EXPECT_FALSE(open(keys.private_key, sealed + sealed));
}

TEST(SealedFile, SaysWhichKeyIsWrong) {
  const auto keys = make_keys(), others = make_keys();
  EXPECT_EQ(open(others.private_key, seal(keys.public_key, "secret")).error().code, Errc::kDenied);
  EXPECT_EQ(Unsealer::make(keys.public_key).error().code, Errc::kMalformed);
  EXPECT_FALSE(check_public_key(keys.private_key));
  EXPECT_TRUE(check_public_key(keys.public_key));
  EXPECT_EQ(open(keys.private_key, std::string(200, 'x')).error().code, Errc::kMalformed);
  auto newer = seal(keys.public_key, "secret");
  newer[7] = '2';
  EXPECT_EQ(open(keys.private_key, newer).error().code, Errc::kUnsupported);
}

// Written by testing/make_vectors.py, which has nothing of libsodium.
TEST(SealedFile, OpensWhatAnotherImplementationSealed) {
  const std::string key =
      "0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f2007a37cbc142093c8b755dc1b10e86cb42637"
      "4ad16aa853ed0bdfc0b2b86d1c7c";
  const std::string head =
      "424552544853463164b101b1d0be5a8704bd078f9895001fc03e8e9f9522f188dd128d9846d48466d777185dceef9608ac7a"
      "fb644b744bc37ea58bd392bba8b4e5e9693d2dd9de8ebc30a41f92c0c5609d0dcd77ca1d8c6cc8c9cacbcccdcecfd0d1d2d3"
      "d4d5d6d7d8d9dadbdcdddedf";
  const auto bytes_of = [&](const std::string& chunk) {
    return std::string(as_text(parse_hex(head + chunk).value()));
  };
  EXPECT_EQ(open(key, bytes_of("b93b6538610619c0f75c211f44d53a4c83")), "");
  EXPECT_EQ(
      open(key, bytes_of("b9555cc54278581c63dd077aebe10eb3671d747a47c1a681b9d38fd79d577d9d2595ab811e728e")),
      "Grüße aus dem Hafen\n");
}

// docs/sealed-file.md, by libsodium alone: another implementation of the same page.
TEST(SealedFile, IsWhatItsPageSays) {
  const auto keys = make_keys();
  const auto sealed = seal(keys.public_key, "Grüße");
  const auto* bytes = reinterpret_cast<const unsigned char*>(sealed.data());
  const auto pair = parse_hex(keys.private_key).value();
  unsigned char key[32];
  ASSERT_EQ(::crypto_box_seal_open(key, bytes + 8, 80, pair.data() + 32, pair.data()), 0);
  crypto_secretstream_xchacha20poly1305_state stream;
  ASSERT_EQ(::crypto_secretstream_xchacha20poly1305_init_pull(&stream, bytes + 88, key), 0);
  unsigned char text[16], tag = 0;
  unsigned long long length = 0;
  ASSERT_EQ(::crypto_secretstream_xchacha20poly1305_pull(&stream, text, &length, &tag, bytes + 112,
                                                         sealed.size() - 112, nullptr, 0),
            0);
  EXPECT_EQ(std::string(reinterpret_cast<char*>(text), length), "Grüße");
  EXPECT_EQ(tag, crypto_secretstream_xchacha20poly1305_TAG_FINAL);
  EXPECT_EQ(sealed.substr(0, 8), "BERTHSF1");
}

}  // namespace
}  // namespace berth::sealed
