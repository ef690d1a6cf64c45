// For tests and fuzzers: a peer that protects whatever it is told to. Written apart from RecordLayer, so that one
// fault does not hide the other.
#pragma once

#include <openssl/evp.h>

#include <memory>

#include "base/result.h"
#include "wire/tls/record_layer.h"

namespace berth::tls::testing {

// A record of `inner`, which is content, type and padding, under `keys`; counts it. `minor`: of the version in its header.
inline Bytes forge_inner(Suite suite, TrafficKeys& keys, ByteView inner, std::uint8_t minor = 3) {
  const EVP_CIPHER* const cipher = suite == Suite::kAes128GcmSha256   ? EVP_aes_128_gcm()
                                   : suite == Suite::kAes256GcmSha384 ? EVP_aes_256_gcm()
                                                                      : EVP_chacha20_poly1305();
  const std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)> context(EVP_CIPHER_CTX_new(),
                                                                                EVP_CIPHER_CTX_free);
  auto nonce = keys.iv;
  for (int i = 0; i < 8; ++i)
    nonce[static_cast<std::size_t>(4 + i)] ^= static_cast<std::uint8_t>(keys.sequence >> (56 - 8 * i));
  ++keys.sequence;
  const auto size = inner.size() + 16;
  Bytes record = {23, 3, minor, static_cast<std::uint8_t>(size >> 8), static_cast<std::uint8_t>(size)};
  record.resize(5 + size);
  int done = 0;
  BERTH_CHECK(
      EVP_EncryptInit_ex(context.get(), cipher, nullptr, keys.key.data(), nonce.data()) == 1 &&
      EVP_EncryptUpdate(context.get(), nullptr, &done, record.data(), 5) == 1 &&
      EVP_EncryptUpdate(context.get(), record.data() + 5, &done, inner.data(),
                        static_cast<int>(inner.size())) == 1 &&
      EVP_EncryptFinal_ex(context.get(), record.data() + 5 + inner.size(), &done) == 1 &&
      EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, 16, record.data() + 5 + inner.size()) == 1);
  return record;
}

inline Bytes forge(Suite suite, TrafficKeys& keys, std::uint8_t type, ByteView content,
                   std::size_t padding = 0) {
  Bytes inner(content.begin(), content.end());
  inner.push_back(type);
  inner.resize(inner.size() + padding);
  return forge_inner(suite, keys, inner);
}

}  // namespace berth::tls::testing
