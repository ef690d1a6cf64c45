#include "wire/tls/record_layer.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <memory>
#include <string_view>

#include "base/result.h"

namespace berth::tls {
namespace {

constexpr std::size_t kTag = 16;
constexpr std::uint8_t kApplicationData = 23;  // the only type that shows (RFC 8446 section 5.2)
constexpr std::array<std::uint8_t, 4> kKeyUpdateStart = {24, 0, 0, 1};  // type and length (section 4.6.3)

std::size_t key_size(Suite suite) { return suite == Suite::kAes128GcmSha256 ? 16 : 32; }

// Fetched once: what EVP_sha256() gives is looked up anew at each use.
const EVP_MD* hash_of(Suite suite) {
  static const EVP_MD* const sha256 = EVP_MD_fetch(nullptr, "SHA2-256", nullptr);
  static const EVP_MD* const sha384 = EVP_MD_fetch(nullptr, "SHA2-384", nullptr);
  return suite == Suite::kAes256GcmSha384 ? sha384 : sha256;
}

// RFC 2104, for keys of at most a block of the hash. OpenSSL's own HMAC() takes four times as long, most of it to find itself.
std::array<std::uint8_t, EVP_MAX_MD_SIZE> hmac(const EVP_MD* hash, ByteView key, ByteView message) {
  const auto block_size = static_cast<std::size_t>(EVP_MD_get_block_size(hash));
  const auto hash_size = static_cast<std::size_t>(EVP_MD_get_size(hash));
  BERTH_CHECK(key.size() <= block_size);
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  std::array<std::uint8_t, EVP_MAX_MD_SIZE> digest{};
  std::array<std::uint8_t, 128> pad{};  // a block of SHA-384
  const auto half = [&](std::uint8_t filler, ByteView text) {
    pad.fill(filler);
    for (std::size_t i = 0; i < key.size(); ++i) pad[i] ^= key[i];
    BERTH_CHECK(EVP_DigestInit_ex2(context.get(), hash, nullptr) == 1 &&
                EVP_DigestUpdate(context.get(), pad.data(), block_size) == 1 &&
                EVP_DigestUpdate(context.get(), text.data(), text.size()) == 1 &&
                EVP_DigestFinal_ex(context.get(), digest.data(), nullptr) == 1);
  };
  half(0x36, message);
  half(0x5c, std::span(digest).first(hash_size));
  OPENSSL_cleanse(pad.data(), pad.size());
  return digest;
}

// HKDF-Expand-Label with an empty context, for at most one hash of output (RFC 8446 section 7.1, RFC 5869 section 2.3).
void expand_label(Suite suite, ByteView secret, std::string_view label, std::span<std::uint8_t> out) {
  constexpr std::string_view kPrefix = "tls13 ";
  std::array<std::uint8_t, 32> info{};
  std::size_t size = 0;
  const auto put = [&](std::size_t byte) { info[size++] = static_cast<std::uint8_t>(byte); };
  put(out.size() >> 8);
  put(out.size());
  put(kPrefix.size() + label.size());
  for (const char letter : kPrefix) put(static_cast<std::uint8_t>(letter));
  for (const char letter : label) put(static_cast<std::uint8_t>(letter));
  put(0);  // context
  put(1);  // number of HKDF's first and only block
  BERTH_CHECK(out.size() <= secret_size(suite));
  auto block = hmac(hash_of(suite), secret, std::span(info).first(size));
  std::copy_n(block.begin(), out.size(), out.begin());
  OPENSSL_cleanse(block.data(), block.size());
}

// Per-record nonce (RFC 8446 section 5.3).
std::array<std::uint8_t, 12> nonce_of(const TrafficKeys& keys) {
  auto nonce = keys.iv;
  for (std::size_t i = 0; i < 8; ++i) nonce[11 - i] ^= static_cast<std::uint8_t>(keys.sequence >> 8 * i);
  return nonce;
}

}  // namespace

std::optional<Suite> find_suite(std::uint16_t code_point) {
  if (code_point < 0x1301 || code_point > 0x1303) return std::nullopt;
  return Suite{code_point};
}

std::size_t secret_size(Suite suite) { return suite == Suite::kAes256GcmSha384 ? 48 : 32; }

TrafficKeys::~TrafficKeys() {
  OPENSSL_cleanse(secret.data(), secret.size());
  OPENSSL_cleanse(key.data(), key.size());
  OPENSSL_cleanse(iv.data(), iv.size());
}

TrafficKeys derive_keys(Suite suite, ByteView secret, std::uint64_t sequence) {
  BERTH_CHECK(secret.size() == secret_size(suite));
  TrafficKeys keys;
  keys.sequence = sequence;
  std::copy(secret.begin(), secret.end(), keys.secret.begin());
  expand_label(suite, secret, "key", std::span(keys.key).first(key_size(suite)));
  expand_label(suite, secret, "iv", keys.iv);
  return keys;
}

TrafficKeys derive_next_keys(Suite suite, const TrafficKeys& keys) {
  const auto size = secret_size(suite);
  std::array<std::uint8_t, 48> next{};
  expand_label(suite, std::span(keys.secret).first(size), "traffic upd", std::span(next).first(size));
  auto derived = derive_keys(suite, std::span(next).first(size), 0);
  OPENSSL_cleanse(next.data(), next.size());
  return derived;
}

// --- Ciphers ---

void Ciphers::Free::operator()(evp_cipher_ctx_st* context) const { EVP_CIPHER_CTX_free(context); }

Ciphers::Ciphers() {
  const EVP_CIPHER* const kinds[] = {EVP_aes_128_gcm(), EVP_aes_256_gcm(), EVP_chacha20_poly1305()};
  for (std::size_t i = 0; i < contexts_.size(); ++i) {
    contexts_[i].reset(EVP_CIPHER_CTX_new());
    BERTH_CHECK(contexts_[i] &&
                EVP_CipherInit_ex(contexts_[i].get(), kinds[i], nullptr, nullptr, nullptr, 1) == 1);
  }
}

Ciphers::~Ciphers() = default;  // OpenSSL erases the keys

EVP_CIPHER_CTX* Ciphers::with_key(Suite suite, const TrafficKeys& keys, bool seals) {
  EVP_CIPHER_CTX* context = contexts_[static_cast<std::size_t>(suite) - 0x1301].get();
  BERTH_CHECK(EVP_CipherInit_ex(context, nullptr, nullptr, keys.key.data(), nullptr, seals) == 1);
  return context;
}

void Ciphers::forget_keys() {
  const TrafficKeys none;
  for (const auto suite : {Suite::kAes128GcmSha256, Suite::kAes256GcmSha384, Suite::kChaCha20Poly1305Sha256})
    with_key(suite, none, true);
}

// --- opening ---

// Bytes that stand in several places, from the first to the last.
class RecordLayer::Pieces {
 public:
  explicit Pieces(std::span<const iovec> parts) : parts_(parts) {}
  std::size_t size() const {
    std::size_t sum = 0;
    for (const auto& part : parts_) sum += part.iov_len;
    return sum;
  }
  // The next of them, at least one and at most `most`. There are some.
  ByteView take(std::size_t most) {
    while (offset_ == parts_.front().iov_len) {
      parts_ = parts_.subspan(1);
      offset_ = 0;
    }
    const auto count = std::min(most, parts_.front().iov_len - offset_);
    const ByteView piece(static_cast<const std::uint8_t*>(parts_.front().iov_base) + offset_, count);
    offset_ += count;
    return piece;
  }

