#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace berth::manager {

// The value of the first row of the first COPY block of one column in SQL text as pg_restore writes it
// (PostgreSQL, COPY, "Text Format"), its escapes undone. nullopt if there is none, it is null, or the
// text is cut off.
std::optional<std::string> find_copied_row(std::string_view sql);

}  // namespace berth::manager
