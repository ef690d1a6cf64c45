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

Argument::Argument(Bytes bytes) : Argument(ByteView(bytes)) {}

Argument::Argument(ByteView bytes) : value_(as_text(bytes)), binary_(true) {}

Argument::Argument(double value) {
  if (std::isnan(value)) value_ = "NaN";
  else if (std::isinf(value)) value_ = value > 0 ? "Infinity" : "-Infinity";
  else value_ = fmt::format("{}", value);
}

}  // namespace berth::db
