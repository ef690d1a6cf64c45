// Header fields at the border between client and service.
#pragma once

#include <cstdint>
#include <optional>

#include "wire/http1/head.h"

namespace berth::webserver {

// Copy without what concerns one hop only (RFC 9110 section 7.6.1): Connection and the fields it names,
// Keep-Alive, Proxy-Connection, TE, Trailer, Transfer-Encoding, Upgrade. Names come out in lower case.
http1::Headers without_hop_by_hop(const http1::Headers& headers);

// All values of a field, joined by commas (RFC 9110 section 5.3); empty if there is none.
std::string join_values(const http1::Headers& headers, std::string_view name);

// Removes content-length and gives its value: inner nullopt if absent, outer if it is no number or
// differs between fields.
std::optional<std::optional<std::uint64_t>> take_content_length(http1::Headers& headers);

}  // namespace berth::webserver
