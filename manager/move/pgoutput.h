// Messages of PostgreSQL's plug-in pgoutput, version 1 (PostgreSQL 15, "Logical Replication Message Formats"), without I/O.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"

namespace berth::manager::pgoutput {

struct Column {
  std::string name;
  bool is_key = false;  // part of what tells a row from the others
};

// A table, told before its first change and again after it has been altered.
struct Relation {
  std::uint32_t id = 0;
  std::string schema, name;
  char identity = 'd';  // d: primary key, n: nothing, f: all columns, i: an index
  std::vector<Column> columns;
};

struct Value {
  enum class Kind : std::uint8_t { kNull, kUnchanged, kText };
  Kind kind = Kind::kNull;  // kUnchanged: a large one that the change left as it was, and that is not told
  std::string text;
  bool operator==(const Value&) const = default;
};
using Tuple = std::vector<Value>;  // one for each column of the relation

struct Begin {};
struct Commit {
  std::uint64_t end = 0;  // place in the log behind the transaction
};
struct Insert {
  std::uint32_t relation = 0;
  Tuple row;
};
struct Update {
  std::uint32_t relation = 0;
  std::optional<Tuple> old;   // absent: the key is as in `row`
  bool is_old_whole = false;  // all columns, not the key's alone
  Tuple row;
};
struct Delete {
  std::uint32_t relation = 0;
  Tuple old;
  bool is_old_whole = false;
};
struct Truncate {
  std::vector<std::uint32_t> relations;
};
// Origin, type, logical message: nothing that we need.
struct Other {};

using Message = std::variant<Begin, Commit, Relation, Insert, Update, Delete, Truncate, Other>;

// kMalformed for what is cut off, too long or unknown.
Result<Message> parse(std::string_view bytes);

}  // namespace berth::manager::pgoutput
