#include "manager/settings/secret_box.h"

#include <sodium.h>
#include <sys/stat.h>

#include "base/bytes.h"
#include "base/file.h"

namespace berth::manager {
namespace {
constexpr std::string_view kMark = "s1:";
}

Result<SecretBox> SecretBox::open(const std::string& key_file) {
  struct stat info{};
  if (::stat(key_file.c_str(), &info) != 0) {
    if (errno != ENOENT) return fail_errno(errno, "key " + key_file);
    const auto key = random_bytes(crypto_secretbox_KEYBYTES);
    BERTH_TRY_VOID(write_file_durably(key_file, as_text(key), 0600));
    return SecretBox(std::string(as_text(key)));
  }
  if (info.st_mode & 077)
    return fail(Errc::kDenied, "{} may be read by others: chmod 600 it, and change the passwords it protects",
                key_file);
  BERTH_TRY(auto key, read_file(key_file, 4096));
  if (key.size() != crypto_secretbox_KEYBYTES)
    return fail(Errc::kMalformed, "{} is no key: it has {} bytes instead of {}; bring it back from a backup",
                key_file, key.size(), crypto_secretbox_KEYBYTES);
  return SecretBox(std::move(key));
}

std::string SecretBox::seal(std::string_view secret) const {
  Bytes sealed = random_bytes(crypto_secretbox_NONCEBYTES);
  sealed.resize(crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES + secret.size());
  BERTH_CHECK(crypto_secretbox_easy(sealed.data() + crypto_secretbox_NONCEBYTES, as_bytes(secret).data(),
                                    secret.size(), sealed.data(), as_bytes(key_).data()) == 0);
  return std::string(kMark) + format_base64(sealed);
}

Result<std::string> SecretBox::unseal(std::string_view sealed) const {
  if (!sealed.starts_with(kMark)) return fail(Errc::kMalformed, "not a sealed secret");
  const auto bytes = parse_base64(sealed.substr(kMark.size()));
  constexpr std::size_t kOverhead = crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES;
  if (!bytes || bytes->size() < kOverhead) return fail(Errc::kMalformed, "sealed secret is cut off");
  std::string secret(bytes->size() - kOverhead, '\0');
  if (crypto_secretbox_open_easy(
          reinterpret_cast<unsigned char*>(secret.data()), bytes->data() + crypto_secretbox_NONCEBYTES,
          bytes->size() - crypto_secretbox_NONCEBYTES, bytes->data(), as_bytes(key_).data()) != 0)
    return fail(Errc::kDenied,
                "secret was sealed with another key: is etc/berth/secret.key of this platform?");
  return secret;
}

std::string SecretBox::derive(std::string_view label) const {
  std::string out(32, '\0');
  BERTH_CHECK(crypto_generichash(reinterpret_cast<unsigned char*>(out.data()), out.size(),
                                 as_bytes(label).data(), label.size(), as_bytes(key_).data(),
                                 key_.size()) == 0);
  return out;
}

}  // namespace berth::manager
