// Against a real mail server, Python's aiosmtpd.
#include "net/mail_client.h"

#include "base/text.h"
#include "base/traced_for_test.h"
#include "net/test_support.h"
#include "net/testing/smtp_server.h"
#include "net/tls.h"

namespace berth::net {
namespace {

using testing::HasSubstr;

class MailClientTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!test::has_smtp_server()) GTEST_SKIP() << "Python has no aiosmtpd";
    or_throw(make_directories(folder_ / "mails"));
  }
  void make_file(const std::string& name, const std::string& content) {
    or_throw(write_file_durably(folder_ / "mails/" + name, content));
  }
  std::unique_ptr<test::SmtpServer> serve(const std::string& mode) {
    auto server = std::make_unique<test::SmtpServer>(folder_ / "mails", mode);
    request_.host = "127.0.0.1";
    request_.port = server->port();
    request_.from = "berth@example.com";
    request_.recipients = {"admin@example.com", "other@example.com"};
    request_.message = "Subject: test\r\n\r\none\r\n.\r\n..two\r\n";
    request_.ca_file = server->certificate_file();
    return server;
  }
  std::optional<Error> send(MailRequest request) {
    try {
      loop::run_task(loop_, client_.send(std::move(request)));
    } catch (const Failure& failure) {
      return failure.error();
    }
    return std::nullopt;
  }

  loop::Loop loop_;
  MailClient client_{loop_};
  test::TemporaryFolder folder_;
  MailRequest request_;
};

TEST_F(MailClientTest, SendsOverStartTlsWithAPasswordAndStuffsDots) {
  berth::test::Traced traced(kSmtp);
  make_file("login", "");
  const auto server = serve("starttls");
  request_.user = "u";
  request_.password = "secret";
  request_.helo = "ap.example.com";
  const auto error = send(request_);
  ASSERT_FALSE(error) << error->detail;
  const auto mails = server->mails();
  ASSERT_EQ(mails.size(), 1u);
  EXPECT_TRUE(mails[0].at("tls").as_bool());
  EXPECT_EQ(json::get_string(mails[0], "from"), "berth@example.com");
  EXPECT_EQ(mails[0].at("to").as_array().size(), 2u);
  EXPECT_EQ(json::get_string(mails[0], "helo"), "ap.example.com");
  EXPECT_EQ(json::get_string(mails[0], "message"), request_.message);
  ASSERT_EQ(traced.lines().size(), 1u);
  EXPECT_THAT(traced.lines()[0], testing::StartsWith("mail sent server=127.0.0.1:"));
}

TEST_F(MailClientTest, SendsOverTlsFromTheFirstByteAndPlainWhereItIsAskedTo) {
  {
    const auto server = serve("tls");
    request_.security = MailSecurity::kTls;
    const auto error = send(request_);
    ASSERT_FALSE(error) << error->detail;
  }
  or_throw(remove_tree(folder_ / "mails"));
  const auto server = serve("plain");
  request_.security = MailSecurity::kPlain;
  EXPECT_FALSE(send(request_));
  request_.security = MailSecurity::kOpportunistic;
  EXPECT_FALSE(send(request_));
  EXPECT_EQ(server->mails().size(), 2u);
}

TEST_F(MailClientTest, WithoutTlsWhereItIsRequiredNothingIsSent) {
  const auto server = serve("plain");
  request_.user = "u";
  request_.password = "secret";
  const auto error = send(request_);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, Errc::kUnsupported) << error->detail;
  EXPECT_EQ(server->mails().size(), 0u);
}

TEST_F(MailClientTest, TrustsNoCertificateThatItDoesNotKnowAndThePinnedOneOnly) {
  const auto server = serve("starttls");
  request_.ca_file.clear();
  auto error = send(request_);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, Errc::kDenied) << error->detail;
  request_.pinned_fingerprint = std::string(64, '0');
  error = send(request_);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, Errc::kDenied) << error->detail;
  EXPECT_THAT(error->detail, HasSubstr("not the pinned one"));
  request_.pinned_fingerprint = server->fingerprint();
  EXPECT_FALSE(send(request_));
  EXPECT_EQ(server->mails().size(), 1u);
}

TEST_F(MailClientTest, LogsInByXoauth2AndTellsThatATokenIsRefused) {
  make_file("token", "tok");
  const auto server = serve("starttls");
  request_.user = "u";
  request_.token = "tok";
  auto error = send(request_);
  ASSERT_FALSE(error) << error->detail;
  EXPECT_EQ(json::get_string(server->mails().at(0), "login"), "XOAUTH2 u");
  request_.token = "old";
  error = send(request_);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, Errc::kDenied) << error->detail;
  EXPECT_EQ(error->detail.find("old"), std::string::npos);
}

TEST_F(MailClientTest, SaysWhatWillNeverBeTakenAndWhatMayBeLater) {
  const auto server = serve("starttls");
  request_.recipients = {"nobody@example.com"};
  auto error = send(request_);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, Errc::kMalformed) << error->detail;
  EXPECT_THAT(error->detail, HasSubstr("550"));
  request_.recipients = {"later@example.com"};
  error = send(request_);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, Errc::kUnavailable) << error->detail;
  request_.recipients = {"a@b>\r\nRCPT TO:<c@d"};
  EXPECT_EQ(send(request_)->code, Errc::kMalformed);
  make_file("login", "");
}

TEST_F(MailClientTest, ARefusedConnectionAndAWrongPasswordAreToldApart) {
  make_file("login", "");
  auto server = serve("starttls");
  request_.user = "u";
  request_.password = "wrong";
  auto error = send(request_);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, Errc::kDenied) << error->detail;
  EXPECT_EQ(error->detail.find("wrong"), std::string::npos);
  server.reset();
  error = send(request_);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code, Errc::kUnavailable) << error->detail;
}

}  // namespace
}  // namespace berth::net
