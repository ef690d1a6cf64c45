#include "webserver/http/fields.h"

#include <algorithm>

#include "base/text.h"

namespace berth::webserver {
namespace {

bool is_hop_by_hop(std::string_view name) {
  constexpr std::string_view kNames[] = {"connection", "keep-alive",        "proxy-connection", "te",
                                         "trailer",    "transfer-encoding", "upgrade"};
  return std::ranges::find(kNames, name) != std::end(kNames);
}

}  // namespace

http1::Headers without_hop_by_hop(const http1::Headers& headers) {
  http1::Headers kept;
  kept.reserve(headers.size() + 4);
  for (const auto& [name, value] : headers) kept.emplace_back(to_lower(name), value);
  // Named by Connection: but for those that no hop may take away, whoever asks for it.
  std::vector<std::string> named;
  for (const auto& [name, value] : kept)
    if (name == "connection")
      for (const auto token : split(value, ',')) named.push_back(to_lower(trim(token)));
  std::erase_if(named, [](const auto& name) { return name == "host" || name == "content-length"; });
  std::erase_if(kept, [&](const auto& field) {
    return is_hop_by_hop(field.first) || std::ranges::find(named, field.first) != named.end();
  });
  return kept;
}

std::string join_values(const http1::Headers& headers, std::string_view name) {
  std::string joined;
  for (const auto& [key, value] : headers) {
    if (!equal_ignoring_case(key, name)) continue;
    if (!joined.empty()) joined += ',';
    joined += value;
  }
  return joined;
}

std::optional<std::optional<std::uint64_t>> take_content_length(http1::Headers& headers) {
  std::optional<std::uint64_t> length;
  for (const auto& [name, value] : headers) {
    if (name != "content-length") continue;
    const auto number = parse_integer(trim(value));
    if (!number || *number < 0 || (length && *length != static_cast<std::uint64_t>(*number)))
      return std::nullopt;
    length = static_cast<std::uint64_t>(*number);
  }
  std::erase_if(headers, [](const auto& field) { return field.first == "content-length"; });
  return length;
}

}  // namespace berth::webserver
