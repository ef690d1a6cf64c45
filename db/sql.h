// SQL text: quoting, and the arguments of a statement.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"

namespace berth::db {

// "name" with inner quotes doubled, for identifiers that come from outside. Zero bytes are refused
// by BERTH_CHECK: check names before.
std::string quote_identifier(std::string_view name);
// 'text', or E'te\\xt' where backslashes occur; for the few statements that take no arguments (DDL).
std::string quote_literal(std::string_view text);

// `sql` for a log: what stands between quotes ('…', $$…$$) may be a password and becomes '…'; cut after `limit` bytes.
std::string mask_literals(std::string_view sql, std::size_t limit = 200);

// One argument $n. The server infers the type from the statement; add a cast ($1::int) where it
// cannot. Holds its own copy.
class Argument {
 public:
  Argument(std::nullptr_t) {}                              // NOLINT: implicit on purpose
  Argument(std::nullopt_t) {}                              // NOLINT
  Argument(std::string text) : value_(std::move(text)) {}  // NOLINT
  Argument(std::string_view text) : value_(text) {}        // NOLINT
  Argument(const char* text) : value_(text) {}             // NOLINT
  Argument(bool value) : value_(value ? "t" : "f") {}      // NOLINT
  Argument(Bytes bytes);                                   // NOLINT: bytea
  Argument(ByteView bytes);                                // NOLINT
  Argument(double value);                                  // NOLINT: shortest exact form
  template <std::integral T>
    requires(!std::same_as<T, bool>)
  Argument(T value) : value_(std::to_string(value)) {}  // NOLINT
  template <class T>
  Argument(const std::optional<T>& value) {  // NOLINT
    if (value) *this = Argument(*value);
  }

  bool is_null() const { return !value_; }
  bool is_binary() const { return binary_; }
  const std::string& value() const { return *value_; }

 private:
  std::optional<std::string> value_;
  bool binary_ = false;
};

// One statement with its arguments.
struct Statement {
  std::string sql;
  std::vector<Argument> arguments;
  // True: running it twice does no harm (SELECT, idempotent UPDATE), so it is repeated when the
  // connection is lost after it was sent.
  bool safe_to_repeat = false;
  // True: values come as the server's binary form; for bytea without the hex detour.
  bool binary_result = false;
};

}  // namespace berth::db
