// JSON (RFC 8259) over Boost.JSON: limits, readable errors and typed access.
#pragma once

#include <boost/json.hpp>

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "wire/json/json_fwd.h"

namespace berth::json {

struct Limits {
  std::size_t size_bytes = 16 << 20;
  std::size_t depth = 32;  // nested arrays and objects
};

// Errors: kTooLarge above a limit, kMalformed with the byte offset of the fault. Invalid UTF-8,
// comments and trailing commas are refused. Of members with the same name the last one counts.
Result<Value> parse(std::string_view text, Limits limits = {});
Result<Object> parse_object(std::string_view text, Limits limits = {});

// Shortest form as JSON.stringify writes it: no white space, '/' and non-ASCII literal, members in
// their order, 1.5 as 1.5. Not-a-number and infinity become null.
std::string serialize(const Value& value);
std::string serialize(const Object& object);
void append(std::string& out, const Value& value);
void append(std::string& out, const Object& object);
// One string with its quotes.
void append_string(std::string& out, std::string_view text);

// Lenient: the fallback if the member is absent or of another type. A number given as text is
// taken (old peers send them so); a bool may be "true"/"false".
std::string get_string(const Object& object, std::string_view name, std::string_view fallback = "");
std::int64_t get_integer(const Object& object, std::string_view name, std::int64_t fallback = 0);
double get_number(const Object& object, std::string_view name, double fallback = 0);
bool get_bool(const Object& object, std::string_view name, bool fallback = false);

// nullptr if absent or of another type. Borrowed from `object`.
const Value* find(const Object& object, std::string_view name);
const Object* find_object(const Object& object, std::string_view name);
const Array* find_array(const Object& object, std::string_view name);
// Borrowed from `object`; nullopt if absent or no string.
std::optional<std::string_view> find_string(const Object& object, std::string_view name);

// Strict: kMalformed that names the member ("'path': missing", "'port': 1 to 65535 expected").
Result<std::string> require_string(const Object& object, std::string_view name,
                                   std::size_t longest = std::numeric_limits<std::size_t>::max());
Result<std::int64_t> require_integer(const Object& object, std::string_view name,
                                     std::int64_t least = std::numeric_limits<std::int64_t>::min(),
                                     std::int64_t most = std::numeric_limits<std::int64_t>::max());
Result<bool> require_bool(const Object& object, std::string_view name);
Result<const Object*> require_object(const Object& object, std::string_view name);
Result<const Array*> require_array(const Object& object, std::string_view name);

}  // namespace berth::json
