// What scanners find: our settings beside Mozilla's "intermediate", version 5.7. A scanner that is not installed is skipped.
#include <array>
#include <cstdio>

#include "base/text.h"
#include "webserver/testing/installed.h"
#include "webserver/testing/peers.h"

namespace berth::webserver::testing {
namespace {

std::string output_of(const std::string& command) {
  FILE* pipe = ::popen(command.c_str(), "r");
  if (!pipe) throw std::runtime_error("popen");
  std::string text;
  std::array<char, 65536> part{};
  while (const auto got = std::fread(part.data(), 1, part.size(), pipe)) text.append(part.data(), got);
  ::pclose(pipe);
  return text;
}

// The words after `label` in its line, separated by one blank; empty if no line begins so.
std::string line_of(const std::string& text, std::string_view label) {
  for (const auto line : split(text, '\n')) {
    const auto at = line.find(label);
    if (at == line.npos || line.find_first_not_of(' ') != at) continue;
    std::string words;
    for (const auto word : split(line.substr(at + label.size()), ' '))
      if (!word.empty()) words += (words.empty() ? "" : " ") + std::string(word);
    return words;
  }
  return "";
}

// ECDSA and RSA for the same name.
struct Site {
  TestServer server{{.tls = true}};
  Site() { server.set_certificates({make_certificate("localhost"), make_rsa_certificate("localhost")}); }
  std::string address() const { return fmt::format("localhost:{}", server.https()); }
};

TEST(TlsScanners, SslscanFindsVersionsAndSuitesOfIntermediateAndNoOthers) {
  if (!is_installed("sslscan")) GTEST_SKIP() << "sslscan is not installed";
  const Site site;
  const auto found = output_of("sslscan --ipv4 --no-colour " + site.address());
  SCOPED_TRACE(found);
  for (const auto* version : {"SSLv2", "SSLv3", "TLSv1.0", "TLSv1.1"})
    EXPECT_EQ(line_of(found, version), "disabled") << version;
  EXPECT_EQ(line_of(found, "TLSv1.2 "), "enabled");
  EXPECT_EQ(line_of(found, "TLSv1.3 "), "enabled");
  EXPECT_NE(found.find("Server supports TLS Fallback SCSV"), found.npos);
  EXPECT_NE(found.find("Session renegotiation not supported"), found.npos);
  std::set<std::string> suites;
  for (const auto line : split(found, '\n'))
    if (line.starts_with("Preferred ") || line.starts_with("Accepted "))
      for (const auto word : split(line, ' '))
        if (word.starts_with("TLS_") || word.find("DHE-") != word.npos) suites.emplace(word);
  const std::set<std::string> intermediate = {
      "TLS_AES_128_GCM_SHA256",        "TLS_AES_256_GCM_SHA384",        "TLS_CHACHA20_POLY1305_SHA256",
      "ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256",   "ECDHE-ECDSA-AES256-GCM-SHA384",
      "ECDHE-RSA-AES256-GCM-SHA384",   "ECDHE-ECDSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305",
      "DHE-RSA-AES128-GCM-SHA256",     "DHE-RSA-AES256-GCM-SHA384",     "DHE-RSA-CHACHA20-POLY1305"};
  EXPECT_EQ(suites, intermediate);
}

TEST(TlsScanners, TestsslFindsNothingWeak) {
  if (!is_installed("testssl")) GTEST_SKIP() << "testssl is not installed";
  const Site site;
  // Versions, kinds of ciphers, renegotiation, compression, Heartbleed, CCS injection, Ticketbleed. All of its checks take minutes.
  const auto found =
      output_of("testssl --color 0 --warnings off --ip one -p -s -R -C -H -I -T " + site.address() + " 2>&1");
  SCOPED_TRACE(found);
  for (const auto* label : {"SSLv2", "SSLv3", "TLS 1 ", "TLS 1.1 ", "NULL ciphers (no encryption)",
                            "Anonymous NULL Ciphers (no authentication)", "Export ciphers (w/o ADH+NULL)",
                            "LOW: 64 Bit + DES, RC[2,4] (w/o export)", "Triple DES Ciphers / IDEA",
                            "Obsolete CBC ciphers (AES, ARIA etc.)"})
    EXPECT_TRUE(line_of(found, label).starts_with("not offered")) << label;
  for (const auto* label : {"TLS 1.2 ", "TLS 1.3 ", "Strong encryption (AEAD ciphers)"})
    EXPECT_TRUE(line_of(found, label).starts_with("offered (OK)")) << label;
  for (const auto* label :
       {"Heartbleed (CVE-2014-0160)", "CCS (CVE-2014-0224)", "Ticketbleed (CVE-2016-9244), experiment.",
        "Secure Client-Initiated Renegotiation", "CRIME, TLS (CVE-2012-4929)"})
    EXPECT_TRUE(line_of(found, label).starts_with("not vulnerable (OK)")) << label;
  EXPECT_EQ(line_of(found, "Secure Renegotiation (RFC 5746)"), "supported (OK)");
}

}  // namespace
}  // namespace berth::webserver::testing
