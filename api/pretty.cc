#include "api/pretty.h"

namespace berth::api {
namespace {

constexpr std::size_t kLineWidth = 100;

bool is_plain(const Json& value) { return !value.is_object() && !value.is_array(); }

void write(std::string& out, const Json& value, std::size_t depth) {
  const std::string indent(2 * (depth + 1), ' ');
  const std::string outdent(2 * depth, ' ');
  if (const auto* object = value.if_object(); object && !object->empty()) {
    out += "{\n";
    bool first = true;
    for (const auto& member : *object) {
      if (!std::exchange(first, false)) out += ",\n";
      out += indent;
      out += boost::json::serialize(member.key());
      out += ": ";
      write(out, member.value(), depth + 1);
    }
    out += '\n' + outdent + '}';
    return;
  }
  if (const auto* array = value.if_array(); array && !array->empty()) {
    std::string line = "[";
    for (const auto& element : *array) {
      if (!is_plain(element)) line.append(kLineWidth, ' ');
      if (line.size() > kLineWidth) break;
      if (line.size() > 1) line += ", ";
      line += boost::json::serialize(element);
    }
    if (indent.size() + line.size() < kLineWidth) {
      out += line + ']';
      return;
    }
    out += "[\n";
    bool first = true;
    for (const auto& element : *array) {
      if (!std::exchange(first, false)) out += ",\n";
      out += indent;
      write(out, element, depth + 1);
    }
    out += '\n' + outdent + ']';
    return;
  }
  out += boost::json::serialize(value);
}

}  // namespace

std::string format_pretty(const Json& value) {
  std::string out;
  write(out, value, 0);
  out += '\n';
  return out;
}

}  // namespace berth::api
