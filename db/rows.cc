#include "db/rows.h"

#include <libpq-fe.h>

#include <charconv>
#include <cstdlib>

#include "base/text.h"

namespace berth::db {

void detail::ClearResult::operator()(pg_result* result) const { PQclear(result); }

std::size_t Rows::size() const { return result_ ? static_cast<std::size_t>(PQntuples(result_.get())) : 0; }

std::int64_t Rows::affected() const {
  if (!result_) return 0;
  return parse_integer(PQcmdTuples(result_.get())).value_or(0);
}

std::size_t Rows::column_count() const {
  return result_ ? static_cast<std::size_t>(PQnfields(result_.get())) : 0;
}

std::string_view Rows::column_name(std::size_t column) const {
  BERTH_CHECK(column < column_count());
  return PQfname(result_.get(), static_cast<int>(column));
}

std::optional<std::size_t> Rows::find_column(std::string_view name) const {
  for (std::size_t column = 0; column < column_count(); ++column)
    if (column_name(column) == name) return column;
  return std::nullopt;
}

std::uint32_t Rows::column_type(std::size_t column) const {
  BERTH_CHECK(column < column_count());
  return PQftype(result_.get(), static_cast<int>(column));
}

Row Rows::operator[](std::size_t row) const {
  BERTH_CHECK(row < size());
  return Row(*this, row);
}

Row Rows::front() const {
  if (empty()) throw_failure(Errc::kNotFound, "the statement gave no row");
  return Row(*this, 0);
}

Rows::Iterator Rows::begin() const { return {*this, 0}; }
Rows::Iterator Rows::end() const { return {*this, size()}; }

bool Row::is_null(std::size_t column) const {
  BERTH_CHECK(column < rows_->column_count());
  return PQgetisnull(rows_->get(), static_cast<int>(row_), static_cast<int>(column));
}

std::string_view Row::text(std::size_t column) const {
  BERTH_CHECK(column < rows_->column_count());
  const int row = static_cast<int>(row_), at = static_cast<int>(column);
  return {PQgetvalue(rows_->get(), row, at), static_cast<std::size_t>(PQgetlength(rows_->get(), row, at))};
}

std::size_t Row::position(std::string_view column) const {
  const auto found = rows_->find_column(column);
  if (!found) throw_failure(Errc::kFailed, "the result has no column {}", column);
  return *found;
}

void Row::require_value(std::size_t column) const {
  if (is_null(column)) throw_failure(Errc::kFailed, "column {} is null", rows_->column_name(column));
}

bool Row::to_bool(std::size_t column) const {
  const auto value = text(column);
  if (value == "t") return true;
  if (value == "f") return false;
  throw_failure(Errc::kMalformed, "column {} is not a truth value", rows_->column_name(column));
}

std::int64_t Row::to_integer(std::size_t column, std::int64_t lowest, std::int64_t highest) const {
  const auto value = parse_integer(text(column));
  if (!value || *value < lowest || *value > highest)
    throw_failure(Errc::kMalformed, "column {} is not an integer from {} to {}", rows_->column_name(column),
                  lowest, highest);
  return *value;
}

std::uint64_t Row::to_unsigned(std::size_t column, std::uint64_t highest) const {
  const auto value = text(column);
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (error != std::errc() || end != value.data() + value.size() || number > highest)
    throw_failure(Errc::kMalformed, "column {} is not an integer from 0 to {}", rows_->column_name(column),
                  highest);
  return number;
}

double Row::to_double(std::size_t column) const {
  const std::string value(text(column));
  char* end = nullptr;
  const double number = std::strtod(value.c_str(), &end);
  if (value.empty() || *end)
    throw_failure(Errc::kMalformed, "column {} is not a number", rows_->column_name(column));
  return number;
}

Bytes Row::to_bytes(std::size_t column) const {
  const auto value = text(column);
  if (PQfformat(rows_->get(), static_cast<int>(column)) == 1) {
    const auto bytes = as_bytes(value);
    return Bytes(bytes.begin(), bytes.end());
  }
  // The hex form of bytea (PostgreSQL, "Binary Data Types"); bytea_output=escape is never asked for.
  if (value.starts_with("\\x"))
    if (auto bytes = parse_hex(value.substr(2))) return std::move(*bytes);
  throw_failure(Errc::kMalformed, "column {} is not bytea", rows_->column_name(column));
}

}  // namespace berth::db
