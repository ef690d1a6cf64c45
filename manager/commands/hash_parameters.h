// The placeholders of upload addresses in a command file (requirements S32–S39).
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace berth::manager {

// What the placeholders stand for.
struct HashParameters {
  std::string platform_label;  // #L
  std::string app_label;       // #A, build of the service
  std::string instance;        // #I
  std::string domain;          // #D
  std::string mac;             // #m, lower-case hex without separators
  std::string utc;             // #d, "YYYYMMDD-HHMMSS"
  int index = 0;               // #bn, 0…n
};

// The text with each placeholder replaced; "##" is one hash. `escape_url`: the values are percent-encoded, and a
// literal hash too, which would begin a fragment. kMalformed names an unknown or cut placeholder.
Result<std::string> expand_hashes(std::string_view text, const HashParameters& values, bool escape_url);

// n of the text's "#bn": its index goes 0, 1, … n, 0, …. nullopt if it has none. kMalformed as above, and for two
// different n in one text.
Result<std::optional<int>> find_rolling_limit(std::string_view text);

}  // namespace berth::manager
