// What a statement gave back.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "base/bytes.h"
#include "base/result.h"

struct pg_result;

namespace berth::db {

namespace detail {
struct ClearResult {
  void operator()(pg_result* result) const;
};
template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};
}  // namespace detail

class Row;

// Owns the result of one statement; moved, not copied. May be read by several tasks.
class Rows {
 public:
  Rows() = default;
  explicit Rows(pg_result* result) : result_(result) {}

  std::size_t size() const;
  bool empty() const { return size() == 0; }
  // Rows that INSERT, UPDATE, DELETE, MERGE, COPY touched; rows that SELECT gave.
  std::int64_t affected() const;
  std::size_t column_count() const;
  std::string_view column_name(std::size_t column) const;
  // nullopt if there is no such column.
  std::optional<std::size_t> find_column(std::string_view name) const;
  // Type oid of a column (pg_type.oid), for programs that do not know their statement.
  std::uint32_t column_type(std::size_t column) const;

  // Borrows from this until it goes. `row` < size().
  Row operator[](std::size_t row) const;
  Row front() const;  // the first; Failure(kNotFound) if there is none

  class Iterator;
  Iterator begin() const;
  Iterator end() const;

  pg_result* get() const { return result_.get(); }

 private:
  std::unique_ptr<pg_result, detail::ClearResult> result_;
};

// One row of a Rows that outlives it.
//
// get<T>(column): T is std::string, std::string_view (lives as long as the Rows), bool, an integer,
// double, Bytes (bytea), or std::optional of one of these for columns that may be null. Column by
// position from 0 or by name. Throws Failure(kFailed) on null without optional, on a name that is
// not there, and kMalformed on a value that is not a T.
class Row {
 public:
  Row(const Rows& rows, std::size_t row) : rows_(&rows), row_(row) {}

  bool is_null(std::size_t column) const;
  bool is_null(std::string_view column) const { return is_null(position(column)); }
  std::string_view text(std::size_t column) const;  // as the server wrote it; empty for null
  std::string_view text(std::string_view column) const { return text(position(column)); }

  template <class T>
  T get(std::size_t column) const {
    if constexpr (detail::IsOptional<T>::value) {
      if (is_null(column)) return std::nullopt;
      return get<typename T::value_type>(column);
    } else {
      require_value(column);
      if constexpr (std::is_same_v<T, std::string>) return std::string(text(column));
      else if constexpr (std::is_same_v<T, std::string_view>) return text(column);
      else if constexpr (std::is_same_v<T, bool>) return to_bool(column);
      else if constexpr (std::is_same_v<T, Bytes>) return to_bytes(column);
      else if constexpr (std::is_floating_point_v<T>) return static_cast<T>(to_double(column));
      else if constexpr (std::is_unsigned_v<T>)
        return static_cast<T>(to_unsigned(column, std::numeric_limits<T>::max()));
      else
        return static_cast<T>(
            to_integer(column, std::numeric_limits<T>::min(), std::numeric_limits<T>::max()));
    }
  }
  template <class T>
  T get(std::string_view column) const {
    return get<T>(position(column));
  }

 private:
  std::size_t position(std::string_view column) const;
  void require_value(std::size_t column) const;
  bool to_bool(std::size_t column) const;
  std::int64_t to_integer(std::size_t column, std::int64_t lowest, std::int64_t highest) const;
  std::uint64_t to_unsigned(std::size_t column, std::uint64_t highest) const;
  double to_double(std::size_t column) const;
  Bytes to_bytes(std::size_t column) const;

  const Rows* rows_;
  std::size_t row_;
};

class Rows::Iterator {
 public:
  Iterator(const Rows& rows, std::size_t row) : rows_(&rows), row_(row) {}
  Row operator*() const { return Row(*rows_, row_); }
  Iterator& operator++() {
    ++row_;
    return *this;
  }
  bool operator==(const Iterator& other) const { return row_ == other.row_; }

 private:
  const Rows* rows_;
  std::size_t row_;
};

}  // namespace berth::db
