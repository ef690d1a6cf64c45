// Looks at JSON text without losing its spelling: the login digest is made over bytes.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace berth::appwebsocket {

// The raw text of member `name` of the outermost object, without white space around it; nullopt if
// absent or `text` is no JSON object. Of several the last. Borrowed from `text`.
std::optional<std::string_view> find_raw_member(std::string_view text, std::string_view name);

// The same JSON without white space and needless escapes, as JSON.stringify writes it; order and
// numbers stay as they are. nullopt if `text` is no JSON value.
std::optional<std::string> to_minimal(std::string_view text);

}  // namespace berth::appwebsocket
