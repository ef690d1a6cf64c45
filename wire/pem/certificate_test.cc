#include "wire/pem/certificate.h"

#include "wire/pem/test_chain.h"

namespace berth::pem {
namespace {

using test::kEncryptedKey, test::kIntermediate, test::kKey, test::kLeaf, test::kOtherKey, test::kRoot,
    test::kTraditionalKey;

Time day(int year) { return std::chrono::sys_days(std::chrono::year(year) / 1 / 1); }
std::string joined(std::initializer_list<const char*> parts) {
  std::string text;
  for (const char* part : parts) text += part;
  return text;
}
std::string fault(std::initializer_list<const char*> parts, int year = 2030) {
  const auto chain = check_chain(joined(parts), day(year));
  return chain ? "none" : chain.error().detail;
}

TEST(CertificateChain, IsTakenInItsOrderWithItsKey) {
  const auto chain = check_chain(joined({kLeaf, kIntermediate, kRoot, kKey}), day(2030)).value();
  ASSERT_EQ(chain.certificates.size(), 3u);
  const auto& leaf = chain.certificates[0];
  EXPECT_EQ(leaf.subject, "CN=app.example.com");
  EXPECT_EQ(leaf.issuer, "O=Example,CN=Berth Test Intermediate");
  EXPECT_EQ(leaf.names,
            (std::vector<std::string>{"app.example.com", "*.example.com", "192.0.2.7", "2001:db8::1"}));
  // openssl x509 -fingerprint -sha256
  EXPECT_EQ(
      leaf.fingerprint,
      "BF:DC:BC:A2:F1:0D:01:94:21:56:37:4E:42:86:C5:25:F7:08:7B:C2:7C:11:79:03:BC:5F:A4:69:0C:9D:06:FF");
  EXPECT_FALSE(leaf.is_self_signed);
  EXPECT_TRUE(chain.certificates[2].is_self_signed);
  EXPECT_GT(leaf.not_after, leaf.not_before);
  // What comes out goes in again.
  EXPECT_TRUE(check_chain(chain.certificates_pem + chain.key_pem, day(2030)));
}

TEST(CertificateChain, MayLeaveOutTheRootAndPutTheKeyAnywhere) {
  EXPECT_EQ(fault({kKey, kLeaf, kIntermediate}), "none");
  EXPECT_EQ(fault({kLeaf, kTraditionalKey, kIntermediate}), "none");
  EXPECT_EQ(fault({"some words\n", kLeaf, kIntermediate, "more\n", kKey}), "none");
}

TEST(CertificateChains, AreToldApartByTheirKeys) {
  const auto one = check_chains(joined({kKey, kLeaf, kIntermediate}), day(2030));
  ASSERT_TRUE(one) << one.error().detail;
  EXPECT_EQ(one->size(), 1U);
  const auto two =
      check_chains(joined({kKey, kLeaf, kIntermediate, kRoot, kLeaf, kIntermediate, kKey}), day(2030));
  ASSERT_TRUE(two) << two.error().detail;
  ASSERT_EQ(two->size(), 2U);
  EXPECT_EQ(two->at(0).certificates.size(), 3U);
  EXPECT_EQ(two->at(1).certificates.size(), 2U);
  EXPECT_EQ(two->at(0).key_pem, two->at(1).key_pem);

  const auto why = [](std::string pem) { return check_chains(pem, day(2030)).error().detail; };
  EXPECT_THAT(why(joined({kKey, kLeaf, kIntermediate, kOtherKey})),
              ::testing::HasSubstr("none of the certificates"));
  EXPECT_THAT(why(joined({kIntermediate, kLeaf, kKey, kLeaf, kKey})),
              ::testing::HasSubstr("first certificate"));
  EXPECT_THAT(why(joined({kKey, kLeaf, kIntermediate, kKey, kLeaf, kRoot})),
              ::testing::StartsWith("chain 2: "));
  EXPECT_THAT(why(""), ::testing::HasSubstr("no certificate"));
}

TEST(CertificateChain, FaultsAreNamed) {
  EXPECT_EQ(fault({kLeaf, kIntermediate}), "the private key is missing");
  EXPECT_EQ(fault({kKey}), "no certificate found");
  EXPECT_EQ(fault({""}), "no certificate found");
  EXPECT_EQ(fault({kLeaf, kKey, kOtherKey}), "more than one private key");
  EXPECT_THAT(fault({kLeaf, kIntermediate, kEncryptedKey}),
              testing::HasSubstr("the private key is encrypted"));
  EXPECT_EQ(fault({kLeaf, kIntermediate, kOtherKey}),
            "the private key does not belong to the first certificate 'CN=app.example.com'");
  EXPECT_THAT(fault({kIntermediate, kLeaf, kKey}),
              testing::HasSubstr("does not belong to the first certificate"));
  EXPECT_EQ(fault({kLeaf, kRoot, kKey}),
            "an intermediate certificate is missing: 'CN=app.example.com' was issued by 'O=Example,CN=Berth "
            "Test Intermediate'");
  EXPECT_EQ(fault({kLeaf, kRoot, kIntermediate, kKey}),
            "certificates are out of order: the issuer of 'CN=app.example.com' must follow it");
  EXPECT_THAT(fault({kLeaf, kIntermediate, kKey}, 2060),
              testing::HasSubstr("'CN=app.example.com' expired on 20"));
  EXPECT_THAT(fault({kLeaf, kIntermediate, kKey}, 2020), testing::HasSubstr("is valid from 20"));
}

TEST(CertificateChain, DamageIsNamed) {
  std::string cut = kLeaf;
  cut.resize(cut.size() / 2);
  EXPECT_THAT(fault({kKey, cut.c_str()}), testing::HasSubstr("cut off"));
  std::string damaged = kLeaf;
  damaged.replace(damaged.find("\nMII") + 5, 8, "AAAAAAAA");
  EXPECT_EQ(fault({damaged.c_str(), kKey}), "certificate 1 cannot be read");
  EXPECT_EQ(fault({kLeaf, "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"}),
            "the private key cannot be read");
  EXPECT_EQ(check_chain(std::string((1 << 20) + 1, 'x'), day(2030)).error().code, Errc::kTooLarge);
}

}  // namespace
}  // namespace berth::pem
