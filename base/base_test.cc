#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>

#include "base/bytes.h"
#include "base/file.h"
#include "base/log.h"
#include "base/result.h"
#include "base/text.h"

namespace berth {
namespace {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    char pattern[] = "/tmp/berth-base-XXXXXX";
    path_ = ::mkdtemp(pattern);
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

Result<int> parse_digit(std::string_view text) {
  if (text.size() != 1) return fail(Errc::kMalformed, "{} characters instead of one", text.size());
  return text[0] - '0';
}
Result<int> sum(std::string_view a, std::string_view b) {
  BERTH_TRY(const int first, parse_digit(a));
  BERTH_TRY(const int second, parse_digit(b));
  return first + second;
}

TEST(Result, TryPassesTheValueOrTheErrorOn) {
  EXPECT_EQ(sum("3", "4").value(), 7);
  const auto failed = sum("3", "44");
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, Errc::kMalformed);
  EXPECT_EQ(failed.error().detail, "2 characters instead of one");
}

TEST(Error, GrowsContextOnTheWayUp) {
  Error error{Errc::kNotFound, "no such file"};
  EXPECT_EQ(std::move(error).within("read dump").detail, "read dump: no such file");
}

TEST(Error, TellsFullDisksFromOtherTrouble) {
  EXPECT_EQ(errno_error(ENOSPC, "write x").code, Errc::kNoSpace);
  EXPECT_EQ(errno_error(EDQUOT, "write x").code, Errc::kNoSpace);
  EXPECT_EQ(errno_error(EACCES, "open x").code, Errc::kDenied);
  EXPECT_EQ(errno_error(ENOENT, "open x").detail, "open x: No such file or directory");
}

TEST(Base64, HasTheValuesOfRfc4648) {
  const std::pair<std::string_view, std::string_view> cases[] = {{"", ""},
                                                                 {"f", "Zg=="},
                                                                 {"fo", "Zm8="},
                                                                 {"foo", "Zm9v"},
                                                                 {"foob", "Zm9vYg=="},
                                                                 {"fooba", "Zm9vYmE="},
                                                                 {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, coded] : cases) {
    EXPECT_EQ(format_base64(as_bytes(plain)), coded);
    const auto parsed = parse_base64(coded);
    ASSERT_TRUE(parsed) << coded;
    EXPECT_EQ(as_text(*parsed), plain);
  }
  for (const auto bad : {"Zg", "Zg=", "Z===", "Zm9v!", "Zm9=Zm9v", "===="})
    EXPECT_FALSE(parse_base64(bad)) << bad;
}

TEST(Hex, IsLowerCaseAndReadsEither) {
  EXPECT_EQ(format_hex(Bytes{0x00, 0xab, 0xff}), "00abff");
  EXPECT_EQ(parse_hex("00ABff"), (Bytes{0x00, 0xab, 0xff}));
  EXPECT_FALSE(parse_hex("0"));
  EXPECT_FALSE(parse_hex("0g"));
}

TEST(Hashes, HaveTheValuesOfTheirStandards) {
  // FIPS 180-2 appendix B.1, FIPS 180-1 appendix A, RFC 1321 appendix A.5, each of "abc".
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(format_hex(sha1(as_bytes("abc"))), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(format_hex(md5(as_bytes("abc"))), "900150983cd24fb0d6963f7d28e17f72");
}

TEST(RandomPassword, HasTheLengthAndTheAlphabet) {
  const auto one = random_password(40), other = random_password(40);
  EXPECT_EQ(one.size(), 40u);
  EXPECT_NE(one, other);
  for (const char c : one) EXPECT_TRUE(std::isalnum(static_cast<unsigned char>(c)));
}

TEST(PercentCoding, FollowsRfc3986) {
  EXPECT_EQ(percent_encode("a b/ü~"), "a%20b%2F%C3%BC~");
  EXPECT_EQ(percent_decode("a%20b%2f%C3%BC+"), "a b/ü+");
  EXPECT_FALSE(percent_decode("%"));
  EXPECT_FALSE(percent_decode("%4"));
  EXPECT_FALSE(percent_decode("%zz"));
}

TEST(QueryArgument, IsFoundDecodedWithPlusAsSpace) {
  EXPECT_EQ(find_query_argument("a=1&name=x+y%26z&b", "name"), "x y&z");
  EXPECT_EQ(find_query_argument("a=1&b", "b"), "");
  EXPECT_EQ(find_query_argument("a=1", "c"), std::nullopt);
}

TEST(Utf8, AcceptsWhatRfc3629AllowsAndNothingElse) {
  for (const auto good :
       {"", "abc", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xed\x9f\xbf", "\xf4\x8f\xbf\xbf"})
    EXPECT_TRUE(is_valid_utf8(good)) << good;
  for (const auto bad : {"\x80", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf",
                         "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xe2\x82", "\xff"})
    EXPECT_FALSE(is_valid_utf8(bad));
}

TEST(Text, SplitsTrimsAndComparesAscii) {
  EXPECT_EQ(split("a,,b", ','), (std::vector<std::string_view>{"a", "", "b"}));
  EXPECT_EQ(trim(" \t x y\r\n"), "x y");
  EXPECT_TRUE(equal_ignoring_case("Content-LENGTH", "content-length"));
  EXPECT_EQ(parse_integer("-12"), -12);
  EXPECT_FALSE(parse_integer("12x"));
  EXPECT_FALSE(parse_integer(""));
}

TEST(DurableFile, ReplacesWithTheModeAskedForAndLeavesNoTemporaryFile) {
  TemporaryFolder folder;
  ASSERT_TRUE(write_file_durably(folder / "key", "one", 0600));
  ASSERT_TRUE(write_file_durably(folder / "key", "two", 0600));
  EXPECT_EQ(read_file(folder / "key").value(), "two");
  struct stat info{};
  ASSERT_EQ(::stat((folder / "key").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  const auto entries = std::filesystem::directory_iterator(folder / "");
  EXPECT_EQ(std::distance(begin(entries), end(entries)), 1);
}

TEST(DurableFile, FailsWithoutTouchingTheOldOne) {
  TemporaryFolder folder;
  const auto written = write_file_durably(folder / "absent/key", "x");
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, Errc::kNotFound);
}

TEST(ReadFile, RefusesMoreThanTheLimit) {
  TemporaryFolder folder;
  ASSERT_TRUE(write_file_durably(folder / "big", std::string(2000, 'x')));
  EXPECT_EQ(read_file(folder / "big", 1000).error().code, Errc::kTooLarge);
}

TEST(MakeDirectories, MakesParentsAndNamesAFileInTheWay) {
  TemporaryFolder folder;
  ASSERT_TRUE(make_directories(folder / "a/b/c", 0700));
  ASSERT_TRUE(make_directories(folder / "a/b/c", 0700));
  ASSERT_TRUE(write_file_durably(folder / "file", ""));
  EXPECT_EQ(make_directories(folder / "file").error().code, Errc::kExists);
  ASSERT_TRUE(remove_tree(folder / "a"));
  EXPECT_FALSE(path_exists(folder / "a"));
}

TEST(Log, WritesOneLineWithQuotedFieldsAndTestsTheFlagFirst) {
  std::vector<std::string> lines;
  set_log_sink([&](LogLevel, std::string_view line) { lines.emplace_back(line); });
  set_trace_flags(kDatabase);
  BERTH_LOG(kDatabase, "connected", {"instance", "team@example.com"}, {"ms", 3}, {"why", "a \"b\"\nc"});
  BERTH_LOG(kTls, "not shown");
  log_warning("disk", {{"free", ""}});
  set_trace_flags(kDefaultTraceFlags);
  set_log_sink(nullptr);
  EXPECT_EQ(lines,
            (std::vector<std::string>{"connected instance=team@example.com ms=3 why=\"a \\\"b\\\"\\nc\"",
                                      "warning: disk free=\"\""}));
}

}  // namespace
}  // namespace berth
