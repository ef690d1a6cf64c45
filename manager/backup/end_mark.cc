#include "manager/backup/end_mark.h"

#include <openssl/evp.h>

#include <algorithm>

#include "base/result.h"

namespace berth::manager {
namespace {
constexpr std::string_view kMagic = "BERTHEND";
}

std::string format_end_mark(const EndMark& mark) {
  std::string bytes(kMagic);
  for (int i = 0; i < 8; ++i) bytes += static_cast<char>(mark.length >> (8 * i) & 0xff);
  bytes += as_text(mark.sha256);
  return bytes;
}

std::optional<EndMark> parse_end_mark(std::string_view bytes) {
  if (bytes.size() != kEndMarkBytes || !bytes.starts_with(kMagic)) return std::nullopt;
  EndMark mark{};
  for (int i = 0; i < 8; ++i)
    mark.length |=
        static_cast<std::uint64_t>(static_cast<unsigned char>(bytes[8 + static_cast<std::size_t>(i)]))
        << (8 * i);
  std::ranges::copy(as_bytes(bytes.substr(16)), mark.sha256.begin());
  return mark;
}

RunningSha256::RunningSha256() : context_(EVP_MD_CTX_new()) {
  BERTH_CHECK(context_ && EVP_DigestInit_ex(static_cast<EVP_MD_CTX*>(context_), EVP_sha256(), nullptr) == 1);
}
RunningSha256::~RunningSha256() { EVP_MD_CTX_free(static_cast<EVP_MD_CTX*>(context_)); }
void RunningSha256::add(std::string_view bytes) {
  BERTH_CHECK(EVP_DigestUpdate(static_cast<EVP_MD_CTX*>(context_), bytes.data(), bytes.size()) == 1);
}
Sha256 RunningSha256::finish() {
  Sha256 hash;
  BERTH_CHECK(EVP_DigestFinal_ex(static_cast<EVP_MD_CTX*>(context_), hash.data(), nullptr) == 1);
  return hash;
}

}  // namespace berth::manager
