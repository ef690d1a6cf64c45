#include "manager/crashes/redactor.h"

#include <algorithm>
#include <array>

#include "base/bytes.h"
#include "base/text.h"
#include "wire/json/json.h"

namespace berth::manager {
namespace {

std::uint64_t beginning(std::string_view text) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < Redactor::kShortest; ++i)
    value = value << 8 | static_cast<unsigned char>(text[i]);
  return value;
}

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

// Of what is called so, the value is removed.
constexpr std::array<std::string_view, 13> kNames = {
    "password", "passwd",  "secret",     "token",  "authorization", "cookie",     "apikey",
    "api_key",  "api-key", "passphrase", "digest", "grant",         "session_key"};

bool is_secret_name(std::string_view name) {
  const auto lower = to_lower(name);
  return std::any_of(kNames.begin(), kNames.end(),
                     [&lower](std::string_view word) { return lower.ends_with(word); });
}

// Where the value that begins at `at` ends; quoted ones with their quotes.
std::size_t end_of_value(std::string_view text, std::size_t at) {
  if (at < text.size() && (text[at] == '"' || text[at] == '\'')) {
    const char quote = text[at];
    for (std::size_t i = at + 1; i < text.size(); ++i) {
      if (text[i] == '\\') ++i;
      else if (text[i] == quote) return i + 1;
    }
    return text.size();
  }
  while (at < text.size() && text[at] != '\n' && text[at] != ' ' && text[at] != '\t' && text[at] != ',' &&
         text[at] != ';' && text[at] != '&' && text[at] != '}' && text[at] != ')')
    ++at;
  return at;
}

// "password=x", "\"token\": \"x\"", "Authorization: Basic x"
std::string remove_called(std::string_view text, std::uint64_t& found) {
  std::string out;
  std::size_t kept = 0;
  for (std::size_t at = 0; at < text.size();) {
    if (!is_word(text[at])) {
      ++at;
      continue;
    }
    const std::size_t begin = at;
    while (at < text.size() && is_word(text[at])) ++at;
    const auto name = text.substr(begin, at - begin);
    std::size_t value = at;
    if (value < text.size() && text[value] == '"') ++value;
    while (value < text.size() && text[value] == ' ') ++value;
    if (value >= text.size() || (text[value] != '=' && text[value] != ':') || !is_secret_name(name)) continue;
    ++value;
    while (value < text.size() && text[value] == ' ') ++value;
    std::size_t end = end_of_value(text, value);
    // "Basic abc": the scheme and what it is for.
    const auto word = to_lower(text.substr(value, end - value));
    if (word == "basic" || word == "bearer" || word == "digest")
      end = std::min(text.find('\n', value), text.size());
    // "secret":true is no secret.
    if (word.empty() || word == Redactor::kMark || word == "true" || word == "false" || word == "null")
      continue;
    const bool is_quoted = text[value] == '"' || text[value] == '\'';
    if (is_quoted && end - value <= 2) {  // empty
      at = end;
      continue;
    }
    out += text.substr(kept, value - kept);
    if (is_quoted) out += text[value];
    out += Redactor::kMark;
    if (is_quoted) out += text[value];
    kept = at = end;
    ++found;
  }
  out += text.substr(kept);
  return out;
}

std::string remove_keys(std::string text, std::uint64_t& found) {
  constexpr std::string_view kBegin = "-----BEGIN ", kEnd = "-----END ";
  for (std::size_t at = 0; (at = text.find(kBegin, at)) != std::string::npos;) {
    const auto line_end = text.find("-----", at + kBegin.size());
    const auto head = text.substr(at, line_end == std::string::npos ? std::string::npos : line_end - at);
    if (head.find("PRIVATE KEY") == std::string::npos) {
      at += kBegin.size();
      continue;
    }
    const auto end = text.find(kEnd, at);
    const auto close = end == std::string::npos ? std::string::npos : text.find("-----", end + kEnd.size());
    text.replace(at, close == std::string::npos ? std::string::npos : close + 5 - at, Redactor::kMark);
    at += Redactor::kMark.size();
    ++found;
  }
  return text;
}

