// The server's record layer of an established TLS 1.3 connection (RFC 8446 sections 5, 4.6.3, 6, 7.2).
#pragma once

#include <sys/uio.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "base/bytes.h"

struct evp_cipher_ctx_st;

namespace berth::tls {

// By their code points (RFC 8446 appendix B.4).
enum class Suite : std::uint16_t {
  kAes128GcmSha256 = 0x1301,
  kAes256GcmSha384 = 0x1302,
  kChaCha20Poly1305Sha256 = 0x1303
};
std::optional<Suite> find_suite(std::uint16_t code_point);
std::size_t secret_size(Suite suite);  // 32 or 48

// RFC 8446 section 6; those that we send or tell apart.
enum class Alert : std::uint8_t {
  kCloseNotify = 0,
  kUnexpectedMessage = 10,
  kBadRecordMac = 20,
  kRecordOverflow = 22,
  kIllegalParameter = 47,
  kDecodeError = 50,
  kInternalError = 80,
  kUserCanceled = 90,
};

// The key and IV of one traffic secret (RFC 8446 section 7.3), and how many records it has protected. Erases itself.
struct TrafficKeys {
  TrafficKeys() = default;
  TrafficKeys(const TrafficKeys&) = default;
  TrafficKeys& operator=(const TrafficKeys&) = default;
  ~TrafficKeys();
  std::uint64_t sequence = 0;
  std::array<std::uint8_t, 48> secret{};  // kept for the next KeyUpdate
  std::array<std::uint8_t, 32> key{};
  std::array<std::uint8_t, 12> iv{};
};
// From a traffic secret of secret_size(suite) bytes.
TrafficKeys derive_keys(Suite suite, ByteView secret, std::uint64_t sequence);
// application_traffic_secret_N+1 (RFC 8446 section 7.2); counts from 0.
TrafficKeys derive_next_keys(Suite suite, const TrafficKeys& keys);

// OpenSSL's ciphers, set up once and lent to every RecordLayer of one thread, for the call. Each loads its key
// first, so nothing but the last key stays in here.
class Ciphers {
 public:
  Ciphers();
  ~Ciphers();
  Ciphers(const Ciphers&) = delete;
  evp_cipher_ctx_st* with_key(Suite suite, const TrafficKeys& keys, bool seals);
  void forget_keys();  // when a connection ends

 private:
  struct Free {
    void operator()(evp_cipher_ctx_st* context) const;
  };
  std::array<std::unique_ptr<evp_cipher_ctx_st, Free>, 3> contexts_;
};

// Owns the keys of both directions. Holds no bytes of the connection: what open() does not consume
// the caller keeps. Starts after the handshake's last message in each direction. 216 bytes, no heap.
class RecordLayer {
 public:
  static constexpr std::size_t kHeader = 5;
  static constexpr std::size_t kMaxPlain = 1 << 14;
  static constexpr std::size_t kMaxRecord = kHeader + kMaxPlain + 256;
  // Own KeyUpdate after so many records: below the 2^24.5 of RFC 8446 section 5.5.
  static constexpr std::uint64_t kRecordsPerKey = 1 << 24;
  // Records in a row that carry no application data (empty ones, KeyUpdate, user_canceled): enough for any honest
  // peer, and as many as OpenSSL takes.
  static constexpr unsigned kMaxIdleRecords = 32;

  enum class State : std::uint8_t {
    kOpen,
    kClosed,      // the peer's close_notify came: it sends no more, we still may
    kPeerFailed,  // the peer sent an error alert, alert()
    kFailed,      // the peer broke the protocol: tell it alert() and end the connection
  };

  RecordLayer(Suite suite, const TrafficKeys& read, const TrafficKeys& write);
  RecordLayer(const RecordLayer&) = delete;

  struct Opened {
    std::size_t consumed = 0;       // bytes of the input dealt with: whole records
    std::span<std::uint8_t> plain;  // application data of them, in a row, within the input
  };
  // Opens all whole records at the front of `input`, in place; what else is in the consumed part is destroyed. Bytes not
  // consumed (always less than kMaxRecord) are given again with more behind them. Look at state() afterwards: `plain`
  // came before whatever it says. Unless it is kOpen all input is consumed, and ignored.
  Opened open(Ciphers& ciphers, std::span<std::uint8_t> input);
  State state() const { return state_; }
  Alert alert() const { return alert_; }

  // Appends records with the bytes of `parts`, any number of them; before them a KeyUpdate if the peer asked for one or the key
  // has protected enough. Nothing after seal_alert().
  void seal(Ciphers& ciphers, std::span<const iovec> parts, Bytes& out);
  // KeyUpdate, and new keys for what follows. `asks_peer`: that it does the same.
  void seal_key_update(Ciphers& ciphers, bool asks_peer, Bytes& out);
  // Our last record: close_notify, or why the connection ends. A second call does nothing.
  void seal_alert(Ciphers& ciphers, Alert alert, Bytes& out);

 private:
  // RFC 8446 section 5.1; 20 (change_cipher_spec) has no place here.
  enum class Type : std::uint8_t { kAlert = 21, kHandshake = 22, kApplicationData = 23 };

  class Pieces;
  struct Inner {
    std::uint8_t type;
    std::span<std::uint8_t> content;
  };
  std::optional<Inner> open_record(evp_cipher_ctx_st* cipher, std::span<std::uint8_t> record);
  void take_handshake(ByteView content);
  void take_alert(ByteView content);
  void fail(Alert alert);
  // Appends a record with the next `size` bytes of `content`, encrypted from where they stand.
  void seal_record(evp_cipher_ctx_st* cipher, Type type, Pieces& content, std::size_t size, Bytes& out);
  void seal_message(Ciphers& ciphers, Type type, ByteView content, Bytes& out);

  TrafficKeys read_;
  TrafficKeys write_;
  const Suite suite_;
  State state_ = State::kOpen;
  Alert alert_ = Alert::kCloseNotify;
  std::uint8_t handshake_matched_ = 0;  // bytes of a KeyUpdate message that stand in earlier records
  std::uint8_t idle_records_ = 0;
  bool owes_key_update_ = false;
  bool write_closed_ = false;
};
static_assert(sizeof(RecordLayer) <= 216, "what an idle wss:// connection costs");

}  // namespace berth::tls