 private:
  std::span<const iovec> parts_;
  std::size_t offset_ = 0;  // of the first of them
};

RecordLayer::RecordLayer(Suite suite, const TrafficKeys& read, const TrafficKeys& write)
    : read_(read), write_(write), suite_(suite) {}

void RecordLayer::fail(Alert alert) {
  state_ = State::kFailed;
  alert_ = alert;
}

RecordLayer::Opened RecordLayer::open(Ciphers& ciphers, std::span<std::uint8_t> input) {
  Opened opened;
  EVP_CIPHER_CTX* cipher = nullptr;
  while (state_ == State::kOpen) {
    auto rest = input.subspan(opened.consumed);
    if (rest.size() < kHeader) break;
    // Also a change_cipher_spec is out of place by now. The version is ignored (RFC 8446 section 5.1).
    if (rest[0] != kApplicationData) {
      fail(Alert::kUnexpectedMessage);
      break;
    }
    const std::size_t size = kHeader + (std::size_t{rest[3]} << 8 | rest[4]);
    if (size > kMaxRecord) {
      fail(Alert::kRecordOverflow);
      break;
    }
    if (rest.size() < size) break;
    opened.consumed += size;
    if (!cipher) cipher = ciphers.with_key(suite_, read_, false);
    const auto inner = open_record(cipher, rest.first(size));
    if (!inner) break;

    const bool is_data = inner->type == static_cast<std::uint8_t>(Type::kApplicationData);
    const bool is_handshake = inner->type == static_cast<std::uint8_t>(Type::kHandshake);
    if (handshake_matched_ > 0 && !is_handshake) {  // within a handshake message
      fail(Alert::kUnexpectedMessage);
    } else if (is_data && !inner->content.empty()) {
      idle_records_ = 0;
      if (opened.plain.empty()) {
        opened.plain = inner->content;
      } else {
        std::memmove(opened.plain.data() + opened.plain.size(), inner->content.data(), inner->content.size());
        opened.plain = {opened.plain.data(), opened.plain.size() + inner->content.size()};
      }
    } else if (++idle_records_ > kMaxIdleRecords) {
      fail(Alert::kUnexpectedMessage);
    } else if (is_handshake) {
      take_handshake(inner->content);
      cipher = nullptr;  // the key may be another
    } else if (inner->type == static_cast<std::uint8_t>(Type::kAlert)) {
      take_alert(inner->content);
    } else if (!is_data) {
      fail(Alert::kUnexpectedMessage);
    }
  }
  if (state_ != State::kOpen) opened.consumed = input.size();
  return opened;
}

std::optional<RecordLayer::Inner> RecordLayer::open_record(EVP_CIPHER_CTX* cipher,
                                                           std::span<std::uint8_t> record) {
  if (read_.sequence == std::numeric_limits<std::uint64_t>::max()) {  // must not wrap (RFC 8446 section 5.3)
    fail(Alert::kInternalError);
    return std::nullopt;
  }
  if (record.size() < kHeader + kTag) {
    fail(Alert::kBadRecordMac);
    return std::nullopt;
  }
  auto inner = record.subspan(kHeader, record.size() - kHeader - kTag);
  const auto nonce = nonce_of(read_);
  int done = 0;
  const bool is_genuine =
      EVP_DecryptInit_ex(cipher, nullptr, nullptr, nullptr, nonce.data()) == 1 &&
      EVP_DecryptUpdate(cipher, nullptr, &done, record.data(), kHeader) == 1 &&
      EVP_DecryptUpdate(cipher, inner.data(), &done, inner.data(), static_cast<int>(inner.size())) == 1 &&
      EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_SET_TAG, kTag, inner.data() + inner.size()) == 1 &&
      EVP_DecryptFinal_ex(cipher, inner.data() + inner.size(), &done) == 1;
  if (!is_genuine) {
    fail(Alert::kBadRecordMac);
    return std::nullopt;
  }
  ++read_.sequence;
  if (inner.size() > kMaxPlain + 1) {  // RFC 8446 section 5.4
    fail(Alert::kRecordOverflow);
    return std::nullopt;
  }
  while (!inner.empty() && inner.back() == 0) inner = inner.first(inner.size() - 1);  // padding
  if (inner.empty()) {
    fail(Alert::kUnexpectedMessage);
    return std::nullopt;
  }
  return Inner{inner.back(), inner.first(inner.size() - 1)};
}

