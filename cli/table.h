// Tables that fit the terminal.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace berth::cli {

enum class Style { kPlain, kGood, kBusy, kBad, kDim, kStrong };

struct Cell {
  Cell(std::string cell_text, Style cell_style = Style::kPlain)
      : text(std::move(cell_text)), style(cell_style) {}
  Cell(const char* cell_text) : text(cell_text) {}
  std::string text;
  Style style = Style::kPlain;
};

struct Column {
  std::string title;
  bool is_number = false;   // set to the right
  bool may_shrink = false;  // is cut with "…" if the table is too wide; else the table stays too wide
};

// Columns of the terminal that `text` (UTF-8) takes: one a character; combining ones count too.
std::size_t display_width(std::string_view text);
// At most `width` columns, the last then being "…".
std::string cut_to_width(std::string_view text, std::size_t width);
// Escape sequences of ECMA-48 around the text, if `color`.
std::string paint(std::string_view text, Style style, bool color);
// What came from elsewhere without control characters, which could drive the terminal.
std::string printable(std::string_view text);

class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
  // As many cells as columns.
  void add(std::vector<Cell> row);
  bool empty() const { return rows_.empty(); }
  // Title line and rows, each with a newline. `width` 0: as wide as it gets.
  std::string format(std::size_t width, bool color) const;

 private:
  std::vector<std::size_t> fit(std::size_t width) const;
  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace berth::cli
