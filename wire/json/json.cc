#include "wire/json/json.h"

#include <cmath>

#include "base/text.h"

namespace berth::json {
namespace {

void append_number(std::string& out, double number) {
  if (!std::isfinite(number)) {
    out += "null";
    return;
  }
  if (number == 0) number = 0;  // -0 is written as 0, as JSON.stringify does
  fmt::format_to(std::back_inserter(out), "{}", number);
}

}  // namespace

Result<Value> parse(std::string_view text, Limits limits) {
  if (text.size() > limits.size_bytes)
    return fail(Errc::kTooLarge, "JSON of {} bytes, at most {} allowed", text.size(), limits.size_bytes);
  boost::json::parse_options options;
  options.max_depth = limits.depth;
  boost::json::parser parser({}, options);
  boost::json::error_code error;
  const std::size_t used = parser.write_some(text.data(), text.size(), error);
  if (error == boost::json::error::too_deep)
    return fail(Errc::kTooLarge, "JSON nested deeper than {} levels", limits.depth);
  if (error == boost::json::error::incomplete)
    return fail(Errc::kMalformed, "JSON: cut off after {} bytes", text.size());
  if (error) return fail(Errc::kMalformed, "JSON: {} at byte {}", error.message(), used);
  for (const char c : text.substr(used))
    if (c != ' ' && c != '\t' && c != '\r' && c != '\n')
      return fail(Errc::kMalformed, "JSON: text after the value at byte {}", used);
  return parser.release();
}

Result<Object> parse_object(std::string_view text, Limits limits) {
  BERTH_TRY(auto value, parse(text, limits));
  if (!value.is_object()) return fail(Errc::kMalformed, "JSON: an object expected");
  return std::move(value.get_object());
}

void append_string(std::string& out, std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  out += '"';
  std::size_t plain = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    out.append(text, plain, i - plain);
    plain = i + 1;
    out += '\\';
    switch (c) {
      case '"': out += '"'; break;
      case '\\': out += '\\'; break;
      case '\b': out += 'b'; break;
      case '\f': out += 'f'; break;
      case '\n': out += 'n'; break;
      case '\r': out += 'r'; break;
      case '\t': out += 't'; break;
      default:
        out += "u00";
        out += kHex[c >> 4];
        out += kHex[c & 15];
    }
  }
  out.append(text, plain, text.size() - plain);
  out += '"';
}

void append(std::string& out, const Object& object) {
  out += '{';
  bool first = true;
  for (const auto& member : object) {
    if (!std::exchange(first, false)) out += ',';
    append_string(out, member.key());
    out += ':';
    append(out, member.value());
  }
  out += '}';
}

void append(std::string& out, const Value& value) {
  switch (value.kind()) {
    case boost::json::kind::null: out += "null"; return;
    case boost::json::kind::bool_: out += value.get_bool() ? "true" : "false"; return;
    case boost::json::kind::int64: fmt::format_to(std::back_inserter(out), "{}", value.get_int64()); return;
    case boost::json::kind::uint64: fmt::format_to(std::back_inserter(out), "{}", value.get_uint64()); return;
    case boost::json::kind::double_: append_number(out, value.get_double()); return;
    case boost::json::kind::string: append_string(out, value.get_string()); return;
    case boost::json::kind::object: append(out, value.get_object()); return;
    case boost::json::kind::array: {
      out += '[';
      bool first = true;
      for (const auto& element : value.get_array()) {
        if (!std::exchange(first, false)) out += ',';
        append(out, element);
      }
      out += ']';
      return;
    }
  }
}

std::string serialize(const Value& value) {
  std::string out;
  append(out, value);
  return out;
}

std::string serialize(const Object& object) {
  std::string out;
  append(out, object);
  return out;
}

const Value* find(const Object& object, std::string_view name) { return object.if_contains(name); }

const Object* find_object(const Object& object, std::string_view name) {
  const Value* value = object.if_contains(name);
  return value ? value->if_object() : nullptr;
}

const Array* find_array(const Object& object, std::string_view name) {
  const Value* value = object.if_contains(name);
  return value ? value->if_array() : nullptr;
}

std::optional<std::string_view> find_string(const Object& object, std::string_view name) {
  const Value* value = object.if_contains(name);
  if (!value || !value->is_string()) return std::nullopt;
  return std::string_view(value->get_string());
}

std::string get_string(const Object& object, std::string_view name, std::string_view fallback) {
  const Value* value = object.if_contains(name);
  if (value && value->is_string()) return std::string(std::string_view(value->get_string()));
  if (value && value->is_number()) return json::serialize(*value);
  return std::string(fallback);
}

std::int64_t get_integer(const Object& object, std::string_view name, std::int64_t fallback) {
  const Value* value = object.if_contains(name);
  if (!value) return fallback;
  if (value->is_string()) return parse_integer(std::string_view(value->get_string())).value_or(fallback);
  boost::json::error_code error;
  const auto number = value->to_number<std::int64_t>(error);
  return error ? fallback : number;
}

double get_number(const Object& object, std::string_view name, double fallback) {
  const Value* value = object.if_contains(name);
  if (!value) return fallback;
  boost::json::error_code error;
  const auto number = value->to_number<double>(error);
  return error || !std::isfinite(number) ? fallback : number;  // 1e999 is read as infinity
}

bool get_bool(const Object& object, std::string_view name, bool fallback) {
  const Value* value = object.if_contains(name);
  if (!value) return fallback;
  if (value->is_bool()) return value->get_bool();
  if (value->is_string() && value->get_string() == "true") return true;
  if (value->is_string() && value->get_string() == "false") return false;
  return fallback;
}

Result<std::string> require_string(const Object& object, std::string_view name, std::size_t longest) {
  const Value* value = object.if_contains(name);
  if (!value) return fail(Errc::kMalformed, "'{}': missing", name);
  if (!value->is_string()) return fail(Errc::kMalformed, "'{}': text expected", name);
  const std::string_view text = value->get_string();
  if (text.size() > longest) return fail(Errc::kMalformed, "'{}': at most {} bytes expected", name, longest);
  return std::string(text);
}

Result<std::int64_t> require_integer(const Object& object, std::string_view name, std::int64_t least,
                                     std::int64_t most) {
  const Value* value = object.if_contains(name);
  if (!value) return fail(Errc::kMalformed, "'{}': missing", name);
  boost::json::error_code error;
  const auto number = value->to_number<std::int64_t>(error);
  if (error) return fail(Errc::kMalformed, "'{}': whole number expected", name);
  if (number < least || number > most)
    return fail(Errc::kMalformed, "'{}': {} to {} expected", name, least, most);
  return number;
}

Result<bool> require_bool(const Object& object, std::string_view name) {
  const Value* value = object.if_contains(name);
  if (!value) return fail(Errc::kMalformed, "'{}': missing", name);
  if (!value->is_bool()) return fail(Errc::kMalformed, "'{}': true or false expected", name);
  return value->get_bool();
}

Result<const Object*> require_object(const Object& object, std::string_view name) {
  const Value* value = object.if_contains(name);
  if (!value) return fail(Errc::kMalformed, "'{}': missing", name);
  if (!value->is_object()) return fail(Errc::kMalformed, "'{}': object expected", name);
  return &value->get_object();
}

Result<const Array*> require_array(const Object& object, std::string_view name) {
  const Value* value = object.if_contains(name);
  if (!value) return fail(Errc::kMalformed, "'{}': missing", name);
  if (!value->is_array()) return fail(Errc::kMalformed, "'{}': array expected", name);
  return &value->get_array();
}

}  // namespace berth::json
