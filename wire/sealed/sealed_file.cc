#include "wire/sealed/sealed_file.h"

#include <sodium.h>

#include "base/bytes.h"

namespace berth::sealed {
namespace {

constexpr std::string_view kMagic = "BERTHSF1";
constexpr std::size_t kSealedKey = crypto_secretstream_xchacha20poly1305_KEYBYTES + crypto_box_SEALBYTES;
static_assert(kHead == 8 + kSealedKey + crypto_secretstream_xchacha20poly1305_HEADERBYTES);
static_assert(kExtra == crypto_secretstream_xchacha20poly1305_ABYTES);

unsigned char* raw(std::string& bytes) { return reinterpret_cast<unsigned char*>(bytes.data()); }
const unsigned char* raw(std::string_view bytes) {
  return reinterpret_cast<const unsigned char*>(bytes.data());
}

}  // namespace

Keys make_keys() {
  BERTH_CHECK(::sodium_init() >= 0);
  std::string public_key(crypto_box_PUBLICKEYBYTES, '\0'), private_key(crypto_box_SECRETKEYBYTES, '\0');
  ::crypto_box_keypair(raw(public_key), raw(private_key));
  Keys keys{format_hex(as_bytes(public_key)), format_hex(as_bytes(private_key + public_key))};
  erase_secret(private_key);
  return keys;
}

Result<void> check_public_key(std::string_view public_key) {
  const auto bytes = parse_hex(public_key);
  if (!bytes || bytes->size() != crypto_box_PUBLICKEYBYTES)
    return fail(Errc::kMalformed, "publicKey: 64 hex digits are expected");
  return {};
}

struct Sealer::State {
  crypto_secretstream_xchacha20poly1305_state stream;
  std::string head;     // not given out yet
  std::string waiting;  // content of the chunk that is not full
  ~State() {
    ::sodium_memzero(&stream, sizeof stream);
    erase_secret(waiting);
  }
  std::string seal(std::string_view content, unsigned char tag) {
    std::string chunk(content.size() + kExtra, '\0');
    BERTH_CHECK(::crypto_secretstream_xchacha20poly1305_push(&stream, raw(chunk), nullptr, raw(content),
                                                             content.size(), nullptr, 0, tag) == 0);
    return chunk;
  }
};

Sealer::Sealer(std::string_view public_key) : state_(std::make_unique<State>()) {
  BERTH_CHECK(::sodium_init() >= 0);
  const auto recipient = parse_hex(public_key);
  BERTH_CHECK(recipient && recipient->size() == crypto_box_PUBLICKEYBYTES);
  std::string key(crypto_secretstream_xchacha20poly1305_KEYBYTES, '\0'), sealed(kSealedKey, '\0'),
      header(crypto_secretstream_xchacha20poly1305_HEADERBYTES, '\0');
  ::crypto_secretstream_xchacha20poly1305_keygen(raw(key));
  BERTH_CHECK(::crypto_box_seal(raw(sealed), raw(key), key.size(), recipient->data()) == 0);
  BERTH_CHECK(::crypto_secretstream_xchacha20poly1305_init_push(&state_->stream, raw(header), raw(key)) == 0);
  erase_secret(key);
  state_->head = std::string(kMagic) + sealed + header;
}
Sealer::~Sealer() = default;

std::string Sealer::add(std::string_view content) {
  std::string out = std::exchange(state_->head, {});
  state_->waiting += content;
  // A full chunk may be the last one, which is marked: it goes when more comes.
  std::size_t done = 0;
  while (state_->waiting.size() - done > kChunk) {
    out += state_->seal(std::string_view(state_->waiting).substr(done, kChunk), 0);
    done += kChunk;
  }
  state_->waiting.erase(0, done);
  return out;
}

std::string Sealer::finish() {
  std::string out = std::exchange(state_->head, {});
  out += state_->seal(state_->waiting, crypto_secretstream_xchacha20poly1305_TAG_FINAL);
  return out;
}

struct Unsealer::State {
  std::string private_key, public_key;
  crypto_secretstream_xchacha20poly1305_state stream;
  bool has_head = false;
  std::string waiting;
  ~State() {
    ::sodium_memzero(&stream, sizeof stream);
    erase_secret(private_key);
  }
  Result<void> read_head();
};

Unsealer::Unsealer(std::unique_ptr<State> state) : state_(std::move(state)) {}
Unsealer::Unsealer(Unsealer&&) noexcept = default;
Unsealer::~Unsealer() = default;

Result<Unsealer> Unsealer::make(std::string_view private_key) {
  BERTH_CHECK(::sodium_init() >= 0);
  const auto bytes = parse_hex(private_key);
  if (!bytes || bytes->size() != crypto_box_SECRETKEYBYTES + crypto_box_PUBLICKEYBYTES)
    return fail(Errc::kMalformed,
                "the private key of a drop box is 128 hex digits, as its key sheet has them");
  auto state = std::make_unique<State>();
  state->private_key = as_text(*bytes).substr(0, crypto_box_SECRETKEYBYTES);
  state->public_key = as_text(*bytes).substr(crypto_box_SECRETKEYBYTES);
  return Unsealer(std::move(state));
}

Result<void> Unsealer::State::read_head() {
  const std::string_view head = waiting;
  if (head.substr(0, kMagic.size() - 1) != kMagic.substr(0, kMagic.size() - 1))
    return fail(Errc::kMalformed, "this is no sealed file");
  if (head[kMagic.size() - 1] != kMagic.back())
    return fail(Errc::kUnsupported, "the file was sealed by a newer platform: update this one first");
  std::string key(crypto_secretstream_xchacha20poly1305_KEYBYTES, '\0');
  const auto sealed = head.substr(kMagic.size(), kSealedKey);
  if (::crypto_box_seal_open(raw(key), raw(sealed), sealed.size(), raw(public_key), raw(private_key)) != 0)
    return fail(Errc::kDenied, "the file was sealed to another key, or its beginning is damaged");
  const int begun = ::crypto_secretstream_xchacha20poly1305_init_pull(
      &stream, raw(head.substr(kMagic.size() + kSealedKey)), raw(key));
  erase_secret(key);
  if (begun != 0) return fail(Errc::kMalformed, "the sealed file is damaged");
  waiting.erase(0, kHead);
  has_head = true;
  return {};
}

Result<std::string> Unsealer::open_chunk(std::string_view chunk, bool is_last) {
  if (chunk.size() < kExtra) return fail(Errc::kMalformed, "the sealed file is cut off");
  std::string content(chunk.size() - kExtra, '\0');
  unsigned char tag = 0;
  if (::crypto_secretstream_xchacha20poly1305_pull(&state_->stream, raw(content), nullptr, &tag, raw(chunk),
                                                   chunk.size(), nullptr, 0) != 0)
    return fail(Errc::kMalformed, "the sealed file is damaged{}", is_last ? ", or cut off" : "");
  const bool is_marked = tag == crypto_secretstream_xchacha20poly1305_TAG_FINAL;
  if (is_last && !is_marked) return fail(Errc::kMalformed, "the sealed file is cut off");
  if (!is_last && is_marked)
    return fail(Errc::kMalformed, "something stands behind the end of the sealed file");
  return content;
}

Result<std::string> Unsealer::add(std::string_view sealed) {
  state_->waiting += sealed;
  if (!state_->has_head) {
    if (state_->waiting.size() < kHead) return std::string();
    BERTH_TRY_VOID(state_->read_head());
  }
  std::string out;
  std::size_t done = 0;
  constexpr std::size_t kWhole = kChunk + kExtra;
  while (state_->waiting.size() - done > kWhole) {
    BERTH_TRY(const auto content, open_chunk(std::string_view(state_->waiting).substr(done, kWhole), false));
    out += content;
    done += kWhole;
  }
  state_->waiting.erase(0, done);
  return out;
}

Result<std::string> Unsealer::finish() {
  if (!state_->has_head) return fail(Errc::kMalformed, "the sealed file is cut off");
  return open_chunk(state_->waiting, true);
}

}  // namespace berth::sealed
