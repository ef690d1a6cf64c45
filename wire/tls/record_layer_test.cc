#include "wire/tls/record_layer.h"

#include <gmock/gmock.h>

#include <limits>
#include <numeric>

#include "wire/tls/forged_record.h"

namespace berth::tls {
namespace {

using testing::forge;
using testing::forge_inner;

constexpr std::uint8_t kAlertType = 21, kHandshakeType = 22, kDataType = 23;
constexpr Suite kSuites[] = {Suite::kAes128GcmSha256, Suite::kAes256GcmSha384,
                             Suite::kChaCha20Poly1305Sha256};

Bytes hex(std::string_view digits) { return parse_hex(digits).value(); }

// Our end and the keys with which the peer writes and reads.
struct Link {
  explicit Link(Suite suite = Suite::kAes128GcmSha256, std::uint64_t read_sequence = 0,
                std::uint64_t write_sequence = 0)
      : suite(suite),
        theirs(derive_keys(suite, Bytes(secret_size(suite), 'c'), read_sequence)),
        ours(derive_keys(suite, Bytes(secret_size(suite), 's'), write_sequence)),
        layer(suite, theirs, ours),
        reader(suite, ours, theirs) {}
  Suite suite;
  TrafficKeys theirs, ours;
  Ciphers ciphers;
  RecordLayer layer;
  RecordLayer reader;  // the peer's, for what we send

