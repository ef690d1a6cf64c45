#include <brotli/decode.h>
#include <zlib.h>
#include <zstd.h>

#include <filesystem>

#include "base/file.h"
#include "wire/static_pack/pack.h"
#include "wire/static_pack/writer.h"

namespace berth::static_pack {
namespace {

std::string text_of_size(std::size_t size) {
  std::string text;
  for (int i = 0; text.size() < size; ++i) text += fmt::format("line {} of the file\n", i * i % 97);
  return text;
}

// What the other end of each coding makes of it, by the libraries' own decoders.
std::string decode(const Variant& variant, std::size_t size) {
  std::string out(size, '\0');
  switch (variant.coding) {
    case Coding::kIdentity: return std::string(as_text(variant.bytes));
    case Coding::kGzip: {
      z_stream stream{};
      EXPECT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
      stream.next_in = const_cast<Bytef*>(variant.bytes.data());
      stream.avail_in = static_cast<uInt>(variant.bytes.size());
      stream.next_out = reinterpret_cast<Bytef*>(out.data());
      stream.avail_out = static_cast<uInt>(out.size());
      EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
      inflateEnd(&stream);
      break;
    }
    case Coding::kBrotli:
      EXPECT_EQ(BrotliDecoderDecompress(variant.bytes.size(), variant.bytes.data(), &size,
                                        reinterpret_cast<std::uint8_t*>(out.data())),
                BROTLI_DECODER_RESULT_SUCCESS);
      break;
    case Coding::kZstd:
      EXPECT_EQ(ZSTD_decompress(out.data(), out.size(), variant.bytes.data(), variant.bytes.size()), size);
      break;
  }
  return out;
}

TEST(StaticPack, GivesBackWhatWasPutIn) {
  const std::string page = text_of_size(5000);
  Writer writer;
  ASSERT_TRUE(writer.add("notes.htm", page));
  ASSERT_TRUE(writer.add("img/logo.png", std::string(1000, 'p')));
  ASSERT_TRUE(writer.add("empty.txt", ""));
  const Bytes bytes = writer.finish();
  const auto pack = Pack::open(bytes).value();
  ASSERT_EQ(pack.entries().size(), 3u);

  const Entry* entry = pack.find("notes.htm");
  ASSERT_NE(entry, nullptr);
  EXPECT_EQ(entry->type, "text/html; charset=utf-8");
  EXPECT_EQ(entry->etag, md5(as_bytes(page)));
  EXPECT_EQ(as_text(entry->content()), page);
  ASSERT_EQ(entry->variants.size(), 4u);
  for (const auto& variant : entry->variants) {
    EXPECT_EQ(decode(variant, page.size()), page) << name_of(variant.coding);
    if (variant.coding != Coding::kIdentity) EXPECT_LT(variant.bytes.size(), page.size());
  }
  EXPECT_EQ(pack.find("img/logo.png")->variants.size(), 1u);  // its type does not compress
  EXPECT_EQ(pack.find("empty.txt")->content().size(), 0u);
  EXPECT_EQ(pack.find("Notes.htm"), nullptr);
  EXPECT_EQ(pack.find("notes.ht"), nullptr);
}

TEST(StaticPack, ChoosesTheSmallestVariantTheClientTakes) {
  Writer writer;
  ASSERT_TRUE(writer.add("a.js", text_of_size(20000)));
  const Bytes bytes = writer.finish();
  const auto pack = Pack::open(bytes).value();
  const Entry& entry = pack.entries()[0];
  EXPECT_EQ(entry.smallest(0).coding, Coding::kIdentity);
  EXPECT_EQ(entry.smallest(1 << 1).coding, Coding::kGzip);
  const auto& best = entry.smallest(0xff);
  for (const auto& variant : entry.variants) EXPECT_LE(best.bytes.size(), variant.bytes.size());
}

TEST(StaticPack, LeavesOutVariantsThatAreNotSmaller) {
  Writer writer;
  const auto noise = random_bytes(3000);
  ASSERT_TRUE(writer.add("noise.txt", std::string(as_text(noise))));
  const Bytes bytes = writer.finish();
  EXPECT_EQ(Pack::open(bytes).value().entries()[0].variants.size(), 1u);
}

// Byte for byte as in docs/protocols/static-pack.md; the MD5 of "hi" by md5sum.
TEST(StaticPack, LooksAsInTheDocument) {
  Writer writer;
  ASSERT_TRUE(writer.add("a.txt", "hi", "text/plain"));
  EXPECT_EQ(format_hex(writer.finish()),
            "4245525448504b31"
            "01000000"
            "35000000"
            "050061"
            "2e747874"
            "0a00"
            "746578742f706c61696e"
            "49f68a5c8493ec2c0bf489821c21fc3b"
            "01"
            "00"
            "4500000000000000"
            "0200000000000000"
            "6869");
}

TEST(StaticPack, IsRefusedWhenAnythingPointsOutside) {
  Writer writer;
  ASSERT_TRUE(writer.add("a.txt", "hi", "text/plain"));
  ASSERT_TRUE(writer.add("b.txt", "ho", "text/plain"));
  const Bytes good = writer.finish();
  ASSERT_TRUE(Pack::open(good));
  for (std::size_t size = 0; size < good.size(); ++size)
    EXPECT_FALSE(Pack::open(ByteView(good).first(size))) << "cut to " << size;
  const auto with = [&](std::size_t at, std::uint8_t value) {
    Bytes changed = good;
    changed[at] = value;
    return Pack::open(changed).has_value();
  };
  EXPECT_FALSE(with(0, 'X'));    // magic
  EXPECT_FALSE(with(8, 3));      // count
  EXPECT_FALSE(with(18, '/'));   // path "/.txt"
  EXPECT_FALSE(with(18, 'c'));   // no longer sorted
  EXPECT_FALSE(with(18, 'b'));   // twice the same
  EXPECT_FALSE(with(51, 0));     // no variant
  EXPECT_FALSE(with(52, 1));     // identity missing
  EXPECT_FALSE(with(60, 0x80));  // offset
  EXPECT_FALSE(with(53, 0));     // data within the index
}

TEST(StaticPack, RefusesPathsThatCouldLeaveItsFolder) {
  Writer writer;
  for (const char* path : {"", "/a", "a/", "a//b", ".", "..", "a/../b", "a\\b", "a\nb", "\xff"})
    EXPECT_EQ(writer.add(path, "x").error().code, Errc::kMalformed) << path;
  ASSERT_TRUE(writer.add("a", "x"));
  EXPECT_EQ(writer.add("a", "y").error().code, Errc::kExists);
}

TEST(StaticPack, IsMadeFromAFolder) {
  char folder[] = "/tmp/berth_pack_XXXXXX";
  ASSERT_NE(::mkdtemp(folder), nullptr);
  const std::string root = folder;
  ASSERT_TRUE(make_directories(root + "/sub/.git"));
  ASSERT_TRUE(write_file_durably(root + "/index.htm", "<p>"));
  ASSERT_TRUE(write_file_durably(root + "/sub/a.mjs", "1"));
  ASSERT_TRUE(write_file_durably(root + "/.hidden", "1"));
  ASSERT_TRUE(write_file_durably(root + "/sub/.git/config", "1"));
  std::filesystem::create_symlink("/etc/passwd", root + "/link");
  const auto bytes = pack_folder(root).value();
  std::string paths;
  const auto pack = Pack::open(bytes).value();
  for (const auto& entry : pack.entries()) paths += fmt::format("{} ", entry.path);
  EXPECT_EQ(paths, "index.htm sub/a.mjs ");
  ASSERT_TRUE(remove_tree(root));
  EXPECT_EQ(pack_folder(root).error().code, Errc::kNotFound);
}

TEST(ContentType, IsFoundBySuffixCaseSensitively) {
  EXPECT_EQ(content_type_of("a/b.html"), "text/html; charset=utf-8");
  EXPECT_EQ(content_type_of("b.HTML"), "");
  EXPECT_EQ(content_type_of("x.y/b"), "");
  EXPECT_EQ(content_type_of("a.min.js"), "text/javascript; charset=utf-8");
  // Every suffix of the reference has a type.
  for (const char* suffix :
       {"html",  "htm",          "css",      "xml",     "xsl",     "js",  "json", "ico",
        "bin",   "jar",          "png",      "gif",     "bmp",     "pdf", "wav",  "ogg",
        "mp3",   "txt",          "soap",     "svg",     "ttf",     "eot", "woff", "woff2",
        "g711a", "g711u",        "g722",     "g729",    "jpeg",    "jpg", "mp4",  "webm",
        "pem",   "mobileconfig", "appcache", "opus-nb", "opus-wb", "csv", "mjs",  "webmanifest"})
    EXPECT_NE(content_type_of(std::string("a.") + suffix), "") << suffix;
}

}  // namespace
}  // namespace berth::static_pack