// "https://user:pass@host/": the part before the '@'.
std::string remove_users(std::string_view text, std::uint64_t& found) {
  std::string out;
  std::size_t kept = 0;
  for (std::size_t at = 0; (at = text.find("://", at)) != std::string_view::npos;) {
    at += 3;
    std::size_t end = at;
    while (end < text.size() && std::string_view(" \t\n/\"'<>?#").find(text[end]) == std::string_view::npos)
      ++end;
    const auto sign = text.substr(at, end - at).rfind('@');
    if (sign == std::string_view::npos) continue;
    out += text.substr(kept, at - kept);
    out += Redactor::kMark;
    kept = at + sign;
    ++found;
  }
  out += text.substr(kept);
  return out;
}

}  // namespace

Redactor::~Redactor() {
  for (auto& secret : secrets_) erase_secret(secret);
}

void Redactor::add_one(std::string_view text) {
  if (text.size() < kShortest) return;
  const auto [first, last] = by_beginning_.equal_range(beginning(text));
  for (auto it = first; it != last; ++it)
    if (secrets_[it->second] == text) return;
  by_beginning_.emplace(beginning(text), secrets_.size());
  secrets_.emplace_back(text);
}

void Redactor::add(std::string_view secret) {
  add_one(secret);
  if (secret.size() < kShortest) return;
  std::string quoted;
  json::append_string(quoted, secret);
  add_one(std::string_view(quoted).substr(1, quoted.size() - 2));
  add_one(percent_encode(secret));
  const std::string hex = format_hex(as_bytes(secret));
  add_one(hex);
  // Base64 of it alone, and without the padding and the last letters, which depend on what follows.
  std::string base64 = format_base64(as_bytes(secret));
  while (base64.ends_with('=')) base64.pop_back();
  add_one(base64);
}

std::string Redactor::remove_known(std::string_view text, std::uint64_t& found) const {
  if (secrets_.empty() || text.size() < kShortest) return std::string(text);
  std::string out;
  std::size_t kept = 0;
  constexpr std::uint64_t kMask = (std::uint64_t{1} << (8 * kShortest)) - 1;
  std::uint64_t window = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    window = (window << 8 | static_cast<unsigned char>(text[at])) & kMask;
    if (at + 1 < kept + kShortest) continue;
    const std::size_t begin = at + 1 - kShortest;
    std::size_t longest = 0;
    const auto [first, last] = by_beginning_.equal_range(window);
    for (auto it = first; it != last; ++it) {
      const auto& secret = secrets_[it->second];
      if (secret.size() > longest && text.substr(begin, secret.size()) == secret) longest = secret.size();
    }
    if (longest == 0) continue;
    out += text.substr(kept, begin - kept);
    out += kMark;
    kept = begin + longest;
    at = kept - 1;
    ++found;
  }
  out += text.substr(kept);
  return out;
}

std::string Redactor::redact(std::string_view text, std::uint64_t* found) const {
  std::uint64_t count = 0;
  auto clean = remove_keys(remove_known(text, count), count);
  clean = remove_called(remove_users(clean, count), count);
  if (found) *found += count;
  return clean;
}

std::string redact_url(std::string_view url) {
  const auto scheme = url.find("://");
  if (scheme == std::string_view::npos) return std::string(url);
  const auto host_begin = scheme + 3;
  const auto host_end = std::min(url.find_first_of("/?#", host_begin), url.size());
  auto host = url.substr(host_begin, host_end - host_begin);
  if (const auto sign = host.rfind('@'); sign != std::string_view::npos) host.remove_prefix(sign + 1);
  const bool has_more = host_end < url.size() && url.substr(host_end) != "/";
  return std::string(url.substr(0, host_begin)) + std::string(host) + (has_more ? "/[removed]" : "");
}

}  // namespace berth::manager
