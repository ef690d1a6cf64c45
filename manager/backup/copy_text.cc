#include "manager/backup/copy_text.h"

namespace berth::manager {
namespace {

int digit_of(char c, int base) {
  const int value = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : 99;
  return value < base ? value : -1;
}

std::string without_escapes(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    const char c = text[++i];
    const int base = c == 'x' ? 16 : 8;
    std::size_t at = c == 'x' ? i + 1 : i;
    const std::size_t most = at + (c == 'x' ? 2 : 3);
    int value = 0;
    std::size_t digits = 0;
    for (; at < text.size() && at < most && digit_of(text[at], base) >= 0; ++at, ++digits)
      value = value * base + digit_of(text[at], base);
    if (digits > 0) {
      out += static_cast<char>(value);
      i = at - 1;
      continue;
    }
    switch (c) {
      case 'b': out += '\b'; break;
      case 'f': out += '\f'; break;
      case 'n': out += '\n'; break;
      case 'r': out += '\r'; break;
      case 't': out += '\t'; break;
      case 'v': out += '\v'; break;
      default: out += c;
    }
  }
  return out;
}

}  // namespace

std::optional<std::string> find_copied_row(std::string_view sql) {
  const auto copy = sql.starts_with("COPY ") ? 0 : sql.find("\nCOPY ");
  if (copy == std::string_view::npos) return std::nullopt;
  const auto head_end = sql.find(" FROM stdin;\n", copy);
  if (head_end == std::string_view::npos) return std::nullopt;
  const auto begin = head_end + std::string_view(" FROM stdin;\n").size();
  const auto end = sql.find('\n', begin);
  if (end == std::string_view::npos) return std::nullopt;
  const auto row = sql.substr(begin, end - begin);
  if (row == "\\." || row == "\\N") return std::nullopt;
  return without_escapes(row);
}

}  // namespace berth::manager
