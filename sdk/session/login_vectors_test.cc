// The vectors of the AppWebsocket reference, each through a whole login.
#include "berth/app_service.h"
#include "sdk/testing/fixture.h"

namespace berth::sdk {
namespace {

class Plain : public AppInstance {
 public:
  using AppInstance::AppInstance;
  loop::Task<void> started() override {
    attach_app_websocket();
    co_return;
  }
};

struct Vector {
  const char* what;
  const char* challenge;
  const char* password;
  const char* login;  // AppLogin without digest
  const char* digest;
  const char* session_key;  // "" where the reference has none
};

const Vector kVectors[] = {
    {"1: no info", "0123456789abcdef", "pwd", R"("app":"pbxadminapi")",
     "a205299ed2ef2786c311e0be1b14db343f2cadd906a6ae7b564eee34bda5e9a1",
     "d58c77eae0c1c1f37a9f545e207643c926ad9ea4932016a83a4a01029de37760"},
    {"2: empty info", "0123456789abcdef", "pwd", R"("app":"pbxadminapi","info":{})",
     "57b23fe824b9222a7ac879597cb509bcdc865a1bfeb057d9d12118cef0c3ba34", ""},
    {"3: info, spaced out on the way", "0123456789abcdef", "pwd",
     R"("app":"pbxadminapi","info":{ "cn" : "Test User" })",
     "96db3c3f657230c2b68194becc6d2a77f05de9f79f01fc81e9ca0fb196b10d9d", ""},
    {"4: everything", "0123456789abcdef", "pwd",
     R"("app":"innovaphone-users","domain":"example.com","sip":"administrator","guid":"0123456789abcdef0123456789abcdef",)"
     R"("dn":"Administrator User","info":{"appobj":"users","apps":[{"name":"users"},{"name":"profile"}],)"
     R"("appurl":"https://1.2.3.4/example.com/usersapp/innovaphone-users","unlicensed":true},"pbxObj":"users")",
     "ef1b811ffaa8f9255c39c653d8fb26b4687b2d8c4d9ac91b4821bff6bae3ff44", ""},
    {"6, 7: a page with a password field", "4711081500000001", "pwd",
     R"("app":"manager","domain":"","sip":"manager","guid":"00000000000000000000000000000000","dn":"Admin","pbxObj":"manager")",
     "7bad624c8a518fb477b028340453ea9f58cc53f72940bce8f4ff9e43f5c0ddb4",
     "bebdafb7db493ca3b7275d36091572b2e379dc0eb86c1085f560c3b0cf0ce5d7"},
    {"8: password -", "4711081500000001", "-",
     R"("app":"manager-domain","domain":"example.com","sip":"manager-domain","guid":"00000000000000000000000000000000","dn":"Admin")",
     "ec9830f845a50034516ee748b980dc19cdc2f0be1141ec6384597c361e943479", ""},
    {"captured PBX object", "16d7dbbcccb63612", "go",
     R"("app":"searchapi","domain":"fritz.box","sip":"go-search","guid":"3954ae7854c96301c9dd009033400109","dn":"go-search",)"
     R"("info":{"appobj":"go-search","appdn":"go-search","appurl":"http://192.168.178.29:5000/fritz.box/go/instance/searchapi",)"
     R"("pbx":"pbx-main","cn":"go-search","unlicensed":true,"apps":[]})",
     "130f168773ff760701b74e629eca2544c6e62d5354e92e6f821001a982eb8951", ""},
    {"captured user, hexadecimal in upper case", "277f41a7a5b7b452", "go",
     R"("app":"admin","domain":"fritz.box","sip":"rico","guid":"f48b06484a8a61015853009033400109","dn":"Schulte, Rico",)"
     R"("info":{"appobj":"go","appdn":"go","appurl":"http://192.168.178.29:5000/fritz.box/go/instance/admin","pbx":"pbx-main",)"
     R"("cn":"rico","unlicensed":true,"groups":[],"apps":[]},"pbxObj":"go")",
     "965B4DD4D4F127C99DF796B1ED137B40454801F94F50AAF93B2CE98034F10D9C", ""},
};

class LoginVectorsTest : public ServiceFixture<Plain> {
 public:
  json::Object send_login(std::uint32_t stream, const Vector& vector) {
    ServiceTestAccess::set_challenge(*service, vector.challenge);
    open(stream, link::Kind::kWebsocket);
    webserver->next(stream);
    const auto challenge = ask(stream, R"({"mt":"AppChallenge"})");
    EXPECT_EQ(json::get_string(challenge, "challenge"), vector.challenge);
    return ask(stream, fmt::format(R"({{"mt":"AppLogin",{},"digest":"{}"}})", vector.login, vector.digest));
  }
};

TEST_F(LoginVectorsTest, LogInWithTheirPassword) {
  start();
  std::uint32_t stream = 0;
  for (const auto& vector : kVectors) {
    SCOPED_TRACE(vector.what);
    service->set_password("team", "example.com", vector.password);
    EXPECT_TRUE(json::get_bool(send_login(++stream, vector), "ok"));
    ASSERT_EQ(instance->sessions().size(), stream);
    if (*vector.session_key) EXPECT_EQ(instance->sessions().back()->session_key(), vector.session_key);
  }
  const auto sessions = instance->sessions();
  EXPECT_FALSE(sessions[0]->login().has_info());
  EXPECT_TRUE(sessions[1]->login().has_info());
  EXPECT_TRUE(sessions[3]->login().is_user());
  EXPECT_FALSE(sessions[4]->login().is_user());
  EXPECT_TRUE(sessions[6]->login().is_pbx_object());
  EXPECT_EQ(sessions[7]->dn(), "Schulte, Rico");
  EXPECT_EQ(sessions[0]->encrypt("seed1", "Geheim-äöü"), "b80a812132d2b9ab8118ba0741");
  EXPECT_EQ(sessions[0]->hash("seed1", "some data"),
            "179285ab2d3520062bd5e5ae37ff033e27d577dd2cf4c6cc71604083fe4ccb6b");
}

TEST_F(LoginVectorsTest, AreRefusedWithAnotherPassword) {
  start();
  service->set_password("team", "example.com", "another");
  EXPECT_FALSE(json::get_bool(send_login(1, kVectors[3]), "ok"));
}

TEST_F(LoginVectorsTest, PbxObjDoesNotCountButTheOrderOfMembersInInfoDoes) {
  start();
  Vector changed = kVectors[5];
  service->set_password("team", "example.com", "-");
  const std::string with = std::string(changed.login) + R"(,"pbxObj":"something else")";
  changed.login = with.c_str();
  EXPECT_TRUE(json::get_bool(send_login(1, changed), "ok"));
  service->set_password("team", "example.com", "go");
  Vector turned = kVectors[6];
  const std::string login =
      R"("app":"searchapi","domain":"fritz.box","sip":"go-search","guid":"3954ae7854c96301c9dd009033400109","dn":"go-search",)"
      R"("info":{"appdn":"go-search","appobj":"go-search","appurl":"http://192.168.178.29:5000/fritz.box/go/instance/searchapi",)"
      R"("pbx":"pbx-main","cn":"go-search","unlicensed":true,"apps":[]})";
  turned.login = login.c_str();
  EXPECT_FALSE(json::get_bool(send_login(2, turned), "ok"));
}

using PatientTest = ServiceFixture<Plain, loop::Loop::Time::kManual>;

TEST_F(PatientTest, ClosesAConnectionThatDoesNotLogInFor30Seconds) {
  start();
  open(1, link::Kind::kWebsocket);
  webserver->next(1);
  ask(1, R"({"mt":"AppChallenge"})");
  loop.advance(std::chrono::milliseconds(29'900));
  EXPECT_FALSE(webserver->has_frame(1));
  loop.advance(std::chrono::milliseconds(200));
  EXPECT_EQ(next_close(1).code, 1008);
}

TEST_F(PatientTest, LeavesLoggedInSessionsAlone) {
  start();
  log_in(1);
  loop.advance(std::chrono::hours(24));
  webserver->settle();
  EXPECT_FALSE(webserver->has_frame(1));
}

}  // namespace
}  // namespace berth::sdk