// A client may send nothing but KeyUpdate after the handshake. It may be cut over several records (RFC 8446 section 5.1),
// but a key ends with a record.
void RecordLayer::take_handshake(ByteView content) {
  if (content.empty()) return fail(Alert::kUnexpectedMessage);
  while (!content.empty() && handshake_matched_ < kKeyUpdateStart.size()) {
    if (content.front() != kKeyUpdateStart[handshake_matched_])
      return fail(handshake_matched_ == 0 ? Alert::kUnexpectedMessage : Alert::kDecodeError);
    ++handshake_matched_;
    content = content.subspan(1);
  }
  if (content.empty()) return;  // the rest is in the next record
  if (content.size() > 1) return fail(Alert::kUnexpectedMessage);
  if (content.front() > 1) return fail(Alert::kIllegalParameter);
  handshake_matched_ = 0;
  // However often it is asked for before we send again, one is enough.
  if (content.front() == 1) owes_key_update_ = true;
  read_ = derive_next_keys(suite_, read_);
}

void RecordLayer::take_alert(ByteView content) {
  if (content.empty()) return fail(Alert::kUnexpectedMessage);
  if (content.size() != 2) return fail(Alert::kDecodeError);
  const Alert alert{content[1]};              // the level says nothing (RFC 8446 section 6)
  if (alert == Alert::kUserCanceled) return;  // close_notify follows
  alert_ = alert;
  state_ = alert == Alert::kCloseNotify ? State::kClosed : State::kPeerFailed;
}

