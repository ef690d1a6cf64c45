#include "wire/appwebsocket/login.h"

#include "base/bytes.h"
#include "base/text.h"
#include "wire/appwebsocket/check_build.h"
#include "wire/appwebsocket/http_login.h"
#include "wire/appwebsocket/raw_json.h"
#include "wire/appwebsocket/rc4.h"
#include "wire/json/json.h"

namespace berth::appwebsocket {
namespace {

constexpr const char* kChallenge = "0123456789abcdef";

// Values 1 to 4 and 6, 8 of docs/protocols/appwebsocket.md: made with sha256sum, 1 to 4 also published
// with the protocol.
TEST(LoginDigest, HasTheDocumentedValues) {
  struct Case {
    Login login;
    const char *challenge, *password, *digest;
  };
  const std::string users_info =
      R"({"appobj":"users","apps":[{"name":"users"},{"name":"profile"}],"appurl":"https://1.2.3.4/example.com/usersapp/innovaphone-users","unlicensed":true})";
  const Case cases[] = {
      {{.app = "pbxadminapi"},
       kChallenge,
       "pwd",
       "a205299ed2ef2786c311e0be1b14db343f2cadd906a6ae7b564eee34bda5e9a1"},
      {{.app = "pbxadminapi", .info = "{}"},
       kChallenge,
       "pwd",
       "57b23fe824b9222a7ac879597cb509bcdc865a1bfeb057d9d12118cef0c3ba34"},
      {{.app = "pbxadminapi", .info = R"({"cn":"Test User"})"},
       kChallenge,
       "pwd",
       "96db3c3f657230c2b68194becc6d2a77f05de9f79f01fc81e9ca0fb196b10d9d"},
      {{"innovaphone-users", "example.com", "administrator", "0123456789abcdef0123456789abcdef",
        "Administrator User", users_info},
       kChallenge,
       "pwd",
       "ef1b811ffaa8f9255c39c653d8fb26b4687b2d8c4d9ac91b4821bff6bae3ff44"},
      {{"manager", "", "manager", "00000000000000000000000000000000", "Admin"},
       "4711081500000001",
       "pwd",
       "7bad624c8a518fb477b028340453ea9f58cc53f72940bce8f4ff9e43f5c0ddb4"},
      {{"manager-domain", "example.com", "manager-domain", "00000000000000000000000000000000", "Admin"},
       "4711081500000001",
       "-",
       "ec9830f845a50034516ee748b980dc19cdc2f0be1141ec6384597c361e943479"},
      // Two logins captured from a real PBX, published in the test suite of another implementation.
      {{"searchapi", "fritz.box", "go-search", "3954ae7854c96301c9dd009033400109", "go-search",
        R"({"appobj":"go-search","appdn":"go-search","appurl":"http://192.168.178.29:5000/fritz.box/go/instance/searchapi","pbx":"pbx-main","cn":"go-search","unlicensed":true,"apps":[]})"},
       "16d7dbbcccb63612",
       "go",
       "130f168773ff760701b74e629eca2544c6e62d5354e92e6f821001a982eb8951"},
      {{"admin", "fritz.box", "rico", "f48b06484a8a61015853009033400109", "Schulte, Rico",
        R"({"appobj":"go","appdn":"go","appurl":"http://192.168.178.29:5000/fritz.box/go/instance/admin","pbx":"pbx-main","cn":"rico","unlicensed":true,"groups":[],"apps":[]})"},
       "277f41a7a5b7b452",
       "go",
       "965b4dd4d4f127c99df796b1ed137b40454801f94f50aaf93b2ce98034f10d9c"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.digest);
    EXPECT_EQ(make_digest(c.login, c.challenge, c.password), c.digest);
    EXPECT_TRUE(verify_digest(c.login, c.challenge, c.password, c.digest));
    EXPECT_FALSE(verify_digest(c.login, c.challenge, "other", c.digest));
    EXPECT_FALSE(verify_digest(c.login, "1111111111111111", c.password, c.digest));
  }
}

TEST(LoginDigest, TakesUpperCaseHex) {
  EXPECT_TRUE(verify_digest({.app = "pbxadminapi"}, kChallenge, "pwd",
                            "A205299ED2EF2786C311E0BE1B14DB343F2CADD906A6AE7B564EEE34BDA5E9A1"));
}

TEST(LoginDigest, TakesInfoThatWasWrittenWithBlanksAndEscapes) {
  const Login spaced{.app = "pbxadminapi", .info = "{ \"cn\" :\t\"Test\\u0020User\" }"};
  EXPECT_TRUE(verify_digest(spaced, kChallenge, "pwd",
                            "96db3c3f657230c2b68194becc6d2a77f05de9f79f01fc81e9ca0fb196b10d9d"));
}

// sha256sum over 'app:d:s:g:n:{"cn":"Jörg / Büro"}:0123456789abcdef:pwd' and the like.
TEST(LoginDigest, TakesInfoWithSlashAndNonAscii) {
  const Login login{"app", "d", "s", "g", "n", R"({"cn":"Jörg / Büro"})"};
  const auto digest = sha256_hex(R"(app:d:s:g:n:{"cn":"Jörg / Büro"}:0123456789abcdef:pwd)");
  EXPECT_TRUE(verify_digest(login, kChallenge, "pwd", digest));
  Login escaped = login;
  escaped.info = R"({"cn":"J\u00f6rg \/ B\u00fcro"})";
  EXPECT_TRUE(verify_digest(escaped, kChallenge, "pwd", digest));
}

TEST(LoginDigest, TakesInfoWithAnEscapedQuote) {
  const Login login{"app", "d", "s", "g", "n", R"({"cn":"a\"b"})"};
  const auto digest = sha256_hex(R"(app:d:s:g:n:{"cn":"a\"b"}:0123456789abcdef:pwd)");
  EXPECT_TRUE(verify_digest(login, kChallenge, "pwd", digest));
}

TEST(LoginDigest, RefusesInfoWithAnotherOrderOfMembers) {
  const Login login{"app", "d", "s", "g", "n", R"({"b":1,"a":2})"};
  const auto digest = sha256_hex(R"(app:d:s:g:n:{"a":2,"b":1}:0123456789abcdef:pwd)");
  EXPECT_FALSE(verify_digest(login, kChallenge, "pwd", digest));
}

TEST(LoginDigest, KeepsTheColonsOfMissingParts) {
  EXPECT_EQ(make_digest({.app = "app", .domain = "d", .sip = "s", .guid = "g"}, kChallenge, "pwd"),
            sha256_hex("app:d:s:g::0123456789abcdef:pwd"));
}

TEST(LoginDigest, OfAppCheckLoginWorksWithAndWithoutInfo) {  // unverified: the formula is not published
  EXPECT_TRUE(verify_check_login("a", "d", "1234", "p", sha256_hex("a:d::::1234:p")));
  EXPECT_TRUE(verify_check_login("a", "d", "1234", "p", sha256_hex("a:d::::{}:1234:p")));
  EXPECT_FALSE(verify_check_login("a", "d", "1234", "q", sha256_hex("a:d::::1234:p")));
}

TEST(Challenge, HasSixteenDigitsAndIsNewEachTime) {
  const auto one = make_challenge(), other = make_challenge();
  EXPECT_EQ(one.size(), 16u);
  EXPECT_EQ(one.find_first_not_of("0123456789"), std::string::npos);
  EXPECT_NE(one, other);
}

TEST(SessionKey, HasTheDocumentedValues) {
  const SessionKey key(kChallenge, "pwd");
  EXPECT_EQ(key.text(), "d58c77eae0c1c1f37a9f545e207643c926ad9ea4932016a83a4a01029de37760");
  EXPECT_EQ(SessionKey("4711081500000001", "pwd").text(),
            "bebdafb7db493ca3b7275d36091572b2e379dc0eb86c1085f560c3b0cf0ce5d7");
  EXPECT_EQ(key.encrypt("seed1", "Geheim-äöü"), "b80a812132d2b9ab8118ba0741");
  EXPECT_EQ(key.decrypt("seed1", "b80a812132d2b9ab8118ba0741").value(), "Geheim-äöü");
  EXPECT_EQ(key.decrypt("seed1", "B80A812132D2B9AB8118BA0741").value(), "Geheim-äöü");
  EXPECT_EQ(key.hash("seed1", "some data"),
            "179285ab2d3520062bd5e5ae37ff033e27d577dd2cf4c6cc71604083fe4ccb6b");
  EXPECT_EQ(key.dbfiles_key(), "fb0fdfd0adf1983e084c80429977cfedf655b90fe5da266d5ac62342ab64458d");
}

TEST(SessionKey, RefusesWhatIsNoHexOrComesOutAsNoText) {
  const SessionKey key(kChallenge, "pwd");
  EXPECT_EQ(key.decrypt("seed1", "b80").error().code, Errc::kMalformed);
  EXPECT_EQ(key.decrypt("other", "b80a812132d2b9ab8118ba0741").error().code, Errc::kMalformed);
}

TEST(SessionKey, CutsSeedsThatAreTooLongForRc4) {
  const SessionKey key(kChallenge, "pwd");
  const std::string seed(500, 's');
  EXPECT_EQ(key.decrypt(seed, key.encrypt(seed, "text")).value(), "text");
}

TEST(Rc4, HasTheWellKnownValues) {
  EXPECT_EQ(format_hex(as_bytes(rc4("Key", "Plaintext"))), "bbf316e8d940af0ad3");
  EXPECT_EQ(format_hex(as_bytes(rc4("Wiki", "pedia"))), "1021bf0420");
  EXPECT_EQ(format_hex(as_bytes(rc4("Secret", "Attack at dawn"))), "45a01f645fc35b383552544b9bf5");
}

TEST(CheckBuild, ReplacesOrInsertsTheBuild) {
  struct Case {
    const char *url, *build;
    std::optional<std::string> expected;
  };
  const Case cases[] = {
      {"http://ap/manager/manager.htm", "1a2b", "http://ap/manager/1a2b/manager.htm"},
      {"http://ap/manager/1a2b/manager.htm", "1a2b", std::nullopt},
      {"http://ap/manager/99/manager.htm", "1a2b", "http://ap/manager/1a2b/manager.htm"},
      {"https://h:8443/example.com/team/ABCDEF/notes.htm?name=x/y#z/0", "12",
       "https://h:8443/example.com/team/12/notes.htm?name=x/y#z/0"},
      {"http://ap/notes.htm", "12", "http://ap/12/notes.htm"},
      {"/team/b.htm", "12", "/team/12/b.htm"},
      {"http://ap", "12", std::nullopt},
      {"", "12", std::nullopt},
      {"http://ap/a.htm", "", std::nullopt},
      {"http://ap/cafe/a.htm", "12", "http://ap/12/a.htm"},  // hex digits only: taken for a build
      {"http://ap/cafes/a.htm", "12", "http://ap/cafes/12/a.htm"},
  };
  for (const auto& c : cases) {
    SCOPED_TRACE(c.url);
    EXPECT_EQ(check_build(c.url, c.build), c.expected);
  }
}

TEST(RawMember, IsFoundAsItWasWritten) {
  const std::string text =
      R"({"mt":"AppLogin","x":{"info":1}, "info" : { "a" : [1, 2.50,"\u00e4}" ] } ,"z":0})";
  EXPECT_EQ(find_raw_member(text, "info"), R"({ "a" : [1, 2.50,"\u00e4}" ] })");
  EXPECT_EQ(find_raw_member(text, "z"), "0");
  EXPECT_EQ(find_raw_member(text, "a"), std::nullopt);
  EXPECT_EQ(find_raw_member(R"({"i\u006efo":7})", "info"), "7");
  EXPECT_EQ(find_raw_member(R"({"info":1,"info":2})", "info"), "2");
}

