#include "cli/table.h"

#include <numeric>

#include "base/result.h"

namespace berth::cli {
namespace {

constexpr std::size_t kGap = 2;
constexpr std::size_t kNarrowest = 6;  // of a column that was cut

bool starts_character(char byte) { return (static_cast<unsigned char>(byte) & 0xc0) != 0x80; }

std::string_view escape_of(Style style) {
  switch (style) {
    case Style::kPlain: return "";
    case Style::kGood: return "\x1b[32m";
    case Style::kBusy: return "\x1b[33m";
    case Style::kBad: return "\x1b[31m";
    case Style::kDim: return "\x1b[2m";
    case Style::kStrong: return "\x1b[1m";
  }
  return "";
}

}  // namespace

std::size_t display_width(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), starts_character));
}

std::string cut_to_width(std::string_view text, std::size_t width) {
  if (display_width(text) <= width) return std::string(text);
  if (width == 0) return {};
  std::size_t end = 0;
  for (std::size_t characters = 0; end < text.size(); ++end)
    if (starts_character(text[end]) && characters++ == width - 1) break;
  return std::string(text.substr(0, end)) + "…";
}

std::string paint(std::string_view text, Style style, bool color) {
  const auto escape = escape_of(style);
  if (!color || escape.empty() || text.empty()) return std::string(text);
  return fmt::format("{}{}\x1b[0m", escape, text);
}

std::string printable(std::string_view text) {
  std::string clean;
  clean.reserve(text.size());
  for (const char byte : text) {
    const auto code = static_cast<unsigned char>(byte);
    if (code == '\t') clean += ' ';
    else if (code >= 0x20 && code != 0x7f) clean += byte;
  }
  return clean;
}

void Table::add(std::vector<Cell> row) {
  BERTH_CHECK(row.size() == columns_.size());
  for (auto& cell : row) cell.text = printable(cell.text);
  rows_.push_back(std::move(row));
}

std::vector<std::size_t> Table::fit(std::size_t width) const {
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    widths.push_back(display_width(columns_[i].title));
    for (const auto& row : rows_) widths[i] = std::max(widths[i], display_width(row[i].text));
  }
  if (width == 0) return widths;
  const auto total = [&] {
    return std::accumulate(widths.begin(), widths.end(), kGap * (widths.size() - 1));
  };
  while (total() > width) {
    // The widest of those that may shrink gives one.
    std::size_t widest = columns_.size();
    for (std::size_t i = 0; i < columns_.size(); ++i)
      if (columns_[i].may_shrink && widths[i] > kNarrowest &&
          (widest == columns_.size() || widths[i] > widths[widest]))
        widest = i;
    if (widest == columns_.size()) break;
    --widths[widest];
  }
  return widths;
}

std::string Table::format(std::size_t width, bool color) const {
  const auto widths = fit(width);
  std::string out;
  const auto write_row = [&](const auto& text_of, const auto& style_of) {
    std::string line;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      const std::string text = cut_to_width(text_of(i), widths[i]);
      const std::string padding(widths[i] - std::min(widths[i], display_width(text)), ' ');
      if (i > 0) line.append(kGap, ' ');
      if (columns_[i].is_number) line += padding;
      line += paint(text, style_of(i), color);
      if (!columns_[i].is_number && i + 1 < columns_.size()) line += padding;
    }
    out += line + '\n';
  };
  write_row([&](std::size_t i) { return std::string_view(columns_[i].title); },
            [](std::size_t) { return Style::kDim; });
  for (const auto& row : rows_)
    write_row([&](std::size_t i) { return std::string_view(row[i].text); },
              [&](std::size_t i) { return row[i].style; });
  return out;
}

}  // namespace berth::cli