// --- sealing ---

void RecordLayer::seal_record(EVP_CIPHER_CTX* cipher, Type type, Pieces& content, std::size_t size,
                              Bytes& out) {
  const auto length = size + 1 + kTag;
  const auto begin = out.size();
  out.resize(begin + kHeader + length);
  std::uint8_t* header = out.data() + begin;
  header[0] = kApplicationData;
  header[1] = 3;
  header[2] = 3;
  header[3] = static_cast<std::uint8_t>(length >> 8);
  header[4] = static_cast<std::uint8_t>(length);
  const auto nonce = nonce_of(write_);
  int done = 0;
  BERTH_CHECK(EVP_EncryptInit_ex(cipher, nullptr, nullptr, nullptr, nonce.data()) == 1 &&
              EVP_EncryptUpdate(cipher, nullptr, &done, header, kHeader) == 1);
  std::uint8_t* to = header + kHeader;
  while (size > 0) {
    const auto piece = content.take(size);
    BERTH_CHECK(EVP_EncryptUpdate(cipher, to, &done, piece.data(), static_cast<int>(piece.size())) == 1);
    to += piece.size();
    size -= piece.size();
  }
  const auto inner_type = static_cast<std::uint8_t>(type);
  BERTH_CHECK(EVP_EncryptUpdate(cipher, to, &done, &inner_type, 1) == 1 &&
              EVP_EncryptFinal_ex(cipher, to + 1, &done) == 1 &&
              EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_GET_TAG, kTag, to + 1) == 1);
  ++write_.sequence;
}

void RecordLayer::seal_message(Ciphers& ciphers, Type type, ByteView content, Bytes& out) {
  const iovec part{const_cast<std::uint8_t*>(content.data()), content.size()};
  Pieces pieces(std::span(&part, 1));
  seal_record(ciphers.with_key(suite_, write_, true), type, pieces, content.size(), out);
}

void RecordLayer::seal_key_update(Ciphers& ciphers, bool asks_peer, Bytes& out) {
  if (write_closed_) return;
  const std::array<std::uint8_t, 5> message = {kKeyUpdateStart[0], kKeyUpdateStart[1], kKeyUpdateStart[2],
                                               kKeyUpdateStart[3], asks_peer};
  seal_message(ciphers, Type::kHandshake, message, out);
  write_ = derive_next_keys(suite_, write_);
  owes_key_update_ = false;
}

void RecordLayer::seal_alert(Ciphers& ciphers, Alert alert, Bytes& out) {
  if (write_closed_) return;
  const bool is_fatal = alert != Alert::kCloseNotify && alert != Alert::kUserCanceled;
  const std::array<std::uint8_t, 2> message = {static_cast<std::uint8_t>(is_fatal ? 2 : 1),
                                               static_cast<std::uint8_t>(alert)};
  seal_message(ciphers, Type::kAlert, message, out);
  write_closed_ = true;
}

void RecordLayer::seal(Ciphers& ciphers, std::span<const iovec> parts, Bytes& out) {
  if (write_closed_) return;
  EVP_CIPHER_CTX* cipher = nullptr;
  Pieces pieces(parts);
  for (auto left = pieces.size(); left > 0;) {
    if (owes_key_update_ || write_.sequence >= kRecordsPerKey - 1) {
      seal_key_update(ciphers, false, out);
      cipher = nullptr;
    }
    if (!cipher) cipher = ciphers.with_key(suite_, write_, true);
    const auto size = std::min(left, kMaxPlain);
    seal_record(cipher, Type::kApplicationData, pieces, size, out);
    left -= size;
  }
}

}  // namespace berth::tls
