// Takes secrets out of texts that leave the platform.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace berth::manager {

// Two nets: secrets that are known, wherever and in whatever usual spelling they stand, and values that a text itself calls secret.
// A value; what it knows is erased when it goes.
class Redactor {
 public:
  static constexpr std::size_t kShortest = 6;  // shorter secrets would take words out of every text
  static constexpr std::string_view kMark = "[removed]";

  Redactor() = default;
  Redactor(Redactor&&) = default;
  ~Redactor();

  // Knows `secret` from now on, also as JSON, percent-encoded, in hexadecimal and in Base64.
  void add(std::string_view secret);
  std::size_t size() const { return secrets_.size(); }

  // `text` without what is secret: known secrets; values after "password", "token" and the like; user and query of URLs;
  // private keys. `found`: gets the number of places.
  std::string redact(std::string_view text, std::uint64_t* found = nullptr) const;

 private:
  void add_one(std::string_view text);
  std::string remove_known(std::string_view text, std::uint64_t& found) const;

  std::vector<std::string> secrets_;
  std::unordered_multimap<std::uint64_t, std::size_t> by_beginning_;  // the first kShortest bytes
};

// A URL without user, password, query and fragment, and without its path where that is a secret, too (webhooks).
std::string redact_url(std::string_view url);

}  // namespace berth::manager
