// Small text helpers for ASCII protocols. None allocates unless it returns a string.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace berth {

std::vector<std::string_view> split(std::string_view text, char separator);  // keeps empty parts
std::string_view trim(std::string_view text);                                // space, tab, CR, LF
bool equal_ignoring_case(std::string_view a, std::string_view b);            // ASCII
std::string to_lower(std::string_view text);                                 // ASCII
std::optional<std::int64_t> parse_integer(std::string_view text);            // whole text, base 10

// RFC 3986 section 2.1. Decoding refuses cut or foreign escapes; '+' stays '+'.
std::string percent_encode(std::string_view text);  // all but unreserved characters
std::optional<std::string> percent_decode(std::string_view text);

// Value of `name` in a query "a=1&b=2" (no leading '?'), decoded, '+' as space; nullopt if absent.
std::optional<std::string> find_query_argument(std::string_view query, std::string_view name);

bool is_valid_utf8(std::string_view text);  // RFC 3629, no surrogates, no overlong forms

}  // namespace berth
