// What instances may be called and where they may live. Pure rules; whether a name is taken is asked of
// the database. Every refusal names the fault and what would be right.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace berth::manager {

inline constexpr std::size_t kMaxInstanceName = 63;  // bytes
inline constexpr std::size_t kMaxDomain = 253;       // bytes, RFC 1035 section 2.3.4
inline constexpr std::size_t kMaxPath = 255;         // bytes of a webserver path
inline constexpr std::size_t kMaxPassword = 1024;    // bytes

// Service ids: letters, digits, '-', '_', '.', beginning with a letter or digit, at most 63 bytes. They
// become file and folder names. `manager`, `webserver`, `postgres`, `postgresql` and `core_dumps` are ours.
Result<void> check_service_id(std::string_view id);

// Instance names: UTF-8 letters of any script as long as a URL path segment can carry them: no control
// characters, white space, '/', '@', '?', '#', '%', '\', quotes, '<', '>'; not "." or "..".
Result<void> check_instance_name(std::string_view name);

// A DNS name in lower or upper case (letters, digits, '-', labels of 1 to 63), or empty for none.
Result<void> check_domain(std::string_view domain);

// Makes "/example.com/team" of "example.com/team" or "/example.com/team/". Refuses what a webserver path cannot
// be: empty parts, "." and "..", odd bytes, '?', '#', '%', '\', above kMaxPath, and the reserved first segment
// "manager" (also the root itself).
Result<std::string> normalise_path(std::string_view path);

// Default path: "/<domain>/<name>", "/<name>" without a domain.
std::string suggest_path(std::string_view domain, std::string_view name);

// At least one byte, at most kMaxPassword, valid UTF-8 without control characters.
Result<void> check_password(std::string_view password);

// "team@example.com", "team@" without domain.
std::string instance_key(std::string_view name, std::string_view domain);

}  // namespace berth::manager
