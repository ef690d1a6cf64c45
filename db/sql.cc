#include "db/sql.h"

#include <fmt/format.h>

#include <cmath>

#include "base/result.h"

namespace berth::db {
namespace {

std::string quote(std::string_view text, char mark) {
  BERTH_CHECK(text.find('\0') == std::string_view::npos);
  std::string quoted(1, mark);
  for (const char c : text) {
    if (c == mark) quoted += c;
    quoted += c;
  }
  quoted += mark;
  return quoted;
}

}  // namespace

std::string quote_identifier(std::string_view name) { return quote(name, '"'); }

std::string quote_literal(std::string_view text) {
  if (text.find('\\') == std::string_view::npos) return quote(text, '\'');
  std::string doubled;
  for (const char c : text) {
    if (c == '\\') doubled += c;
    doubled += c;
  }
  return 'E' + quote(doubled, '\'');
}

std::string mask_literals(std::string_view sql, std::size_t limit) {
  std::string text;
  for (std::size_t at = 0; at < sql.size() && text.size() < limit;) {
    const char c = sql[at];
    if (c == '\'') {
      // Up to the closing quote; doubled ones and, to be safe in E'…', escaped ones do not close.
      for (++at; at < sql.size(); ++at) {
        if (sql[at] == '\\') ++at;
        else if (sql[at] == '\'' && sql.substr(at + 1, 1) == "'") ++at;
        else if (sql[at] == '\'') break;
      }
      ++at;
      text += "'…'";
      continue;
    }
    if (c == '$') {
      const auto end = sql.find('$', at + 1);
      const auto tag = end == std::string_view::npos ? std::string_view() : sql.substr(at, end + 1 - at);
      // $1 is an argument, $$ and $word$ begin a text.
      if (!tag.empty() && (tag.size() == 2 || !(tag[1] >= '0' && tag[1] <= '9')) &&
          tag.find_first_of(" \n\t(),;'\"=") == std::string_view::npos) {
        const auto close = sql.find(tag, end + 1);
        at = close == std::string_view::npos ? sql.size() : close + tag.size();
        text += "'…'";
        continue;
      }
    }
    text += c;
    ++at;
  }
  return text;
}

Argument::Argument(Bytes bytes) : Argument(ByteView(bytes)) {}

Argument::Argument(ByteView bytes) : value_(as_text(bytes)), binary_(true) {}

Argument::Argument(double value) {
  if (std::isnan(value)) value_ = "NaN";
  else if (std::isinf(value)) value_ = value > 0 ? "Infinity" : "-Infinity";
  else value_ = fmt::format("{}", value);
}

}  // namespace berth::db