  Bytes data(std::string_view text, std::size_t padding = 0) {
    return forge(suite, theirs, kDataType, as_bytes(text), padding);
  }
  Bytes handshake(Bytes bytes) { return forge(suite, theirs, kHandshakeType, bytes); }
  Bytes alert(Bytes bytes) { return forge(suite, theirs, kAlertType, bytes); }
  Bytes key_update(std::uint8_t asks = 0) {
    auto record = handshake({24, 0, 0, 1, asks});
    theirs = derive_next_keys(suite, theirs);
    return record;
  }
  // What comes out of `input`, given at once.
  std::string open(Bytes input) {
    const auto opened = layer.open(ciphers, input);
    consumed = opened.consumed;
    return std::string(as_text(opened.plain));
  }
  Bytes seal(std::string_view text) {
    Bytes out;
    const iovec part{const_cast<char*>(text.data()), text.size()};
    layer.seal(ciphers, std::span(&part, 1), out);
    return out;
  }
  std::string read(Bytes sealed) { return std::string(as_text(reader.open(ciphers, sealed).plain)); }
  std::size_t consumed = 0;
};

Bytes operator+(Bytes left, const Bytes& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

// --- RFC 8448 section 3 ---

const Bytes kClientSecret = hex("9e40646ce79a7f9dc05af8889bce6552875afa0b06df0087f792ebb7c17504a5");
const Bytes kServerSecret = hex("a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643");
const Bytes kClientData =
    hex("1703030043a23f7054b62c94d0affafe8228ba55cbefacea42f914aa66bcab3f2b9819a8a5b46b395bd54a9a20441e2b"
        "62974e1f5a6292a2977014bd1e3deae63aeebb21694915e4");
const Bytes kServerData =
    hex("17030300432e937e11ef4ac740e538ad36005fc4a46932fc3225d05f82aa1b36e30efaf97d90e6dffc602dcb501a59a8"
        "fcc49c4bf2e5f0a21c0047c2abf332540dd032e167c2955d");
const Bytes kClientClose = hex("1703030013c9872760655666b74d7ff1153efd6db6d0b0e3");
const Bytes kServerClose = hex("1703030013b58fd67166ebf599d24720cfbe7efa7a8864a9");

Bytes fifty_bytes() {
  Bytes bytes(50);
  std::iota(bytes.begin(), bytes.end(), std::uint8_t{0});
  return bytes;
}

TEST(TrafficKeys, AreThoseOfTheRfcsTrace) {
  const auto client = derive_keys(Suite::kAes128GcmSha256, kClientSecret, 0);
  EXPECT_EQ(format_hex(std::span(client.key).first(16)), "17422dda596ed5d9acd890e3c63f5051");
  EXPECT_EQ(format_hex(client.iv), "5b78923dee08579033e523d9");
  const auto server = derive_keys(Suite::kAes128GcmSha256, kServerSecret, 1);
  EXPECT_EQ(format_hex(std::span(server.key).first(16)), "9f02283b6c9c07efc26bb9f2ac92e356");
  EXPECT_EQ(format_hex(server.iv), "cf782b88dd83549aadf1e984");
  EXPECT_EQ(server.sequence, 1U);
}

TEST(RecordLayer, ReadsAndWritesTheRfcsTrace) {
  // The server has sent one NewSessionTicket before.
  RecordLayer layer(Suite::kAes128GcmSha256, derive_keys(Suite::kAes128GcmSha256, kClientSecret, 0),
                    derive_keys(Suite::kAes128GcmSha256, kServerSecret, 1));
  Ciphers ciphers;
  Bytes input = kClientData + kClientClose;
  const auto opened = layer.open(ciphers, input);
  EXPECT_EQ(opened.consumed, input.size());
  EXPECT_EQ(Bytes(opened.plain.begin(), opened.plain.end()), fifty_bytes());
  EXPECT_EQ(layer.state(), RecordLayer::State::kClosed);
  auto data = fifty_bytes();
  const iovec parts[] = {{data.data(), 20}, {data.data() + 20, 30}};
  Bytes out;
  layer.seal(ciphers, parts, out);
  EXPECT_EQ(format_hex(out), format_hex(kServerData));
  out.clear();
  layer.seal_alert(ciphers, Alert::kCloseNotify, out);
  EXPECT_EQ(format_hex(out), format_hex(kServerClose));
}

// --- records ---

TEST(RecordLayer, GivesTheSameAtEveryCutPoint) {
  for (const auto suite : kSuites) {
    Bytes whole;
    {
      Link link(suite);
      whole = link.data("first") + link.data("", 3) + link.key_update() + link.data("second", 100) +
              link.data("third");
    }
    for (std::size_t cut = 0; cut <= whole.size(); ++cut) {
      Link link(suite);
      const auto at = static_cast<std::ptrdiff_t>(cut);
      auto text = link.open(Bytes(whole.begin(), whole.begin() + at));
      ASSERT_LE(link.consumed, cut);
      const auto rest = static_cast<std::ptrdiff_t>(link.consumed);
      text += link.open(Bytes(whole.begin() + rest, whole.end()));
      ASSERT_EQ(text, "firstsecondthird") << cut;
      ASSERT_EQ(link.layer.state(), RecordLayer::State::kOpen);
    }
  }
}

TEST(RecordLayer, CutsWhatItSendsIntoRecordsOf16KiB) {
  for (const auto suite : kSuites) {
    Link link(suite);
    const std::string text(40000, 'x');
    const auto sealed = link.seal(text);
    EXPECT_EQ(sealed.size(), text.size() + 3 * 22);
    EXPECT_EQ((std::size_t{sealed[3]} << 8 | sealed[4]), 16384U + 17);
    EXPECT_EQ(link.read(sealed), text);
    EXPECT_EQ(link.read(link.seal("on")), "on");
    EXPECT_TRUE(link.seal("").empty());
  }
}

TEST(RecordLayer, GathersPartsIntoOneRecord) {
  Link link;
  const std::string text = "abcdef";
  auto* begin = const_cast<char*>(text.data());
  const iovec parts[] = {{begin, 0}, {begin, 2}, {begin, 0}, {begin + 2, 4}, {begin, 0}};
  Bytes out = {'x'};
  link.layer.seal(link.ciphers, parts, out);
  EXPECT_EQ(out.size(), 1U + 6 + 22);
  EXPECT_EQ(link.read(Bytes(out.begin() + 1, out.end())), text);
}

TEST(RecordLayer, TakesTheLargestRecordAndItsPadding) {
  Link link;
  const std::string largest(1 << 14, 'l');
  EXPECT_EQ(link.open(link.data(largest)), largest);
  EXPECT_EQ(link.open(link.data("padded", (1 << 14) - 6)), "padded");
  EXPECT_EQ(link.layer.state(), RecordLayer::State::kOpen);
}

struct Fault {
  const char* why;
  std::function<Bytes(Link&)> input;
  Alert alert;
};

// Each alert is the one that RFC 8446 names.
TEST(RecordLayer, RefusesWhatTheRfcForbids) {
  const Fault faults[] = {
      {"change_cipher_spec after the handshake (5)", [](Link&) { return Bytes{20, 3, 3, 0, 1, 1}; },
       Alert::kUnexpectedMessage},
      {"an unprotected alert", [](Link&) { return Bytes{21, 3, 3, 0, 2, 2, 40}; }, Alert::kUnexpectedMessage},
      {"an unprotected handshake message", [](Link&) { return Bytes{22, 3, 3, 0, 5, 24, 0, 0, 1, 0}; },
       Alert::kUnexpectedMessage},
      {"an unknown record type", [](Link&) { return Bytes{24, 3, 3, 0, 0}; }, Alert::kUnexpectedMessage},
      {"above 2^14 + 256 bytes (5.2), told by its header", [](Link&) { return Bytes{23, 3, 3, 0x41, 0x01}; },
       Alert::kRecordOverflow},
      {"plaintext above 2^14 bytes (5.1)",
       [](Link& link) { return link.data(std::string((1 << 14) + 1, 'x')); }, Alert::kRecordOverflow},
      {"content, type and padding above 2^14 + 1 bytes (5.4)",
       [](Link& link) { return link.data("x", 1 << 14); }, Alert::kRecordOverflow},
      {"too short for a tag", [](Link&) { return Bytes{23, 3, 3, 0, 1, 1}; }, Alert::kBadRecordMac},
      {"empty", [](Link&) { return Bytes{23, 3, 3, 0, 0}; }, Alert::kBadRecordMac},
      {"one bit of the ciphertext is another",
       [](Link& link) {
         auto record = link.data("data");
         record[7] ^= 1;
         return record;
       },
       Alert::kBadRecordMac},
      {"one bit of the tag is another",
       [](Link& link) {
         auto record = link.data("data");
         record.back() ^= 0x80;
         return record;
       },
       Alert::kBadRecordMac},
      {"the header was changed, which is authenticated",
       [](Link& link) {
         auto record = link.data("data");
         record[2] = 4;
         return record;
       },
       Alert::kBadRecordMac},
      {"a record that was left out",
       [](Link& link) {
         link.data("lost");
         return link.data("data");
       },
       Alert::kBadRecordMac},
      {"a record that came twice",
       [](Link& link) {
         const auto record = link.data("");
         return record + record;
       },
       Alert::kBadRecordMac},
      {"no type, nothing at all (5.4)", [](Link& link) { return forge_inner(link.suite, link.theirs, {}); },
       Alert::kUnexpectedMessage},
      {"no type, zeros only (5.4)",
       [](Link& link) { return forge_inner(link.suite, link.theirs, Bytes(100)); },
       Alert::kUnexpectedMessage},
      {"a protected change_cipher_spec (5)",
       [](Link& link) { return forge(link.suite, link.theirs, 20, Bytes{1}); }, Alert::kUnexpectedMessage},
      {"an unknown type inside", [](Link& link) { return forge(link.suite, link.theirs, 99, Bytes{1}); },
       Alert::kUnexpectedMessage},
      {"an empty handshake record (5.1)", [](Link& link) { return link.handshake({}); },
       Alert::kUnexpectedMessage},
      {"an empty alert record (5.1)", [](Link& link) { return link.alert({}); }, Alert::kUnexpectedMessage},
      {"two alerts in one record (5.1)", [](Link& link) { return link.alert({1, 90, 1, 0}); },
       Alert::kDecodeError},
      {"half an alert (5.1)", [](Link& link) { return link.alert({1}); }, Alert::kDecodeError},
      {"NewSessionTicket from a client", [](Link& link) { return link.handshake({4, 0, 0, 0}); },
       Alert::kUnexpectedMessage},
      {"a new ClientHello: there is no renegotiation (4.1.2)",
       [](Link& link) { return link.handshake({1, 0, 0, 0}); }, Alert::kUnexpectedMessage},
      {"CertificateRequest's answer that nobody asked for (4.6.2)",
       [](Link& link) { return link.handshake({11, 0, 0, 4, 0, 0, 0, 0}); }, Alert::kUnexpectedMessage},
      {"KeyUpdate with another length (6.2)", [](Link& link) { return link.handshake({24, 0, 0, 2, 0, 0}); },
       Alert::kDecodeError},
      {"KeyUpdate that claims to be huge", [](Link& link) { return link.handshake({24, 1, 0, 1, 0}); },
       Alert::kDecodeError},
      {"KeyUpdate with another value (4.6.3)", [](Link& link) { return link.handshake({24, 0, 0, 1, 2}); },
       Alert::kIllegalParameter},
      {"something behind KeyUpdate in its record (5.1)",
       [](Link& link) { return link.handshake({24, 0, 0, 1, 0, 24, 0, 0, 1, 0}); },
       Alert::kUnexpectedMessage},
      {"data between the parts of a handshake message (5.1)",
       [](Link& link) { return link.handshake({24, 0}) + link.data("data"); }, Alert::kUnexpectedMessage},
      {"an alert between the parts of a handshake message (5.1)",
       [](Link& link) { return link.handshake({24, 0, 0, 1}) + link.alert({1, 0}); },
       Alert::kUnexpectedMessage},
      {"the old key after KeyUpdate",
       [](Link& link) {
         auto input = link.handshake({24, 0, 0, 1, 0});
         return input + link.data("data");
       },
       Alert::kBadRecordMac},
  };
  for (const auto& fault : faults) {
    for (const auto suite : kSuites) {
      SCOPED_TRACE(fault.why);
      Link link(suite);
      const auto good = link.data("good");
      const auto input = good + fault.input(link) + link.data("more");
      EXPECT_EQ(link.open(input), "good") << "what came before still counts, what comes after does not";
      EXPECT_EQ(link.layer.state(), RecordLayer::State::kFailed);
      EXPECT_EQ(link.layer.alert(), fault.alert);
      EXPECT_EQ(link.consumed, input.size());
      EXPECT_EQ(link.open(link.data("later")), "");
    }
  }
}

// RFC 8446 section 5.1: the version "MUST be ignored for all purposes". It is authenticated, so the peer must mean it.
TEST(RecordLayer, IgnoresTheVersionInTheHeader) {
  Link link;
  EXPECT_EQ(link.open(forge_inner(link.suite, link.theirs, Bytes{'x', kDataType}, 1)), "x");
}

TEST(RecordLayer, TakesAtMost32RecordsInARowWithoutData) {
  const std::function<Bytes(Link&)> kinds[] = {
      [](Link& link) { return link.data("", 5); },
      [](Link& link) { return link.key_update(1); },
      [](Link& link) { return link.alert({1, 90}); },
      [](Link& link) { return link.handshake({24}) + link.handshake({0, 0, 1, 0}); },
  };
  for (const auto& make : kinds) {
    Link link;
    const bool is_cut = &make == &kinds[3];
    for (int round = 0; round < 3; ++round) {
      for (unsigned i = 0; i < RecordLayer::kMaxIdleRecords / (is_cut ? 2 : 1); ++i) {
        EXPECT_EQ(link.open(make(link)), "");
        if (is_cut) link.theirs = derive_next_keys(link.suite, link.theirs);
      }
      EXPECT_EQ(link.open(link.data("data")), "data");
    }
    for (unsigned i = 0; i <= RecordLayer::kMaxIdleRecords; ++i) {
      EXPECT_EQ(link.layer.state(), RecordLayer::State::kOpen) << i;
      link.open(link.data(""));
    }
    EXPECT_EQ(link.layer.state(), RecordLayer::State::kFailed);
    EXPECT_EQ(link.layer.alert(), Alert::kUnexpectedMessage);
  }
}

// --- alerts ---

TEST(RecordLayer, EndsCleanlyByCloseNotifyWhateverItsLevel) {
  for (const std::uint8_t level : {1, 2, 77}) {
    Link link;
    EXPECT_EQ(link.open(link.data("last") + link.alert({level, 0}) + link.data("ignored")), "last");
    EXPECT_EQ(link.layer.state(), RecordLayer::State::kClosed);
    EXPECT_EQ(link.open(Bytes{1, 2, 3}), "") << "data after a closure alert is ignored (6.1)";
    EXPECT_EQ(link.consumed, 3U);
    EXPECT_EQ(link.read(link.seal("still heard")), "still heard");
  }
}

TEST(RecordLayer, GoesOnAfterUserCanceled) {
  Link link;
  EXPECT_EQ(link.open(link.alert({1, 90}) + link.data("data") + link.alert({1, 0})), "data");
  EXPECT_EQ(link.layer.state(), RecordLayer::State::kClosed);
}

TEST(RecordLayer, TakesEveryOtherAlertForAnErrorWhateverItsLevel) {
  for (const std::uint8_t code : {10, 20, 40, 80, 86, 100, 255}) {
    Link link;
    EXPECT_EQ(link.open(link.alert({1, code}) + link.data("data")), "");
    EXPECT_EQ(link.layer.state(), RecordLayer::State::kPeerFailed);
    EXPECT_EQ(static_cast<int>(link.layer.alert()), code);
  }
}

TEST(RecordLayer, SendsNothingAfterAnAlert) {
  for (const auto alert : {Alert::kCloseNotify, Alert::kBadRecordMac}) {
    Link link;
    Bytes out;
    link.layer.seal_alert(link.ciphers, alert, out);
    const auto size = out.size();
    EXPECT_EQ(size, 2U + 22);
    link.layer.seal_alert(link.ciphers, Alert::kCloseNotify, out);
    link.layer.seal_key_update(link.ciphers, true, out);
    EXPECT_EQ(out.size(), size);
    EXPECT_TRUE(link.seal("data").empty());
    EXPECT_EQ(link.read(out), "");
    EXPECT_EQ(link.reader.state(),
              alert == Alert::kCloseNotify ? RecordLayer::State::kClosed : RecordLayer::State::kPeerFailed);
    EXPECT_EQ(link.reader.alert(), alert);
  }
}

// --- keys ---

TEST(RecordLayer, AnswersARequestForKeyUpdateBeforeItsNextData) {
  for (const auto suite : kSuites) {
    Link link(suite);
    EXPECT_EQ(link.open(link.key_update(1) + link.data("under the new key")), "under the new key");
    EXPECT_EQ(link.open(link.key_update(1) + link.key_update(1)), "")
        << "one answer is enough for all (4.6.3)";
    const auto sealed = link.seal("answer");
    EXPECT_EQ(sealed.size(), 5U + 22 + 6 + 22);
    EXPECT_EQ(link.read(sealed), "answer");
    EXPECT_EQ(link.seal("no further update").size(), 17U + 22);
  }
}

TEST(RecordLayer, DoesNotAnswerAKeyUpdateThatDoesNotAsk) {
  Link link;
  EXPECT_EQ(link.open(link.key_update(0) + link.data("data")), "data");
  EXPECT_EQ(link.seal("answer").size(), 6U + 22);
}

TEST(RecordLayer, AsksForKeyUpdateItself) {
  Link link;
  Bytes out;
  link.layer.seal_key_update(link.ciphers, true, out);
  EXPECT_EQ(link.read(out + link.seal("new key")), "new key");
  // The peer answers, once.
  Bytes answer;
  const iovec part{const_cast<char*>("data"), 4};
  link.reader.seal(link.ciphers, std::span(&part, 1), answer);
  EXPECT_EQ(answer.size(), 5U + 22 + 4 + 22);
  EXPECT_EQ(link.open(answer), "data");
}

TEST(RecordLayer, ChangesItsKeyBeforeItHasProtectedTooMuch) {
  const std::string two_records(20000, 'x');
  for (const std::uint64_t left : {1, 2, 3}) {
    Link link(Suite::kAes128GcmSha256, 0, RecordLayer::kRecordsPerKey - left);
    const auto sealed = link.seal(two_records);
    EXPECT_EQ(sealed.size(), two_records.size() + 2 * 22 + (left < 3 ? 5 + 22 : 0)) << left;
    EXPECT_EQ(link.read(sealed), two_records);
    EXPECT_EQ(link.read(link.seal("on")), "on");
  }
}

TEST(RecordLayer, CountsFromNoughtUnderANewKeyAndBeyond32Bits) {
  Link link(Suite::kChaCha20Poly1305Sha256, 0xffffffff);
  EXPECT_EQ(link.open(link.data("one") + link.data("two") + link.key_update() + link.data("three")),
            "onetwothree");
  EXPECT_EQ(link.theirs.sequence, 1U);
}

TEST(RecordLayer, EndsBeforeASequenceNumberWraps) {
  Link link(Suite::kAes128GcmSha256, std::numeric_limits<std::uint64_t>::max() - 1);
  EXPECT_EQ(link.open(link.data("last") + link.data("never")), "last");
  EXPECT_EQ(link.layer.state(), RecordLayer::State::kFailed);
}

TEST(RecordLayer, TakesAKeyUpdateThatIsCutOverRecords) {
  Link link;
  Bytes input;
  for (const std::uint8_t byte : {24, 0, 0, 1, 0}) input = input + link.handshake({byte});
  link.theirs = derive_next_keys(link.suite, link.theirs);
  EXPECT_EQ(link.open(input + link.data("data")), "data");
}

// In memory that has been given back no key may stand: the record layer of another connection may get it.
TEST(RecordLayer, ErasesItsKeys) {
  alignas(RecordLayer) std::array<std::uint8_t, sizeof(RecordLayer)> memory{};
  const auto keys = derive_keys(Suite::kAes256GcmSha384, Bytes(48, 's'), 0);
  const auto has_key = [&] {
    return std::search(memory.begin(), memory.end(), keys.key.begin(), keys.key.end()) != memory.end();
  };
  auto* layer = new (memory.data()) RecordLayer(Suite::kAes256GcmSha384, keys, keys);
  EXPECT_TRUE(has_key());
  layer->~RecordLayer();
  EXPECT_FALSE(has_key());
  EXPECT_EQ(std::search_n(memory.begin(), memory.end(), 8, 's'), memory.end()) << "the secret";
}

TEST(Suites, AreFoundByTheirCodePoints) {
  EXPECT_EQ(find_suite(0x1302), Suite::kAes256GcmSha384);
  EXPECT_EQ(find_suite(0x1304), std::nullopt) << "CCM: not ours";
  EXPECT_EQ(find_suite(0xc02b), std::nullopt);
}

}  // namespace
}  // namespace berth::tls
