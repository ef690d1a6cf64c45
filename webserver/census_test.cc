#include "webserver/census.h"

#include <arpa/inet.h>

#include <map>
#include <random>
#include <vector>

namespace berth::webserver {
namespace {

PeerKey key_of(const char* text) {
  sockaddr_storage address{};
  auto* v4 = reinterpret_cast<sockaddr_in*>(&address);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&address);
  if (::inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
    address.ss_family = AF_INET;
  } else {
    address.ss_family = AF_INET6;
    EXPECT_EQ(::inet_pton(AF_INET6, text, &v6->sin6_addr), 1);
  }
  return PeerKey::of(address);
}

TEST(PeerKey, IsAnIpv4AddressOrAnIpv6Network) {
  EXPECT_EQ(key_of("192.0.2.1"), key_of("::ffff:192.0.2.1"));
  EXPECT_FALSE(key_of("192.0.2.1") == key_of("192.0.2.2"));
  EXPECT_EQ(key_of("2001:db8:1:2::1"), key_of("2001:db8:1:2:ffff::9"));
  EXPECT_FALSE(key_of("2001:db8:1:2::1") == key_of("2001:db8:1:3::1"));
}

TEST(Census, CountsInAllAndOfEachPeer) {
  Census census;
  const auto a = key_of("192.0.2.1"), b = key_of("192.0.2.2"), c = key_of("192.0.2.3");
  Census::Mark mark_of_a = 0;
  const auto verdict = [&](const PeerKey& peer) {
    const auto entry = census.enter(peer, 3, 2);
    if (peer == a && entry.verdict == Census::Verdict::kWelcome) mark_of_a = entry.mark;
    return entry.verdict;
  };
  EXPECT_EQ(verdict(a), Census::Verdict::kWelcome);
  EXPECT_EQ(verdict(a), Census::Verdict::kWelcome);
  EXPECT_EQ(verdict(a), Census::Verdict::kPeerFull);
  EXPECT_EQ(verdict(b), Census::Verdict::kWelcome);
  EXPECT_EQ(verdict(c), Census::Verdict::kFull);
  census.leave(mark_of_a);
  EXPECT_EQ(verdict(c), Census::Verdict::kWelcome);
  EXPECT_EQ(census.connections(), 3U);
}

TEST(Census, CountsManyPeersThatComeAndGoInAnyOrder) {
  Census census(7);
  std::mt19937 random(1);
  std::map<std::uint64_t, std::vector<Census::Mark>> open;
  std::uint64_t total = 0;
  for (int i = 0; i < 200000; ++i) {
    const PeerKey peer{random() % 3000, false};
    // Comes in the first half, goes in the second.
    if (random() % 10 < (i < 100000 ? 7U : 3U)) {
      const auto entry = census.enter(peer, 1 << 30, 20);
      auto& marks = open[peer.prefix];
      ASSERT_EQ(entry.verdict, marks.size() < 20 ? Census::Verdict::kWelcome : Census::Verdict::kPeerFull);
      if (entry.verdict != Census::Verdict::kWelcome) continue;
      marks.push_back(entry.mark);
      ++total;
    } else if (auto& marks = open[peer.prefix]; !marks.empty()) {
      census.leave(marks.back());
      marks.pop_back();
      --total;
    }
    ASSERT_EQ(census.connections(), total);
  }
  for (auto& [peer, marks] : open)
    for (const auto mark : marks) census.leave(mark);
  EXPECT_EQ(census.connections(), 0U);
  EXPECT_EQ(census.peers(), 0U);
}

TEST(Census, CostsAtMostTwelveBytesAPeerAndGivesThemBack) {
  constexpr std::size_t kPage = 4096;
  Census census(7);
  std::vector<Census::Mark> marks;
  for (std::uint64_t peer = 1; peer <= 20000; ++peer) {
    marks.push_back(census.enter({peer, true}, 1 << 30, 20).mark);
    ASSERT_LE(census.bytes(), kPage + 12 * peer);
  }
  for (const auto mark : marks) census.leave(mark);
  EXPECT_EQ(census.bytes(), kPage);
}

}  // namespace
}  // namespace berth::webserver