TEST(RawMember, IsNotFoundInWhatIsNoJson) {
  for (const auto* text :
       {"", "[]", "{", R"({"info":})", R"({"info":1}x)", R"({"info":1,})", R"({"info":01})",
        R"({"info":"\ud800"})", R"({info:1})", "{\"info\":\"\n\"}", "{\"info\":\"\xff\"}"}) {
    SCOPED_TRACE(text);
    EXPECT_EQ(find_raw_member(text, "info"), std::nullopt);
  }
}

TEST(MinimalJson, IsWhatJsonStringifyWrites) {
  EXPECT_EQ(
      to_minimal(
          " { \"a\\/b\" : [ 1 , -2.50e+3 , true, null ] , \"\\u00e4\\ud83d\\ude00\\u0001\" : \"\\\"\" } "),
      "{\"a/b\":[1,-2.50e+3,true,null],\"ä😀\\u0001\":\"\\\"\"}");
  EXPECT_EQ(to_minimal("nul"), std::nullopt);
}

TEST(MinimalJson, RefusesWhatIsNestedTooDeep) {
  EXPECT_TRUE(to_minimal(std::string(30, '[') + std::string(30, ']')));
  EXPECT_EQ(to_minimal(std::string(10000, '[') + std::string(10000, ']')), std::nullopt);
}

