#include "manager/settings/secret_box.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/file.h"

namespace berth::manager {
namespace {

TEST(SecretBox, UnsealsWhatItSealed) {
  const SecretBox box(std::string(32, 'k'));
  for (const std::string& secret : {std::string(), std::string("p\"w:<d"), std::string(5000, 'x')})
    EXPECT_EQ(box.unseal(box.seal(secret)).value(), secret);
  EXPECT_NE(box.seal("same"), box.seal("same"));
}

TEST(SecretBox, RefusesAnotherKeyAndEveryChangedByte) {
  const SecretBox box(std::string(32, 'k')), other(std::string(32, 'l'));
  const std::string sealed = box.seal("secret");
  EXPECT_EQ(other.unseal(sealed).error().code, Errc::kDenied);
  for (std::size_t i = 0; i + 3 < sealed.size(); ++i) {  // the last digit has bits that carry nothing
    std::string changed = sealed;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(box.unseal(changed)) << i;
  }
  EXPECT_FALSE(box.unseal(sealed.substr(0, 12)));
  EXPECT_FALSE(box.unseal("plain"));
}

TEST(SecretBox, MakesItsKeyOnceAndOnlyForTheOwner) {
  char name[] = "/tmp/berth-box-XXXXXX";
  const std::string directory = ::mkdtemp(name), file = directory + "/secret.key";
  const auto first = SecretBox::open(file).value();
  struct stat info{};
  ASSERT_EQ(::stat(file.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  EXPECT_EQ(SecretBox::open(file).value().unseal(first.seal("x")).value(), "x");

  ::chmod(file.c_str(), 0644);
  EXPECT_EQ(SecretBox::open(file).error().code, Errc::kDenied);
  ASSERT_TRUE(write_file_durably(file, "short", 0600));
  EXPECT_EQ(SecretBox::open(file).error().code, Errc::kMalformed);
  (void)remove_tree(directory);
}

}  // namespace
}  // namespace berth::manager