TEST(HttpLogin, ReadsBothForms) {
  EXPECT_TRUE(std::holds_alternative<HttpChallengeRequest>(parse_http_login("mt=AppChallenge").value()));
  const auto parsed = parse_http_login(
      "mt=AppLogin&app=pbxadminapi&domain=&sip=&guid=&dn=A%20B+C&info=%7B%22cn%22%3A%22Test%20User%22%7D"
      "&digest=96db&challenge=0123456789abcdef");
  const auto& login = std::get<HttpLoginRequest>(parsed.value());
  EXPECT_EQ(login.login.info, R"({"cn":"Test User"})");
  EXPECT_EQ(login.login.dn, "A B C");
  EXPECT_EQ(login.challenge, kChallenge);
  EXPECT_EQ(parse_http_login("mt=AppLogin&app=x").error().code, Errc::kMalformed);
  EXPECT_EQ(parse_http_login("").error().code, Errc::kMalformed);
}

TEST(HttpLogin, AnswersAsDocumented) {
  EXPECT_EQ(format_http_challenge("123"), R"({"mt":"AppChallengeResult","challenge":"123"})");
  EXPECT_EQ(format_http_login_result(true), R"({"mt":"AppLoginResult","ok":true})");
  EXPECT_EQ(format_http_login_result(false), "{}");
}

}  // namespace
}  // namespace berth::appwebsocket
